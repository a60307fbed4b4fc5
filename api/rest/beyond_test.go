package rest

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestIDsOfMeetings(t *testing.T) {
	w := newWorld(t)
	for _, id := range []string{"standup2024", "my-meeting_123", strings.Repeat("x", 255)} {
		w.expect(w.ask("ada", "POST", "", `{"meeting_id":"`+id+`"}`, 201), object{"meeting_id": id})
	}
	for _, id := range []string{"a b", "a.b", "a/b", "ä", strings.Repeat("x", 256)} {
		w.refused("ada", "POST", "", `{"meeting_id":"`+id+`"}`, 400, "INVALID_MEETING_ID")
	}
	made := map[string]bool{}
	for range 20 {
		id, _ := w.ask("ada", "POST", "", `{}`, 201)["meeting_id"].(string)
		if made[id] || len(id) != 12 || strings.Trim(id, "abcdefghijklmnopqrstuvwxyz0123456789") != "" {
			t.Errorf("generated %q", id)
		}
		made[id] = true
	}
}

func TestInvalidFieldsAreNamed(t *testing.T) {
	w := newWorld(t)
	id := w.running("")
	long := strings.Repeat("x", 300)
	for _, c := range []struct{ method, path, body, field string }{
		{"POST", "", `{"password":"` + long + `"}`, "password"},
		{"POST", "", `{"attendees":["` + long + `"]}`, "attendees"},
		{"PATCH", "/" + id, `{"attendees":[""]}`, "attendees"},
		{"PATCH", "/" + id, `{"password":"` + long + `"}`, "password"},
		{"POST", "/" + id + "/join", `{"display_name":"` + long + `"}`, "display_name"},
		{"PUT", "/" + id + "/display-name", `{"display_name":" "}`, "display_name"},
		{"POST", "/" + id + "/mute", `{}`, "user_id"},
		{"POST", "/" + id + "/kick", `{"user_id":"` + long + `"}`, "user_id"},
		{"POST", "/" + id + "/admit", `{"user_id":"a\u0000b"}`, "user_id"},
		{"POST", "/" + id + "/reject", `{"user_id":""}`, "user_id"},
		{"POST", "/" + id + "/unban", `{"user_id":"\u0000"}`, "user_id"},
		{"GET", "?limit=x", "", "limit"},
		{"GET", "?offset=1.5", "", "offset"},
		{"GET", "?q=" + long, "", "q"},
		{"GET", "/feed?q=%00", "", "q"},
	} {
		if got := w.refused("ada", c.method, c.path, c.body, 400, "INVALID_INPUT"); got["field"] != c.field {
			t.Errorf("%s %s %s: %v", c.method, c.path, c.body, got)
		}
	}
	if got := w.refused("ada", "POST", "", `{"waiting_room_enabled":"yes"}`, 422, "INVALID_BODY"); got["field"] != "waiting_room_enabled" {
		t.Errorf("got %v", got)
	}
	w.refused("ada", "GET", "/a%00b", "", 404, "MEETING_NOT_FOUND")
}

func TestPagesAreClamped(t *testing.T) {
	w := newWorld(t)
	var ids []string
	for range 3 {
		ids = append(ids, w.set(""))
	}
	for query, want := range map[string]object{
		"?limit=1000&offset=-3": {"total": 3.0, "limit": 100.0, "offset": 0.0},
		"?limit=0":              {"total": 3.0, "limit": 1.0, "offset": 0.0},
		"?limit=-5&offset=9":    {"total": 3.0, "limit": 1.0, "offset": 9.0},
		"":                      {"total": 3.0, "limit": 20.0, "offset": 0.0},
		"?q=" + ids[1][2:]:      {"total": 1.0},
		"?q=nothing-like-it":    {"total": 0.0},
	} {
		w.expect(w.ask("ada", "GET", query, "", 200), want)
	}
	list := w.ask("ada", "GET", "?limit=2&offset=1", "", 200)["meetings"].([]any)
	if len(list) != 2 || list[0].(object)["meeting_id"] != ids[1] || list[1].(object)["meeting_id"] != ids[0] {
		t.Errorf("the second page is %v", list)
	}
}

func TestListsOfNewerClientsAreInMilliseconds(t *testing.T) {
	w := newWorld(t)
	own, others := w.running(""), newID()
	w.ask("bob", "POST", "/"+others+"/join", "", 200)
	w.ask("bob", "PATCH", "/"+others, `{"waiting_room_enabled":false}`, 200)
	w.ask("ada", "POST", "/"+others+"/join", "", 200)
	for path, want := range map[string]int{"/feed": 2, "/joined": 2, "/feed?q=" + own[2:]: 1} {
		got := w.ask("ada", "GET", path, "", 200)
		list, _ := got["meetings"].([]any)
		if len(list) != want || got["total"] != float64(want) {
			t.Fatalf("%s: %v", path, got)
		}
		for _, m := range list {
			m := m.(object)
			w.expect(m, object{"is_owner": m["meeting_id"] == own, "state": "active"})
			for _, field := range []string{"created_at", "started_at", "last_active_at", "last_joined_at", "user_last_attended_at"} {
				w.about(m[field], time.Millisecond)
			}
		}
	}
}

// The counterparts of the reference's tests of hosts, and what we have beyond.
func TestHostPowers(t *testing.T) {
	w := newWorld(t)
	id := w.running(noWaiting)
	w.ask("bob", "POST", "/"+id+"/join", "", 200)
	post := func(user, act, body string) { t.Helper(); w.ask(user, "POST", "/"+id+"/"+act, body, 200) }
	for _, act := range []string{"mute", "disable-video", "stop-screen-share", "lower-hand", "kick", "transfer-host", "grant-host"} {
		w.refused("bob", "POST", "/"+id+"/"+act, `{"user_id":"ada"}`, 403, "NOT_HOST")
		w.refused("eve", "POST", "/"+id+"/"+act, `{"user_id":"ada"}`, 403, "NOT_HOST")
		w.refused("ada", "POST", "/"+id+"/"+act, `{"user_id":"zoe"}`, 404, "PARTICIPANT_NOT_FOUND")
		w.refused("ada", "POST", "/"+id+"/"+act, `{"user_id":"ada"}`, 400, "BAD_REQUEST")
		w.refused("ada", "POST", "/"+newID()+"/"+act, `{"user_id":"bob"}`, 404, "MEETING_NOT_FOUND")
	}
	for _, act := range []string{"mute-all", "disable-video-all", "lower-hands"} {
		w.refused("bob", "POST", "/"+id+"/"+act, "", 403, "NOT_HOST")
		post("ada", act, "")
	}
	for _, act := range []string{"mute", "disable-video", "stop-screen-share", "lower-hand"} {
		post("ada", act, `{"user_id":"bob"}`)
	}
	acts := fmt.Sprint(w.acts())
	for _, act := range []string{"mute", "camera_off", "stop_screen_share", "lower_hand"} {
		if !strings.Contains(acts, act) {
			t.Errorf("nobody is told of %s: %s", act, acts)
		}
	}

	post("ada", "grant-host", `{"user_id":"bob"}`)
	w.expect(w.ask("bob", "GET", "/"+id+"/status", "", 200), object{"is_host": true})
	post("bob", "mute-all", "")
	post("ada", "revoke-host", `{"user_id":"bob"}`)
	w.refused("bob", "POST", "/"+id+"/mute-all", "", 403, "NOT_HOST")
	post("ada", "transfer-host", `{"user_id":"bob"}`)
	w.refused("ada", "POST", "/"+id+"/mute-all", "", 403, "NOT_HOST")
	if c := w.claims(w.ask("bob", "GET", "/"+id+"/status", "", 200), "room_token"); !c.Host {
		t.Error("the token of the new host does not say so")
	}
	post("bob", "transfer-host", `{"user_id":"ada"}`)

	post("ada", "kick", `{"user_id":"bob"}`)
	w.expect(w.ask("bob", "GET", "/"+id+"/status", "", 200), object{"status": "kicked", "room_token": nil, "banned": nil})
	w.expect(w.ask("bob", "POST", "/"+id+"/join", "", 200), object{"status": "waiting"})
	post("ada", "kick", `{"user_id":"bob","ban":true}`)
	w.refused("bob", "POST", "/"+id+"/join", "", 403, "BANNED")
	post("ada", "unban", `{"user_id":"bob"}`)
	w.expect(w.ask("bob", "POST", "/"+id+"/join", "", 200), object{"status": "waiting"})
}

func TestNamesCanChange(t *testing.T) {
	w := newWorld(t)
	id := w.admitted("bob")
	got := w.ask("bob", "PUT", "/"+id+"/display-name", `{"display_name":" Bob  the Builder "}`, 200)
	w.expect(got, object{"display_name": "Bob the Builder"})
	if c := w.claims(got, "room_token"); c.DisplayName != "Bob the Builder" {
		t.Errorf("claims %+v", c)
	}
	w.refused("bob", "PUT", "/"+id+"/display-name", `{"display_name":"x","user_id":"ada"}`, 403, "NOT_HOST")
	w.expect(w.ask("ada", "PUT", "/"+id+"/display-name", `{"display_name":"Robert","user_id":"bob"}`, 200),
		object{"user_id": "bob", "display_name": "Robert", "room_token": nil})
	w.refused("eve", "PUT", "/"+id+"/display-name", `{"display_name":"Eve"}`, 404, "NOT_IN_MEETING")
	w.expect(w.ask("bob", "POST", "/"+id+"/join", "", 200), object{"display_name": "Robert"}) // kept when none is given
}

func TestPasswordsListsAndLocks(t *testing.T) {
	w := newWorld(t)
	id := w.running(noWaiting + `,"password":"pw"`)
	w.expect(w.ask("bob", "GET", "/"+id, "", 200), object{"has_password": true})
	w.refused("bob", "POST", "/"+id+"/join", "", 403, "PASSWORD_REQUIRED")
	for range 5 {
		w.refused("bob", "POST", "/"+id+"/join", `{"password":"no"}`, 403, "WRONG_PASSWORD")
	}
	w.refused("bob", "POST", "/"+id+"/join", `{"password":"pw"}`, 429, "TOO_MANY_ATTEMPTS")
	w.expect(w.ask("cyd", "POST", "/"+id+"/join", `{"password":"pw"}`, 200), object{"status": "admitted"})
	w.expect(w.ask("cyd", "POST", "/"+id+"/join", "", 200), object{"status": "admitted"}) // is in already
	w.expect(w.ask("ada", "PATCH", "/"+id, `{"password":""}`, 200), object{"has_password": false})
	w.expect(w.ask("bob", "POST", "/"+id+"/join", "", 200), object{"status": "admitted"})

	got := w.ask("ada", "PATCH", "/"+id, `{"attendees_only":true,"attendees":["dan"]}`, 200)
	w.expect(got, object{"attendees_only": true})
	w.has(got, "attendees")
	w.refused("eve", "POST", "/"+id+"/join", "", 403, "NOT_INVITED")
	w.expect(w.ask("dan", "POST", "/"+id+"/join", "", 200), object{"status": "admitted"})
	w.ask("ada", "PATCH", "/"+id, `{"attendees_only":false,"locked":true}`, 200)
	w.refused("eve", "POST", "/"+id+"/join", "", 403, "MEETING_LOCKED")
	w.expect(w.ask("dan", "POST", "/"+id+"/join", "", 200), object{"status": "admitted", "locked": true})
}

func TestGuests(t *testing.T) {
	w := newWorld(t)
	id := w.running(noWaiting)
	for _, room := range []string{id, newID()} { // one cannot be told from the other
		w.expect(w.ask("", "GET", "/"+room+"/guest-info", "", 200),
			object{"allow_guests": false, "meeting_id": room, "state": nil, "host_display_name": nil})
		w.refused("", "POST", "/"+room+"/join-guest", `{"display_name":"Gus"}`, 403, "GUESTS_NOT_ALLOWED")
	}
	w.ask("ada", "PATCH", "/"+id, `{"allow_guests":true}`, 200)
	w.expect(w.ask("", "GET", "/"+id+"/guest-info", "", 200),
		object{"allow_guests": true, "state": "active", "has_password": false, "host_display_name": "Ada", "participant_count": nil, "host_user_id": nil})
	if got := w.refused("", "POST", "/"+id+"/join-guest", `{"display_name":" "}`, 400, "INVALID_INPUT"); got["field"] != "display_name" {
		t.Errorf("got %v", got)
	}
	got := w.ask("", "POST", "/"+id+"/join-guest", `{"display_name":"Gus"}`, 200)
	w.expect(got, object{"status": "admitted", "is_guest": true, "is_host": false, "display_name": "Gus"})
	user, _ := got["user_id"].(string)
	if c := w.claims(got, "room_token"); !strings.HasPrefix(user, "guest:") || c.User != user || !c.Guest || c.Host {
		t.Errorf("user %q, claims %+v", user, c)
	}
	again := w.ask("", "POST", "/"+id+"/join-guest", `{"display_name":"Gus","guest_session_id":"`+user+`"}`, 200)
	w.expect(again, object{"user_id": user})
	w.refused("", "POST", "/"+id+"/join-guest", `{"display_name":"Gus","guest_session_id":"ada"}`, 400, "INVALID_INPUT")
	w.refused("ada", "POST", "/"+id+"/transfer-host", `{"user_id":"`+user+`"}`, 400, "BAD_REQUEST")

	for _, which := range []string{"room_token", "observer_token"} {
		guest := "as " + again[which].(string)
		w.has(w.ask(guest, "GET", "/"+id+"/guest-status", "", 200), "room_token")
		w.refused(guest, "GET", "/"+newID()+"/guest-status", "", 401, "UNAUTHORIZED")
		w.refused(guest, "GET", "/"+id+"/status", "", 401, "UNAUTHORIZED")
	}
	w.expect(w.ask("as "+again["observer_token"].(string), "POST", "/"+id+"/leave-guest", "", 200), object{"status": "left"})
}

func TestTheNextHostGoesOn(t *testing.T) {
	w := newWorld(t)
	id := w.running(noWaiting + `,"end_on_host_leave":true`)
	w.ask("bob", "POST", "/"+id+"/join", "", 200)
	w.ask("ada", "POST", "/"+id+"/grant-host", `{"user_id":"bob"}`, 200)
	w.ask("ada", "POST", "/"+id+"/leave", "", 200)
	w.expect(w.ask("bob", "GET", "/"+id, "", 200), object{"state": "active", "participant_count": 1.0})
	w.ask("cyd", "POST", "/"+id+"/join", "", 200)
	w.ask("bob", "POST", "/"+id+"/leave", "", 200)
	w.expect(w.ask("ada", "GET", "/"+id, "", 200), object{"state": "ended", "participant_count": 0.0})
}
