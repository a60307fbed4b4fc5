package app

import (
	"context"

	"parley/api/media"
	"parley/api/meeting"
	"parley/api/trace"
)

// ledger lets the hub speak to the meetings in its own words, and keeps those out whom the
// rules of meetings do not let in: after they are registered as a session, so that nobody
// who is removed at that moment slips through.
type ledger struct {
	*meeting.Ledger
	entry    func(ctx context.Context, m media.Member, observer bool) (host bool, err error)
	attended func(ctx context.Context, room string) // somebody came or went
}

var _ media.Ledger = ledger{}

// Enter implements media.Ledger.
func (l ledger) Enter(ctx context.Context, m media.Member) (media.Meeting, error) {
	asking, step := trace.Step(ctx, "look up the entrant")
	host, err := l.entry(asking, m, false)
	step.End(err)
	if err != nil {
		return media.Meeting{}, err
	}
	writing, step := trace.Step(ctx, "record the entry")
	s, err := l.Ledger.Enter(writing, attendance(m))
	step.End(err)
	l.attended(ctx, string(m.Room))
	return media.Meeting{Started: s.At, Creator: s.Creator, First: s.First, Guess: s.Guess, Host: host}, err
}

// Exit implements media.Ledger.
func (l ledger) Exit(ctx context.Context, m media.Member) media.Ending {
	e := l.Ledger.Exit(ctx, attendance(m))
	l.attended(ctx, string(m.Room))
	return media.Ending{Over: e.Over, Message: e.Message}
}

// Observe implements media.Ledger.
func (l ledger) Observe(ctx context.Context, m media.Member) (media.Meeting, bool, error) {
	if _, err := l.entry(ctx, m, true); err != nil {
		return media.Meeting{}, false, err
	}
	s, ok := l.Running(ctx, string(m.Room))
	return media.Meeting{Started: s.At, Creator: s.Creator, Guess: s.Guess}, ok, nil
}

func attendance(m media.Member) meeting.Attendance {
	return meeting.Attendance{
		Session: uint64(m.Session), Room: string(m.Room), User: m.User, DisplayName: m.DisplayName,
		Node: string(m.Node), Transport: string(m.Transport), Instance: m.Instance,
	}
}

// reconcile closes the sessions of nodes that are not alive any more; see [meeting.Ledger.Reconcile].
func (l ledger) reconcile(ctx context.Context, alive []media.NodeID) (ended []meeting.RoomEnded, writing []string, err error) {
	nodes := make([]string, len(alive))
	for i, n := range alive {
		nodes[i] = string(n)
	}
	return l.Reconcile(ctx, nodes)
}
