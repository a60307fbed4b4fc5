package load

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// The files hold the same as those of the other formats: ffmpeg has copied it, once as a file and
// once as a stream, whose sizes are not known when it begins.
func TestWebM(t *testing.T) {
	want, err := readFiles(Plan{VideoFile: "testdata/picture.ivf", AudioFile: "testdata/tone.ogg"})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"testdata/both.webm", "testdata/live.webm"} {
		got, err := readFiles(Plan{VideoFile: name})
		if err != nil {
			t.Fatal(err)
		}
		same := func(a, b frame) bool {
			return bytes.Equal(a.data, b.data) && a.key == b.key && a.codec == b.codec && a.width == b.width && a.height == b.height &&
				(a.time-b.time).Abs() <= 20*time.Millisecond && (a.duration-b.duration).Abs() <= time.Millisecond
		}
		if !slices.EqualFunc(got.video, want.video, same) || !slices.EqualFunc(got.audio, want.audio, same) {
			t.Errorf("%s has %d pictures and %d packets of sound, or others than the originals, which are %d and %d",
				name, len(got.video), len(got.audio), len(want.video), len(want.audio))
		}
		if (got.length - want.length).Abs() > 100*time.Millisecond {
			t.Errorf("%s lasts %v, want %v", name, got.length, want.length)
		}
		alone, err := readFiles(Plan{AudioFile: name})
		if err != nil || len(alone.video) != 0 || len(alone.audio) != len(want.audio) {
			t.Errorf("as sound alone %s has %d pictures, %d packets: %v", name, len(alone.video), len(alone.audio), err)
		}
		mixed, err := readFiles(Plan{VideoFile: name, AudioFile: "testdata/tone.ogg"})
		if err != nil || len(mixed.video) != len(want.video) || len(mixed.audio) != len(want.audio) {
			t.Errorf("%s with other sound: %d pictures, %d packets: %v", name, len(mixed.video), len(mixed.audio), err)
		}
	}
}

// webMOf makes a file of elements, which are given with their sizes.
func webMOf(elements ...string) []byte {
	return []byte("\x1a\x45\xdf\xa3\x80" + "\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff" + strings.Join(elements, ""))
}

const (
	vp8Track = "\x16\x54\xae\x6b\x8c" + "\xae\x8a" + "\xd7\x81\x01" + "\x86\x85V_VP8"
	aCluster = "\x1f\x43\xb6\x75\xff" + "\xe7\x81\x05"
	aKey     = "\xa3\x85\x81\x00\x02\x80\x10"
	aGroup   = "\xa0\x8a" + "\xa1\x85\x81\x00\x04\x00\x11" + "\xfb\x81\x02"
)

func TestWebMByHand(t *testing.T) {
	_, video, err := readWebM(webMOf(vp8Track, aCluster, aKey, aGroup, aCluster, "\xec\x82ab", "\xa3\x85\x81\x00\x08\x00\x11"))
	if err != nil || len(video) != 3 {
		t.Fatalf("%d frames, %v", len(video), err)
	}
	for i, at := range []time.Duration{0, 2 * time.Millisecond, 6 * time.Millisecond} {
		if f := video[i]; f.time != at || f.key != (i == 0) || len(f.data) != 1 {
			t.Errorf("frame %d: %+v", i, f)
		}
	}
	for what, tc := range map[string]struct {
		file []byte
		want string
	}{
		"a size beyond the end":      {webMOf(vp8Track, aCluster, "\xa3\x01\x00\x00\xff\xff\xff\xff\xff\x81"), "cut off"},
		"no size where one must be":  {webMOf(vp8Track, aCluster, "\xa3\xff\x81\x00\x02\x80\x10"), "no size"},
		"several frames in a block":  {webMOf(vp8Track, aCluster, "\xa3\x85\x81\x00\x02\x82\x10"), "several frames"},
		"something that is no WebM":  {[]byte("\x1a\x45\xdf\xa3\x80\x00\x00"), "no WebM"},
		"a block without its head":   {webMOf(vp8Track, aCluster, "\xa3\x82\x81\x00"), "block is cut off"},
		"a track that is compressed": {webMOf("\x16\x54\xae\x6b\x85\xae\x83\x6d\x80\x80"), "compressed"},
		"times beyond all times":     {webMOf(vp8Track, "\x1f\x43\xb6\x75\xff\xe7\x88\xff\xff\xff\xff\xff\xff\xff\xff"), "out of time"},
	} {
		if _, _, err := readWebM(tc.file); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %q", what, err, tc.want)
		}
	}
}

// A file without what was asked for is refused.
func TestWebMWithoutPictures(t *testing.T) {
	path := filepath.Join(t.TempDir(), "empty.webm")
	if err := os.WriteFile(path, webMOf(), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := readFiles(Plan{VideoFile: path}); err == nil || !strings.Contains(err.Error(), "no VP8 or VP9") {
		t.Errorf("as a video: %v", err)
	}
	if _, err := readFiles(Plan{AudioFile: path}); err == nil || !strings.Contains(err.Error(), "no Opus") {
		t.Errorf("as sound: %v", err)
	}
}

// What is no recording is refused with a reason, whatever it is.
func FuzzWebM(f *testing.F) {
	for _, name := range []string{"both.webm", "live.webm"} {
		b, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
		f.Add(b[:700])
	}
	f.Add(webMOf(vp8Track, aCluster, aKey, aGroup))
	f.Fuzz(func(t *testing.T, b []byte) {
		audio, video, err := readWebM(b)
		if err != nil {
			return
		}
		for _, frames := range [][]frame{audio, video} {
			if len(frames) > 0 && playable(frames) == nil {
				during(&recording{frames: frames, length: time.Second}, 1, func(frame) {})
			}
		}
	})
}
