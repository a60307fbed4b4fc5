package rest

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/api/flagfeed"
	"parley/api/flags"
	"parley/api/media"
	"parley/api/tart"
	"parley/api/telemetry"
	"parley/api/token"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"
)

// record carries orders out on one registry and remembers them. The real one, with a database
// and other nodes, is tested in packages flagfeed and app.
type record struct {
	registry *flags.Registry
	changes  []flags.Change
	down     error
}

func (r *record) Apply(_ context.Context, o flags.Order) (*flags.Change, error) {
	o, err := flagfeed.Check(o)
	if err == nil {
		err = r.down
	}
	if err != nil {
		return nil, err
	}
	if o.Value == nil {
		err = r.registry.Clear(o.Flag, o.Room)
	} else {
		err = r.registry.Set(o.Flag, o.Room, *o.Value)
	}
	c := flags.Change{Revision: int64(len(r.changes) + 1), By: o.By, Flag: o.Flag, Room: o.Room, After: o.Value, Reason: o.Reason}
	r.changes = append(r.changes, c)
	return &c, err
}

func (r *record) Changes(_ context.Context, flag string, limit, offset int) (flags.Log, error) {
	of := slices.DeleteFunc(slices.Clone(r.changes), func(c flags.Change) bool { return flag != "" && c.Flag != flag })
	slices.Reverse(of)
	return flags.Log{Changes: cut(of, slice{limit, offset}), Total: len(of)}, r.down
}

func newAdminAPI(t testing.TB, members ...media.Member) (*API, *record) {
	t.Helper()
	reg, err := flags.New(func(string) string { return "" }, nil)
	if err != nil {
		t.Fatal(err)
	}
	rec := &record{registry: reg}
	engine, err := telemetry.New(telemetry.Options{Log: slog.New(slog.DiscardHandler)}) // nothing is asked of it
	if err != nil {
		t.Fatal(err)
	}
	return newAPI(t, func(o *Options) {
		o.Admin = Admin{
			Users: []string{"root@example.org"}, Registry: reg, Flags: rec,
			Members:  func(context.Context) []media.Member { return slices.Clone(members) },
			Meetings: &moderation{}, Rooms: new(rooms),
		}
		o.Telemetry.Engine = engine
		o.TART = TART{tart.New(tart.Options{Engine: engine, Log: o.Log, Version: "1.2.3"}).Routes(), func() Access { return Access{} }}
	}), rec
}

// asRoot calls as an admin, with a JSON body if there is one.
func asRoot(t testing.TB, a *API, method, target, body string) *httptest.ResponseRecorder {
	headers := []string{"Authorization", bearer(t, "root@example.org", "Root")}
	if body != "" {
		headers = append(headers, "Content-Type", asJSON)
	}
	return call(a, method, target, body, headers...)
}

// resultOf decodes the result of a success.
func resultOf[T any](t *testing.T, w *httptest.ResponseRecorder) T {
	t.Helper()
	var e struct {
		Success bool `json:"success"`
		Result  T    `json:"result"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &e); err != nil || !e.Success || w.Code != 200 {
		t.Fatalf("%d %s, %v", w.Code, w.Body, err)
	}
	return e.Result
}

// adminRequests is one request for each route of admins.
var adminRequests = []struct{ method, target, body string }{
	{"GET", "/api/v1/admin/flags", ""},
	{"GET", "/api/v1/admin/flags/guests", ""},
	{"PUT", "/api/v1/admin/flags/guests", `{"value":true}`},
	{"DELETE", "/api/v1/admin/flags/guests", ""},
	{"GET", "/api/v1/admin/flags/guests/history", ""},
	{"GET", "/api/v1/admin/audit", ""},
	{"GET", "/api/v1/admin/rooms", ""},
	{"POST", "/api/v1/admin/meetings/standup/end", ""},
	{"POST", "/api/v1/admin/meetings/standup/remove", `{"user_id":"ada"}`},
}

func TestOnlyAdminsReachTheirRoutes(t *testing.T) {
	a, rec := newAdminAPI(t)
	claims := func(change func(jwt.MapClaims)) string {
		c := jwt.MapClaims{
			"sub": "root@example.org", "name": "Root", "iss": token.Issuer, "admin": true, "typ": "session",
			"iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(),
		}
		change(c)
		raw, err := jwt.NewWithClaims(jwt.SigningMethodHS256, c).SignedString([]byte(secret))
		if err != nil {
			t.Fatal(err)
		}
		return "Bearer " + raw
	}
	good := claims(func(jwt.MapClaims) {})
	room, err := token.New(secret).MintRoom(token.Room{User: "root@example.org", Room: "standup", Host: true}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := token.New("another-secret").MintSession(token.Session{User: "root@example.org", Admin: true}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	unsigned, err := jwt.NewWithClaims(jwt.SigningMethodNone, jwt.MapClaims{"sub": "root@example.org"}).SignedString(jwt.UnsafeAllowNoneSignatureType)
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(good, ".")
	refused := []struct {
		what, header string
		status       int
		code         string
	}{
		{"nothing", "", 401, "UNAUTHORIZED"},
		{"no bearer", "Basic cm9vdDpyb290", 401, "UNAUTHORIZED"},
		{"garbage", "Bearer x.y.z", 401, "UNAUTHORIZED"},
		{"expired", claims(func(c jwt.MapClaims) { c["exp"] = time.Now().Add(-time.Hour).Unix() }), 401, "UNAUTHORIZED"},
		{"of another secret", "Bearer " + foreign, 401, "UNAUTHORIZED"},
		{"unsigned", "Bearer " + unsigned, 401, "UNAUTHORIZED"},
		{"tampered", parts[0] + "." + strings.Split(claims(func(c jwt.MapClaims) { c["sub"] = "eve" }), ".")[1] + "." + parts[2], 401, "UNAUTHORIZED"},
		{"room token", "Bearer " + room, 401, "UNAUTHORIZED"},
		{"of another issuer", claims(func(c jwt.MapClaims) { c["iss"] = "elsewhere" }), 401, "UNAUTHORIZED"},
		{"somebody", bearer(t, "ada", "Ada"), 403, "FORBIDDEN"},
		{"nearly an admin", bearer(t, "Root@example.org", "Root"), 403, "FORBIDDEN"},
		{"claim is no bool", claims(func(c jwt.MapClaims) { c["sub"], c["admin"] = "eve", "true" }), 403, "FORBIDDEN"},
	}
	for _, r := range adminRequests {
		for _, c := range refused {
			headers := []string{"Content-Type", asJSON}
			if c.header != "" {
				headers = append(headers, "Authorization", c.header)
			}
			t.Run(c.what+" "+r.method+" "+r.target, func(t *testing.T) {
				wantProblem(t, call(a, r.method, r.target, r.body, headers...), c.status, c.code)
			})
		}
		byClaim := claims(func(c jwt.MapClaims) { c["sub"] = "of-another-backend" })
		for _, header := range []string{good, byClaim} {
			headers := []string{"Authorization", header}
			if r.body != "" {
				headers = append(headers, "Content-Type", asJSON)
			}
			if w := call(a, r.method, r.target, r.body, headers...); w.Code != 200 {
				t.Errorf("admin %s %s: %d %s", r.method, r.target, w.Code, w.Body)
			}
		}
	}
	for _, c := range rec.changes {
		if c.By != "root@example.org" && c.By != "of-another-backend" {
			t.Errorf("%s changed a flag", c.By)
		}
	}
	wantProblem(t, call(newAPI(t, nil), "GET", "/api/v1/admin/flags", "", "Authorization", good), 404, "NOT_FOUND")
}

func TestEveryAdminRouteIsAmongThoseTested(t *testing.T) {
	a, _ := newAdminAPI(t)
	for _, method := range []string{"GET", "PUT", "DELETE", "POST", "PATCH"} {
		for _, target := range []string{
			"/api/v1/admin/flags", "/api/v1/admin/flags/guests", "/api/v1/admin/flags/guests/history",
			"/api/v1/admin/audit", "/api/v1/admin/rooms",
			"/api/v1/admin/meetings/standup/end", "/api/v1/admin/meetings/standup/remove",
		} {
			_, pattern := a.mux.Handler(httptest.NewRequest(method, target, nil))
			known := slices.ContainsFunc(adminRequests, func(r struct{ method, target, body string }) bool {
				return r.method == method && r.target == target
			})
			if (pattern != "") != known {
				t.Errorf("%s %s: pattern %q, tested: %v", method, target, pattern, known)
			}
		}
	}
}

func TestProfileSaysWhoIsAnAdmin(t *testing.T) {
	a, _ := newAdminAPI(t)
	for user, want := range map[string]bool{"root@example.org": true, "ada": false} {
		got := resultOf[profileResult](t, call(a, "GET", "/profile", "", "Authorization", bearer(t, user, "x")))
		if got.Admin != want {
			t.Errorf("%s: %+v", user, got)
		}
	}
}

func TestDemoSignInNeverMakesAnAdmin(t *testing.T) {
	a, _ := newAdminAPI(t)
	alphabet := "abcdefghijklmnopqrstuvwxyz0123456789"
	for _, x := range alphabet { // half of all that can be
		for _, y := range alphabet[:18] {
			for _, z := range alphabet {
				for _, v := range alphabet {
					a.Admin.Users = append(a.Admin.Users, "ada-"+string([]rune{x, y, z, v}))
				}
			}
		}
	}
	admins := make(map[string]bool, len(a.Admin.Users))
	for _, u := range a.Admin.Users {
		admins[u] = true
	}
	for range 20 {
		w := call(a, "POST", "/login/demo", `{"name":"Ada"}`, "Content-Type", asJSON)
		if s := resultOf[demoResult](t, w); admins[s.User] {
			t.Fatalf("signed in as %s", s.User)
		}
	}
}

func TestSetAndClearAFlag(t *testing.T) {
	a, rec := newAdminAPI(t)
	for _, c := range []struct{ flag, body, value string }{
		{"guests", `{"value":true,"reason":"open day"}`, "true"},
		{"guests", `{"value":"no"}`, "false"},
		{"max_participants", `{"value":12}`, "12"},
		{"max_participants", `{"value":"13"}`, "13"},
		{"transports", `{"value":"websocket"}`, "websocket"},
	} {
		got := resultOf[flagResult](t, asRoot(t, a, "PUT", "/api/v1/admin/flags/"+c.flag, c.body))
		if got.Flag.Value != c.value || got.Flag.Source != flags.FromAdmin || got.Change == nil || *got.Change.After != c.value ||
			got.Change.By != "root@example.org" {
			t.Errorf("%s %s: %+v", c.flag, c.body, got)
		}
	}
	got := resultOf[flagResult](t, asRoot(t, a, "PUT", "/api/v1/admin/flags/chat", `{"value":false,"room":"standup"}`))
	if got.Flag.Value != "true" || got.Flag.Rooms["standup"] != "false" {
		t.Errorf("room: %+v", got)
	}
	if flags.Chat.For(rec.registry, "standup") || !flags.Chat.Get(rec.registry) {
		t.Error("the room has no value of its own")
	}
	got = resultOf[flagResult](t, asRoot(t, a, "DELETE", "/api/v1/admin/flags/chat?room=standup&reason=over", ""))
	if len(got.Flag.Rooms) != 0 || got.Change.Reason != "over" || got.Change.Room != "standup" {
		t.Errorf("cleared by query: %+v", got)
	}
	got = resultOf[flagResult](t, asRoot(t, a, "DELETE", "/api/v1/admin/flags/guests", `{"reason":"day is over"}`))
	if got.Flag.Source != flags.FromDefault || got.Change.Reason != "day is over" {
		t.Errorf("cleared by body: %+v", got)
	}

	all := resultOf[flagsResult](t, asRoot(t, a, "GET", "/api/v1/admin/flags", ""))
	if diff := cmp.Diff(rec.registry.States(), all.Flags); diff != "" {
		t.Errorf("-registry +answer\n%s", diff)
	}
	one := resultOf[flags.State](t, asRoot(t, a, "GET", "/api/v1/admin/flags/max_participants", ""))
	if one.Value != "13" || *one.Max != flags.MaxParticipantsLimit {
		t.Errorf("%+v", one)
	}
	history := resultOf[changesResult](t, asRoot(t, a, "GET", "/api/v1/admin/flags/guests/history?limit=2", ""))
	if history.Total != 3 || len(history.Changes) != 2 || history.Changes[0].After != nil || history.Limit != 2 {
		t.Errorf("history %+v", history)
	}
	audit := resultOf[changesResult](t, asRoot(t, a, "GET", "/api/v1/admin/audit?limit=1000&offset=-3", ""))
	if audit.Total != 8 || len(audit.Changes) != 8 || audit.Limit != mostChanges || audit.Offset != 0 {
		t.Errorf("audit %+v", audit)
	}
}

func TestRequestsThatChangeNoFlag(t *testing.T) {
	a, rec := newAdminAPI(t)
	long := strings.Repeat("x", 501)
	for _, c := range []struct {
		method, target, body string
		status               int
		code, says           string
	}{
		{"GET", "flags/guest", "", 404, "FLAG_NOT_FOUND", "guests"},
		{"PUT", "flags/waiting_room", `{"value":true}`, 404, "FLAG_NOT_FOUND", "waiting_room_default"},
		{"DELETE", "flags/nothing_like_it", "", 404, "FLAG_NOT_FOUND", "nothing_like_it"},
		{"GET", "flags/guest/history", "", 404, "FLAG_NOT_FOUND", "guests"},
		{"PUT", "flags/guests", `{"value":"maybe"}`, 400, "INVALID_INPUT", "value: "},
		{"PUT", "flags/guests", `{"value":[true]}`, 400, "INVALID_INPUT", "value: "},
		{"PUT", "flags/guests", `{"value":null}`, 400, "INVALID_INPUT", "value: "},
		{"PUT", "flags/guests", `{}`, 400, "INVALID_INPUT", "value: "},
		{"PUT", "flags/max_participants", `{"value":-1}`, 400, "INVALID_INPUT", "from 0 to"},
		{"PUT", "flags/max_participants", `{"value":2.5}`, 400, "INVALID_INPUT", "value: "},
		{"PUT", "flags/transports", `{"value":"pigeon"}`, 400, "INVALID_INPUT", "websocket"},
		{"PUT", "flags/guests", `{"value":true,"room":"a b"}`, 400, "INVALID_INPUT", "room: "},
		{"PUT", "flags/guests", `{"value":true,"reason":"` + long + `"}`, 400, "INVALID_INPUT", "reason: "},
		{"DELETE", "flags/guests?room=a%20b", "", 400, "INVALID_INPUT", "room: "},
		{"PUT", "flags/guests", `{"value":`, 400, "INVALID_JSON", ""},
		{"PUT", "flags/guests", `{"value":true,"room":7}`, 422, "INVALID_BODY", ""},
		{"GET", "audit?limit=many", "", 400, "INVALID_INPUT", "limit: "},
		{"GET", "rooms?offset=x", "", 400, "INVALID_INPUT", "offset: "},
	} {
		w := asRoot(t, a, c.method, "/api/v1/admin/"+c.target, c.body)
		result := wantProblem(t, w, c.status, c.code)
		if message, _ := result["message"].(string); !strings.Contains(message, c.says) {
			t.Errorf("%s %s: %q does not say %q", c.method, c.target, message, c.says)
		}
	}
	wantProblem(t, call(a, "PUT", "/api/v1/admin/flags/guests", "value=true", "Authorization", bearer(t, "root@example.org", "Root"),
		"Content-Type", "application/x-www-form-urlencoded"), 415, "UNSUPPORTED_MEDIA_TYPE")
	if len(rec.changes) != 0 {
		t.Errorf("changed: %+v", rec.changes)
	}
}

func TestDatabaseTextStaysOnTheServer(t *testing.T) {
	a, rec := newAdminAPI(t)
	rec.down = errors.New(`relation "flag_values" does not exist`)
	for _, r := range []struct{ method, target, body string }{
		{"PUT", "/api/v1/admin/flags/guests", `{"value":true}`},
		{"DELETE", "/api/v1/admin/flags/guests", ""},
		{"GET", "/api/v1/admin/audit", ""},
	} {
		w := asRoot(t, a, r.method, r.target, r.body)
		wantProblem(t, w, http.StatusInternalServerError, "INTERNAL_ERROR")
		if strings.Contains(w.Body.String(), "flag_values") {
			t.Errorf("%s %s: %s", r.method, r.target, w.Body)
		}
	}
}

func TestLiveRooms(t *testing.T) {
	at := time.Unix(1_900_000_000, 0)
	member := func(room media.RoomID, user string, session media.SessionID, after time.Duration) media.Member {
		return media.Member{
			Room: room, User: user, Session: session, Node: "n-a", Transport: "websocket", DisplayName: "The " + user, Joined: at.Add(after),
		}
	}
	a, _ := newAdminAPI(t,
		member("full", "bob", 2, time.Second), member("lonely", "eve", 1<<63, 0), member("also-lonely", "ida", 9, 0), member("full", "ada", 3, 0))
	got := resultOf[roomsResult](t, asRoot(t, a, "GET", "/api/v1/admin/rooms", ""))
	var rooms []string
	for _, r := range got.Rooms {
		var users []string
		for _, p := range r.Participants {
			users = append(users, p.User+"/"+p.Session)
		}
		rooms = append(rooms, r.Meeting+": "+strings.Join(users, " "))
	}
	want := []string{"full: ada/3 bob/2", "also-lonely: ida/9", "lonely: eve/9223372036854775808"}
	if diff := cmp.Diff(want, rooms); diff != "" || got.Total != 3 || got.Participants != 4 {
		t.Errorf("%d rooms, %d participants\n%s", got.Total, got.Participants, diff)
	}
	if p := got.Rooms[0].Participants[0]; p.Joined != at.Unix() || p.Node != "n-a" || p.Transport != "websocket" || p.DisplayName != "The ada" {
		t.Errorf("%+v", p)
	}
	page := resultOf[roomsResult](t, asRoot(t, a, "GET", "/api/v1/admin/rooms?limit=1&offset=2", ""))
	if len(page.Rooms) != 1 || page.Rooms[0].Meeting != "lonely" || page.Total != 3 || page.Participants != 4 {
		t.Errorf("%+v", page)
	}
	none, _ := newAdminAPI(t)
	if w := asRoot(t, none, "GET", "/api/v1/admin/rooms?offset=7", ""); !strings.Contains(w.Body.String(), `"rooms":[]`) {
		t.Errorf("empty: %s", w.Body)
	}
}
