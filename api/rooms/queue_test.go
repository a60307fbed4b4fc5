package rooms_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"parley/api/fault"
	"parley/api/media"
	"parley/api/media/mediatest"
	"parley/api/rooms"
)

// small limits make every rule visible with a handful of frames.
func smallLimits() rooms.QueueLimits {
	l := rooms.DefaultQueueLimits()
	for k := range l.Bytes {
		l.Bytes[k] = 100
	}
	return l
}

func frame(kind media.Kind, text string) *media.Frame {
	return &media.Frame{From: 1, Kind: kind, Received: time.Now(), Wire: []byte(text)}
}

func key(kind media.Kind, text string) *media.Frame {
	f := frame(kind, text)
	f.Key = true
	return f
}

// pop empties q without blocking and returns the texts of its frames.
func pop(t *testing.T, q *rooms.Queue) []string {
	t.Helper()
	var texts []string
	for q.Len() > 0 {
		before := q.Len()
		got, err := q.PopReady(make([]*media.Frame, 0, 64))
		if err != nil {
			t.Fatalf("pop: %v", err)
		}
		for _, f := range got {
			texts = append(texts, strings.TrimRight(string(f.Wire), "."))
		}
		if q.Len() == before {
			t.Fatal("pop does not advance")
		}
	}
	return texts
}

func want(t *testing.T, got []string, texts ...string) {
	t.Helper()
	if strings.Join(got, " ") != strings.Join(texts, " ") {
		t.Errorf("got %q, want %q", got, texts)
	}
}

// fat pads a text so that two of them exceed smallLimits.
func fat(text string) string { return text + strings.Repeat(".", 60) }

func TestQueueServesLanesInOrderOfKinds(t *testing.T) {
	q := rooms.NewQueue(rooms.DefaultQueueLimits())
	for _, f := range []*media.Frame{
		key(media.Video, "v1"), frame(media.Video, "v2"), key(media.Screen, "s1"), frame(media.Data, "d1"),
		frame(media.Audio, "a1"), frame(media.Control, "c1"), frame(media.Audio, "a2"), frame(media.Control, "c2"),
	} {
		if v, _ := q.Push(f); v != rooms.Taken {
			t.Fatalf("push %s: %v", f.Wire, v)
		}
	}
	want(t, pop(t, q), "c1", "c2", "a1", "a2", "d1", "s1", "v1", "v2")
}

func TestQueueFullControlEndsTheSession(t *testing.T) {
	q := rooms.NewQueue(smallLimits())
	q.Push(frame(media.Control, fat("c1")))
	if v, _ := q.Push(frame(media.Control, fat("c2"))); v != rooms.Dropped {
		t.Errorf("second control frame: %v, want Dropped", v)
	}
	if _, err := q.Pop(make([]*media.Frame, 0, 8)); !errors.Is(err, &fault.Error{Code: fault.Slow}) {
		t.Errorf("pop: %v, want slow", err)
	}
}

func TestQueueFullAudioAndDataLoseTheNewest(t *testing.T) {
	for _, kind := range []media.Kind{media.Audio, media.Data} {
		q := rooms.NewQueue(smallLimits())
		q.Push(frame(kind, fat("1")))
		if v, _ := q.Push(frame(kind, fat("2"))); v != rooms.Dropped {
			t.Errorf("%v: second frame: %v, want Dropped", kind, v)
		}
		want(t, pop(t, q), "1")
		if v, _ := q.Push(frame(kind, "3")); v != rooms.Taken {
			t.Errorf("%v: frame after the gap: %v, want Taken", kind, v)
		}
	}
}

func TestQueueFullVideoSkipsToTheNextKeyframe(t *testing.T) {
	for _, kind := range []media.Kind{media.Video, media.Screen} {
		q := rooms.NewQueue(smallLimits())
		q.Push(key(kind, fat("k1")))
		q.Push(frame(kind, fat("d2"))) // does not fit: the stream skips
		if v, _ := q.Push(frame(kind, "d3")); v != rooms.Dropped {
			t.Errorf("%v: delta after the gap: %v, want Dropped", kind, v)
		}
		want(t, pop(t, q), "k1")
		q.Push(frame(kind, "d4"))
		q.Push(key(kind, "k5"))
		q.Push(frame(kind, "d6"))
		want(t, pop(t, q), "k5", "d6")
	}
}

func TestQueueSkipsOneStreamOnly(t *testing.T) {
	q := rooms.NewQueue(smallLimits())
	q.Push(key(media.Video, fat("k1")))
	q.Push(frame(media.Video, fat("d2")))
	other := key(media.Video, "other")
	other.From = 2
	if v, _ := q.Push(other); v != rooms.Taken {
		t.Errorf("other stream: %v, want Taken", v)
	}
	want(t, pop(t, q), "k1", "other")
}

func TestQueueLosesSingleFramesOfOpaqueStreams(t *testing.T) {
	opaque := func(text string) *media.Frame {
		f := frame(media.Video, text)
		f.Opaque = true
		return f
	}
	q := rooms.NewQueue(smallLimits())
	q.Push(opaque(fat("1")))
	if v, _ := q.Push(opaque(fat("2"))); v != rooms.Dropped {
		t.Errorf("opaque frame that does not fit: %v", v)
	}
	if v, _ := q.Push(opaque("3")); v != rooms.Taken {
		t.Errorf("opaque frame after the gap: %v, want Taken", v)
	}
	want(t, pop(t, q), "1", "3")
}

func TestQueueWantsAKeyframeForAStreamMetInItsMiddle(t *testing.T) {
	q := rooms.NewQueue(rooms.DefaultQueueLimits())
	if v, wantKey := q.Push(frame(media.Video, "d1")); v != rooms.Taken || !wantKey {
		t.Errorf("first delta: %v, want key %v", v, wantKey)
	}
	if _, wantKey := q.Push(frame(media.Video, "d2")); wantKey {
		t.Error("asked twice")
	}
	q = rooms.NewQueue(rooms.DefaultQueueLimits())
	if _, wantKey := q.Push(key(media.Video, "k1")); wantKey {
		t.Error("a stream that starts with a keyframe needs none")
	}
}

func TestQueueAsksForAKeyframeOnceThereIsRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := rooms.NewQueue(smallLimits())
		q.Push(key(media.Video, fat("k1")))
		q.Push(frame(media.Video, fat("d2")))
		mediatest.Advance(t, rooms.AskAgain)
		if _, wantKey := q.Push(frame(media.Video, "d3")); wantKey {
			t.Error("asked for a keyframe while the lane is full")
		}
		want(t, pop(t, q), "k1")
		if _, wantKey := q.Push(frame(media.Video, "d4")); !wantKey {
			t.Error("did not ask for a keyframe")
		}
		if _, wantKey := q.Push(frame(media.Video, "d5")); wantKey {
			t.Error("asked again at once")
		}
		mediatest.Advance(t, rooms.AskAgain)
		if _, wantKey := q.Push(frame(media.Video, "d6")); !wantKey {
			t.Error("did not repeat the request")
		}
	})
}

func TestQueueDropsStaleMedia(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := rooms.NewQueue(rooms.DefaultQueueLimits())
		q.Push(frame(media.Control, "c1"))
		q.Push(frame(media.Audio, "a1"))
		q.Push(key(media.Video, "k1"))
		q.Push(frame(media.Video, "d2"))
		mediatest.Advance(t, rooms.DefaultQueueLimits().Age[media.Video]+time.Millisecond)
		q.Push(frame(media.Audio, "a2"))
		q.Push(frame(media.Video, "d3")) // useless without d2
		q.Push(key(media.Video, "k4"))
		q.Push(frame(media.Video, "d5"))
		want(t, pop(t, q), "c1", "a1", "a2", "k4", "d5") // sound is kept longer
		// d2 with k1, and d3, which was of no use without them
		if got := q.Stats().Lost; got[rooms.Stale][media.Video] != 1 || got[rooms.Skipped][media.Video] != 2 || got.Total() != 3 {
			t.Errorf("dropped %v", got)
		}

		q.Push(frame(media.Video, "d6"))
		mediatest.Advance(t, rooms.DefaultQueueLimits().Age[media.Video]+time.Millisecond)
		want(t, pop(t, q))
		if v, _ := q.Push(frame(media.Video, "d7")); v != rooms.Dropped {
			t.Errorf("delta after a stale one: %v, want Dropped", v)
		}

		q.Push(frame(media.Audio, "a3"))
		mediatest.Advance(t, rooms.DefaultQueueLimits().Age[media.Audio]+time.Millisecond)
		want(t, pop(t, q))
		if got := q.Stats().Lost; got[rooms.Stale][media.Audio] != 1 {
			t.Errorf("dropped %v", got)
		}
	})
}

func TestQueueForgetsASessionThatLeft(t *testing.T) {
	q := rooms.NewQueue(rooms.DefaultQueueLimits())
	other := frame(media.Audio, "other")
	other.From = 2
	q.Push(frame(media.Audio, "a1"))
	q.Push(other)
	q.Push(key(media.Video, "k1"))
	q.Push(frame(media.Control, "left"))
	q.Forget(1)
	want(t, pop(t, q), "left", "other")
}

func TestQueueCloseDeliversControlFirst(t *testing.T) {
	q := rooms.NewQueue(rooms.DefaultQueueLimits())
	reason := errors.New("meeting over")
	q.Push(frame(media.Audio, "a1"))
	q.Push(frame(media.Control, "ended"))
	q.Close(reason)
	q.Close(errors.New("second reason"))
	if v, _ := q.Push(frame(media.Control, "late")); v != rooms.Refused {
		t.Errorf("push after close: %v", v)
	}
	got, err := q.Pop(make([]*media.Frame, 0, 8))
	if err != nil || len(got) != 1 || string(got[0].Wire) != "ended" {
		t.Fatalf("pop: %v, %v", got, err)
	}
	if _, err = q.Pop(make([]*media.Frame, 0, 8)); !errors.Is(err, reason) {
		t.Errorf("pop after the last frame: %v, want %v", err, reason)
	}
}

func TestQueueTakesOneFrameOfAnySize(t *testing.T) {
	q := rooms.NewQueue(smallLimits())
	if v, _ := q.Push(key(media.Video, strings.Repeat("x", 1000))); v != rooms.Taken {
		t.Errorf("large keyframe: %v, want Taken", v)
	}
	if got := q.Stats().Bytes[media.Video]; got != 1000 {
		t.Errorf("bytes %d", got)
	}
}

func TestQueueStaysBounded(t *testing.T) {
	q := rooms.NewQueue(smallLimits())
	for i := range 10_000 {
		q.Push(&media.Frame{From: media.SessionID(i%5 + 1), Kind: media.Kind(1 + i%4), Key: i%7 == 0,
			Received: time.Now(), Wire: make([]byte, i%40)})
	}
	for k, bytes := range q.Stats().Bytes {
		if bytes > 100 {
			t.Errorf("%v holds %d bytes", media.Kind(k), bytes)
		}
	}
}

// A steady flow allocates nothing: not for one packet in a hundred, of whatever kind.
func TestQueueDoesNotAllocate(t *testing.T) {
	for kind := range media.Kinds() {
		t.Run(kind.String(), func(t *testing.T) {
			q := rooms.NewQueue(rooms.DefaultQueueLimits())
			f := key(kind, strings.Repeat("x", 1200))
			batch := make([]*media.Frame, 0, 16)
			q.Push(f)
			if n := testing.AllocsPerRun(100, func() {
				for range 100 { // a mean is rounded down, so one run is of many
					f.Received = time.Now()
					q.Push(f)
					batch, _ = q.PopReady(batch[:0])
				}
			}); n != 0 || len(batch) != 1 {
				t.Errorf("%v allocations for 100 frames, %d in the last batch; want 0 and 1", n, len(batch))
			}
		})
	}
}
