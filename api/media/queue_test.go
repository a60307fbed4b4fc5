package media

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"parley/api/fault"
)

// small limits make every rule visible with a handful of frames.
func smallLimits() QueueLimits {
	l := DefaultQueueLimits()
	for k := range l.Bytes {
		l.Bytes[k] = 100
	}
	return l
}

func frame(kind Kind, text string) *Frame {
	return &Frame{From: 1, Kind: kind, Received: time.Now(), Wire: []byte(text)}
}

func key(kind Kind, text string) *Frame {
	f := frame(kind, text)
	f.Key = true
	return f
}

// pop empties q without blocking and returns the texts of its frames.
func pop(t *testing.T, q *Queue) []string {
	t.Helper()
	var texts []string
	for q.Stats().Frames > 0 {
		before := q.Stats().Frames
		got, err := q.popReady(make([]*Frame, 0, 64))
		if err != nil {
			t.Fatalf("pop: %v", err)
		}
		for _, f := range got {
			texts = append(texts, strings.TrimRight(string(f.Wire), "."))
		}
		if q.Stats().Frames == before {
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
	q := NewQueue(DefaultQueueLimits())
	for _, f := range []*Frame{
		key(Video, "v1"), frame(Video, "v2"), key(Screen, "s1"), frame(Data, "d1"),
		frame(Audio, "a1"), frame(Control, "c1"), frame(Audio, "a2"), frame(Control, "c2"),
	} {
		if v, _ := q.Push(f); v != Taken {
			t.Fatalf("push %s: %v", f.Wire, v)
		}
	}
	want(t, pop(t, q), "c1", "c2", "a1", "a2", "d1", "s1", "v1", "v2")
}

func TestQueueFullControlEndsTheSession(t *testing.T) {
	q := NewQueue(smallLimits())
	q.Push(frame(Control, fat("c1")))
	if v, _ := q.Push(frame(Control, fat("c2"))); v != Dropped {
		t.Errorf("second control frame: %v, want Dropped", v)
	}
	if _, err := q.Pop(t.Context(), make([]*Frame, 0, 8)); !errors.Is(err, &fault.Error{Code: fault.Slow}) {
		t.Errorf("pop: %v, want slow", err)
	}
}

func TestQueueFullAudioAndDataLoseTheNewest(t *testing.T) {
	for _, kind := range []Kind{Audio, Data} {
		q := NewQueue(smallLimits())
		q.Push(frame(kind, fat("1")))
		if v, _ := q.Push(frame(kind, fat("2"))); v != Dropped {
			t.Errorf("%v: second frame: %v, want Dropped", kind, v)
		}
		want(t, pop(t, q), "1")
		if v, _ := q.Push(frame(kind, "3")); v != Taken {
			t.Errorf("%v: frame after the gap: %v, want Taken", kind, v)
		}
	}
}

func TestQueueFullVideoSkipsToTheNextKeyframe(t *testing.T) {
	for _, kind := range []Kind{Video, Screen} {
		q := NewQueue(smallLimits())
		q.Push(key(kind, fat("k1")))
		q.Push(frame(kind, fat("d2"))) // does not fit: the stream skips
		if v, _ := q.Push(frame(kind, "d3")); v != Dropped {
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
	q := NewQueue(smallLimits())
	q.Push(key(Video, fat("k1")))
	q.Push(frame(Video, fat("d2")))
	other := key(Video, "other")
	other.From = 2
	if v, _ := q.Push(other); v != Taken {
		t.Errorf("other stream: %v, want Taken", v)
	}
	want(t, pop(t, q), "k1", "other")
}

func TestQueueLosesSingleFramesOfOpaqueStreams(t *testing.T) {
	opaque := func(text string) *Frame {
		f := frame(Video, text)
		f.Opaque = true
		return f
	}
	q := NewQueue(smallLimits())
	q.Push(opaque(fat("1")))
	if v, _ := q.Push(opaque(fat("2"))); v != Dropped {
		t.Errorf("opaque frame that does not fit: %v", v)
	}
	if v, _ := q.Push(opaque("3")); v != Taken {
		t.Errorf("opaque frame after the gap: %v, want Taken", v)
	}
	want(t, pop(t, q), "1", "3")
}

func TestQueueWantsAKeyframeForAStreamMetInItsMiddle(t *testing.T) {
	q := NewQueue(DefaultQueueLimits())
	if v, wantKey := q.Push(frame(Video, "d1")); v != Taken || !wantKey {
		t.Errorf("first delta: %v, want key %v", v, wantKey)
	}
	if _, wantKey := q.Push(frame(Video, "d2")); wantKey {
		t.Error("asked twice")
	}
	q = NewQueue(DefaultQueueLimits())
	if _, wantKey := q.Push(key(Video, "k1")); wantKey {
		t.Error("a stream that starts with a keyframe needs none")
	}
}

func TestQueueAsksForAKeyframeOnceThereIsRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := NewQueue(smallLimits())
		q.Push(key(Video, fat("k1")))
		q.Push(frame(Video, fat("d2")))
		time.Sleep(askAgain)
		if _, wantKey := q.Push(frame(Video, "d3")); wantKey {
			t.Error("asked for a keyframe while the lane is full")
		}
		want(t, pop(t, q), "k1")
		if _, wantKey := q.Push(frame(Video, "d4")); !wantKey {
			t.Error("did not ask for a keyframe")
		}
		if _, wantKey := q.Push(frame(Video, "d5")); wantKey {
			t.Error("asked again at once")
		}
		time.Sleep(askAgain)
		if _, wantKey := q.Push(frame(Video, "d6")); !wantKey {
			t.Error("did not repeat the request")
		}
	})
}

func TestQueueDropsStaleMedia(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := NewQueue(DefaultQueueLimits())
		q.Push(frame(Control, "c1"))
		q.Push(frame(Audio, "a1"))
		q.Push(key(Video, "k1"))
		q.Push(frame(Video, "d2"))
		time.Sleep(DefaultQueueLimits().Age[Video] + time.Millisecond)
		q.Push(frame(Audio, "a2"))
		q.Push(frame(Video, "d3")) // useless without d2
		q.Push(key(Video, "k4"))
		q.Push(frame(Video, "d5"))
		want(t, pop(t, q), "c1", "a2", "k4", "d5")
		if got := q.Stats().Dropped; got[Audio] != 1 || got[Video] != 3 {
			t.Errorf("dropped %v", got)
		}

		q.Push(frame(Video, "d6"))
		time.Sleep(DefaultQueueLimits().Age[Video] + time.Millisecond)
		want(t, pop(t, q))
		if v, _ := q.Push(frame(Video, "d7")); v != Dropped {
			t.Errorf("delta after a stale one: %v, want Dropped", v)
		}
	})
}

func TestQueueForgetsASessionThatLeft(t *testing.T) {
	q := NewQueue(DefaultQueueLimits())
	other := frame(Audio, "other")
	other.From = 2
	q.Push(frame(Audio, "a1"))
	q.Push(other)
	q.Push(key(Video, "k1"))
	q.Push(frame(Control, "left"))
	q.Forget(1)
	want(t, pop(t, q), "left", "other")
}

func TestQueueCloseDeliversControlFirst(t *testing.T) {
	q := NewQueue(DefaultQueueLimits())
	reason := errors.New("meeting over")
	q.Push(frame(Audio, "a1"))
	q.Push(frame(Control, "ended"))
	q.Close(reason)
	q.Close(errors.New("second reason"))
	if v, _ := q.Push(frame(Control, "late")); v != Refused {
		t.Errorf("push after close: %v", v)
	}
	got, err := q.Pop(t.Context(), make([]*Frame, 0, 8))
	if err != nil || len(got) != 1 || string(got[0].Wire) != "ended" {
		t.Fatalf("pop: %v, %v", got, err)
	}
	if _, err = q.Pop(t.Context(), make([]*Frame, 0, 8)); !errors.Is(err, reason) {
		t.Errorf("pop after the last frame: %v, want %v", err, reason)
	}
}

func TestQueueTakesOneFrameOfAnySize(t *testing.T) {
	q := NewQueue(smallLimits())
	if v, _ := q.Push(key(Video, strings.Repeat("x", 1000))); v != Taken {
		t.Errorf("large keyframe: %v, want Taken", v)
	}
	if got := q.Stats().Bytes[Video]; got != 1000 {
		t.Errorf("bytes %d", got)
	}
}

func TestQueueStaysBounded(t *testing.T) {
	q := NewQueue(smallLimits())
	for i := range 10_000 {
		q.Push(&Frame{From: SessionID(i%5 + 1), Kind: Kind(1 + i%4), Key: i%7 == 0,
			Received: time.Now(), Wire: make([]byte, i%40)})
	}
	for k, bytes := range q.Stats().Bytes {
		if bytes > 100 {
			t.Errorf("%v holds %d bytes", Kind(k), bytes)
		}
	}
}

func TestQueueDoesNotAllocate(t *testing.T) {
	q := NewQueue(DefaultQueueLimits())
	f := key(Video, strings.Repeat("x", 1200))
	batch := make([]*Frame, 0, 16)
	q.Push(f)
	if n := testing.AllocsPerRun(1000, func() {
		f.Received = time.Now()
		q.Push(f)
		batch, _ = q.popReady(batch[:0])
	}); n != 0 {
		t.Errorf("%v allocations per frame, want 0", n)
	}
}
