package app

import (
	"context"

	"parley/api/media"
	"parley/api/meeting"
	"parley/api/rest"
)

// ledger lets the hub and the REST API speak to the meetings in their own words.
type ledger struct{ *meeting.Ledger }

var (
	_ media.Ledger  = ledger{}
	_ rest.Meetings = ledger{}
)

// Enter implements media.Ledger.
func (l ledger) Enter(ctx context.Context, m media.Member) (media.Meeting, error) {
	s, err := l.Ledger.Enter(ctx, attendance(m))
	return media.Meeting{Started: s.At, Creator: s.Creator, First: s.First}, err
}

// Exit implements media.Ledger.
func (l ledger) Exit(ctx context.Context, m media.Member) media.Ending {
	e := l.Ledger.Exit(ctx, attendance(m))
	return media.Ending{Over: e.Over, Message: e.Message}
}

// Lookup implements media.Ledger.
func (l ledger) Lookup(ctx context.Context, room media.RoomID) (media.Meeting, bool) {
	s, ok := l.Running(ctx, string(room))
	return media.Meeting{Started: s.At, Creator: s.Creator}, ok
}

// Creator implements rest.Meetings.
func (l ledger) Creator(ctx context.Context, room string) (string, bool, error) {
	s, ok := l.Running(ctx, room)
	return s.Creator, ok, nil
}

func attendance(m media.Member) meeting.Attendance {
	return meeting.Attendance{
		Session: uint64(m.Session), Room: string(m.Room), User: m.User, DisplayName: m.DisplayName,
		Node: string(m.Node), Transport: string(m.Transport), Instance: m.Instance,
	}
}

// reconcile closes the sessions of nodes that are not alive any more.
func (l ledger) reconcile(ctx context.Context, alive []media.NodeID) ([]meeting.RoomEnded, error) {
	nodes := make([]string, len(alive))
	for i, n := range alive {
		nodes[i] = string(n)
	}
	return l.Reconcile(ctx, nodes)
}
