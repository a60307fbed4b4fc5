package telemetry

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"
)

// Books are what the server has on record.
type Books interface {
	// Account adds up what there is of sources whose identity begins with a prefix.
	Account(ctx context.Context, prefix string) (Account, error)

	// Size returns how many bytes all events on record take, with what they are found by.
	Size(ctx context.Context) (uint64, error)
}

// Account is what a server has on record.
type Account struct {
	Sessions uint64
	Open     uint64            // sessions that have not ended
	Stored   map[uint16]uint64 // events by kind
	Lost     map[string]uint64 // events by cause
	Counted  uint64            // events in roll-ups
	Holes    int64             // numbers missing before others of their session that are there
}

// Report is what came of a run.
type Report struct {
	Nodes    int     `json:"nodes"`
	Sessions uint64  `json:"sessions"`
	Seconds  float64 `json:"seconds"` // while events were sent

	Events    uint64  `json:"events"`     // messages that were sent
	PerSecond float64 `json:"per_second"` // of them
	Mbit      float64 `json:"mbit"`       // per second
	Numbers   uint64  `json:"numbers"`    // that events used; those that stand for others use more than one
	Drops     uint64  `json:"drops"`      // events that stand for others
	Dropped   uint64  `json:"dropped"`    // and for how many
	Broken    uint64  `json:"broken"`     // events that cannot be read
	Unknown   uint64  `json:"unknown"`    // events of a kind that there is not
	Uncertain uint64  `json:"uncertain"`  // numbers of events on their way when a connection broke

	Failed map[string]int `json:"failed,omitempty"` // sessions that did not end well, and why
	Faults []Befell       `json:"faults,omitempty"` // what the server had to bear

	Balance *Balance `json:"balance,omitempty"` // without books there is none
	Server  *Server  `json:"server,omitempty"`  // when it was looked at
}

// Balance compares what was sent with what is on record. The numbers that events have used
// are Stored, without those that stand for others, and Lost.
type Balance struct {
	Sessions uint64            `json:"sessions"`
	Stored   uint64            `json:"stored"`
	Kinds    int               `json:"kinds"`   // different ones that are stored
	Drops    uint64            `json:"drops"`   // of the stored ones
	Lost     map[string]uint64 `json:"lost"`    // by cause
	Missing  int64             `json:"missing"` // numbers that are neither; negative when there are too many
	Holes    int64             `json:"holes"`   // of those, that later ones of their session are there without
	Counted  uint64            `json:"counted"` // events in roll-ups; after faults it is waited for
	Settled  float64           `json:"settled"` // seconds until all was on record

	BytesEach float64 `json:"bytes_per_event,omitempty"` // that a stored event takes, with indexes
}

// Even says that nothing is missing and nothing is there that was not sent.
func (b *Balance) Even() bool { return b.Missing == 0 }

func (r *run) report(took time.Duration) *Report {
	s := took.Seconds()
	return &Report{
		Nodes: r.plan.Nodes, Sessions: r.sessions.Load(), Seconds: s,
		Events: r.sent.events, PerSecond: float64(r.sent.events) / s, Mbit: float64(r.sent.bytes) * 8e-6 / s,
		Numbers: r.sent.numbers, Drops: r.sent.drops, Dropped: r.sent.dropped,
		Broken: r.sent.broken, Unknown: r.sent.unknown, Uncertain: r.uncertain.Load(), Failed: r.fails, Faults: r.befell,
	}
}

// lookAgain is how often the books are looked at until they are complete: what the server has
// taken in is written a moment later, and only it knows when.
const lookAgain = 100 * time.Millisecond

// balance waits until the books are even and complete, for as long as settle.
func (r *Report) balance(ctx context.Context, books Books, prefix string, settle time.Duration) error {
	began, last := time.Now(), uint64(0)
	ctx, cancel := context.WithTimeout(ctx, settle)
	defer cancel()
	for {
		a, err := books.Account(ctx, prefix)
		if err != nil {
			if r.Balance != nil && ctx.Err() != nil {
				return nil // the last look stands
			}
			return fmt.Errorf("look at the books: %w", err)
		}
		r.Balance = r.compare(a)
		r.Balance.Settled = time.Since(began).Seconds()
		even := r.Balance.Even() && a.Open == 0 && (a.Sessions == r.Sessions || len(r.Failed) > 0)
		if len(r.Faults) > 0 {
			// What a server had not read that was killed is never there.
			known := a.known()
			even = a.Open == 0 && a.Sessions >= r.Sessions && known == last && a.Counted >= r.Balance.Stored
			last = known
		}
		if even {
			return nil
		}
		again := time.NewTimer(lookAgain)
		select {
		case <-again.C:
		case <-ctx.Done():
			again.Stop()
			return nil
		}
	}
}

func (r *Report) compare(a Account) *Balance {
	b := &Balance{Sessions: a.Sessions, Kinds: len(a.Stored), Drops: a.Stored[0], Lost: a.Lost, Counted: a.Counted, Holes: a.Holes}
	for _, n := range a.Stored {
		b.Stored += n
	}
	b.Missing = int64(r.Numbers - a.known())
	return b
}

// known is how many numbers are accounted for.
func (a *Account) known() (n uint64) {
	for kind, stored := range a.Stored {
		if kind != 0 {
			n += stored
		}
	}
	for _, lost := range a.Lost {
		n += lost
	}
	return n
}

// Table writes a report for people.
func (r *Report) Table(out io.Writer) error {
	line := func(format string, args ...any) { _, _ = fmt.Fprintf(out, format+"\n", args...) }
	line("%d nodes in %d sessions sent %d events in %.1f s: %.0f a second, %.1f Mbit/s", r.Nodes, r.Sessions, r.Events, r.Seconds, r.PerSecond, r.Mbit)
	line("%d of them stand for %d others, %d cannot be read, %d are of no known kind", r.Drops, r.Dropped, r.Broken, r.Unknown)
	for _, f := range r.Faults {
		line("after %.1f s for %.1f s: %s %s", f.At, f.Took, f.Name, f.Error)
	}
	for _, why := range slices.Sorted(maps.Keys(r.Failed)) {
		line("  %d x %s", r.Failed[why], why)
	}
	if b := r.Balance; b != nil {
		line("\nnumbers used    %12d", r.Numbers)
		line("stored          %12d  of %d kinds; besides, %d that stand for others", b.Stored-b.Drops, b.Kinds, b.Drops)
		for _, cause := range slices.Sorted(maps.Keys(b.Lost)) {
			line("%-15s %12d", cause, b.Lost[cause])
		}
		line("missing         %12d  %.1f s after the last was sent; %d of them before others that are there", b.Missing, b.Settled, b.Holes)
		if len(r.Faults) > 0 {
			line("in roll-ups     %12d", b.Counted)
		}
	}
	if s := r.Server; s != nil {
		s.table(line)
	}
	if b := r.Balance; b != nil && b.BytesEach > 0 {
		line("an event takes %.0f bytes in the database", b.BytesEach)
	}
	if r.Uncertain > 0 {
		line("NOTE %d more were on their way when connections broke: they may be there or not", r.Uncertain)
	}
	return nil
}
