package load

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"
	"time"

	callv1 "parley/protobuf/call/v1"
)

// The files in testdata are what ffmpeg makes of its test sources.
func TestRecordings(t *testing.T) {
	r, err := readFiles(Plan{VideoFile: "testdata/picture.ivf", AudioFile: "testdata/tone.ogg"})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.video) != 30 || len(r.audio) < 100 || len(r.audio) > 102 {
		t.Errorf("%d pictures, %d packets of sound", len(r.video), len(r.audio))
	}
	if r.length < 2*time.Second || r.length > 2050*time.Millisecond {
		t.Errorf("they last %v", r.length)
	}
	keys := 0
	for i, f := range r.video {
		if f.key {
			keys++
		}
		if f.time.Round(time.Millisecond) != (time.Duration(i)*time.Second/15).Round(time.Millisecond) ||
			f.width != 160 || f.height != 90 || f.codec != callv1.VideoCodec_VP9_PROFILE0_LEVEL10_8BIT {
			t.Errorf("picture %d: %v, %d x %d, %v", i, f.time, f.width, f.height, f.codec)
		}
	}
	if keys != 2 {
		t.Errorf("%d keyframes", keys)
	}
	for i, f := range r.audio {
		if !f.key || f.duration != opusFrame || f.time != time.Duration(i)*opusFrame {
			t.Errorf("sound %d: %v for %v", i, f.time, f.duration)
		}
	}

	again := &recording{frames: r.video, length: r.length}
	n := 0
	during(again, 4*r.length, func(frame) { n++ })
	if n != 4*len(r.video) {
		t.Errorf("%d pictures in four times through", n)
	}
}

func TestKeyframes(t *testing.T) {
	for what, tc := range map[string]struct {
		key  func([]byte) bool
		b    []byte
		want bool
	}{
		"VP8 key":                {keyVP8, []byte{0x10, 0, 0}, true},
		"VP8 delta":              {keyVP8, []byte{0x11, 0, 0}, false},
		"VP9 key":                {keyVP9, []byte{0b10_00_0_0_1_0}, true},
		"VP9 delta":              {keyVP9, []byte{0b10_00_0_1_1_0}, false},
		"VP9 shows an old frame": {keyVP9, []byte{0b10_00_1_0_00}, false},
		"VP9 profile 3 key":      {keyVP9, []byte{0b10_11_0_0_0_0}, true},
		"VP9 profile 3 delta":    {keyVP9, []byte{0b10_11_0_0_1_0}, false},
		"no VP9":                 {keyVP9, []byte{0}, false},
		"nothing":                {keyVP9, nil, false},
	} {
		if got := tc.key(tc.b); got != tc.want {
			t.Errorf("%s: %v", what, got)
		}
	}
}

func TestOpusLength(t *testing.T) {
	for _, tc := range []struct {
		b    []byte
		want time.Duration
	}{
		{[]byte{1 << 3}, 20 * time.Millisecond},
		{[]byte{3<<3 | 1}, 120 * time.Millisecond},
		{[]byte{12 << 3}, 10 * time.Millisecond},
		{[]byte{16 << 3}, 2500 * time.Microsecond},
		{[]byte{31 << 3}, 20 * time.Millisecond},
		{[]byte{31<<3 | 3, 6}, 120 * time.Millisecond},
		{[]byte{31<<3 | 3, 7}, 0},
		{[]byte{31<<3 | 3}, 0},
		{nil, 0},
	} {
		if got, err := opusLength(tc.b); got != tc.want || (err == nil) != (tc.want > 0) {
			t.Errorf("%v: %v, %v", tc.b, got, err)
		}
	}
}

// Ogg cuts packets into pages wherever it likes.
func TestOggPacketOverPages(t *testing.T) {
	page := func(flags byte, serial uint32, sizes []byte, body []byte) []byte {
		b := append([]byte("OggS\x00"), flags)
		b = append(b, make([]byte, 8)...)
		b = binary.LittleEndian.AppendUint32(b, serial)
		b = append(b, make([]byte, 8)...)
		b = append(append(b, byte(len(sizes))), sizes...)
		return append(b, body...)
	}
	long := bytes.Repeat([]byte{1 << 3}, 300)
	file := bytes.Join([][]byte{
		page(2, 9, []byte{3}, []byte("fox")), // another stream
		page(2, 7, []byte{8}, []byte("OpusHead")),
		page(0, 7, []byte{8, 255}, append([]byte("OpusTags"), long[:255]...)),
		page(0, 9, []byte{3}, []byte("fox")),
		page(1, 7, []byte{45, 1}, append(long[255:300:300], 1<<3)),
	}, nil)
	frames, err := readOgg(bytes.NewReader(file))
	if err != nil || len(frames) != 2 || !bytes.Equal(frames[0].data, long) || len(frames[1].data) != 1 {
		t.Fatalf("%v, %v", frames, err)
	}
}

// What is no recording is refused with a reason, whatever it is.
func FuzzRecordings(f *testing.F) {
	for _, name := range []string{"picture.ivf", "tone.ogg"} {
		b, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
		f.Add(b[:100])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if frames, err := readIVF(bytes.NewReader(b)); err == nil && playable(frames) == nil {
			during(&recording{frames: frames, length: 1}, 1, func(frame) {})
		}
		_, _ = readOgg(bytes.NewReader(b))
	})
}
