package rest

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// The tests of the reference's meeting API, by the names they have there.
func TestContractOfMeetings(t *testing.T) {
	w := newWorld(t)
	for name, check := range map[string]func(world){
		// ad_hoc_join_tests
		"test_ad_hoc_join_creates_meeting": func(w world) {
			id := newID()
			got := w.ask("ada", "POST", "/"+id+"/join", `{"display_name":"Ada L"}`, 200)
			w.expect(got, object{"status": "admitted", "is_host": true, "is_owner": true, "user_id": "ada", "display_name": "Ada L"})
			w.has(got, "room_token", "joined_at", "admitted_at")
			w.about(got["joined_at"], time.Second)
			w.expect(w.ask("ada", "GET", "/"+id, "", 200), object{"meeting_id": id, "state": "active", "host": "ada"})
		},
		"test_ad_hoc_join_token_is_valid_jwt": func(w world) {
			id := newID()
			c := w.claims(w.ask("ada", "POST", "/"+id+"/join", "", 200), "room_token")
			if c.User != "ada" || c.Room != id || !c.Host || c.Observer || c.DisplayName != "ada" {
				w.Errorf("claims %+v", c)
			}
			if life := time.Until(c.Expires); life > time.Minute || life < 50*time.Second {
				w.Errorf("token lives for %v", life)
			}
		},

		// auth_tests
		"test_create_meeting_unauthorized": func(w world) { w.refused("", "POST", "", `{}`, 401, "UNAUTHORIZED") },
		"test_get_meeting_unauthorized":    func(w world) { w.refused("", "GET", "/"+w.set(""), "", 401, "UNAUTHORIZED") },
		"test_list_meetings_unauthorized":  func(w world) { w.refused("", "GET", "", "", 401, "UNAUTHORIZED") },

		// meeting_crud_tests
		"test_create_meeting_success": func(w world) {
			id := newID()
			got := w.ask("ada", "POST", "", `{"meeting_id":"`+id+`","attendees":["bob","cyd"],"password":"secret123"}`, 201)
			w.expect(got, object{"meeting_id": id, "host": "ada", "state": "idle", "has_password": true})
			w.about(got["created_at"], time.Second)
			if list, _ := got["attendees"].([]any); len(list) != 2 || list[0] != "bob" {
				w.Errorf("attendees %v", got["attendees"])
			}
		},
		"test_create_meeting_generates_id": func(w world) {
			id, _ := w.ask("ada", "POST", "", `{"attendees":[]}`, 201)["meeting_id"].(string)
			if len(id) != 12 || strings.Trim(id, "abcdefghijklmnopqrstuvwxyz0123456789") != "" {
				w.Errorf("generated id %q", id)
			}
		},
		"test_create_meeting_duplicate_id": func(w world) {
			w.refused("bob", "POST", "", `{"meeting_id":"`+w.set("")+`"}`, 409, "MEETING_EXISTS")
		},
		"test_create_meeting_too_many_attendees": func(w world) {
			list := func(n int) string {
				return `{"attendees":[` + strings.TrimSuffix(strings.Repeat(`"x",`, n), ",") + `]}`
			}
			w.refused("ada", "POST", "", list(101), 400, "TOO_MANY_ATTENDEES")
			w.ask("ada", "POST", "", list(100), 201)
		},
		"test_get_meeting_success": func(w world) {
			id := w.set("")
			w.expect(w.ask("ada", "GET", "/"+id, "", 200), object{"meeting_id": id, "state": "idle", "host": "ada", "your_status": nil})
		},
		"test_get_meeting_not_found": func(w world) { w.refused("ada", "GET", "/"+newID(), "", 404, "MEETING_NOT_FOUND") },
		"test_list_meetings_success": func(w world) {
			id := newID()
			w.ask("lister", "POST", "", `{"meeting_id":"`+id+`"}`, 201)
			list := w.ask("lister", "GET", "", "", 200)
			w.expect(list, object{"total": 1.0, "limit": 20.0, "offset": 0.0})
			item := list["meetings"].([]any)[0].(object)
			w.expect(item, object{"meeting_id": id, "host": "lister", "state": "idle", "participant_count": 0.0, "ended_at": nil})
			w.about(item["created_at"], time.Second)
			w.about(item["started_at"], time.Second)
		},
		"test_delete_meeting_success": func(w world) {
			id := w.set("")
			w.expect(w.ask("ada", "DELETE", "/"+id, "", 200), object{"message": "Meeting '" + id + "' has been deleted"})
			w.refused("ada", "GET", "/"+id, "", 404, "MEETING_NOT_FOUND")
			w.ask("bob", "POST", "", `{"meeting_id":"`+id+`"}`, 201) // its id is free
		},
		"test_delete_meeting_not_owner": func(w world) { w.refused("bob", "DELETE", "/"+w.set(""), "", 403, "NOT_OWNER") },

		// end_meeting_tests
		"test_end_meeting_success": func(w world) {
			id := w.set("")
			got := w.ask("ada", "POST", "/"+id+"/end", "", 200)
			w.expect(got, object{"meeting_id": id, "state": "ended"})
			w.about(got["ended_at"], time.Millisecond)
		},
		"test_end_meeting_not_owner": func(w world) { w.refused("bob", "POST", "/"+w.set("")+"/end", "", 403, "NOT_OWNER") },
		"test_end_meeting_not_found": func(w world) {
			w.refused("ada", "POST", "/"+newID()+"/end", "", 404, "MEETING_NOT_FOUND")
		},
		"test_end_meeting_idempotent": func(w world) {
			id := w.set("")
			at := w.ask("ada", "POST", "/"+id+"/end", "", 200)["ended_at"]
			w.expect(w.ask("ada", "POST", "/"+id+"/end", "", 200), object{"state": "ended", "ended_at": at})
		},
		"test_get_meeting_includes_stats_fields": func(w world) {
			got := w.ask("ada", "GET", "/"+w.set(""), "", 200)
			w.expect(got, object{"participant_count": 0.0, "waiting_count": 0.0, "ended_at": nil})
			w.about(got["started_at"], time.Millisecond)
		},
		"test_end_meeting_populates_ended_at": func(w world) {
			id := w.set("")
			w.expect(w.ask("ada", "GET", "/"+id, "", 200), object{"ended_at": nil})
			w.ask("ada", "POST", "/"+id+"/end", "", 200)
			got := w.ask("ada", "GET", "/"+id, "", 200)
			w.expect(got, object{"state": "ended"})
			w.about(got["ended_at"], time.Millisecond)
		},
		"test_update_meeting_returns_stats_fields": func(w world) {
			got := w.ask("ada", "PATCH", "/"+w.set(""), `{"waiting_room_enabled":false}`, 200)
			w.expect(got, object{"participant_count": 0.0, "waiting_count": 0.0, "waiting_room_enabled": false})
			w.about(got["started_at"], time.Millisecond)
		},

		// observer_token_tests
		"test_waiting_for_meeting_observer_token_is_valid_jwt": func(w world) {
			id := w.set("")
			got := w.ask("bob", "POST", "/"+id+"/join", "", 200)
			w.expect(got, object{"status": "waiting_for_meeting"})
			c := w.claims(got, "observer_token")
			if c.User != "bob" || c.Room != id || !c.Observer || c.Host {
				w.Errorf("claims %+v", c)
			}
			if life := time.Until(c.Expires); life > 30*time.Minute || life < 29*time.Minute {
				w.Errorf("token lives for %v", life)
			}
		},
		"test_waiting_attendee_receives_observer_token": func(w world) {
			id := w.running("")
			got := w.ask("bob", "POST", "/"+id+"/join", `{"display_name":"Waiting Person"}`, 200)
			w.expect(got, object{"status": "waiting", "room_token": nil})
			c := w.claims(got, "observer_token")
			if c.User != "bob" || c.Room != id || !c.Observer || c.DisplayName != "Waiting Person" {
				w.Errorf("claims %+v", c)
			}
		},
		"test_observer_token_not_present_when_auto_admitted": func(w world) {
			got := w.ask("bob", "POST", "/"+w.running(noWaiting)+"/join", "", 200)
			w.expect(got, object{"status": "admitted", "observer_token": nil})
			w.has(got, "room_token")
		},
		"test_waiting_for_meeting_includes_waiting_room_enabled": func(w world) {
			got := w.ask("bob", "POST", "/"+w.set("")+"/join", "", 200)
			w.expect(got, object{"status": "waiting_for_meeting", "waiting_room_enabled": true})
		},
		"test_waiting_for_meeting_with_display_name": func(w world) {
			got := w.ask("bob", "POST", "/"+w.set("")+"/join", `{"display_name":"Alice Wonderland"}`, 200)
			w.expect(got, object{"status": "waiting_for_meeting", "display_name": "Alice Wonderland"})
			if c := w.claims(got, "observer_token"); c.DisplayName != "Alice Wonderland" {
				w.Errorf("claims %+v", c)
			}
		},
		"test_host_join_does_not_include_observer_token": func(w world) {
			got := w.ask("ada", "POST", "/"+w.set("")+"/join", `{"display_name":"The Host"}`, 200)
			w.expect(got, object{"status": "admitted", "is_host": true, "observer_token": nil, "host_display_name": "The Host", "host_user_id": "ada"})
			w.has(got, "room_token")
		},
		// That NATS is away shows in no answer; what the rooms miss then is tested in package app.
		"test_admit_and_reject_work_with_nats_none": func(w world) {
			id := w.running("")
			w.ask("bob", "POST", "/"+id+"/join", "", 200)
			w.ask("cyd", "POST", "/"+id+"/join", "", 200)
			w.waitFor(id, "bob", "cyd")
			w.expect(w.ask("ada", "POST", "/"+id+"/admit", `{"user_id":"bob"}`, 200), object{"status": "admitted"})
			w.expect(w.ask("ada", "POST", "/"+id+"/reject", `{"user_id":"cyd"}`, 200), object{"status": "rejected"})
			w.waitFor(id)
		},
		"test_admit_all_works_with_nats_none": func(w world) {
			id := w.running("")
			for i := range 3 {
				w.ask(fmt.Sprint("guest", i), "POST", "/"+id+"/join", "", 200)
			}
			w.expect(w.ask("ada", "POST", "/"+id+"/admit-all", "", 200), object{"admitted_count": 3.0})
			w.waitFor(id)
		},

		// participant_tests
		"test_join_meeting_host_activates": func(w world) {
			id := w.set("")
			got := w.ask("ada", "POST", "/"+id+"/join", `{"display_name":"Host User"}`, 200)
			w.expect(got, object{"status": "admitted", "is_host": true})
			w.has(got, "room_token")
			w.expect(w.ask("ada", "GET", "/"+id, "", 200), object{"state": "active", "participant_count": 1.0})
		},
		"test_join_meeting_attendee_waits": func(w world) {
			got := w.ask("bob", "POST", "/"+w.running("")+"/join", `{"display_name":"Attendee"}`, 200)
			w.expect(got, object{"status": "waiting", "is_host": false, "room_token": nil, "admitted_at": nil})
		},
		"test_join_meeting_not_active_returns_waiting_for_meeting": func(w world) {
			id := w.set("")
			got := w.ask("bob", "POST", "/"+id+"/join", "", 200)
			w.expect(got, object{"status": "waiting_for_meeting", "is_host": false, "room_token": nil})
			w.has(got, "observer_token")
			w.about(got["joined_at"], time.Second)
			w.refused("bob", "GET", "/"+id+"/status", "", 404, "NOT_IN_MEETING") // nothing is on record
		},
		"test_leave_meeting_success": func(w world) {
			id := w.admitted("bob")
			w.expect(w.ask("bob", "POST", "/"+id+"/leave", "", 200), object{"status": "left", "room_token": nil, "waiting_room_enabled": nil})
		},
		"test_get_my_status_success": func(w world) {
			got := w.ask("ada", "GET", "/"+w.running("")+"/status", "", 200)
			w.expect(got, object{"user_id": "ada", "is_host": true, "status": "admitted", "waiting_room_enabled": true, "host_display_name": "Ada"})
			w.has(got, "room_token")
		},
		"test_status_refused_after_meeting_ends": func(w world) {
			id := w.admitted("bob")
			w.has(w.ask("bob", "GET", "/"+id+"/status", "", 200), "room_token")
			w.ask("ada", "POST", "/"+id+"/end", "", 200)
			w.refused("bob", "GET", "/"+id+"/status", "", 400, "MEETING_NOT_ACTIVE")
			w.refused("eve", "GET", "/"+id+"/status", "", 400, "MEETING_NOT_ACTIVE") // before it is looked who asks
		},
		"test_attendee_rejoin_ended_meeting_gets_waiting_for_meeting": func(w world) {
			id := w.running("")
			w.ask("ada", "POST", "/"+id+"/leave", "", 200)
			got := w.ask("bob", "POST", "/"+id+"/join", "", 200)
			w.expect(got, object{"status": "waiting_for_meeting", "room_token": nil})
			w.has(got, "observer_token")
		},
		"test_get_participants_success": func(w world) {
			id := w.admitted("bob")
			for _, who := range []string{"ada", "bob"} {
				list, _ := w.ask(who, "GET", "/"+id+"/participants", "", 200)["list"].([]any)
				if len(list) != 2 || list[0].(object)["user_id"] != "ada" || list[1].(object)["user_id"] != "bob" {
					w.Errorf("%s sees %v", who, list)
				}
			}
		},

		// waiting_room_tests
		"test_get_waiting_room_success": func(w world) {
			id := w.running("")
			w.ask("bob", "POST", "/"+id+"/join", `{"display_name":"Bob"}`, 200)
			w.waitFor(id, "bob")
			w.refused("bob", "GET", "/"+id+"/waiting", "", 403, "NOT_HOST")
		},
		"test_admit_participant_success": func(w world) {
			id := w.running("")
			w.ask("bob", "POST", "/"+id+"/join", "", 200)
			w.refused("bob", "POST", "/"+id+"/admit", `{"user_id":"bob"}`, 403, "NOT_HOST")
			got := w.ask("ada", "POST", "/"+id+"/admit", `{"user_id":"bob"}`, 200)
			w.expect(got, object{"status": "admitted", "user_id": "bob", "room_token": nil})
			w.about(got["admitted_at"], time.Second)
		},
		"test_admit_participant_not_found": func(w world) {
			w.refused("ada", "POST", "/"+w.running("")+"/admit", `{"user_id":"zoe"}`, 404, "PARTICIPANT_NOT_FOUND")
		},
		"test_admit_all_participants": func(w world) {
			id := w.running("")
			for i := range 3 {
				w.ask(fmt.Sprint("guest", i), "POST", "/"+id+"/join", "", 200)
			}
			got := w.ask("ada", "POST", "/"+id+"/admit-all", "", 200)
			if list, _ := got["admitted"].([]any); got["admitted_count"] != 3.0 || len(list) != 3 {
				w.Errorf("admitted %v", got)
			}
		},
		"test_reject_participant_success": func(w world) {
			id := w.running("")
			w.ask("bob", "POST", "/"+id+"/join", "", 200)
			w.expect(w.ask("ada", "POST", "/"+id+"/reject", `{"user_id":"bob"}`, 200), object{"status": "rejected", "room_token": nil})
			w.refused("ada", "POST", "/"+id+"/reject", `{"user_id":"bob"}`, 404, "PARTICIPANT_NOT_FOUND")
		},

		// waiting_room_toggle_tests
		"test_update_meeting_toggle_waiting_room_off": func(w world) {
			id := w.set("")
			w.expect(w.ask("ada", "PATCH", "/"+id, `{"waiting_room_enabled":false}`, 200), object{"waiting_room_enabled": false, "meeting_id": id})
			w.expect(w.ask("ada", "GET", "/"+id, "", 200), object{"waiting_room_enabled": false})
		},
		"test_update_meeting_toggle_waiting_room_on": func(w world) {
			id := w.set(noWaiting)
			w.expect(w.ask("ada", "PATCH", "/"+id, `{"waiting_room_enabled":true}`, 200), object{"waiting_room_enabled": true})
			w.expect(w.ask("ada", "GET", "/"+id, "", 200), object{"waiting_room_enabled": true})
		},
		"test_update_meeting_non_owner_forbidden": func(w world) {
			w.refused("bob", "PATCH", "/"+w.set(""), `{"waiting_room_enabled":false}`, 403, "NOT_OWNER")
		},
		"test_update_meeting_not_found": func(w world) {
			w.refused("ada", "PATCH", "/"+newID(), `{"waiting_room_enabled":false}`, 404, "MEETING_NOT_FOUND")
		},
		"test_create_meeting_defaults_waiting_room_enabled": func(w world) {
			w.expect(w.ask("ada", "POST", "", `{}`, 201), object{"waiting_room_enabled": true})
		},
		"test_create_meeting_with_waiting_room_disabled": func(w world) {
			w.expect(w.ask("ada", "POST", "", `{"waiting_room_enabled":false}`, 201), object{"waiting_room_enabled": false})
		},
		"test_get_meeting_returns_waiting_room_enabled": func(w world) {
			w.expect(w.ask("ada", "GET", "/"+w.set(noWaiting), "", 200), object{"waiting_room_enabled": false})
		},
		"test_list_meetings_returns_waiting_room_enabled": func(w world) {
			w.ask("toggler", "POST", "", `{"waiting_room_enabled":false}`, 201)
			w.ask("toggler", "POST", "", `{}`, 201)
			list := w.ask("toggler", "GET", "", "", 200)["meetings"].([]any)
			w.expect(list[0].(object), object{"waiting_room_enabled": true}) // the newest first
			w.expect(list[1].(object), object{"waiting_room_enabled": false})
		},
		"test_attendee_auto_admitted_when_waiting_room_off": func(w world) {
			got := w.ask("bob", "POST", "/"+w.running(noWaiting)+"/join", "", 200)
			w.expect(got, object{"status": "admitted", "is_host": false, "waiting_room_enabled": false})
			w.has(got, "room_token", "admitted_at")
		},
		"test_attendee_waits_when_waiting_room_on": func(w world) {
			w.expect(w.ask("bob", "POST", "/"+w.running("")+"/join", "", 200), object{"status": "waiting", "room_token": nil})
		},
		"test_toggle_waiting_room_off_admits_waiting_participants": func(w world) {
			id := w.running("")
			for i := range 3 {
				w.ask(fmt.Sprint("guest", i), "POST", "/"+id+"/join", "", 200)
			}
			w.waitFor(id, "guest0", "guest1", "guest2")
			w.expect(w.ask("ada", "PATCH", "/"+id, `{"waiting_room_enabled":false}`, 200), object{"participant_count": 4.0, "waiting_count": 0.0})
			w.waitFor(id)
			got := w.ask("guest1", "GET", "/"+id+"/status", "", 200)
			w.expect(got, object{"status": "admitted"})
			w.has(got, "room_token")
		},
		"test_new_attendee_auto_admitted_after_toggle_off": func(w world) {
			id := w.running("")
			w.ask("ada", "PATCH", "/"+id, `{"waiting_room_enabled":false}`, 200)
			w.expect(w.ask("bob", "POST", "/"+id+"/join", "", 200), object{"status": "admitted"})
		},
		"test_toggle_waiting_room_back_on_restores_waiting": func(w world) {
			id := w.running("")
			w.ask("ada", "PATCH", "/"+id, `{"waiting_room_enabled":false}`, 200)
			w.ask("ada", "PATCH", "/"+id, `{"waiting_room_enabled":true}`, 200)
			w.expect(w.ask("bob", "POST", "/"+id+"/join", "", 200), object{"status": "waiting", "room_token": nil})
		},
		"test_update_meeting_unauthenticated": func(w world) {
			w.refused("", "PATCH", "/"+w.set(""), `{"waiting_room_enabled":false}`, 401, "UNAUTHORIZED")
		},
		"test_update_meeting_empty_body_noop": func(w world) {
			id := w.set("")
			w.expect(w.ask("ada", "PATCH", "/"+id, `{}`, 200), object{"meeting_id": id, "waiting_room_enabled": true, "state": "idle"})
		},
		"test_update_meeting_soft_deleted_returns_404": func(w world) {
			id := w.set("")
			w.ask("ada", "DELETE", "/"+id, "", 200)
			w.refused("ada", "PATCH", "/"+id, `{"waiting_room_enabled":false}`, 404, "MEETING_NOT_FOUND")
		},
	} {
		t.Run(name, func(t *testing.T) {
			own := w
			own.TB = t
			check(own)
		})
	}
}

// waitFor checks who waits in front of ada's meeting, in order.
func (w world) waitFor(id string, users ...string) {
	w.Helper()
	list := w.ask("ada", "GET", "/"+id+"/waiting", "", 200)["waiting"].([]any)
	if len(list) != len(users) {
		w.Fatalf("%v wait, want %v", list, users)
	}
	for i, user := range users {
		w.expect(list[i].(object), object{"user_id": user, "status": "waiting"})
	}
}

// admitted returns a meeting of ada's into which she let somebody.
func (w world) admitted(user string) (id string) {
	w.Helper()
	id = w.running("")
	w.ask(user, "POST", "/"+id+"/join", "", 200)
	w.ask("ada", "POST", "/"+id+"/admit", `{"user_id":"`+user+`"}`, 200)
	return id
}
