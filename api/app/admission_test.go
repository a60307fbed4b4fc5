package app_test

import (
	"testing"

	"parley/api/flags"
)

// The flags that decide who comes in are asked each time, on every node.
func TestFlagsDecideWhoComesIn(t *testing.T) {
	c := newCluster(t)
	a := c.start("meeting_management=true", "waiting_room_default=false")
	b := c.start("meeting_management=true", "waiting_room_default=false")
	set := func(room, flag, value string) {
		asAdmin[any](a, "PUT", "flags/"+flag, `{"value":`+value+`,"room":"`+room+`"}`)
	}
	refused := func(what, session, path, body, want string) {
		t.Helper()
		if e := b.request(session, "POST", path, body); e.Success || e.Result["code"] != want {
			t.Errorf("%s: %v, want %s", what, e.Result, want)
		}
	}
	const password = `{"password":"open sesame"}`

	t.Run("max_participants", func(t *testing.T) {
		room := newRoom()
		set(room, "max_participants", "2")
		becomes(b, flags.MaxParticipants, room, 2)
		for _, who := range []string{"ada", "bob", "bob"} {
			b.ask(who, "POST", "/"+room+"/join", "")
		}
		refused("the third", b.signIn("cyd"), "/"+room+"/join", "", "MEETING_FULL")
		set(room, "max_participants", "1") // whoever is in stays
		becomes(b, flags.MaxParticipants, room, 1)
		b.ask("bob", "POST", "/"+room+"/join", "")
		set(room, "max_participants", "3")
		becomes(b, flags.MaxParticipants, room, 3)
		b.ask("cyd", "POST", "/"+room+"/join", "")
	})
	t.Run("password_required", func(t *testing.T) {
		room := newRoom()
		set(room, "password_required", "true")
		becomes(b, flags.PasswordRequired, room, true)
		refused("a meeting without one", b.signIn("ada"), "", `{"meeting_id":"`+room+`"}`, "INVALID_INPUT")
		refused("a meeting that begins without one", b.signIn("ada"), "/"+room+"/join", "", "PASSWORD_REQUIRED")
		b.ask("ada", "POST", "/"+room+"/join", password)
		refused("a guess", b.signIn("bob"), "/"+room+"/join", `{"password":"guess"}`, "WRONG_PASSWORD")
		b.ask("bob", "POST", "/"+room+"/join", password)
		if code := b.refused("ada", "PATCH", "/"+room, `{"password":""}`); code != "INVALID_INPUT" {
			t.Errorf("taking it away: %s", code)
		}
	})
	t.Run("guests", func(t *testing.T) {
		room, name := newRoom(), `{"display_name":"Gast"}`
		b.ask("ada", "POST", "", `{"meeting_id":"`+room+`","allow_guests":true,"waiting_room_enabled":false}`)
		b.ask("ada", "POST", "/"+room+"/join", "")
		refused("a guest", "", "/"+room+"/join-guest", name, "GUESTS_NOT_ALLOWED")
		set(room, "guests", "true")
		becomes(b, flags.Guests, room, true)
		if e := b.request("", "POST", "/"+room+"/join-guest", name); e.Result["status"] != "admitted" {
			t.Errorf("a guest: %v", e.Result)
		}
		set(room, "guests", "false")
		becomes(b, flags.Guests, room, false)
		refused("another guest", "", "/"+room+"/join-guest", name, "GUESTS_NOT_ALLOWED")
	})
	t.Run("transports", func(t *testing.T) {
		room := newRoom()
		was := b.inside(overWT, "ada", room)
		for value, open := range map[string]way{"websocket": overWS, "webtransport": overWT} {
			set(room, "transports", `"`+value+`"`)
			becomes(b, flags.Transports, room, value)
			for _, over := range []way{overWS, overTLS, overWT} {
				raw := b.ask("bob", "POST", "/"+room+"/join", "")["room_token"].(string)
				conn, err := b.dial(over, "/lobby?token="+raw)
				if want := over == open || open == overWS && over == overTLS; (err == nil) != want {
					t.Errorf("%s while only %s is open: %v", over, value, err)
				}
				if err == nil {
					_ = conn.Close()
				}
			}
		}
		was.sync() // whoever is in stays
	})
}
