package app_test

import (
	"context"
	"encoding/json"
	"net/url"
	"testing"
	"time"

	"parley/api/media/mediatest"
	"parley/api/natsrelay/natstest"
	"parley/api/token"
)

// A node that hears nothing of the others still ends the connections of whom they removed,
// once it is back.
func TestCutOffNodeLearnsWhoWasRemoved(t *testing.T) {
	c := newCluster(t)
	managed := []string{"meeting_management=true", "waiting_room_default=false"}
	a := c.start(managed...)
	proxy, through := natstest.Through(t, c.nats)
	whole := c.nats
	c.nats = through
	b := c.start(managed...)
	c.nats = whole
	room := newRoom()
	ada := a.inside(overWS, "ada", room)
	bob, cyd := b.inside(overWS, "bob", room), b.inside(overWS, "cyd", room)
	ada.until("joined cyd")
	proxy.Cut()
	a.ask("ada", "POST", "/"+room+"/kick", `{"user_id":"bob"}`)
	proxy.Heal()
	if _, err := bob.ending(); !isRemoved(overWS, err) {
		t.Errorf("bob's connection ends with %v", err)
	}
	cyd.sync() // whoever is in stays
}

// Who was turned away hears no more of what happens in front of the room.
func TestRejectedObserversStayOut(t *testing.T) {
	n := newCluster(t).start("meeting_management=true", "waiting_room_default=true")
	each(t, func(t *testing.T, over way) {
		room := newRoom()
		n.ask("ada", "POST", "/"+room+"/join", "")
		n.ask("bob", "POST", "/"+room+"/join", "")
		n.ask("ada", "POST", "/"+room+"/reject", `{"user_id":"bob"}`)
		stale := n.token(token.Room{User: "bob", Room: room, Observer: true}, time.Minute)
		g, err := n.dial(over, "/lobby?token="+url.QueryEscape(stale))
		for err == nil {
			_, err = g.Receive(t.Context())
		}
		if !isRemoved(over, err) {
			t.Errorf("bob waits on, until %v", err)
		}
	})
}

// Tokens of a meeting that ended are of no use when it begins anew: whoever was in has to ask
// again. Neither is any token of somebody who is banned.
func TestTokensAreForOneMeeting(t *testing.T) {
	n := newCluster(t).start("meeting_management=true", "waiting_room_default=true")
	each(t, func(t *testing.T, over way) {
		again, banned := newRoom(), newRoom()
		for _, room := range []string{again, banned} {
			n.ask("ada", "POST", "/"+room+"/join", "")
			n.ask("bob", "POST", "/"+room+"/join", "")
			n.ask("ada", "POST", "/"+room+"/admit", `{"user_id":"bob"}`)
		}
		ours := func(room string, observer bool) string {
			return n.token(token.Room{User: "bob", Room: room, Observer: observer}, time.Minute)
		}
		old := ours(again, false)
		inside := ours(banned, false)
		waiting := ours(banned, true)
		n.ask("ada", "POST", "/"+again+"/end", "")
		n.ask("ada", "POST", "/"+again+"/join", "")
		n.ask("ada", "POST", "/"+banned+"/kick", `{"user_id":"bob","ban":true}`)
		for what, raw := range map[string]string{"of before": old, "of who is banned": inside, "of who is banned, for waiting": waiting} {
			g, err := n.dial(over, "/lobby?token="+url.QueryEscape(raw))
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			for err == nil {
				_, err = g.Receive(ctx)
			}
			if !isRemoved(over, err) || ctx.Err() != nil {
				t.Errorf("the token %s: %v", what, err)
			}
			cancel()
		}
	})
}

// A token outlives neither the meeting it was for, nor leaving it.
func TestOldTokensOpenNothing(t *testing.T) {
	n := newCluster(t).start("meeting_management=true", "waiting_room_default=false")
	each(t, func(t *testing.T, over way) {
		left, ended, deleted := newRoom(), newRoom(), newRoom()
		for _, room := range []string{left, ended, deleted} {
			n.ask("ada", "POST", "/"+room+"/join", "")
			n.ask("bob", "POST", "/"+room+"/join", "")
		}
		was := map[string]string{}
		for _, room := range []string{left, ended, deleted} {
			was[room] = n.token(token.Room{User: "bob", Room: room}, time.Minute)
		}
		n.ask("bob", "POST", "/"+left+"/leave", "")
		n.ask("ada", "POST", "/"+ended+"/end", "")
		n.ask("ada", "DELETE", "/"+deleted, "")
		for room, code := range map[string]string{left: "removed", ended: "ended", deleted: "ended"} {
			g, err := n.dial(over, "/lobby?token="+url.QueryEscape(was[room]))
			for err == nil { // over both transports the handshake comes before the record
				_, err = g.Receive(t.Context())
			}
			if !endsWith(over, err, code) {
				t.Errorf("the old token of %s: %v, want %s", room, err, code)
			}
		}
	})
}

// A token may be older than a role: what others see of it is what is on record.
func TestRolesComeFromTheRecord(t *testing.T) {
	n := newCluster(t).start("meeting_management=true", "waiting_room_default=false")
	each(t, func(t *testing.T, over way) {
		room := newRoom()
		watcher := n.inside(over, "ada", room)
		isHost := func(user string, want bool) {
			t.Helper()
			var answer struct {
				Rooms []struct {
					Meeting      string `json:"meeting_id"`
					Participants []struct {
						User string `json:"user_id"`
						Host bool   `json:"is_host"`
					} `json:"participants"`
				} `json:"rooms"`
			}
			raw := asAdmin[json.RawMessage](n, "GET", "rooms?limit=100", "")
			if err := json.Unmarshal(raw, &answer); err != nil {
				t.Fatal(err)
			}
			seen := false
			for _, r := range answer.Rooms {
				for _, p := range r.Participants {
					if r.Meeting == room && p.User == user {
						seen = true
						if p.Host != want {
							t.Errorf("%s is host: %v, want %v", user, p.Host, want)
						}
					}
				}
			}
			if !seen {
				t.Errorf("%s is not there", user)
			}
		}
		bob, cyd := n.inside(over, "bob", room), n.inside(over, "cyd", room)
		n.ask("ada", "POST", "/"+room+"/grant-host", `{"user_id":"bob"}`)
		isHost("bob", true)
		isHost("cyd", false)
		was := token.Room{User: "bob", Room: room, DisplayName: "bob", Host: true}
		n.ask("ada", "POST", "/"+room+"/revoke-host", `{"user_id":"bob"}`)
		n.ask("ada", "POST", "/"+room+"/grant-host", `{"user_id":"cyd"}`)
		for _, g := range []*guest{bob, cyd} {
			_ = g.Close()
		}
		for name, r := range map[string]token.Room{"bob/2": was, "cyd/2": {User: "cyd", Room: room, DisplayName: "cyd"}} {
			n.connectWith(over, name, r).send(mediatest.Heartbeat())
			watcher.until("replaced " + r.User + " by " + name)
		}
		isHost("bob", false)
		isHost("cyd", true)
	})
}
