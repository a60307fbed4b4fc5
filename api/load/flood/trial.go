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
	Room   load.Plan
	Attack Attack
	// Elsewhere, if any, floods another server of the machine while people are measured without a flood:
	// then what a flood costs whoever shares the machine with it is in both measurements, and what they
	// differ by is the server's own.
	Elsewhere Attack
	Rounds    int
	// Settle is how long the server may take, after a flood, to get rid of what it left.
	Settle time.Duration
}

// Attack floods until ctx ends, which it blocks for and returns soon after, and says what came of it. room is
// where people are meanwhile. begun is to be called when the flood is on: nothing is measured before.
type Attack func(ctx context.Context, room string, begun func()) ([]Tally, error)

// Report is what came of a trial. Its JSON names stay as they are; more may be added.
type Report struct {
	Rounds []Round `json:"rounds"`
	Ratios Ratios  `json:"ratios"` // medians of the rounds
}

// Round is one measurement without and one with the flood.
type Round struct {
	Calm      *load.Report `json:"calm"`
	Flooded   *load.Report `json:"flooded"`
	Flood     []Tally      `json:"flood"`
	Elsewhere []Tally      `json:"elsewhere,omitempty"` // of another server, meanwhile it was calm here
	Server    Server       `json:"server"`
	Ratios    Ratios       `json:"ratios"`
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
	RSSBefore uint64 `json:"rss_before_bytes,omitempty"` // before the flood
	RSSMost   uint64 `json:"rss_peak_bytes,omitempty"`   // while the flood was on
	RSSAfter  uint64 `json:"rss_after_bytes,omitempty"`  // when it had time to settle
	// Counts are what its metrics counted while the flood was on of what was dropped, refused,
	// rejected or limited, and of joins; by name and labels. Only what is not 0. CalmCounts are the same
	// of the time before it.
	Counts     map[string]float64 `json:"counts,omitempty"`
	CalmCounts map[string]float64 `json:"calm_counts,omitempty"`
	Error      string             `json:"error,omitempty"` // what could not be read
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
	r, w := new(Round), watch{t.Room.Watch}
	var counted [3]map[string]float64 // before people came, before the flood, at its end
	var unread [3]error
	count := func(ctx context.Context, i int) { counted[i], unread[i] = w.counts(ctx) }
	count(ctx, 0)
	var err error
	onCalm := func() (err error) {
		r.Calm, err = people(calm)
		return err
	}
	if t.Elsewhere == nil {
		err = onCalm()
	} else {
		r.Elsewhere, err = during(ctx, t.Elsewhere, room(calm), onCalm)
		if err == nil {
			t.settle(ctx)
		}
	}
	if ctx.Err() != nil {
		return nil, errCalm
	}
	if err != nil {
		return nil, err
	}
	count(ctx, 1)
	r.Server.RSSBefore = w.resident()
	var look sync.WaitGroup
	attack := func(ctx context.Context, room string, begun func()) ([]Tally, error) {
		look.Go(func() { r.Server.RSSMost = w.most(ctx) })
		return t.Attack(ctx, room, begun)
	}
	r.Flood, err = during(ctx, attack, room(flooded), func() (err error) {
		r.Flooded, err = people(flooded)
		count(context.WithoutCancel(ctx), 2) // also of a round that is broken off
		return err
	})
	look.Wait()
	if err != nil {
		return nil, err
	}
	say(fmt.Sprintf("round %d: the flood is over", i+1))
	t.settle(ctx)
	r.Server.RSSAfter = w.resident()
	if err := errors.Join(unread[:]...); err != nil {
		r.Server.Error = err.Error()
	} else {
		r.Server.CalmCounts, r.Server.Counts = grown(counted[0], counted[1]), grown(counted[1], counted[2])
	}
	r.Ratios = ratios(r.Calm, r.Flooded)
	return r, nil
}

// during floods, calls do once the flood is on, or over, and ends it when do has returned.
func during(ctx context.Context, attack Attack, room string, do func() error) (tallies []Tally, err error) {
	flooding, stop := context.WithCancel(ctx)
	defer stop()
	on, begun := context.WithCancel(ctx)
	defer begun()
	var flood sync.WaitGroup
	var failed error
	flood.Go(func() {
		defer begun() // whoever waits for it learns below why it is over
		tallies, failed = attack(flooding, room, begun)
	})
	<-on.Done()
	err = do()
	stop()
	flood.Wait()
	return tallies, errors.Join(err, failed)
}

// settle waits for the server to get rid of what a flood left, or for ctx to end.
func (t *Trial) settle(ctx context.Context) {
	select {
	case <-time.After(t.Settle):
	case <-ctx.Done():
	}
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
