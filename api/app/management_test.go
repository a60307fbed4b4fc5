package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"parley/api/fault"
	"parley/api/media/mediatest"
	"parley/api/token"
	callv1 "parley/protobuf/call/v1"
)

// ask sends a request about meetings as user and returns the result.
func (n *node) ask(user, method, path, body string) map[string]any {
	n.t.Helper()
	return n.askWith(n.signIn(user), method, path, body)
}

// askWith sends a request about meetings with a session and returns the result.
func (n *node) askWith(session, method, path, body string) map[string]any {
	n.t.Helper()
	e := n.request(session, method, path, body)
	if !e.Success {
		n.t.Fatalf("%s %s: %v", method, path, e.Result)
	}
	return e.Result
}

// refused sends a request that must fail and returns the code of the answer.
func (n *node) refused(user, method, path, body string) string {
	n.t.Helper()
	e := n.request(n.signIn(user), method, path, body)
	if e.Success {
		n.t.Fatalf("%s %s succeeds: %v", method, path, e.Result)
	}
	code, _ := e.Result["code"].(string)
	return code
}

// envelope is what every request about meetings is answered with.
type envelope struct {
	Success bool           `json:"success"`
	Result  map[string]any `json:"result"`
}

func (n *node) request(session, method, path, body string) (e envelope) {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(n.t.Context(), patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, n.HTTP+"/api/v1/meetings"+path, bytes.NewReader([]byte(body)))
	if err != nil {
		n.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+session)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	answer, err := (&http.Client{Transport: transport}).Do(r)
	if err != nil {
		n.t.Fatal(err)
	}
	defer answer.Body.Close()
	if err := json.NewDecoder(answer.Body).Decode(&e); err != nil {
		n.t.Fatalf("%s %s: %s %v", method, path, answer.Status, err)
	}
	return e
}

// inside joins by REST and connects with the token that gives, as an observer when it waits.
func (n *node) inside(over way, name, room string) *guest {
	n.t.Helper()
	user, _, _ := strings.Cut(name, "/")
	answer := n.ask(user, "POST", "/"+room+"/join", `{"display_name":"`+user+`"}`)
	raw, _ := answer["room_token"].(string)
	if raw == "" {
		raw, _ = answer["observer_token"].(string)
	}
	g := n.enter(over, name, "/lobby?token="+url.QueryEscape(raw))
	if answer["status"] == "admitted" {
		g.send(mediatest.Heartbeat())
	}
	g.sync()
	return g
}

// ending reads until the connection ends and returns what was heard and how it ended.
func (g *guest) ending() (heard []string, err error) {
	g.c.t.Helper()
	ctx, cancel := context.WithTimeout(g.ctx, patience)
	defer cancel()
	for {
		p, err := g.Receive(ctx)
		if err != nil {
			return heard, err
		}
		g.c.mu.Lock()
		heard = append(heard, mediatest.Describe(p.Data, g.c.names))
		g.c.mu.Unlock()
	}
}

// isRemoved reports whether err is the end of who was removed.
func isRemoved(over way, err error) bool { return endsWith(over, err, string(fault.Removed)) }

// endsWith reports whether err is the end of a connection with that code. WebTransport may
// lose it.
func endsWith(over way, err error, code string) bool {
	return over == overWT || strings.Contains(err.Error(), code)
}

// Whoever is removed gets nothing more: what was said after the answer to the request never
// arrives, on no node and over no transport.
func TestRemovedPeopleAreSilentlyOutOnEveryNode(t *testing.T) {
	c := newCluster(t)
	a := c.start("meeting_management=true", "waiting_room_default=false")
	b := c.start("meeting_management=true", "waiting_room_default=false")
	each(t, func(t *testing.T, over way) {
		room := newRoom()
		ada := a.inside(over, "ada", room)
		bob := b.inside(over, "bob", room)
		cyd := b.inside(over, "cyd", room)
		ada.send(mediatest.Audio("before"))
		bob.until("audio before from ada")
		cyd.until("audio before from ada")

		asked := time.Now()
		a.ask("ada", "POST", "/"+room+"/kick", `{"user_id":"bob"}`)
		took := time.Since(asked)
		ada.send(mediatest.Audio("after"))
		cyd.until("audio after from ada")
		heard, err := bob.ending()
		if len(about(heard, "audio")) > 0 || len(about(heard, "KICKED")) == 0 {
			t.Errorf("bob hears %q", heard)
		}
		if !isRemoved(over, err) {
			t.Errorf("bob's connection ends with %v", err)
		}
		t.Logf("removed and answered after %v", took)

		// The token is still good, and opens nothing.
		stale := b.token(token.Room{User: "bob", Room: room, DisplayName: "bob"}, time.Minute)
		back, err := b.dial(over, "/lobby?token="+url.QueryEscape(stale))
		if err == nil {
			for err == nil {
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				_, err = back.Receive(ctx)
				cancel()
			}
		}
		if !isRemoved(over, err) {
			t.Errorf("bob comes back: %v", err)
		}
		eventually(c, 0, "select count(*) from sessions where room_id = $1 and user_id = 'bob' and left_at is null", room)
	})
}

func TestWaitingPeopleAreToldAcrossNodes(t *testing.T) {
	c := newCluster(t)
	a, b := c.start("meeting_management=true"), c.start("meeting_management=true")
	each(t, func(t *testing.T, over way) {
		room := newRoom()
		a.ask("ada", "POST", "", `{"meeting_id":"`+room+`"}`)
		early := b.inside(over, "bob/early", room) // waits for the meeting
		ada := a.inside(over, "ada", room)
		early.until(callv1.MeetingPacket_MEETING_ACTIVATED.String())
		bob := b.inside(over, "bob/waiting", room)
		cyd := b.inside(over, "cyd/waiting", room)
		ada.until(callv1.MeetingPacket_WAITING_ROOM_UPDATED.String())
		ada.send(mediatest.Audio("secret"))
		a.ask("ada", "POST", "/"+room+"/admit", `{"user_id":"bob"}`)
		if heard := bob.until(callv1.MeetingPacket_PARTICIPANT_ADMITTED.String()); len(about(heard, "audio")) > 0 {
			t.Errorf("who waits hears %q", heard)
		}
		inside := b.inside(over, "bob", room)
		a.ask("ada", "POST", "/"+room+"/reject", `{"user_id":"cyd"}`)
		if heard, _ := cyd.ending(); len(about(heard, "REJECTED")) == 0 {
			t.Errorf("cyd hears %q", heard)
		}
		a.ask("ada", "POST", "/"+room+"/mute", `{"user_id":"bob"}`)
		inside.until(callv1.MeetingPacket_HOST_MUTE_PARTICIPANT.String())
		a.ask("ada", "POST", "/"+room+"/end", "")
		for _, g := range []*guest{ada, inside} {
			if heard, _ := g.ending(); len(about(heard, "ended: ")) == 0 {
				t.Errorf("%s hears %q", g.name, heard)
			}
		}
	})
}
