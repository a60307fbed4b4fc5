package natsrelay_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"parley/api/embedded"
	"parley/api/fault"
	"parley/api/media"
	"parley/api/natsrelay"
	"parley/api/natsrelay/natstest"
	"parley/api/rooms/relaytest"
)

func bounded(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

func newRoom() media.RoomID { return media.RoomID(natstest.Name("room")) }

func open(t testing.TB, n node, room media.RoomID) (media.Link, *relaytest.Sink) {
	t.Helper()
	s := relaytest.NewSink(t)
	l, err := n.Open(bounded(t), room, s)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(l.Close)
	return l, s
}

func member(session media.SessionID) media.Member {
	return media.Member{Session: session, User: "u", Joined: time.Unix(int64(session), 0).UTC()}
}

func announce(t testing.TB, l media.Link, session media.SessionID) {
	t.Helper()
	if err := l.Announce(bounded(t), member(session)); err != nil {
		t.Fatalf("announce: %v", err)
	}
}

// announceAtLast announces a member while servers come up or elect a leader: attempts may fail.
func announceAtLast(t testing.TB, l media.Link, session media.SessionID) {
	t.Helper()
	atLast(t, func(ctx context.Context) error { return l.Announce(ctx, member(session)) })
}

// flushAtLast is a barrier under the same conditions.
func flushAtLast(t testing.TB, l media.Link) {
	t.Helper()
	atLast(t, l.Flush)
}

// atLast tries until do succeeds; do blocks while there is nothing to hope for.
func atLast(t testing.TB, do func(context.Context) error) {
	t.Helper()
	for ctx := bounded(t); ; {
		err := do(ctx)
		if err == nil {
			return
		}
		if ctx.Err() != nil {
			t.Fatalf("at last: %v", err)
		}
	}
}

// losses returns a callback and the channel into which it tells that n was lost; other tests
// may lose nodes on the same server.
func losses(n *node) (func(context.Context, media.NodeID), chan media.NodeID) {
	lost := make(chan media.NodeID, 100)
	return func(_ context.Context, id media.NodeID) {
		if id == n.id {
			lost <- id
		}
	}, lost
}

func entered(session int, n node) string { return fmt.Sprintf("entered %d u@%s", session, n.id) }
func left(session int, n node) string    { return fmt.Sprintf("left %d u@%s", session, n.id) }

// wantAll fails the test unless the next calls of s are want in any order.
func wantAll(t *testing.T, s *relaytest.Sink, want ...string) {
	t.Helper()
	missing := make(map[string]int)
	for _, w := range want {
		missing[w]++
	}
	for range want {
		got := s.Next()
		if missing[got]--; missing[got] < 0 {
			t.Fatalf("unexpected %q; want %q", got, want)
		}
	}
}

// disconnected returns when n has noticed that its server is gone.
func disconnected(t testing.TB, n node) {
	t.Helper()
	for status := n.conn.StatusChanged(); n.conn.IsConnected(); {
		select {
		case <-status:
		case <-bounded(t).Done():
			t.Fatal("connection outlived its server")
		}
	}
}

func TestShortOutageIsCaughtUp(t *testing.T) {
	t.Parallel()
	url := natstest.URL(t)
	proxy, through := natstest.Through(t, url)
	a, b := start(t, url, natsrelay.Options{}), start(t, through, natsrelay.Options{})
	room := newRoom()
	atA, sinkA := open(t, a, room)
	atB, sinkB := open(t, b, room)
	announce(t, atA, 1)
	announce(t, atA, 2)
	announce(t, atB, 3)
	sinkB.Want(entered(1, a), entered(2, a))
	sinkA.Want(entered(3, b))

	proxy.Cut()
	disconnected(t, b)
	if _, err := b.Open(t.Context(), newRoom(), relaytest.NewSink(t)); fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("open without NATS: %v, want %s", err, fault.Unavailable)
	}
	if err := atB.Announce(bounded(t), member(4)); fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("announce without NATS: %v, want %s", err, fault.Unavailable)
	}
	if _, err := atB.Withdraw(bounded(t), member(3)); fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("withdraw without NATS: %v, want %s", err, fault.Unavailable)
	}
	packet := make([]byte, 64<<10)
	for range 200 { // more than the outbox holds
		atB.Publish(&media.Frame{From: 3, Kind: media.Video, Received: time.Now(), Wire: packet})
	}
	if b.Stats().Dropped == 0 {
		t.Error("nothing was dropped of more than the outbox holds")
	}
	announce(t, atA, 5)
	if ok, err := atA.Withdraw(bounded(t), member(1)); !ok || err != nil {
		t.Fatalf("withdraw: %v, %v", ok, err)
	}
	proxy.Heal()

	wantAll(t, sinkB, left(1, a), entered(5, a))
	atB.Publish(&media.Frame{From: 9, Kind: media.Control, Wire: []byte("back")})
	var calls []string
	for got := map[string]bool{}; len(got) < 3; {
		switch call := sinkA.Next(); call {
		case "9: back", left(3, b), entered(4, b):
			got[call] = true
			calls = append(calls, call)
		}
	}
	t.Log(calls)
	announce(t, atA, 6)
	sinkB.Want(entered(6, a)) // and nothing of the outage meanwhile
}

// say appends an event to the log of the room of l.
func say(t testing.TB, l media.Link, text string) {
	t.Helper()
	if err := l.Append(bounded(t), media.NewEvent([]byte(text)), nil); err != nil {
		t.Fatalf("append: %v", err)
	}
}

func TestEventsOfAnOutageAreToldOnceAndInOrder(t *testing.T) {
	t.Parallel()
	url := natstest.URL(t)
	proxy, through := natstest.Through(t, url)
	a, b := start(t, url, natsrelay.Options{}), start(t, through, natsrelay.Options{})
	room := newRoom()
	atA, sinkA := open(t, a, room)
	atB, sinkB := open(t, b, room)
	say(t, atA, "before")
	sinkA.Want("event 1 before")
	sinkB.Want("event 1 before")
	number := 1
	for range 2 { // what was told after the first outage is not told again after the second
		proxy.Cut()
		disconnected(t, b)
		own := media.NewEvent([]byte("own"))
		if err := atB.Append(bounded(t), own, nil); fault.CodeOf(err) != fault.Unavailable {
			t.Errorf("append without NATS: %v, want %s", err, fault.Unavailable)
		}
		say(t, atA, "first")
		say(t, atA, "last")
		proxy.Heal()
		atLast(t, func(ctx context.Context) error { return atB.Append(ctx, own, nil) })
		say(t, atA, "after")
		for _, s := range []*relaytest.Sink{sinkA, sinkB} {
			for i, text := range []string{"first", "last", "own", "after"} {
				s.Want(fmt.Sprintf("event %d %s", number+i+1, text))
			}
		}
		number += 4
	}
}

func TestNewLogFollowsOneThatWasLost(t *testing.T) {
	t.Parallel()
	url := natstest.URL(t)
	a, b := start(t, url, natsrelay.Options{}), start(t, url, natsrelay.Options{})
	room := newRoom()
	atA, sinkA := open(t, a, room)
	atB, sinkB := open(t, b, room)
	say(t, atA, "one")
	say(t, atB, "two")
	js, err := jetstream.New(a.conn)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := js.Stream(bounded(t), natsrelay.EventStream)
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Purge(bounded(t), jetstream.WithPurgeSubject(natsrelay.EventPrefix+string(room))); err != nil {
		t.Fatal(err)
	}
	say(t, atA, "again")
	say(t, atB, "and again")
	for _, s := range []*relaytest.Sink{sinkA, sinkB} {
		s.Want("event 1 one", "event 2 two", "event 1 again", "event 2 and again")
	}
}

// serve runs a server on the data in dir.
func serve(t *testing.T, dir string) *embedded.NATS {
	t.Helper()
	n, err := embedded.StartNATS(bounded(t), embedded.NATSOptions{Dir: dir, Log: natstest.Log(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Close)
	return n
}

func TestServerThatForgotMakesNobodyLeave(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	server := serve(t, dir)
	a, b := start(t, server.URL(), natsrelay.Options{}), start(t, server.URL(), natsrelay.Options{})
	room := newRoom()
	atA, sinkA := open(t, a, room)
	atB, sinkB := open(t, b, room)
	announce(t, atA, 1)
	announce(t, atB, 2)
	sinkA.Want(entered(2, b))
	sinkB.Want(entered(1, a))

	server.Close()
	disconnected(t, a)
	disconnected(t, b)
	serve(t, dir) // where it was; its streams in memory are gone

	// Who comes after that finds everybody.
	c := start(t, server.URL(), natsrelay.Options{})
	_, sinkC := open(t, c, room)
	wantAll(t, sinkC, entered(1, a), entered(2, b))
	// Those who were there noticed nothing.
	announceAtLast(t, atA, 3)
	announce(t, atB, 4)
	sinkA.Want(entered(4, b))
	sinkB.Want(entered(3, a))
	atA.Publish(&media.Frame{From: 1, Kind: media.Video, Wire: []byte("hello")})
	sinkB.Want("1: hello")
}

func TestNodeTakenForDeadComesBack(t *testing.T) {
	t.Parallel()
	url := natstest.URL(t)
	proxy, through := natstest.Through(t, url)
	revived := make(chan struct{}, 10)
	b := start(t, through, natsrelay.Options{Revived: func(context.Context) { revived <- struct{}{} }})
	told, lost := losses(&b)
	ended := make(chan struct{})
	var once sync.Once
	a := start(t, url, natsrelay.Options{NodeGone: func(ctx context.Context, id media.NodeID) {
		told(ctx, id)
		if id == b.id {
			<-ctx.Done()
			once.Do(func() { close(ended) })
		}
	}})
	room := newRoom()
	atA, sinkA := open(t, a, room)
	atB, sinkB := open(t, b, room)
	announce(t, atA, 1)
	announce(t, atB, 2)
	sinkA.Want(entered(2, b))
	sinkB.Want(entered(1, a))

	proxy.Cut()
	cut := time.Now()
	sinkA.Want(left(2, b))
	t.Logf("gone after %v", time.Since(cut))
	<-lost
	select {
	case <-ended:
		t.Error("what is done about the dead ended while it was dead")
	default:
	}
	if len(revived) > 0 {
		t.Error("revived while cut off")
	}
	proxy.Heal()
	<-ended
	<-revived
	sinkA.Want(entered(2, b))
	announce(t, atA, 3)
	sinkB.Want(entered(3, a)) // nothing of its own member
	if len(lost) > 0 {
		t.Errorf("lost again: %s", <-lost)
	}
}

func TestPartOfTheClusterCutOff(t *testing.T) {
	t.Parallel()
	c := natstest.Cluster(t)
	a := start(t, c.URL(0), natsrelay.Options{Replicas: 3})
	b := start(t, c.URL(1), natsrelay.Options{Replicas: 3})
	room := newRoom()
	atA, sinkA := open(t, a, room)
	atB, sinkB := open(t, b, room)
	announce(t, atA, 1)
	announce(t, atB, 2)
	sinkA.Want(entered(2, b))
	sinkB.Want(entered(1, a))

	c.Cut(1) // B keeps its connection but has no JetStream any more
	cut := time.Now()
	sinkA.Want(left(2, b))
	t.Logf("gone after %v", time.Since(cut).Round(time.Millisecond))
	// What is published now is kept only once the streams have leaders again, so nothing is
	// said here about what B missed.
	c.Heal()
	sinkA.Want(entered(2, b))
	announceAtLast(t, atA, 3) // leaders may change once more
	sinkB.Want(entered(3, a))
	flushAtLast(t, atA)
}

func TestServerOfTheClusterStops(t *testing.T) {
	t.Parallel()
	c := natstest.Cluster(t)
	a := start(t, c.URL(0), natsrelay.Options{Replicas: 3})
	b := start(t, c.URL(1), natsrelay.Options{Replicas: 3})
	room := newRoom()
	atA, sinkA := open(t, a, room)
	atB, sinkB := open(t, b, room)
	announce(t, atA, 1)
	announce(t, atB, 2)
	sinkA.Want(entered(2, b))
	sinkB.Want(entered(1, a))

	c.Stop(0) // A goes to another server; leaders are elected anew
	announceAtLast(t, atA, 3)
	sinkB.Want(entered(3, a))
	announceAtLast(t, atB, 4)
	sinkA.Want(entered(4, b))
	flushAtLast(t, atA)
}
