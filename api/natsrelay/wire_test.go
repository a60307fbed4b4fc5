package natsrelay_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"parley/api/fault"
	"parley/api/media"
	"parley/api/natsrelay"
	"parley/api/natsrelay/natstest"
	"parley/api/rooms/relaytest"
	connectionv1 "parley/protobuf/connection/v1"
)

func TestRoomNames(t *testing.T) {
	t.Parallel()
	n := start(t, natstest.URL(t), natsrelay.Options{})
	for _, room := range []media.RoomID{"", "a.b", "*", ">", "ä", "a b", media.RoomID(make([]byte, 256))} {
		if _, err := n.Open(bounded(t), room, relaytest.NewSink(t)); fault.CodeOf(err) != fault.BadRequest {
			t.Errorf("room %q: %v, want %s", room, err, fault.BadRequest)
		}
	}
}

// stored returns the next message of a stream on a subject.
func stored(t *testing.T, url, stream, subject string) jetstream.Msg {
	t.Helper()
	js, err := jetstream.New(natstest.Dial(t, url))
	if err != nil {
		t.Fatal(err)
	}
	c, err := js.OrderedConsumer(bounded(t), stream, jetstream.OrderedConsumerConfig{FilterSubjects: []string{subject}})
	if err != nil {
		t.Fatal(err)
	}
	m, err := c.Next(jetstream.FetchContext(bounded(t)))
	if err != nil {
		t.Fatalf("nothing on %s in %s: %v", subject, stream, err)
	}
	return m
}

// Where media wait for others, what does not is published at once, behind what waited.
func TestWhatDoesNotWaitIsPublishedInItsTurn(t *testing.T) {
	t.Parallel()
	url := natstest.URL(t)
	n := start(t, url, natsrelay.Options{Window: time.Hour})
	room := newRoom()
	l, _ := open(t, n, room)
	sub := listen(t, url, room)
	publish := func(kinds ...media.Kind) {
		for _, kind := range kinds {
			l.Publish(&media.Frame{From: 1, Kind: kind, Received: time.Now(), Wire: []byte(kind.String())})
		}
	}
	publish(media.Audio)
	if got := next(t, sub); got != media.Audio.String() {
		t.Fatalf("got %s, want what had nothing to wait for", got)
	}
	for _, kind := range []media.Kind{media.Data, media.Control} {
		sent := []media.Kind{media.Audio, media.Video, media.Screen, kind}
		publish(sent...)
		for _, want := range sent {
			if got := next(t, sub); got != want.String() {
				t.Errorf("got %s, want %s", got, want)
			}
		}
	}
}

func TestPacketsTravelAsOthersKnowThem(t *testing.T) {
	t.Parallel()
	url := natstest.URL(t)
	n := start(t, url, natsrelay.Options{})
	room := newRoom()
	l, _ := open(t, n, room)
	sub := listen(t, url, room)

	l.Publish(&media.Frame{From: 18446744073709551615, Kind: media.Video, Received: time.Now(), Wire: []byte("picture")})
	say(t, l, "event")
	if err := l.Flush(bounded(t)); err != nil {
		t.Fatal(err)
	}
	prefix := "room." + string(room) + "."
	for _, want := range []struct{ subject, data string }{
		{prefix + "18446744073709551615", "picture"}, {prefix + "system", "event"},
	} {
		m, err := sub.NextMsgWithContext(bounded(t))
		if err != nil {
			t.Fatal(err)
		}
		if m.Subject != want.subject || string(m.Data) != want.data || m.Reply != "" || len(m.Header) != 1 {
			t.Errorf("got %s %q, reply %q, header %v; want %v", m.Subject, m.Data, m.Reply, m.Header, want)
		}
	}

	if m := stored(t, url, natsrelay.MediaStream, prefix+"18446744073709551615"); string(m.Data()) != "picture" {
		t.Errorf("captured %q", m.Data())
	}
	if m := stored(t, url, natsrelay.EventStream, natsrelay.EventPrefix+string(room)); string(m.Data()) != "event" {
		t.Errorf("kept %q", m.Data())
	}
}

// flushed returns when the server knows what was subscribed on nc.
func flushed(t *testing.T, nc *nats.Conn) {
	t.Helper()
	if err := nc.FlushWithContext(bounded(t)); err != nil {
		t.Fatal(err)
	}
}

func TestWhatReceiversIgnore(t *testing.T) {
	t.Parallel()
	url := natstest.URL(t)
	n := start(t, url, natsrelay.Options{})
	room := newRoom()
	_, sink := open(t, n, room)
	other := natstest.Dial(t, url)
	send := func(token string, header nats.Header, data string) {
		t.Helper()
		m := &nats.Msg{Subject: "room." + string(room) + "." + token, Header: header, Data: []byte(data)}
		if err := other.PublishMsg(m); err != nil {
			t.Fatal(err)
		}
	}
	stamped := func(at time.Time) nats.Header {
		return nats.Header{"Parley": {"elsewhere." + strconv.FormatInt(at.UnixMilli(), 36)}}
	}
	send("1", nil, "")                                     // empty
	send("0", nil, "nobody")                               // 0 is the server's
	send("0f2e7ab0-1", nil, "not a number")                // numbers of older makes
	send("1", nil, string(make([]byte, 4_100_000)))        // larger than any packet
	send("1", stamped(time.Now().Add(-2*patience)), "old") // late
	send("system", stamped(time.Now()), "event")           // it is in the log
	send("system", nil, "foreign event")
	send("1", stamped(time.Now()), "new")
	send("1", nats.Header{"Parley": {"nonsense"}}, "unmarked")
	sink.Want("0: foreign event (foreign)", "1: new", "1: unmarked (foreign)")
	got := n.Stats()
	want := natsrelay.Stats{Delivered: 3, DeliveredBytes: uint64(len("foreign event" + "new" + "unmarked")), Outdated: 1, Malformed: 3}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestEventsAreKeptBeyondARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	room := newRoom()
	for i, event := range []string{"first", "second"} {
		server := serve(t, dir)
		n := start(t, server.URL(), natsrelay.Options{})
		l, sink := open(t, n, room)
		if i > 0 {
			sink.Want("event 1 first (past)")
		}
		say(t, l, event)
		sink.Want(fmt.Sprintf("event %d %s", i+1, event))
		n.Close()
		n.kill()
		server.Close()
	}
}

func TestGoodbyeIsImmediate(t *testing.T) {
	t.Parallel()
	url := natstest.URL(t)
	b := start(t, url, natsrelay.Options{})
	told, lost := losses(&b)
	a := start(t, url, natsrelay.Options{NodeGone: told})
	room := newRoom()
	_, sink := open(t, a, room)
	atB, _ := open(t, b, room)
	announce(t, atB, 1)
	sink.Want(entered(1, b))
	if !present(t, a, b.id) || !present(t, a, a.id) {
		t.Error("a node does not see all nodes")
	}
	atB.Publish(&media.Frame{From: 1, Kind: media.Control, Wire: []byte("last words")})
	b.Close()
	wantAll(t, sink, "1: last words", left(1, b))
	if present(t, a, b.id) {
		t.Error("the node that left is still there")
	}
	b.Close() // again does no harm
	atB.Publish(&media.Frame{From: 1, Kind: media.Control, Wire: []byte("unheard")})
	if err := atB.Flush(bounded(t)); fault.CodeOf(err) != fault.GoingAway {
		t.Errorf("flush after the end: %v, want %s", err, fault.GoingAway)
	}
	if _, err := b.Open(bounded(t), room, sink); fault.CodeOf(err) != fault.GoingAway {
		t.Errorf("open after the end: %v, want %s", err, fault.GoingAway)
	}
	if got := <-lost; got != b.id {
		t.Errorf("%s is gone, want %s", got, b.id)
	}
}

func present(t *testing.T, n node, id media.NodeID) bool {
	t.Helper()
	nodes, err := n.Nodes(bounded(t))
	if err != nil {
		t.Fatal(err)
	}
	return slices.Contains(nodes, id)
}

func TestReports(t *testing.T) {
	t.Parallel()
	url := natstest.URL(t)
	instance := natstest.Name("pod")
	n := start(t, url, natsrelay.Options{Region: "eu", ServiceType: "webtransport", ServerID: instance, Instance: instance})
	nc := natstest.Dial(t, url)
	health, err := nc.SubscribeSync("health.diagnostics.eu.webtransport." + instance)
	if err != nil {
		t.Fatal(err)
	}
	connections, err := nc.SubscribeSync("server.connections.eu.webtransport." + instance)
	if err != nil {
		t.Fatal(err)
	}
	flushed(t, nc)

	s := media.SessionStats{Member: media.Member{Session: 7, Room: "r", User: "ann", Transport: media.WebSocket}, Reconnection: true}
	n.Connected(s)
	n.Traffic(s) // nothing moved yet: not reported
	s.BytesSent, s.BytesReceived, s.Age = 10, 20, 1500*time.Millisecond
	n.Traffic(s)
	n.Disconnected(s)
	n.Health([]byte("healthy"))

	meta := &connectionv1.ConnectionMetadata{
		SessionId: "7", UserId: []byte("ann"), MeetingId: "r", Protocol: "websocket", ServerInstance: instance, Region: "eu",
	}
	moved := &connectionv1.DataTransferInfo{BytesSent: 10, BytesReceived: 20}
	for _, want := range []*connectionv1.ServerConnectionPacket{
		{EventType: connectionv1.EventType_CONNECTION_STARTED, Connection: meta, IsReconnection: true},
		{EventType: connectionv1.EventType_DATA_TRANSFERRED, Connection: meta, IsReconnection: true, DataTransfer: moved, ConnectionDurationMs: 1500},
		{EventType: connectionv1.EventType_CONNECTION_ENDED, Connection: meta, IsReconnection: true, DataTransfer: moved, ConnectionDurationMs: 1500},
	} {
		m, err := connections.NextMsgWithContext(bounded(t))
		if err != nil {
			t.Fatal(err)
		}
		got := new(connectionv1.ServerConnectionPacket)
		if err := proto.Unmarshal(m.Data, got); err != nil {
			t.Fatal(err)
		}
		if since := time.Since(time.UnixMilli(int64(got.TimestampMs))); since < 0 || since > patience {
			t.Errorf("reported %v ago", since)
		}
		if d := cmp.Diff(want, got, protocmp.Transform(), protocmp.IgnoreFields(got, "timestamp_ms")); d != "" {
			t.Error(d)
		}
	}
	m, err := health.NextMsgWithContext(bounded(t))
	if err != nil {
		t.Fatal(err)
	}
	if string(m.Data) != "healthy" || len(m.Header) > 0 {
		t.Errorf("health report %q, header %v", m.Data, m.Header)
	}
}

func TestNodeNames(t *testing.T) {
	t.Parallel()
	for _, name := range []media.NodeID{"", "a.b", "a b"} {
		if _, err := natsrelay.New(t.Context(), natsrelay.Options{Node: name}); err == nil {
			t.Errorf("node %q was accepted", name)
		}
	}
}

func TestNewWithoutJetStreamFails(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := natsrelay.New(ctx, natsrelay.Options{Conn: natstest.Connect(t), Node: "n"})
	if err == nil {
		t.Error("new relay without an answer of the server")
	}
}

// However many nodes and members a room has elsewhere, a packet goes to NATS once.
func TestPacketsArePublishedOnce(t *testing.T) {
	t.Parallel()
	url := natstest.URL(t)
	n, b, c := start(t, url, natsrelay.Options{}), start(t, url, natsrelay.Options{}), start(t, url, natsrelay.Options{})
	room := newRoom()
	l, _ := open(t, n, room)
	var sinks []*relaytest.Sink
	for i, other := range []node{b, c} {
		far, sink := open(t, other, room)
		for j := range 3 {
			announce(t, far, media.SessionID(10*i+j+1))
		}
		sinks = append(sinks, sink)
	}
	nc := natstest.Dial(t, url)
	sub, err := nc.SubscribeSync("room." + string(room) + ".7")
	if err != nil {
		t.Fatal(err)
	}
	flushed(t, nc)
	const packets = 20
	before := n.Stats().Published
	for i := range packets {
		l.Publish(&media.Frame{From: 7, Kind: media.Audio, Received: time.Now(), Wire: []byte(strconv.Itoa(i))})
	}
	for _, s := range sinks {
		heard := slices.DeleteFunc(s.Until("7: "+strconv.Itoa(packets-1)), func(h string) bool { return !strings.HasPrefix(h, "7: ") })
		if len(heard) != packets-1 {
			t.Errorf("a node is told of %q before the last packet", heard)
		}
	}
	if got := n.Stats().Published - before; got != packets {
		t.Errorf("%d packets were published %d times", packets, got)
	}
	for i := range packets {
		m, err := sub.NextMsgWithContext(bounded(t))
		if err != nil || string(m.Data) != strconv.Itoa(i) {
			t.Fatalf("message %d is %v, %v", i, m, err)
		}
	}
}
