package natsrelay_test

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"parley/api/flags"
	"parley/api/media"
	"parley/api/natsrelay"
	"parley/api/natsrelay/natstest"
)

// long is longer than it takes until others are asked for, and than they have to answer.
const long = 5 * time.Second

func say7(l media.Link, what string) {
	l.Publish(&media.Frame{From: 7, Kind: media.Audio, Received: time.Now(), Wire: []byte(what)})
}

// settled makes n find out that nobody else takes part in a room.
func settled(t *testing.T, n node, room media.RoomID) {
	t.Helper()
	for ctx := bounded(t); !n.Alone(room); flushed(t, n.conn) { // until what was heard of others is
		if ctx.Err() != nil {
			t.Fatal("others are heard of")
		}
		n.Settle(long)
	}
}

// joined waits until n knows that it is not alone.
func joined(t *testing.T, n node, room media.RoomID) {
	t.Helper()
	for ctx := bounded(t); n.Alone(room); flushed(t, n.conn) {
		if ctx.Err() != nil {
			t.Fatal("nobody is heard of")
		}
	}
}

// listen returns what is published to a room.
func listen(t *testing.T, url string, room media.RoomID) *nats.Subscription {
	t.Helper()
	nc := natstest.Dial(t, url)
	sub, err := nc.SubscribeSync("room." + string(room) + ".*")
	if err != nil {
		t.Fatal(err)
	}
	flushed(t, nc)
	return sub
}

func next(t *testing.T, sub *nats.Subscription) string {
	t.Helper()
	m, err := sub.NextMsgWithContext(bounded(t))
	if err != nil {
		t.Fatal(err)
	}
	return string(m.Data)
}

// Media of a room that is on one node stay there; who opens it elsewhere misses nothing.
func TestMediaStayWhereEverybodyIs(t *testing.T) {
	t.Parallel()
	url := natstest.URL(t)
	a, b := start(t, url, natsrelay.Options{}), start(t, url, natsrelay.Options{})
	room := newRoom()
	la, _ := open(t, a, room)
	seen := listen(t, url, room)
	settled(t, a, room)
	say7(la, "one")
	la.Publish(&media.Frame{From: 7, Kind: media.Control, Wire: []byte("marker")})
	if got := next(t, seen); got != "marker" {
		t.Errorf("%q is published", got)
	}
	if got := a.Stats().Kept; got != 1 {
		t.Errorf("%d packets are kept", got)
	}

	lb, sb := open(t, b, room) // nobody is announced
	say7(la, "two")
	sb.Want("7: two")

	for range 4 { // a asks, and b answers
		a.Settle(long)
		joined(t, a, room)
	}
	say7(la, "three")
	sb.Want("7: three")

	lb.Close()
	settled(t, a, room)
	announceAway(t, b, room)
	joined(t, a, room)
}

// announceAway makes another node have a member in a room.
func announceAway(t *testing.T, n node, room media.RoomID) {
	t.Helper()
	l, _ := open(t, n, room)
	announce(t, l, 9)
}

// Who does not know of nodes of ours is heard of by what they send.
func TestNodesOfOtherMakesAreCompany(t *testing.T) {
	t.Parallel()
	url := natstest.URL(t)
	a := start(t, url, natsrelay.Options{})
	room := newRoom()
	la, sink := open(t, a, room)
	settled(t, a, room)
	seen := listen(t, url, room)
	other := natstest.Dial(t, url)
	if err := other.Publish("room."+string(room)+".8", []byte("hello")); err != nil {
		t.Fatal(err)
	}
	sink.Want("8: hello (foreign)")
	if got := next(t, seen); got != "hello" {
		t.Fatal(got)
	}
	say7(la, "media")
	if got := next(t, seen); got != "media" {
		t.Errorf("%q is published", got)
	}
}

// Programs that listen on NATS get everything where a flag says so.
func TestMediaAreAlwaysPublishedWhereThatIsWanted(t *testing.T) {
	t.Parallel()
	url := natstest.URL(t)
	registry, err := flags.New(func(string) string { return "" }, natstest.Log(t))
	if err != nil {
		t.Fatal(err)
	}
	room := newRoom()
	a := start(t, url, natsrelay.Options{Always: func(room media.RoomID) bool { return flags.RelayAlways.For(registry, string(room)) }})
	la, _ := open(t, a, room)
	seen := listen(t, url, room)
	settled(t, a, room)
	say7(la, "kept")
	flags.Override(t, registry, flags.RelayAlways, true)
	say7(la, "published")
	if got := next(t, seen); got != "published" {
		t.Errorf("%q is published", got)
	}
}
