package app_test

import (
	"slices"
	"testing"

	"parley/api/media/mediatest"
	"parley/api/natsrelay/natstest"
)

func TestNodesShareARoom(t *testing.T) {
	for _, ways := range [][2]way{{overWS, overWS}, {overWT, overWT}, {overWS, overWT}} {
		t.Run(string(ways[0])+" and "+string(ways[1]), func(t *testing.T) {
			c := newCluster(t)
			a, b := managed(c), managed(c)
			room := newRoom()
			ada := a.join(ways[0], "ada", room)
			bob := b.connect(ways[1], "bob", room)
			// A latecomer on the other node learns who is there and when it all began.
			heard := append(bob.until("joined ada"), bob.sync()...)
			if !slices.Contains(heard, "started by ada") {
				t.Errorf("bob hears %q", heard)
			}
			bob.send(mediatest.Heartbeat())
			ada.until("joined bob")
			for i := range 3 {
				text := string(rune('a' + i))
				ada.send(mediatest.Audio("to b " + text))
				if heard := bob.until("audio to b " + text + " from ada"); len(about(heard, "audio")) > 0 {
					t.Errorf("bob hears %q before", heard)
				}
				bob.send(mediatest.Audio("to a " + text))
				ada.until("audio to a " + text + " from bob")
			}
			eventually(c, 2, activeCount, room)
			_ = bob.Close()
			ada.until("left bob")
			eventually(c, 1, activeCount, room)
		})
	}
}

func TestEachPacketCrossesOnce(t *testing.T) {
	c := newCluster(t)
	a, b := c.start(), c.start()
	room := newRoom()
	ada := a.join(overWS, "ada", room)
	near, far := b.join(overWS, "near", room), b.join(overWS, "far", room)
	ada.until("joined far")
	for range 20 {
		ada.send(mediatest.Audio("once"))
	}
	ada.send(mediatest.Audio("marker"))
	for _, g := range []*guest{near, far} {
		if got := len(about(g.until("audio marker from ada"), "audio once")); got != 20 {
			t.Errorf("%s hears 20 packets %d times", g.name, got)
		}
	}
	if heard := ada.sync(); len(about(heard, "from ada")) > 0 {
		t.Errorf("ada hears herself: %q", heard)
	}
}

func TestNodeThatStopsHandsItsPeopleOver(t *testing.T) {
	c := newCluster(t)
	a, b := managed(c), managed(c)
	room := newRoom()
	// Bob's client says that it is the same: it may be back before node a knows that it is away.
	path := "/lobby/bob/" + room + "?instance_id=" + room
	ada, bob := a.join(overWS, "ada", room), b.enter(overWS, "bob/1", path)
	bob.send(mediatest.Heartbeat())
	ada.until("joined bob/1")
	stopped := make(chan error, 1)
	go func() { stopped <- b.stop() }()
	<-bob.Done()
	// A machine too busy to answer the closing handshake in time loses the code; that it is
	// sent is asserted by the contract of connections.
	if code := bob.CloseCode(); code != 1001 && code != 0 {
		t.Errorf("closed with %d", code)
	}
	a.enter(overWS, "bob/2", path).send(mediatest.Heartbeat())
	if heard := ada.until("replaced bob/1 by bob/2"); len(about(heard, "left")) > 0 {
		t.Errorf("ada hears %q", heard)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	eventually(c, 2, activeCount, room)
}

func TestKeyframeRequestFindsItsTargetOnAnotherNode(t *testing.T) {
	c := newCluster(t)
	a, b := c.start(), c.start()
	room := newRoom()
	ada, bob, eve := a.join(overWS, "ada", room), b.join(overWT, "bob", room), b.join(overWS, "eve", room)
	ada.until("joined eve")
	ada.send(mediatest.KeyframeRequest("bob", 0))
	bob.until("keyframe for bob from ada")
	ada.send(mediatest.Audio("marker"))
	if heard := eve.until("audio marker from ada"); len(about(heard, "keyframe")) > 0 {
		t.Errorf("eve hears %q", heard)
	}
	for i, n := range []*node{a, b} { // the node of whoever asks counts it, and only that one
		if got := series(t, c.page(n.Debug+"/metrics"), `parley_keyframe_requests_total{by="client"}`); got != float64(1-i) {
			t.Errorf("node %d has counted %v requests", i, got)
		}
	}
}

const (
	openSessions = "select count(*) from sessions where room_id = $1 and left_at is null"
	meetingState = "select state || ' of ' || creator_id || ' since ' || started_at from meetings where room_id = $1"
)

// A node that was cut off from the others for too long takes up its meetings where they were.
func TestNodeTakenForDeadTakesUpItsMeetings(t *testing.T) {
	c := newCluster(t)
	a := managed(c)
	proxy, through := natstest.Through(t, c.nats)
	c.nats = through
	b := managed(c)
	shared, alone := newRoom(), newRoom()
	bob := b.join(overWS, "bob", shared)
	ada := a.join(overWS, "ada", shared)
	bob.until("joined ada")
	b.join(overWT, "eve", alone)
	rooms := []string{shared, alone}
	var before []string
	for _, room := range rooms {
		before = append(before, sql[string](c, meetingState, room))
	}

	proxy.Cut()
	ada.until("left bob")
	eventually(c, 0, openSessions, alone)
	eventually(c, 1, openSessions, shared)
	proxy.Heal()
	ada.until("joined bob")
	eventually(c, 1, openSessions, alone)
	eventually(c, 2, openSessions, shared)
	eventually(c, 1, activeCount, alone)
	eventually(c, 2, activeCount, shared)
	for i, room := range rooms {
		if got := sql[string](c, meetingState, room); got != before[i] {
			t.Errorf("meeting is %s, was %s", got, before[i])
		}
	}
	bob.send(mediatest.Audio("here"))
	ada.until("audio here from bob")
}
