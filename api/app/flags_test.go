package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"parley/api/flags"
	"parley/api/natsrelay/natstest"
)

// asAdmin sends a request to n as the admin that dev mode made, and decodes its result.
func asAdmin[T any](n *node, method, target, body string) T {
	n.t.Helper()
	result, err := tryAsAdmin[T](n, method, target, body)
	if err != nil {
		n.t.Fatal(err)
	}
	return result
}

// tryAsAdmin may be called from any goroutine.
func tryAsAdmin[T any](n *node, method, target, body string) (result T, err error) {
	ctx, cancel := context.WithTimeout(n.t.Context(), patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, n.HTTP+"/api/v1/admin/"+target, bytes.NewBufferString(body))
	if err != nil {
		return result, err
	}
	r.Header.Set("Authorization", "Bearer "+n.AdminToken)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	r.Close = true // leaves no connection behind
	w, err := http.DefaultClient.Do(r)
	if err != nil {
		return result, err
	}
	defer w.Body.Close()
	var e struct {
		Result json.RawMessage `json:"result"`
	}
	if err := json.NewDecoder(w.Body).Decode(&e); err != nil || w.StatusCode != http.StatusOK {
		return result, fmt.Errorf("%s %s: %s %s, %w", method, target, w.Status, e.Result, err)
	}
	return result, json.Unmarshal(e.Result, &result)
}

// becomes waits until a flag is want on n.
func becomes[T comparable](n *node, f flags.Flag[T], room string, want T) {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(n.t.Context(), patience)
	defer cancel()
	for {
		changed := n.flags.Changed()
		if f.For(n.flags, room) == want {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			n.t.Fatalf("%s stays %v", f.Name(), f.For(n.flags, room))
		}
	}
}

// What an admin sets on one node holds on all, with NATS and without, and for
// nodes that start later.
func TestFlagsReachEveryNode(t *testing.T) {
	c := newCluster(t)
	a := c.start()
	proxy, through := natstest.Through(t, c.nats)
	whole := c.nats
	c.nats = through
	b := c.start()
	c.nats = whole
	room := newRoom()
	round := func(what string, rounds int) {
		t.Helper()
		var worst, sum time.Duration
		for i := range rounds {
			limit := 10 + i
			began := time.Now()
			asAdmin[any](a, "PUT", "flags/max_participants", fmt.Sprintf(`{"value":%d,"room":%q,"reason":"round %d"}`, limit, room, i))
			if got := flags.MaxParticipants.For(a.flags, room); got != limit {
				t.Fatalf("the node that was asked has %d", got)
			}
			becomes(b, flags.MaxParticipants, room, limit)
			worst, sum = max(worst, time.Since(began)), sum+time.Since(began)
		}
		t.Logf("%s: mean %v, worst %v from the request to the other node", what, sum/time.Duration(rounds), worst)
		asAdmin[any](a, "DELETE", "flags/max_participants?room="+room, "")
		becomes(b, flags.MaxParticipants, room, 0)
	}
	round("with NATS", 10)
	proxy.Cut()
	round("without NATS", 3)

	asAdmin[any](a, "PUT", "flags/guests", `{"value":true}`)
	late := c.start()
	if !flags.Guests.Get(late.flags) {
		t.Error("a node starts without what is set")
	}
	audit := asAdmin[flags.Log](late, "GET", "audit?limit=100", "")
	if audit.Total != 16 || audit.Changes[0].Flag != "guests" || audit.Changes[0].By != "admin" || audit.Changes[15].Reason != "round 0" {
		t.Errorf("audit %+v", audit)
	}
}

// A flag acts at once: nothing is started again.
func TestFlagClosesADoorOnAllNodes(t *testing.T) {
	c := newCluster(t)
	a, b := c.start(), c.start()
	room := newRoom()
	ada := b.join(overWS, "ada", room)
	asAdmin[any](a, "PUT", "flags/path_endpoints", fmt.Sprintf(`{"value":"off","room":%q}`, room))
	becomes(b, flags.PathEndpoints, room, "off")
	for _, n := range []*node{a, b} {
		if _, err := n.dial(overWS, "/lobby/bob/"+room); err == nil {
			t.Error("bob came in by the closed way")
		}
	}
	a.connect(overWS, "bob", newRoom())
	ada.sync() // whoever is in stays
}

// liveRooms is who is in a call, as the API says it.
type liveRooms struct {
	Rooms []struct {
		Meeting      string `json:"meeting_id"`
		Participants []struct {
			User      string `json:"user_id"`
			Session   string `json:"session_id"`
			Node      string `json:"node_id"`
			Transport string `json:"transport"`
		} `json:"participants"`
	} `json:"rooms"`
}

func TestRoomsOfAllNodesAreListed(t *testing.T) {
	c := newCluster(t)
	a, b := c.start(), c.start()
	room := newRoom()
	ada := a.join(overWS, "ada", room)
	b.join(overWT, "bob", room)
	ada.until("joined bob")
	for _, n := range []*node{a, b} {
		got := asAdmin[liveRooms](n, "GET", "rooms", "")
		if len(got.Rooms) != 1 || got.Rooms[0].Meeting != room || len(got.Rooms[0].Participants) != 2 {
			t.Fatalf("rooms %+v", got)
		}
		first, second := got.Rooms[0].Participants[0], got.Rooms[0].Participants[1]
		if first.User != "ada" || first.Node != a.NodeID || first.Session != fmt.Sprint(ada.id) || first.Transport != "websocket" ||
			second.User != "bob" || second.Node != b.NodeID || second.Transport != "webtransport" {
			t.Errorf("participants %+v", got.Rooms[0].Participants)
		}
	}
}

// Nobody but whoever started it gets the admin of dev mode.
func TestAdminOfDevMode(t *testing.T) {
	c := newCluster(t)
	n := c.start()
	s, err := c.tokens.CheckSession(n.AdminToken)
	if err != nil || !s.Admin {
		t.Errorf("%+v, %v", s, err)
	}
	for _, path := range []string{"/client-config.json", "/readyz", "/version", "/"} {
		r, err := http.Get(n.HTTP + path)
		if err != nil {
			t.Fatal(err)
		}
		var body bytes.Buffer
		_, err = body.ReadFrom(r.Body)
		r.Body.Close()
		if err != nil || bytes.Contains(body.Bytes(), []byte(n.AdminToken)) {
			t.Errorf("%s tells the token, or %v", path, err)
		}
	}
	http.DefaultClient.CloseIdleConnections()
}

// An admin on one node removes somebody from another, and ends what goes on there, whether
// people are on the record of a meeting or came in by the open path.
func TestAdminsActOnRoomsOfOtherNodes(t *testing.T) {
	c := newCluster(t)
	for _, features := range [][]string{nil, {"meeting_management=true", "path_endpoints=on"}} {
		a, b := c.start(features...), c.start(features...)
		room := newRoom()
		ada, bob := b.join(overWS, "ada", room), b.join(overWT, "bob", room)
		ada.until("joined bob")
		seen(a, room, 2)
		asAdmin[any](a, "POST", "meetings/"+room+"/remove", `{"user_id":"bob"}`)
		<-bob.Done()
		ada.until("left bob")
		seen(a, room, 1)
		asAdmin[any](a, "POST", "meetings/"+room+"/end", "")
		<-ada.Done()
		// 0 on a machine too busy for the closing handshake.
		if code := ada.CloseCode(); code != 3511 && code != 0 {
			t.Errorf("closed with %d", code)
		}
	}
}

// seen waits until n knows of so many people in a room, on whatever node.
func seen(n *node, room string, people int) {
	n.t.Helper()
	for deadline := time.Now().Add(patience); ; {
		got := 0
		for _, r := range asAdmin[liveRooms](n, "GET", "rooms?limit=500", "").Rooms {
			if r.Meeting == room {
				got = len(r.Participants)
			}
		}
		if got == people {
			return
		}
		if time.Now().After(deadline) {
			n.t.Fatalf("still %d people in %s, want %d", got, room, people)
		}
	}
}
