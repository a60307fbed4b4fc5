package rooms_test

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"parley/api/media"
	"parley/api/media/mediatest"
	"parley/api/rooms"
)

// splitQueue returns a queue whose pictures are popped apart, and the streams that it skipped.
func splitQueue(limits rooms.QueueLimits) (q *rooms.Queue, skipped func() string) {
	q = rooms.NewQueue(limits)
	var log []media.StreamID
	q.Split(func(id media.StreamID) { log = append(log, id) })
	return q, func() string {
		defer func() { log = nil }()
		return fmt.Sprint(log)
	}
}

func TestSplitQueuePopsPicturesApart(t *testing.T) {
	q, _ := splitQueue(rooms.DefaultQueueLimits())
	for _, f := range []*media.Frame{key(media.Video, "v1"), frame(media.Audio, "a1"), key(media.Screen, "s1"), frame(media.Control, "c1")} {
		q.Push(f)
	}
	texts := func(frames []*media.Frame, err error) (texts []string) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range frames {
			texts = append(texts, string(f.Wire))
		}
		return texts
	}
	want(t, texts(q.Pop(make([]*media.Frame, 0, 8))), "c1", "a1")
	want(t, texts(q.PopPictures(make([]*media.Frame, 0, 8))), "s1", "v1")

	reason := errors.New("over")
	ended := make(chan error, 2)
	go func() { _, err := q.Pop(make([]*media.Frame, 0, 8)); ended <- err }()
	go func() { _, err := q.PopPictures(make([]*media.Frame, 0, 8)); ended <- err }()
	q.Close(reason)
	for range 2 {
		if err := <-ended; !errors.Is(err, reason) {
			t.Errorf("pop after close: %v", err)
		}
	}
}

// Whoever writes is told as soon as a stream skips, and once.
func TestSplitQueueTellsWhatSkips(t *testing.T) {
	video := func(from media.SessionID) string {
		return fmt.Sprint([]media.StreamID{{Session: from, Kind: media.Video}})
	}
	tell := func(t *testing.T, got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("skipped %s, want %s", got, want)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		q, skipped := splitQueue(smallLimits())
		q.Push(key(media.Video, fat("k1")))
		tell(t, skipped(), "[]")
		q.Push(frame(media.Video, fat("d2")))
		tell(t, skipped(), video(1))
		q.Push(frame(media.Video, fat("d3")))
		tell(t, skipped(), "[]")

		// Nobody pops, and still what is too old gives way to what comes.
		mediatest.Advance(t, rooms.DefaultQueueLimits().Age[media.Video]+time.Millisecond)
		q.Push(key(media.Video, fat("k4")))
		other := frame(media.Audio, "other")
		q.Push(other)
		mediatest.Advance(t, rooms.DefaultQueueLimits().Age[media.Video]+time.Millisecond)
		second := key(media.Video, "k5")
		second.From = 2
		q.Push(second)
		tell(t, skipped(), video(1))
		if got := q.Stats().Bytes[media.Video]; got != 2 {
			t.Errorf("%d bytes of video wait, want those of k5", got)
		}

		q.Forget(2)
		tell(t, skipped(), video(2))

		// Also when the keyframe that it goes on with waits already.
		q.Push(key(media.Video, "k6"))
		q.Push(frame(media.Video, "d7"))
		mediatest.Advance(t, rooms.DefaultQueueLimits().Age[media.Video]/2)
		q.Push(key(media.Video, "k8"))
		tell(t, skipped(), "[]")
		mediatest.Advance(t, rooms.DefaultQueueLimits().Age[media.Video]/2+time.Millisecond)
		q.Push(frame(media.Video, "d9"))
		tell(t, skipped(), video(1))
	})
}

// A stream whose sender marks no keyframes loses frames and never skips.
func TestSplitQueueDoesNotSkipOpaqueStreams(t *testing.T) {
	q, skipped := splitQueue(smallLimits())
	for range 3 {
		f := frame(media.Video, fat("e"))
		f.Opaque = true
		q.Push(f)
	}
	if got := skipped(); got != "[]" {
		t.Errorf("skipped %s", got)
	}
}
