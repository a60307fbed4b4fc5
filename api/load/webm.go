package load

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"

	callv1 "parley/protobuf/call/v1"
)

// Elements of WebM (RFC 8794, RFC 9559) that are looked at; all others are passed over.
const (
	idEBML        = 0x1A45DFA3
	idSegment     = 0x18538067
	idInfo        = 0x1549A966
	idScale       = 0x2AD7B1
	idTracks      = 0x1654AE6B
	idTrack       = 0xAE
	idTrackNumber = 0xD7
	idCodec       = 0x86
	idVideo       = 0xE0
	idWidth       = 0xB0
	idHeight      = 0xBA
	idEncodings   = 0x6D80
	idCluster     = 0x1F43B675
	idClusterTime = 0xE7
	idSimpleBlock = 0xA3
	idBlockGroup  = 0xA0
	idBlock       = 0xA1
)

// unknownSize is that of elements that were written before their end was known.
const unknownSize = math.MaxUint64

// isWebM reports whether a file begins as WebM does.
func isWebM(content []byte) bool {
	return len(content) >= 4 && binary.BigEndian.Uint32(content) == idEBML
}

// webM is what is read of a file. Everything is a part of the file in memory, so that no size in it
// makes us ask for more: libraries allocate what a file declares.
type webM struct {
	scale        time.Duration // of times
	tracks       map[uint64]*webMTrack
	audio, video *webMTrack // the first of each; nil without one
	cluster      time.Duration
}

// webMTrack is a track that can be sent.
type webMTrack struct {
	shape  frame
	key    func([]byte) bool // nil: always
	frames []frame
}

// readWebM returns the frames of the first Opus and the first VP8 or VP9 track, none where there is no
// such track. They keep their places in time; the first of all begins at 0.
func readWebM(content []byte) (audio, video []frame, err error) {
	w := webM{scale: time.Millisecond, tracks: make(map[uint64]*webMTrack)}
	// Segments and clusters may be of unknown size, and end where the next one begins. So they are
	// walked as if their parts followed each other at the same level.
	for b := content; len(b) > 0; {
		e, rest, err := nextElement(b)
		if err != nil {
			return nil, nil, err
		}
		if err := w.take(e); err != nil {
			return nil, nil, err
		}
		b = rest
	}
	if w.audio != nil {
		audio = w.audio.frames
	}
	if w.video != nil {
		video = w.video.frames
	}
	return audio, video, inTime(audio, video)
}

// element is one with its content, or the beginning of one whose parts follow.
type element struct {
	id   uint32
	data []byte
}

// nextElement returns the first element of b and what follows. Of segments and clusters only the
// beginning is an element.
func nextElement(b []byte) (e element, rest []byte, err error) {
	id, n := vint(b, 4, true)
	size, m := vint(b[n:], 8, false)
	if n == 0 || m == 0 {
		return e, nil, errors.New("it is no WebM, or cut off")
	}
	e.id, b = uint32(id), b[n+m:]
	switch {
	case e.id == idSegment || e.id == idCluster:
		return e, b, nil
	case size == unknownSize:
		return e, nil, fmt.Errorf("element %X has no size", e.id)
	case size > uint64(len(b)):
		return e, nil, fmt.Errorf("element %X is cut off", e.id)
	}
	e.data = b[:size]
	return e, b[size:], nil
}

// vint reads a number of at most so many bytes, and how many it has, 0 if there is none. The mark
// of its length is a part of it where keep is set, as in the names of elements.
func vint(b []byte, most int, keep bool) (v uint64, n int) {
	if len(b) == 0 || b[0] == 0 {
		return 0, 0
	}
	mark := byte(0x80)
	for n = 1; b[0]&mark == 0; n++ {
		mark >>= 1
	}
	if n > most || n > len(b) {
		return 0, 0
	}
	v = uint64(b[0])
	if !keep {
		v &^= uint64(mark)
	}
	for _, c := range b[1:n] {
		v = v<<8 | uint64(c)
	}
	if !keep && v == 1<<(7*n)-1 {
		v = unknownSize
	}
	return v, n
}

// eachPart calls do with each element in b.
func eachPart(b []byte, do func(element) error) error {
	for len(b) > 0 {
		e, rest, err := nextElement(b)
		if err == nil {
			err = do(e)
		}
		if err != nil {
			return err
		}
		b = rest
	}
	return nil
}

// number returns an element that is one, at most its last eight bytes.
func (e element) number() (v uint64) {
	for _, c := range e.data {
		v = v<<8 | uint64(c)
	}
	return v
}

// take takes an element of a segment or a cluster.
func (w *webM) take(e element) error {
	switch e.id {
	case idInfo:
		return eachPart(e.data, func(e element) error {
			if e.id == idScale {
				w.scale = time.Duration(e.number())
			}
			if w.scale <= 0 || w.scale > time.Second {
				return errors.New("its time has no unit")
			}
			return nil
		})
	case idTracks:
		return eachPart(e.data, func(e element) error {
			if e.id != idTrack {
				return nil
			}
			return w.track(e.data)
		})
	case idClusterTime:
		at := e.number()
		if at > uint64(math.MaxInt64)/2/uint64(w.scale) {
			return errors.New("a cluster is out of time")
		}
		w.cluster = time.Duration(at) * w.scale
	case idSimpleBlock:
		return w.block(e.data)
	case idBlockGroup:
		return eachPart(e.data, func(e element) error {
			if e.id != idBlock {
				return nil
			}
			return w.block(e.data)
		})
	}
	return nil
}

// track takes the description of a track, if it is one that can be sent.
func (w *webM) track(b []byte) error {
	var t webMTrack
	var number uint64
	var codec string
	err := eachPart(b, func(e element) error {
		switch e.id {
		case idTrackNumber:
			number = e.number()
		case idCodec:
			codec = string(e.data)
		case idEncodings:
			return errors.New("it is compressed or encrypted once more")
		case idVideo:
			return eachPart(e.data, func(e element) error {
				switch e.id {
				case idWidth:
					t.shape.width = uint32(e.number())
				case idHeight:
					t.shape.height = uint32(e.number())
				}
				return nil
			})
		}
		return nil
	})
	if err != nil {
		return err
	}
	of := &w.video
	switch codec {
	case "V_VP8":
		t.shape.codec, t.key = callv1.VideoCodec_VP8, keyVP8
	case "V_VP9":
		t.shape.codec, t.key = callv1.VideoCodec_VP9_PROFILE0_LEVEL10_8BIT, keyVP9
	case "A_OPUS":
		of = &w.audio
	default:
		return nil
	}
	if *of == nil {
		*of = &t
		w.tracks[number] = &t
	}
	return nil
}

// block takes the frame of a block.
func (w *webM) block(b []byte) error {
	number, n := vint(b, 8, false)
	if n == 0 || len(b) < n+3 {
		return errors.New("a block is cut off")
	}
	t := w.tracks[number]
	if t == nil {
		return nil
	}
	const lacing = 0x06
	if b[n+2]&lacing != 0 {
		return errors.New("it has several frames in a block, which is not supported")
	}
	f := t.shape
	f.data = b[n+3:]
	f.time = w.cluster + time.Duration(int16(binary.BigEndian.Uint16(b[n:])))*w.scale
	f.key = t.key == nil || t.key(f.data)
	if t == w.audio {
		length, err := opusLength(f.data)
		if err != nil {
			return fmt.Errorf("packet %d: %w", len(t.frames), err)
		}
		f.duration = length
	}
	t.frames = append(t.frames, f)
	return nil
}

// inTime lets the first frame of both begin at 0, and each picture last until the next one.
func inTime(audio, video []frame) error {
	begin := time.Duration(math.MaxInt64)
	for _, frames := range [][]frame{audio, video} {
		if len(frames) > 0 {
			begin = min(begin, frames[0].time)
		}
	}
	for _, frames := range [][]frame{audio, video} {
		for i := range frames {
			if frames[i].time -= begin; frames[i].time < 0 {
				return fmt.Errorf("frame %d is before the first", i)
			}
		}
	}
	last(video, time.Second/30)
	return nil
}
