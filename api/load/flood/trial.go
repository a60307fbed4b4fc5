package flood

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"parley/api/load"
)

// Trial measures how people in a room fare without a flood and with one, by turns.
type Trial struct {
	// Room is a normal room, with visitors who come and leave; its Watch is looked at.
	Room load.Plan
	// Attack floods until ctx ends, and says what came of it. room is where people are meanwhile.
	// begun is to be called when the flood is on: nothing is measured before.
	Attack func(ctx context.Context, room string, begun func()) ([]Tally, error)
	Rounds int
	// Settle is how long the server may take, after a flood, to get rid of what it left.
	Settle time.Duration
}

// Report is what came of a trial. Its JSON names stay as they are; more may be added.
type Report struct {
	Rounds []Round `json:"rounds"`
	Ratios Ratios  `json:"ratios"` // medians of the rounds
}

// Round is one measurement without and one with the flood.
type Round struct {
	Calm    *load.Report `json:"calm"`
	Flooded *load.Report `json:"flooded"`
	Flood   []Tally      `json:"flood"`
	Server  Server       `json:"server"`
	Ratios  Ratios       `json:"ratios"`
}

// Ratios are times with the flood, of those without; 0 where nothing was measured.
type Ratios struct {
	JoinP50  float64 `json:"join_p50"`
	JoinP99  float64 `json:"join_p99"`
	MediaP50 float64 `json:"media_p50"`
	MediaP99 float64 `json:"media_p99"`
}

// Server is what there is to know of the server's own.
type Server struct {
	RSSBefore uint64 `json:"rss_before_bytes,omitempty"` // with people in the room
	RSSMost   uint64 `json:"rss_peak_bytes,omitempty"`   // while the flood was on
	RSSAfter  uint64 `json:"rss_after_bytes,omitempty"`  // when it had time to settle
	// Counts are what its metrics counted while the flood was on of what was dropped, refused,
	// rejected or limited, and of joins; by name and labels. Only what is not 0.
	Counts map[string]float64 `json:"counts,omitempty"`
	Error  string             `json:"error,omitempty"` // what could not be read
}

// Run measures, and blocks until that is done. progress may be nil; it is called with a line for
// people. When ctx ends while people are measured with the flood, or later, the report is about what was
// measured up to then; before that Run fails. No flood is left when it returns.
func (t *Trial) Run(ctx context.Context, progress func(string)) (*Report, error) {
	if err := t.Room.Check(); err != nil {
		return nil, err
	}
	say := progress
	if say == nil {
		say = func(string) {}
	}
	rep := &Report{}
	for i := 0; i < t.Rounds && (i == 0 || ctx.Err() == nil); i++ {
		round, err := t.round(ctx, i, say)
		if err != nil && (i == 0 || ctx.Err() == nil) {
			return nil, err
		}
		if err == nil { // else it was broken off too early
			rep.Rounds = append(rep.Rounds, *round)
		}
	}
	rep.Ratios = medians(rep.Rounds)
	return rep, nil
}

func (t *Trial) round(ctx context.Context, i int, say func(string)) (*Round, error) {
	const calm, flooded = "calm", "flooded"
	room := func(what string) string { return fmt.Sprintf("%s-%d%s", t.Room.Room, i+1, what[:1]) }
	people := func(what string) (*load.Report, error) {
		plan := t.Room
		plan.Room = room(what)
		r, err := load.Run(ctx, plan, func(p load.Progress) { say(fmt.Sprintf("round %d, %s: %v", i+1, what, p)) })
		if err != nil {
			return nil, fmt.Errorf("%s: %w", what, err)
		}
		return r, nil
	}
	r := new(Round)
	var err error
	if r.Calm, err = people(calm); err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, errCalm
	}
	w := watch{t.Room.Watch}
	before, err1 := w.counts(ctx)
	r.Server.RSSBefore = w.resident()

	flooding, stop := context.WithCancel(ctx)
	defer stop()
	var flood sync.WaitGroup
	var attack error
	on, begun := context.WithCancel(ctx)
	defer begun()
	flood.Go(func() {
		defer begun() // whoever waits for it learns below why it is over
		r.Flood, attack = t.Attack(flooding, room(flooded), begun)
	})
	flood.Go(func() { r.Server.RSSMost = w.most(flooding) })
	<-on.Done()
	r.Flooded, err = people(flooded)
	after, err2 := w.counts(context.WithoutCancel(ctx)) // also of a round that was broken off
	stop()
	flood.Wait()
	if err = errors.Join(err, attack); err != nil {
		return nil, err
	}
	say(fmt.Sprintf("round %d: the flood is over", i+1))
	select {
	case <-time.After(t.Settle):
	case <-ctx.Done():
	}
	r.Server.RSSAfter = w.resident()
	r.Server.Counts = grown(before, after)
	if err := errors.Join(err1, err2); err != nil {
		r.Server.Error = err.Error()
	}
	r.Ratios = ratios(r.Calm, r.Flooded)
	return r, nil
}

var errCalm = errors.New("broken off before the flood")

func ratios(calm, flooded *load.Report) Ratios {
	a, b := calm.Joins.Visits, flooded.Joins.Visits
	x, y := calm.Received["healthy"].Latency, flooded.Received["healthy"].Latency
	return Ratios{of(b.P50, a.P50), of(b.P99, a.P99), of(y.P50, x.P50), of(y.P99, x.P99)}
}

// of returns a/b, with two digits.
func of(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return float64(int(100*a/b+.5)) / 100
}

func medians(rounds []Round) Ratios {
	median := func(get func(Ratios) float64) float64 {
		var all []float64
		for _, r := range rounds {
			all = append(all, get(r.Ratios))
		}
		if len(all) == 0 {
			return 0
		}
		slices.Sort(all)
		return all[len(all)/2]
	}
	return Ratios{
		median(func(r Ratios) float64 { return r.JoinP50 }), median(func(r Ratios) float64 { return r.JoinP99 }),
		median(func(r Ratios) float64 { return r.MediaP50 }), median(func(r Ratios) float64 { return r.MediaP99 }),
	}
}
