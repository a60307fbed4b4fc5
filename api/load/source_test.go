package load

import (
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"
)

func dice() *rand.Rand { return rand.New(rand.NewPCG(1, 2)) }

// during calls see with every frame of a source up to a time.
func during(s source, length time.Duration, see func(frame)) {
	for s.due() < length {
		see(s.take())
	}
}

func TestVoice(t *testing.T) {
	const length = 10 * time.Minute
	for share, want := range map[float64]float64{0: 2.5, .4: 50*.4 + 2.5*.6, 1: 50} {
		v := newVoice(dice(), 32, share)
		speech, comfort, bytes := 0, 0, 0
		last := -opusFrame
		during(v, length, func(f frame) {
			if gap := f.time - last; gap < opusFrame || gap > comfortEvery {
				t.Errorf("%v between packets", gap)
			}
			last = f.time
			if len(f.data) == comfortBytes {
				comfort++
			} else {
				speech++
				bytes += len(f.data)
			}
		})
		rate := float64(speech+comfort) / length.Seconds()
		if rate < want*.85 || rate > want*1.15 {
			t.Errorf("%v speaking: %.1f packets a second, want %.1f", share, rate, want)
		}
		if speech > 0 {
			if mean := float64(bytes) / float64(speech); mean < 76 || mean > 84 {
				t.Errorf("%v speaking: %.1f bytes a packet, want 80", share, mean)
			}
		}
		if share == 1 && comfort > 0 || share == 0 && speech > 0 {
			t.Errorf("%v speaking: %d of speech, %d of silence", share, speech, comfort)
		}
	}
}

func TestCamera(t *testing.T) {
	var wanted atomic.Bool
	c := newCamera(dice(), 800, 30, 5*time.Second, &wanted)
	const length = 5 * time.Minute
	frames, keys, bytes, keyBytes := 0, 0, 0, 0
	var last time.Duration
	during(c, length, func(f frame) {
		if frames > 0 && f.time-last != time.Second/30 {
			t.Errorf("%v between pictures", f.time-last)
		}
		last = f.time
		frames++
		bytes += len(f.data)
		if f.key {
			keys++
			keyBytes += len(f.data)
		}
	})
	if frames < 9000 || frames > 9001 || keys != 60 {
		t.Errorf("%d pictures, %d of them keyframes", frames, keys)
	}
	if kbps := float64(bytes) * 8 / 1000 / length.Seconds(); kbps < 760 || kbps > 840 {
		t.Errorf("%.0f kbit/s, want 800", kbps)
	}
	delta := float64(bytes-keyBytes) / float64(frames-keys)
	if factor := float64(keyBytes) / float64(keys) / delta; factor < 6.5 || factor > 8.5 {
		t.Errorf("keyframes are %.1f times larger, want 7.5", factor)
	}
	wanted.Store(true)
	if !c.take().key || c.take().key {
		t.Error("a keyframe that is asked for is the next picture, and the only one")
	}
}

func TestScreen(t *testing.T) {
	var wanted atomic.Bool
	s := newScreen(dice(), 2500, &wanted)
	const length = 20 * time.Minute
	still, moving, keys := 0, 0, 0
	during(s, length, func(f frame) {
		switch {
		case f.key:
			keys++
		case f.duration == screenMoving:
			moving++
			if len(f.data) < 20_000 || len(f.data) > 42_000 {
				t.Errorf("a picture that changes has %d bytes", len(f.data))
			}
		default:
			still++
			if len(f.data) > 1000 {
				t.Errorf("a picture that stays has %d bytes", len(f.data))
			}
		}
	})
	// Moving a quarter of the time: 300 s of 10 a second and 900 s of 1 a second.
	if moving < 1500 || moving > 4500 || still < 600 || still > 1200 || keys < 38 || keys > 42 {
		t.Errorf("%d pictures that change, %d that stay, %d keyframes", moving, still, keys)
	}
}

func TestSteady(t *testing.T) {
	var wanted atomic.Bool
	s := newSteady(dice(), 200, 1000, 5*time.Second, &wanted)
	frames, keys := 0, 0
	during(s, 10*time.Second, func(f frame) {
		frames++
		if f.key {
			keys++
		}
		if len(f.data) != 1000 {
			t.Errorf("a packet of %d bytes", len(f.data))
		}
	})
	if frames != 2000 || keys != 2 {
		t.Errorf("%d packets, %d keyframes", frames, keys)
	}
	wanted.Store(true)
	if !s.take().key || s.take().key {
		t.Error("a keyframe that is asked for is the next one, and the only one")
	}
}

func TestEqualSeedsMakeEqualMedia(t *testing.T) {
	a, b := newVoice(dice(), 32, .4), newVoice(dice(), 32, .4)
	for range 1000 {
		x, y := a.take(), b.take()
		if x.time != y.time || len(x.data) != len(y.data) || &x.data[0] != &y.data[0] {
			t.Fatalf("%v and %v", x, y)
		}
	}
}
