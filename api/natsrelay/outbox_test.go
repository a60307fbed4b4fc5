package natsrelay

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"parley/api/media"
)

// takeAll returns the senders of all parcels in o.
func takeAll(o *outbox) []media.SessionID {
	var from []media.SessionID
	for {
		batch := o.take(make([]parcel, 0, 3))
		if len(batch) == 0 {
			return from
		}
		for _, p := range batch {
			from = append(from, p.from)
		}
	}
}

func TestOutboxDropsTheOldestMediaFirst(t *testing.T) {
	o := newOutbox(4 * parcelBytes)
	push := func(from media.SessionID, lossy bool) int {
		return o.push(parcel{subject: "s", from: from, lossy: lossy})
	}
	dropped := push(1, false) + push(2, true) + push(3, false) + push(4, true)
	if dropped != 0 {
		t.Errorf("dropped %d parcels that fit", dropped)
	}
	if n := push(5, false); n != 1 {
		t.Errorf("dropped %d, want the oldest medium", n)
	}
	if n := push(6, false); n != 1 {
		t.Errorf("dropped %d, want the other medium", n)
	}
	if n := push(7, false); n != 1 {
		t.Errorf("dropped %d, want the newest of those that are no media", n)
	}
	if d := cmp.Diff([]media.SessionID{1, 3, 5, 6}, takeAll(o)); d != "" {
		t.Error(d)
	}
	if o.bytes != 0 {
		t.Errorf("%d bytes charged for nothing", o.bytes)
	}
}

func TestOutboxDropsNothingForWhatDoesNotFitAnyway(t *testing.T) {
	o := newOutbox(2 * parcelBytes)
	o.push(parcel{subject: "s", from: 1, lossy: true})
	if n := o.push(parcel{subject: "s", from: 2, wire: make([]byte, 2*parcelBytes)}); n != 1 {
		t.Errorf("dropped %d, want what is too large", n)
	}
	if d := cmp.Diff([]media.SessionID{1}, takeAll(o)); d != "" {
		t.Error(d)
	}
}

// Whatever waited for NATS ages from when it was read, as it would have in a queue.
func TestWhatWaitedIsNotSentAsIfItWereNew(t *testing.T) {
	r := &Relay{node: "n", maxAge: defaultMaxAge, outbox: newOutbox(outboxBytes)}
	l := &link{relay: r, prefix: "room.r.", system: "room.r.system"}
	p := newPublisher(r, true)
	for _, tc := range []struct {
		kind media.Kind
		from media.SessionID
		old  time.Duration
		sent bool
		age  time.Duration // by its stamp
	}{
		{media.Video, 1, time.Second, true, time.Second},
		{media.Video, 1, 3 * time.Second, false, 3 * time.Second},
		{media.Data, 1, time.Second, true, 0},
		{media.Data, 1, 4 * time.Second, true, time.Second}, // a receiver takes it for one more
		{media.Data, 1, 6 * time.Second, false, 3 * time.Second},
		{media.Control, 1, time.Hour, true, 0},
		{media.Control, 0, time.Hour, true, 0},
	} {
		l.Publish(&media.Frame{From: tc.from, Kind: tc.kind, Received: time.Now().Add(-tc.old)})
		b := r.outbox.take(make([]parcel, 0, 1))[0]
		sent := p.mark(&b)
		_, when, _ := origin(p.msg.Header)
		const slack = 500 * time.Millisecond
		if age := time.Since(time.UnixMilli(when)); sent != tc.sent || age < tc.age-slack || age > tc.age+slack {
			t.Errorf("%s from %d after %v: sent %v at the age of %v", tc.kind, tc.from, tc.old, sent, age)
		}
	}
}

func TestOutboxTakesABarrierAlways(t *testing.T) {
	o := newOutbox(1)
	if n := o.push(parcel{passed: make(chan struct{})}); n != 0 {
		t.Error("barrier dropped")
	}
	if n := len(takeAll(o)); n != 1 {
		t.Errorf("took %d parcels, want the barrier", n)
	}
	o.close()
	if n := o.push(parcel{passed: make(chan struct{})}); n != 1 {
		t.Error("a shut outbox took a barrier")
	}
}

// Media that come right after others are published together, a window later. What is not to wait goes at
// once, and so does what comes after a rest, or when half of the outbox is full.
func TestMediaWaitForOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const window = time.Minute
		ctx, cancel := context.WithCancel(t.Context())
		r := &Relay{window: window, outbox: newOutbox(30 * parcelBytes)}
		l := &link{relay: r, prefix: "room.r.", system: "room.r.system"}
		p := newPublisher(r, false)
		put := func(kinds ...media.Kind) func() {
			return func() {
				for _, kind := range kinds {
					l.Publish(&media.Frame{From: 1, Kind: kind, Received: time.Now()})
				}
			}
		}
		later := func(after time.Duration, do func()) func() { return func() { time.AfterFunc(after, do) } }
		for _, step := range []struct {
			what  string
			put   func()
			after time.Duration // since the step before
			n     int
		}{
			{"the first", put(media.Audio), 0, 1},
			{"what comes right after it", put(media.Audio, media.Video, media.Screen), window, 3},
			{"what comes a moment later", later(window/4, put(media.Video)), window, 1},
			{"what comes later than the window", later(window+1, put(media.Screen)), window + 1, 1},
			{"data among media", later(window/4, put(media.Audio, media.Data)), window / 4, 2},
			{"control alone", put(media.Control), 0, 1},
			{"media after it", put(media.Audio), 0, 1},
			{"more right after it than is taken at once", put(slices.Repeat([]media.Kind{media.Audio}, 13)...), window, 10},
			{"the rest of it", func() {}, 0, 3},
			{"a barrier", func() { r.outbox.push(parcel{passed: make(chan struct{})}) }, 0, 1},
			{"media after a barrier", put(media.Audio), 0, 1},
			{"more than half of what may wait", put(slices.Repeat([]media.Kind{media.Video}, 16)...), 0, 10},
			{"the rest of that", func() {}, 0, 6},
			{"the end", cancel, 0, 0},
		} {
			begin := time.Now()
			step.put()
			if n, after := len(p.next(ctx, r.outbox, make([]parcel, 0, 10))), time.Since(begin); n != step.n || after != step.after {
				t.Errorf("%s: %d after %v, want %d after %v", step.what, n, after, step.n, step.after)
			}
		}
	})
}

func TestOutboxIsAQueue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := newOutbox(50 * parcelBytes)
		var want []parcel // what a slow and simple outbox holds
		for next := range media.SessionID(rapid.IntRange(1, 300).Draw(t, "pushes")) {
			p := parcel{subject: "s", from: next + 1, lossy: rapid.Bool().Draw(t, "lossy")}
			o.push(p)
			want = append(want, p)
			if len(want) > 50 {
				drop := len(want) - 1
				for i, w := range want[:50] {
					if w.lossy {
						drop = i
						break
					}
				}
				want = append(want[:drop:drop], want[drop+1:]...)
			}
			if rapid.IntRange(0, 9).Draw(t, "take") == 0 {
				for _, p := range o.take(make([]parcel, 0, 5)) {
					if p.from != want[0].from {
						t.Fatalf("took %d, want %d", p.from, want[0].from)
					}
					want = want[1:]
				}
			}
		}
		var rest []media.SessionID
		for _, p := range want {
			rest = append(rest, p.from)
		}
		if d := cmp.Diff(rest, takeAll(o)); d != "" {
			t.Fatal(d)
		}
	})
}

func TestClockTakesTheFastestOfTheLast(t *testing.T) {
	var c clock
	for i, step := range []struct{ delay, want time.Duration }{
		{50, 50}, {40, 40}, {90, 40}, {60, 40}, {60, 40}, {60, 40}, {60, 40}, {60, 40},
		{60, 40}, {70, 60}, // 40 was nine leases ago
		{-3000, -3000}, // we are behind
	} {
		if got := c.observe(step.delay); got != step.want {
			t.Errorf("after lease %d the offset is %d, want %d", i, got, step.want)
		}
	}
}

func TestPublishAllocatesNothing(t *testing.T) {
	for kind := range media.Kinds() {
		t.Run(kind.String(), func(t *testing.T) {
			r := &Relay{outbox: newOutbox(64 * parcelBytes)}
			l := &link{relay: r, prefix: "room.r."}
			f := &media.Frame{From: 1, Kind: kind, Received: time.Now()}
			batch := make([]parcel, 0, 64)
			if n := testing.AllocsPerRun(20, func() {
				for range 60 { // a mean is rounded down, so one run is of many
					l.Publish(f)
				}
				batch = r.outbox.take(batch[:0])
			}); n != 0 || len(batch) != 60 {
				t.Errorf("%v allocations for 60 packets, want 0; %d were taken", n, len(batch))
			}
		})
	}
}
