package load

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"
)

// readOgg reads the packets of an Opus stream in Ogg (RFC 3533, RFC 7845). Other streams in
// the same file are passed over.
func readOgg(r io.Reader) ([]frame, error) {
	packets, err := oggPackets(r)
	if err != nil {
		return nil, err
	}
	if len(packets) < 2 || !bytes.HasPrefix(packets[1], []byte("OpusTags")) {
		return nil, errors.New("there is no Opus in it")
	}
	var frames []frame
	var at time.Duration
	for i, data := range packets[2:] {
		length, err := opusLength(data)
		if err != nil {
			return nil, fmt.Errorf("packet %d: %w", i, err)
		}
		frames = append(frames, frame{data: data, key: true, time: at, duration: length})
		at += length
	}
	return frames, nil
}

// oggPackets returns the packets of the first Opus stream: two headers, then the sound.
func oggPackets(r io.Reader) ([][]byte, error) {
	var packets [][]byte
	var open []byte // a packet that goes on in the next page
	var serial uint32
	found := false
	for {
		var head [27]byte
		switch _, err := io.ReadFull(r, head[:]); {
		case err == io.EOF:
			return packets, nil
		case err != nil || string(head[:4]) != "OggS":
			return nil, errors.New("it is neither Ogg nor WebM")
		}
		sizes := make([]byte, head[26])
		if _, err := io.ReadFull(r, sizes); err != nil {
			return nil, errors.New("a page is cut off")
		}
		total := 0
		for _, n := range sizes {
			total += int(n)
		}
		page := make([]byte, total)
		if _, err := io.ReadFull(r, page); err != nil {
			return nil, errors.New("a page is cut off")
		}
		const first = 2 // of a stream
		if !found && head[5]&first != 0 && bytes.HasPrefix(page, []byte("OpusHead")) {
			found, serial = true, binary.LittleEndian.Uint32(head[14:])
		}
		if !found || binary.LittleEndian.Uint32(head[14:]) != serial {
			continue
		}
		for _, n := range sizes {
			open = append(open, page[:n]...)
			page = page[n:]
			if n < 255 { // else it goes on
				packets = append(packets, open)
				open = nil
			}
		}
	}
}

// opusLength returns how long an Opus packet sounds, from its first bytes (RFC 6716, 3.1).
func opusLength(packet []byte) (time.Duration, error) {
	if len(packet) == 0 {
		return 0, errors.New("it is empty")
	}
	var one time.Duration
	switch config := packet[0] >> 3; {
	case config < 12: // speech
		one = [...]time.Duration{10, 20, 40, 60}[config&3] * time.Millisecond
	case config < 16: // both
		one = [...]time.Duration{10, 20}[config&1] * time.Millisecond
	default: // music
		one = 2500 * time.Microsecond << (config & 3)
	}
	frames := 1
	switch packet[0] & 3 {
	case 1, 2:
		frames = 2
	case 3:
		if len(packet) < 2 {
			return 0, errors.New("it is cut off")
		}
		frames = int(packet[1] & 63)
	}
	const longest = 120 * time.Millisecond
	if length := one * time.Duration(frames); frames > 0 && length <= longest {
		return length, nil
	}
	return 0, errors.New("it is no Opus")
}
