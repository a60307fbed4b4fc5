package app_test

import (
	"testing"

	"parley/api/natsrelay/natstest"
)

// forget puts a session on record in the place of one that is there, on the same node, which
// will not close it by itself.
func forget(c *cluster, room string) {
	c.t.Helper()
	const forgotten = `with s as (insert into sessions
		select 7, room_id, 'carol', '', node_id, transport, '', now() from sessions where room_id = $1 limit 1 returning room_id)
		insert into session_participants (room_id, user_id) select room_id, 'carol' from s returning 1`
	sql[int](c, forgotten, room)
}

// When a node has stopped, nobody is on record as there, whether somebody said so or not, and its meetings
// are over.
func TestNodeThatStopsLeavesNobodyOnRecord(t *testing.T) {
	c := newCluster(t)
	n := managed(c)
	room, other := newRoom(), newRoom()
	n.join(overWS, "ada", room)
	n.join(overWT, "bob", room)
	n.join(overWS, "eve", other)
	forget(c, room)
	if err := n.stop(); err != nil {
		t.Error(err)
	}
	for _, room := range []string{room, other} {
		if open, there := sql[int](c, openSessions, room), sql[int](c, activeCount, room); open != 0 || there != 0 {
			t.Errorf("%d open sessions of %d participants", open, there)
		}
		if state := sql[string](c, "select state from meetings where room_id = $1", room); state != "ended" {
			t.Errorf("the meeting is %s", state)
		}
	}
}

// Whatever a node did not record before it said goodbye, the others do, and nothing else: as of when it was
// last known to live.
func TestNodeThatLeavesSomethingUndone(t *testing.T) {
	c := newCluster(t)
	a := managed(c)
	direct := c.database
	proxy, through := natstest.Through(t, direct)
	c.database = through
	b := managed(c)
	c.database = direct
	room, kept := newRoom(), newRoom()
	a.join(overWS, "ada", kept)
	b.join(overWS, "bob", kept).sync()
	b.join(overWS, "bob", room).sync()
	forget(c, room)
	proxy.Cut()
	if err := b.stop(); err == nil {
		t.Error("a node whose database is away has written all departures")
	}
	b.stop = func() error { return nil }
	eventually(c, 0, openSessions, room)
	eventually(c, 0, activeCount, room)
	eventually(c, "ended", "select state from meetings where room_id = $1", room)
	eventually(c, 1, openSessions, kept)
	if got := sql[string](c, "select user_id from sessions where room_id = $1 and left_at is null", kept); got != "ada" {
		t.Errorf("%s is in the meeting", got)
	}
	if sql[bool](c, "select exists (select from sessions where left_at > now() or left_at < entered_at)") {
		t.Error("somebody left before they came, or will")
	}
}
