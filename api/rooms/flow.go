package rooms

import (
	"time"

	"parley/api/media"
	"parley/api/wire"
)

// flow is what a source sends of one stream: its layers. One goroutine uses it.
type flow struct {
	frames  uint64
	flowing uint8 // one bit for each layer
	last    [wire.MaxLayer + 1]struct {
		frame uint64
		at    time.Time
	}
}

// A layer has stopped when others had as many frames since its last, for as long: cameras
// stutter, and a screen that does not change sends little.
const (
	stoppedFrames = 15
	stoppedFor    = 700 * time.Millisecond
	silentFor     = 150 * time.Millisecond // of sound, which waits for no keyframe
)

// note takes a frame into account and returns the layers that flow.
func (l *flow) note(layer uint32, stopped time.Duration, now time.Time) uint8 {
	l.frames++
	l.last[layer].frame, l.last[layer].at = l.frames, now
	l.flowing |= 1 << layer
	for i := range l.last {
		if l.frames-l.last[i].frame >= stoppedFrames && now.Sub(l.last[i].at) >= stopped {
			l.flowing &^= 1 << i
		}
	}
	return l.flowing
}

// flows are the streams of one source. They are kept for those with layers only.
type flows [media.KindCount]flow

// note notes in f which layers of its stream flow.
func (l *flows) note(f *media.Frame) {
	stopped := stoppedFor
	if f.Kind == media.Audio {
		stopped = silentFor
	}
	f.Layers = l[f.Kind].note(f.Layer, stopped, f.Received)
}
