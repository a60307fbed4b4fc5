package rest

import (
	"bufio"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/api/management"
	"parley/api/postgres"
	"parley/api/postgres/postgrestest"
	"parley/api/token"
)

// nobody is connected in these tests; what rooms would be told is remembered.
type nobody struct {
	mu       sync.Mutex
	acts     []management.Act
	meetings *management.Meetings
}

func (n *nobody) Tell(_ context.Context, _ string, e management.Event) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.acts = append(n.acts, e.Act)
	return nil
}
func (n *nobody) Remove(context.Context, string, string, management.Code) error { return nil }
func (n *nobody) Changed(ctx context.Context, room string) error {
	if n.meetings != nil {
		n.meetings.Stale(ctx, room)
	}
	return nil
}

func newMeetings(t testing.TB, url string, rooms *nobody) *management.Meetings {
	t.Helper()
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	store, err := postgres.Open(t.Context(), url, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	if rooms == nil {
		rooms = &nobody{}
	}
	yes := func(string) bool { return true }
	rooms.meetings = management.New(store, rooms, management.Settings{Guests: yes}, log)
	return rooms.meetings
}

// world is an API on a database of its own, and people who use it.
type world struct {
	*testing.T
	api *API
}

func newWorld(t *testing.T) world {
	t.Helper()
	return world{t, newAPI(t, func(o *Options) { o.Meetings = newMeetings(t, postgrestest.URL(t), nil) })}
}

type object = map[string]any

// ask sends a request as user; "" is nobody. The status must be as given.
func (w world) ask(user, method, path, body string, status int) object {
	w.Helper()
	var headers []string
	if user != "" {
		headers = append(headers, "Authorization", bearer(w, user, strings.ToUpper(user[:1])+user[1:]))
	}
	if body != "" {
		headers = append(headers, "Content-Type", asJSON)
	}
	answer := call(w.api, method, "/api/v1/meetings"+path, body, headers...)
	if answer.Code != status {
		w.Fatalf("%s %s %s as %q: %d %s, want %d", method, path, body, user, answer.Code, answer.Body, status)
	}
	var e struct {
		Success bool `json:"success"`
		Result  any  `json:"result"`
	}
	if err := json.Unmarshal(answer.Body.Bytes(), &e); err != nil || e.Success != (status < 300) {
		w.Fatalf("%s %s: %s", method, path, answer.Body)
	}
	switch r := e.Result.(type) {
	case object:
		return r
	case nil:
		return nil
	default:
		return object{"list": r}
	}
}

func (w world) refused(user, method, path, body string, status int, code string) object {
	w.Helper()
	result := w.ask(user, method, path, body, status)
	if result["code"] != code || result["message"] == "" || result["request_id"] == "" {
		w.Errorf("%s %s as %q: %v, want %s", method, path, user, result, code)
	}
	return result
}

func (w world) expect(got object, want object) {
	w.Helper()
	for key, v := range want {
		if v == nil {
			if g, has := got[key]; has {
				w.Errorf("%s is %v, want none", key, g)
			}
		} else if got[key] != v {
			w.Errorf("%s is %v, want %v", key, got[key], v)
		}
	}
}

// running sets up a meeting of ada's, with or without a waiting room, and lets her in.
func (w world) running(room string, waiting bool) {
	w.Helper()
	body := `{"meeting_id":"` + room + `","waiting_room_enabled":false}`
	if waiting {
		body = `{"meeting_id":"` + room + `"}`
	}
	w.ask("ada", "POST", "", body, 201)
	w.ask("ada", "POST", "/"+room+"/join", `{"display_name":"Ada"}`, 200)
}

func TestAdHocJoinCreatesMeeting(t *testing.T) {
	w := newWorld(t)
	got := w.ask("ada", "POST", "/adhoc/join", `{"display_name":"Ada L"}`, 200)
	w.expect(got, object{"status": "admitted", "is_host": true, "display_name": "Ada L", "waiting_room_enabled": true, "host_user_id": "ada", "observer_token": nil})
	raw, _ := got["room_token"].(string)
	claims, err := token.New(secret).CheckRoom(raw)
	if err != nil || claims.User != "ada" || claims.Room != "adhoc" || !claims.Host || claims.Observer || claims.DisplayName != "Ada L" {
		t.Errorf("claims %+v, %v", claims, err)
	}
	if life := time.Until(claims.Expires); life > time.Minute || life < 50*time.Second {
		t.Errorf("token lives for %v", life)
	}
	w.expect(w.ask("ada", "GET", "/adhoc", "", 200), object{"state": "active", "host": "ada", "ended_at": nil, "participant_count": 1.0})
}

func TestCreateMeeting(t *testing.T) {
	w := newWorld(t)
	got := w.ask("ada", "POST", "", `{"meeting_id":"m_1","attendees":["bob","cyd"],"password":"x"}`, 201)
	w.expect(got, object{"meeting_id": "m_1", "host": "ada", "state": "idle", "has_password": true, "waiting_room_enabled": true})
	if list, _ := got["attendees"].([]any); len(list) != 2 {
		t.Errorf("attendees %v", got["attendees"])
	}
	if id, _ := w.ask("ada", "POST", "", `{}`, 201)["meeting_id"].(string); len(id) != 12 || strings.Trim(id, "abcdefghijklmnopqrstuvwxyz0123456789") != "" {
		t.Errorf("generated id %q", id)
	}
	w.refused("bob", "POST", "", `{"meeting_id":"m_1"}`, 409, "MEETING_EXISTS")
	many := strings.TrimSuffix(strings.Repeat(`"x",`, 101), ",")
	w.refused("ada", "POST", "", `{"attendees":[`+many+`]}`, 400, "TOO_MANY_ATTENDEES")
	for _, id := range []string{"a b", "a.b", "ä", strings.Repeat("x", 256)} {
		w.refused("ada", "POST", "", `{"meeting_id":"`+id+`"}`, 400, "INVALID_MEETING_ID")
	}
	if f := w.refused("ada", "POST", "", `{"password":"`+strings.Repeat("x", 129)+`"}`, 400, "INVALID_INPUT")["field"]; f != "password" {
		t.Errorf("field %v", f)
	}
}

func TestGetListDelete(t *testing.T) {
	w := newWorld(t)
	w.running("m2", true)
	info := w.ask("ada", "GET", "/m2", "", 200)
	w.expect(info, object{"meeting_id": "m2", "state": "active", "host_display_name": "Ada", "host_user_id": "ada", "waiting_count": 0.0})
	if ms, _ := info["started_at"].(float64); ms < 1e12 {
		t.Errorf("started_at %v is not in milliseconds", info["started_at"])
	}
	yours, _ := info["your_status"].(object)
	w.expect(yours, object{"status": "admitted", "is_host": true, "room_token": nil})
	w.refused("ada", "GET", "/none", "", 404, "MEETING_NOT_FOUND")

	list := w.ask("ada", "GET", "?limit=1000&offset=-3", "", 200)
	w.expect(list, object{"total": 1.0, "limit": 100.0, "offset": 0.0})
	item, _ := list["meetings"].([]any)[0].(object)
	w.expect(item, object{"meeting_id": "m2", "host": "ada", "state": "active", "participant_count": 1.0})
	if s, _ := item["started_at"].(float64); s > 1e12 || s < 1e9 {
		t.Errorf("started_at %v is not in seconds", item["started_at"])
	}
	w.expect(w.ask("bob", "GET", "", "", 200), object{"total": 0.0, "limit": 20.0})
	w.ask("bob", "GET", "?limit=x", "", 400)

	w.refused("bob", "DELETE", "/m2", "", 403, "NOT_OWNER")
	w.expect(w.ask("ada", "DELETE", "/m2", "", 200), object{"message": "Meeting 'm2' has been deleted"})
	w.refused("ada", "GET", "/m2", "", 404, "MEETING_NOT_FOUND")
	w.refused("ada", "PATCH", "/m2", `{}`, 404, "MEETING_NOT_FOUND")
	w.ask("bob", "POST", "", `{"meeting_id":"m2"}`, 201)
}

func TestEndMeeting(t *testing.T) {
	w := newWorld(t)
	w.running("m3", false)
	w.ask("bob", "POST", "/m3/join", "", 200)
	w.refused("bob", "POST", "/m3/end", "", 403, "NOT_OWNER")
	w.refused("ada", "POST", "/none/end", "", 404, "MEETING_NOT_FOUND")
	first := w.ask("ada", "POST", "/m3/end", "", 200)
	w.expect(first, object{"state": "ended", "participant_count": 0.0})
	if first["ended_at"] == nil || first["ended_at"] != w.ask("ada", "POST", "/m3/end", "", 200)["ended_at"] {
		t.Error("the end moved")
	}
	w.refused("bob", "GET", "/m3/status", "", 400, "MEETING_NOT_ACTIVE")
	w.refused("eve", "GET", "/m3/status", "", 400, "MEETING_NOT_ACTIVE")
	w.expect(w.ask("bob", "POST", "/m3/join", "", 200), object{"status": "waiting_for_meeting", "room_token": nil})
}

func TestParticipantsComeAndGo(t *testing.T) {
	w := newWorld(t)
	w.ask("ada", "POST", "", `{"meeting_id":"m4"}`, 201)
	early := w.ask("bob", "POST", "/m4/join", `{"display_name":"Bob"}`, 200)
	w.expect(early, object{"status": "waiting_for_meeting", "is_host": false, "room_token": nil, "display_name": "Bob"})
	raw, _ := early["observer_token"].(string)
	if claims, err := token.New(secret).CheckRoom(raw); err != nil || !claims.Observer || claims.Host || claims.DisplayName != "Bob" {
		t.Errorf("claims %+v, %v", claims, err)
	}
	w.refused("bob", "GET", "/m4/status", "", 404, "NOT_IN_MEETING")
	w.ask("ada", "POST", "/m4/join", "", 200)
	w.expect(w.ask("bob", "POST", "/m4/join", "", 200), object{"status": "waiting", "room_token": nil, "admitted_at": nil})
	w.refused("bob", "GET", "/m4/waiting", "", 403, "NOT_HOST")
	w.refused("bob", "POST", "/m4/admit", `{"user_id":"bob"}`, 403, "NOT_HOST")
	waiting, _ := w.ask("ada", "GET", "/m4/waiting", "", 200)["waiting"].([]any)
	if len(waiting) != 1 || waiting[0].(object)["user_id"] != "bob" {
		t.Errorf("waiting: %v", waiting)
	}
	admitted := w.ask("ada", "POST", "/m4/admit", `{"user_id":"bob"}`, 200)
	w.expect(admitted, object{"status": "admitted", "room_token": nil, "user_id": "bob"})
	if admitted["admitted_at"] == nil {
		t.Error("no admitted_at")
	}
	w.refused("ada", "POST", "/m4/admit", `{"user_id":"bob"}`, 404, "PARTICIPANT_NOT_FOUND")
	w.refused("ada", "POST", "/m4/reject", `{"user_id":"zoe"}`, 404, "PARTICIPANT_NOT_FOUND")
	if w.ask("bob", "GET", "/m4/status", "", 200)["room_token"] == nil {
		t.Error("no token for who was admitted")
	}
	if list, _ := w.ask("bob", "GET", "/m4/participants", "", 200)["list"].([]any); len(list) != 2 {
		t.Errorf("participants: %v", list)
	}
	w.refused("eve", "GET", "/m4/participants", "", 404, "NOT_IN_MEETING")
	w.expect(w.ask("bob", "POST", "/m4/leave", "", 200), object{"status": "left"})
	w.refused("eve", "POST", "/m4/leave", "", 404, "NOT_IN_MEETING")
	w.refused("eve", "POST", "/none/leave", "", 404, "MEETING_NOT_FOUND")
}

func TestAdmitAllAndToggle(t *testing.T) {
	w := newWorld(t)
	w.running("m5", true)
	for _, who := range []string{"bob", "cyd", "dan"} {
		w.ask(who, "POST", "/m5/join", "", 200)
	}
	all := w.ask("ada", "POST", "/m5/admit-all", "", 200)
	w.expect(all, object{"admitted_count": 3.0})
	w.refused("bob", "PATCH", "/m5", `{"waiting_room_enabled":false}`, 403, "NOT_OWNER")
	w.refused("", "PATCH", "/m5", `{"waiting_room_enabled":false}`, 401, "UNAUTHORIZED")
	w.ask("eve", "POST", "/m5/join", "", 200)
	w.expect(w.ask("ada", "PATCH", "/m5", `{}`, 200), object{"waiting_room_enabled": true, "waiting_count": 1.0})
	w.expect(w.ask("ada", "PATCH", "/m5", `{"waiting_room_enabled":false}`, 200),
		object{"waiting_room_enabled": false, "waiting_count": 0.0, "participant_count": 5.0})
	if w.ask("eve", "GET", "/m5/status", "", 200)["room_token"] == nil {
		t.Error("eve still waits")
	}
	w.expect(w.ask("fay", "POST", "/m5/join", "", 200), object{"status": "admitted", "observer_token": nil})
	w.ask("ada", "PATCH", "/m5", `{"waiting_room_enabled":true}`, 200)
	w.expect(w.ask("gil", "POST", "/m5/join", "", 200), object{"status": "waiting"})
}

func TestHostPowers(t *testing.T) {
	w := newWorld(t)
	w.running("m6", false)
	w.ask("bob", "POST", "/m6/join", "", 200)
	for _, act := range []string{"mute", "disable-video", "stop-screen-share", "lower-hand", "kick", "transfer-host", "grant-host"} {
		w.refused("bob", "POST", "/m6/"+act, `{"user_id":"ada"}`, 403, "NOT_HOST")
		w.refused("ada", "POST", "/m6/"+act, `{"user_id":"zoe"}`, 404, "PARTICIPANT_NOT_FOUND")
		w.refused("ada", "POST", "/m6/"+act, `{"user_id":""}`, 400, "INVALID_INPUT")
		w.refused("ada", "POST", "/m6/"+act, `{"user_id":"ada"}`, 400, "BAD_REQUEST")
	}
	for _, act := range []string{"mute", "disable-video", "grant-host", "revoke-host", "kick", "unban"} {
		w.ask("ada", "POST", "/m6/"+act, `{"user_id":"bob"}`, 200)
	}
	w.refused("bob", "POST", "/m6/mute-all", "", 403, "NOT_HOST")
	w.ask("ada", "POST", "/m6/mute-all", "", 200)
	w.ask("ada", "POST", "/m6/disable-video-all", "", 200)
	w.expect(w.ask("ada", "PUT", "/m6/display-name", `{"display_name":" Ada  Lovelace "}`, 200), object{"display_name": "Ada Lovelace"})
}

func TestPasswordAtJoin(t *testing.T) {
	w := newWorld(t)
	w.ask("ada", "POST", "", `{"meeting_id":"m7","password":"pw","waiting_room_enabled":false}`, 201)
	w.ask("ada", "POST", "/m7/join", "", 200)
	w.refused("bob", "POST", "/m7/join", "", 403, "PASSWORD_REQUIRED")
	w.refused("bob", "POST", "/m7/join", `{"password":"no"}`, 403, "WRONG_PASSWORD")
	w.expect(w.ask("bob", "POST", "/m7/join", `{"password":"pw"}`, 200), object{"status": "admitted"})
}

func TestGuests(t *testing.T) {
	w := newWorld(t)
	w.running("m8", false)
	w.expect(w.ask("", "GET", "/m8/guest-info", "", 200), object{"allow_guests": false, "state": nil, "host_display_name": nil})
	w.refused("", "POST", "/m8/join-guest", `{"display_name":"Gus"}`, 403, "GUESTS_NOT_ALLOWED")
	w.ask("ada", "PATCH", "/m8", `{"allow_guests":true}`, 200)
	w.expect(w.ask("", "GET", "/m8/guest-info", "", 200), object{"allow_guests": true, "has_password": false, "participant_count": nil})
	got := w.ask("", "POST", "/m8/join-guest", `{"display_name":"Gus"}`, 200)
	w.expect(got, object{"status": "admitted", "is_guest": true, "is_host": false})
	user, _ := got["user_id"].(string)
	if !strings.HasPrefix(user, "guest:") {
		t.Errorf("user %q", user)
	}
	again := w.ask("", "POST", "/m8/join-guest", `{"display_name":"Gus","guest_session_id":"`+user+`"}`, 200)
	w.expect(again, object{"user_id": user})
	raw, _ := again["room_token"].(string)
	answer := call(w.api, "GET", "/api/v1/meetings/m8/guest-status", "", "Authorization", "Bearer "+raw)
	if answer.Code != 200 {
		t.Errorf("guest status: %d %s", answer.Code, answer.Body)
	}
	answer = call(w.api, "POST", "/api/v1/meetings/other/leave-guest", "", "Authorization", "Bearer "+raw)
	wantProblem(t, answer, 401, "UNAUTHORIZED")
	w.refused("ada", "POST", "/m8/transfer-host", `{"user_id":"`+user+`"}`, 400, "BAD_REQUEST")
}

// Nobody gets anywhere with nothing, with an old, a foreign or a changed token, or with one
// for something else.
func TestStrangersCanDoNothing(t *testing.T) {
	w := newWorld(t)
	w.running("m9", false)
	mint := func(a *token.Authority, ttl time.Duration) string {
		raw, err := a.MintSession(token.Session{User: "ada", Name: "Ada"}, ttl)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	good := mint(token.New(secret), time.Hour)
	forRoom, err := token.New(secret).MintRoom(token.Room{User: "ada", Room: "m9"}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	tokens := map[string]string{
		"none": "", "expired": mint(token.New(secret), -time.Hour), "foreign": mint(token.New("another secret of others"), time.Hour),
		"changed": good[:len(good)-4] + "AAAA", "for a room": forRoom,
	}
	for _, route := range []string{
		"POST /", "GET /", "GET /joined", "GET /feed", "GET /feed/stream", "GET /m9", "PATCH /m9", "DELETE /m9", "POST /m9/end",
		"POST /m9/join", "POST /m9/leave", "GET /m9/status", "PUT /m9/display-name", "GET /m9/participants", "GET /m9/waiting",
		"POST /m9/admit", "POST /m9/admit-all", "POST /m9/reject", "POST /m9/kick", "POST /m9/unban", "POST /m9/transfer-host",
		"POST /m9/grant-host", "POST /m9/revoke-host", "POST /m9/mute", "POST /m9/mute-all", "POST /m9/disable-video",
		"POST /m9/disable-video-all", "POST /m9/stop-screen-share", "POST /m9/lower-hand", "GET /m9/guest-status", "POST /m9/leave-guest",
	} {
		method, path, _ := strings.Cut(route, " ")
		for what, raw := range tokens {
			var headers []string
			if raw != "" {
				headers = []string{"Authorization", "Bearer " + raw}
			}
			answer := call(w.api, method, "/api/v1/meetings"+strings.TrimSuffix(path, "/"), "", headers...)
			if answer.Code != http.StatusUnauthorized {
				t.Errorf("%s with a token that is %s: %d %s", route, what, answer.Code, answer.Body)
			}
		}
	}
}

func TestFeedTellsOfChanges(t *testing.T) {
	w := newWorld(t)
	w.running("m10", true)
	server := httptest.NewServer(w.api)
	defer server.Close()
	r, err := http.NewRequestWithContext(t.Context(), "GET", server.URL+"/api/v1/meetings/feed/stream", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", bearer(t, "ada", "Ada"))
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	lines := bufio.NewScanner(answer.Body)
	lines.Scan() // the stream is open
	w.ask("bob", "POST", "", `{"meeting_id":"of-bob"}`, 201)
	w.ask("bob", "POST", "/m10/join", "", 200)
	for lines.Scan() {
		if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			if data != `{"reason":"refresh","meeting_id":"m10"}` {
				t.Errorf("heard of %s first", data)
			}
			break
		}
	}
	page := w.ask("ada", "GET", "/feed?q=M1", "", 200)
	if list, _ := page["meetings"].([]any); len(list) != 1 {
		t.Errorf("found %v", page)
	}
	http.DefaultClient.CloseIdleConnections()
}

func TestJoinChecksInOrder(t *testing.T) {
	a := newWorld(t).api
	auth := bearer(t, "ada", "Ada")
	const path = "/api/v1/meetings/standup/join"
	wantProblem(t, call(a, "POST", "/api/v1/meetings/a.b/join", "{", "Content-Type", asJSON), 401, "UNAUTHORIZED")
	for _, body := range []string{"", "{", "{} {}"} {
		wantProblem(t, call(a, "POST", path, body, "Authorization", auth, "Content-Type", asJSON), 400, "INVALID_JSON")
	}
	for _, body := range []string{`{"display_name":3}`, `[]`} {
		wantProblem(t, call(a, "POST", path, body, "Authorization", auth, "Content-Type", asJSON), 422, "INVALID_BODY")
	}
	wantProblem(t, call(a, "POST", path, `{}`, "Authorization", auth, "Content-Type", "text/plain"), 415, "UNSUPPORTED_MEDIA_TYPE")
	wantProblem(t, call(a, "POST", path, `{"display_name":"`+strings.Repeat("x", maxBody)+`"}`, "Authorization", auth, "Content-Type", asJSON), 413, "TOO_LARGE")
	long := wantProblem(t, call(a, "POST", path, `{"display_name":"`+strings.Repeat("x", 51)+`"}`, "Authorization", auth, "Content-Type", asJSON), 400, "INVALID_INPUT")
	if long["field"] != "display_name" {
		t.Errorf("got %v", long)
	}
	for _, id := range []string{"a.b", "a%20b", "caf%C3%A9", "a%2Fb", strings.Repeat("x", 256)} {
		wantProblem(t, call(a, "POST", "/api/v1/meetings/"+id+"/join", "", "Authorization", auth), 400, "INVALID_MEETING_ID")
	}
	for _, body := range []string{"{}", `{"display_name":null}`, `{"unknown":1}`} {
		if w := call(a, "POST", path, body, "Authorization", auth, "Content-Type", "application/json; charset=utf-8"); w.Code != 200 {
			t.Errorf("%s: %d %s", body, w.Code, w.Body)
		}
	}
}

// What the database says is for the log.
func TestStorageFailuresAreNotExplained(t *testing.T) {
	a := newAPI(t, nil) // its database is out of reach
	w := call(a, "POST", "/api/v1/meetings/standup/join", "", "Authorization", bearer(t, "ada", "Ada"))
	result := wantProblem(t, w, 500, "INTERNAL_ERROR")
	if strings.Contains(w.Body.String(), "127.0.0.1") || result["request_id"] != w.Header().Get("X-Request-Id") {
		t.Errorf("got %s", w.Body)
	}
}
