package load

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	callv1 "parley/protobuf/call/v1"
)

// readIVF reads the frames of a video in IVF, the format that the VP8 and VP9 tools share: a
// header of 32 bytes, and before each frame its size and time. Numbers are little endian.
func readIVF(r io.Reader) ([]frame, error) {
	var head [32]byte
	if _, err := io.ReadFull(r, head[:]); err != nil || string(head[:4]) != "DKIF" {
		return nil, errors.New("it is neither WebM nor IVF")
	}
	if extra := int64(binary.LittleEndian.Uint16(head[6:])) - int64(len(head)); extra > 0 {
		if _, err := io.CopyN(io.Discard, r, extra); err != nil {
			return nil, errors.New("its header is cut off")
		}
	}
	shape := frame{
		width: uint32(binary.LittleEndian.Uint16(head[12:])), height: uint32(binary.LittleEndian.Uint16(head[14:])),
	}
	var isKey func([]byte) bool
	switch codec := string(head[8:12]); codec {
	case "VP80":
		shape.codec, isKey = callv1.VideoCodec_VP8, keyVP8
	case "VP90":
		shape.codec, isKey = callv1.VideoCodec_VP9_PROFILE0_LEVEL10_8BIT, keyVP9
	default:
		return nil, fmt.Errorf("codec %q: only VP80 and VP90 can be sent", codec)
	}
	rate, scale := binary.LittleEndian.Uint32(head[16:]), binary.LittleEndian.Uint32(head[20:])
	if rate == 0 || scale == 0 {
		return nil, errors.New("its time has no unit")
	}
	unit := float64(time.Second) * float64(scale) / float64(rate)

	var frames []frame
	for {
		var before [12]byte
		switch _, err := io.ReadFull(r, before[:]); err {
		case nil:
		case io.EOF:
			return lasting(frames, time.Duration(unit)), nil
		default:
			return nil, fmt.Errorf("frame %d is cut off", len(frames))
		}
		size, at := binary.LittleEndian.Uint32(before[:]), binary.LittleEndian.Uint64(before[4:])
		if size > maxFrame {
			return nil, fmt.Errorf("frame %d has %d bytes; a packet holds %d", len(frames), size, maxFrame)
		}
		f := shape
		f.data = make([]byte, size)
		if _, err := io.ReadFull(r, f.data); err != nil {
			return nil, fmt.Errorf("frame %d is cut off", len(frames))
		}
		f.key = isKey(f.data)
		f.time = time.Duration(float64(at) * unit)
		frames = append(frames, f)
	}
}

// lasting sets how long frames last, from the time of the ones after them, and lets the first
// one begin at 0. The last one lasts as long as the one before, or by itself.
func lasting(frames []frame, alone time.Duration) []frame {
	if len(frames) == 0 {
		return nil
	}
	begin := frames[0].time
	for i := range frames {
		frames[i].time -= begin
	}
	last(frames, alone)
	return frames
}

// last sets how long frames last: until the next one, and the last one as long as the one before,
// or alone.
func last(frames []frame, alone time.Duration) {
	for i := range frames {
		if i+1 < len(frames) {
			alone = frames[i+1].time - frames[i].time
		}
		frames[i].duration = alone
	}
}

// keyVP8 looks at the frame tag (RFC 6386, 9.1).
func keyVP8(b []byte) bool { return len(b) > 0 && b[0]&1 == 0 }

// keyVP9 looks at the uncompressed header: marker, profile, show_existing_frame, frame_type.
func keyVP9(b []byte) bool {
	if len(b) == 0 || b[0]>>6 != 0b10 {
		return false
	}
	bits := b[0] << 4 // after marker and profile
	if b[0]>>4&0b11 == 0b11 {
		bits <<= 1 // profile 3 has a reserved bit
	}
	return bits>>6 == 0
}
