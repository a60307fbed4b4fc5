package relaytest

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/api/fault"
	"parley/api/media"
)

func video(from media.SessionID, text string) *media.Frame {
	return &media.Frame{From: from, Kind: media.Video, Received: time.Now(), Wire: []byte(text)}
}

// control returns a frame that no relay drops.
func control(text string) *media.Frame {
	return &media.Frame{From: 9, Kind: media.Control, Received: time.Now(), Wire: []byte(text)}
}

func order(t *testing.T, p Pair) {
	_, a, _, _, b := openBoth(t, p)
	const senders, packets = 4, 500
	var wg sync.WaitGroup
	for from := range media.SessionID(senders) {
		wg.Go(func() {
			for i := range packets {
				a.Publish(video(from+1, fmt.Sprint(i)))
			}
		})
	}
	wg.Wait()
	var next [senders + 1]int
	for range senders * packets {
		var from, i int
		call := b.Next()
		if _, err := fmt.Sscanf(call, "%d: %d", &from, &i); err != nil {
			t.Fatalf("unexpected %q", call)
		}
		if i != next[from] {
			t.Fatalf("packet %d of session %d came when %d was due", i, from, next[from])
		}
		next[from]++
	}
}

func echo(t *testing.T, p Pair) {
	_, a, b, atA, atB := openBoth(t, p)
	a.Publish(video(1, "mine"))
	a.Publish(control("me again"))
	atB.Want("1: mine", "9: me again")
	b.Publish(video(2, "answer")) // A would have heard itself before
	atA.Want("2: answer")
}

func kinds(t *testing.T, p Pair) {
	_, a, _, _, b := openBoth(t, p)
	a.Publish(control("for one"))
	a.Publish(&media.Frame{From: 7, Kind: media.Data, Wire: []byte("without a time")})
	b.Want("9: for one", "7: without a time")
}

func apart(t *testing.T, p Pair) {
	_, first, _, _, b := openBoth(t, p)
	_, second, _, _, _ := openBoth(t, p)
	second.Publish(video(1, "elsewhere"))
	first.Publish(video(1, "here"))
	b.Want("1: here")
	longest := newRoom()
	longest += media.RoomID(strings.Repeat("x", 255-len(longest)))
	open(t, p.A, longest)
}

func flush(t *testing.T, p Pair) {
	_, a, _, _, b := openBoth(t, p)
	for i := range 100 {
		a.Publish(video(1, fmt.Sprint(i)))
	}
	if err := a.Flush(bounded(t)); err != nil {
		t.Fatal(err)
	}
	a.Publish(control("end"))
	if n := len(b.Until("9: end")); n != 100 {
		t.Errorf("%d packets before the end, want 100", n)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := a.Flush(ended); err != nil && fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("flush without time: %v", err)
	}
}

func foreign(t *testing.T, p Pair) {
	if p.Foreign == nil {
		t.Skip("no other makes take part")
	}
	room, a, _, _, b := openBoth(t, p)
	p.Foreign(room, 5, []byte("hello"))
	b.Want("5: hello (foreign)")
	p.Foreign(room, 0, []byte("event"))
	b.Want("0: event (foreign)")
	a.Publish(video(1, "ours"))
	b.Want("1: ours")
}

func old(t *testing.T, p Pair) {
	_, a, _, _, b := openBoth(t, p)
	stale := video(1, "stale")
	stale.Received = time.Now().Add(-time.Hour)
	a.Publish(stale)
	a.Publish(video(1, "fresh"))
	b.Want("1: fresh")
}

func burst(t *testing.T, p Pair) {
	_, a, _, _, b := openBoth(t, p)
	packet := bytes.Repeat([]byte("v"), 64<<10)
	for range 400 {
		a.Publish(&media.Frame{From: 1, Kind: media.Video, Received: time.Now(), Wire: packet})
	}
	// The burst may cost a busy relay its connection, and what was on it: then it is said again.
	pictures, heard := 0, false
	for i := 0; !heard; i++ {
		round := fmt.Sprintf("round %d.", i)
		a.Publish(control("still here"))
		say(t, a, round)
		for over := false; !over; {
			switch call := b.Next(); {
			case call == "9: still here":
				heard = true
			case strings.HasPrefix(call, "1: "):
				pictures++
			case strings.HasSuffix(call, round):
				over = true
			}
		}
	}
	if pictures == 0 {
		t.Error("nothing of the burst came")
	}
}

func slow(t *testing.T, p Pair) {
	_, a, _, _, b := openBoth(t, p)
	release := b.Hold()
	for i := range 1000 {
		a.Publish(video(1, fmt.Sprint(i)))
	}
	err := a.Flush(bounded(t))
	release()
	if err != nil {
		t.Fatal(err)
	}
	a.Publish(control("end"))
	b.Until("9: end")
}
