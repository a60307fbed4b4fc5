package app_test

import (
	"context"
	"net/http"
	"net/url"
	"testing"
	"time"

	"parley/api/client"
	"parley/api/fault"
	"parley/api/media/mediatest"
	"parley/api/natsrelay/natstest"
	"parley/api/token"
)

// signIn returns a new session token of user's.
func (c *cluster) signIn(user string) string {
	c.t.Helper()
	raw, err := c.tokens.MintSession(token.Session{User: user, Name: user}, time.Hour)
	if err != nil {
		c.t.Fatal(err)
	}
	return raw
}

// status sends a request with a session, and returns the status of the answer.
func (n *node) status(session, method, path string) int {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(n.t.Context(), patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, n.HTTP+path, nil)
	if err != nil {
		n.t.Fatal(err)
	}
	r.Header.Set("Cookie", "session="+session)
	r.Close = true // leaves no connection behind
	w, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		n.t.Fatal(err)
	}
	w.Body.Close()
	return w.StatusCode
}

// insideWith joins room and connects with the token that a session gets for it, which it
// returns as well.
func (n *node) insideWith(over way, name, session, room string) (*guest, string) {
	n.t.Helper()
	answer := n.askWith(session, "POST", "/"+room+"/join", "")
	raw, _ := answer["room_token"].(string)
	if raw == "" {
		raw, _ = answer["observer_token"].(string)
	}
	g := n.enter(over, name, "/lobby?token="+url.QueryEscape(raw))
	if answer["status"] == "admitted" {
		g.send(mediatest.Heartbeat())
	}
	g.sync()
	return g, raw
}

// refusedWith waits until n refuses a session, and returns when that was.
func (n *node) refusedWith(session string) time.Time {
	n.t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		if n.status(session, "GET", "/session") == http.StatusUnauthorized {
			return time.Now()
		}
	}
	n.t.Fatal("the session goes on")
	return time.Time{}
}

// wantShut connects with a room token that was made with a session which was ended.
func (n *node) wantShut(over way, raw string) {
	n.t.Helper()
	g, err := n.dial(over, "/lobby?token="+url.QueryEscape(raw))
	if err == nil {
		_ = g.Close()
		n.t.Errorf("%s: a room token outlives its session", over)
	}
}

// isSignedOut reports whether err and the close code tell that one has signed out, and not to
// come back. WebTransport may lose both.
func isSignedOut(over way, g *client.Client, err error) bool {
	code := g.CloseCode()
	return endsWith(over, err, string(fault.SignedOut)) || code == int(fault.Codes[fault.SignedOut].Close)
}

// Who signs out on one node is out on all: at the REST API, in front of rooms, and inside.
func TestSigningOutHoldsOnEveryNode(t *testing.T) {
	c := newCluster(t)
	features := []string{"meeting_management=true", "waiting_room_default=false"}
	a, b := c.start(features...), c.start(features...)
	each(t, func(t *testing.T, over way) {
		room, waited := newRoom(), newRoom()
		ada := a.inside(over, "ada", room)
		a.ask("ada", "POST", "", `{"meeting_id":"`+waited+`"}`)
		session, other := c.signIn("bob"), c.signIn("bob")
		bob, raw := b.insideWith(over, "bob", session, room)
		second, _ := b.insideWith(over, "bob/other", other, room)
		waiting, observing := b.insideWith(over, "bob/waiting", session, waited) // for ada to begin
		ada.send(mediatest.Audio("before"))
		bob.until("audio before from ada")

		asked := time.Now()
		if got := a.status(session, "POST", "/logout"); got != 200 {
			t.Fatalf("signing out: %d", got)
		}
		if got := a.status(session, "GET", "/session"); got != 401 {
			t.Errorf("the node that was asked says %d", got)
		}
		took := b.refusedWith(session).Sub(asked)
		for _, g := range []*guest{bob, waiting} {
			_, err := g.ending()
			if !isSignedOut(over, g.Client, err) {
				t.Errorf("%s ends with %v, code %d", g.name, err, g.CloseCode())
			}
		}
		closed := time.Since(asked)
		t.Logf("refused after %v, closed with %d after %v", took, bob.CloseCode(), closed)
		for _, n := range []*node{a, b} {
			n.wantShut(over, raw)
			n.wantShut(over, observing)
		}
		ada.until("left bob")
		ada.send(mediatest.Audio("after"))
		second.until("audio after from ada") // another sign-in of the same person goes on
		if got := b.status(other, "GET", "/session"); got != 200 {
			t.Errorf("the other sign-in: %d", got)
		}
	})
}

// Who signs out at the moment of coming in is either not let in or sent away: never forgotten.
func TestSigningOutWhileComingIn(t *testing.T) {
	c := newCluster(t)
	features := []string{"meeting_management=true", "waiting_room_default=false"}
	a, b := c.start(features...), c.start(features...)
	room := newRoom()
	a.inside(overWS, "ada", room)
	came := 0
	for i := range 30 {
		over := []way{overWS, overWT}[i%2]
		session := c.signIn("bob")
		raw, _ := b.askWith(session, "POST", "/"+room+"/join", "")["room_token"].(string)
		signedOut := make(chan int, 1)
		go func() { signedOut <- a.status(session, "GET", "/logout") }()
		g, err := b.dial(over, "/lobby?token="+url.QueryEscape(raw))
		if got := <-signedOut; got != 200 {
			t.Fatalf("signing out: %d", got)
		}
		if err != nil {
			continue
		}
		came++
		select {
		case <-g.Done():
		case <-time.After(patience):
			t.Fatal("bob stays although he signed out")
		}
	}
	t.Logf("%d of 30 came in for a moment", came)
}

// It takes no NATS, and nodes that start later know.
func TestSigningOutIsRemembered(t *testing.T) {
	c := newCluster(t)
	features := []string{"meeting_management=true", "waiting_room_default=false"}
	a := c.start(features...)
	proxy, through := natstest.Through(t, c.nats)
	whole := c.nats
	c.nats = through
	b := c.start(features...)
	c.nats = whole
	room := newRoom()
	session := c.signIn("bob")
	bob, raw := b.insideWith(overWS, "bob", session, room)
	proxy.Cut()
	asked := time.Now()
	if got := a.status(session, "GET", "/logout"); got != 200 {
		t.Fatalf("signing out: %d", got)
	}
	took := b.refusedWith(session).Sub(asked)
	t.Logf("without NATS refused after %v", took)
	if _, err := bob.ending(); !isSignedOut(overWS, bob.Client, err) {
		t.Errorf("bob ends with %v, code %d", err, bob.CloseCode())
	}
	proxy.Heal()
	if err := a.stop(); err != nil {
		t.Fatal(err)
	}
	late := c.start(features...)
	if got := late.status(session, "GET", "/session"); got != 401 {
		t.Errorf("a node that starts later says %d", got)
	}
	late.wantShut(overWS, raw)
	late.wantShut(overWT, raw)
}
