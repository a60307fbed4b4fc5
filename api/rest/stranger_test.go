package rest

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"parley/api/token"
)

// Nobody gets anywhere without credentials, or with those that are old, foreign, changed,
// signed out of or for something else: on every route that asks for them, and before the body is read.
func TestStrangersCanDoNothing(t *testing.T) {
	w := newWorld(t)
	id := w.running("")
	admins, _ := newAdminAPI(t)
	admins.SignOuts = w.api.SignOuts
	a := token.New(secret)
	session := func(a *token.Authority, ttl time.Duration) string {
		return must(t)(a.MintSession(token.Session{User: "ada", Name: "Ada", Admin: true}, ttl))
	}
	good := session(a, time.Hour)
	signedOut, ofOthers := session(a, time.Hour), ofReference(t)
	for _, raw := range []string{signedOut, ofOthers} {
		wantEmpty(t, call(admins, "POST", "/logout", "", "Authorization", "Bearer "+raw), 200)
	}
	parts := strings.Split(good, ".")
	unsigned := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + parts[1] + "."
	stranger := map[string]string{
		"nothing":                   "",
		"an old session":            session(a, -2*time.Minute),
		"a session signed out of":   signedOut,
		"one of the reference":      ofOthers,
		"a foreign session":         session(token.New("another secret"), time.Hour),
		"a session cut short":       good[:len(good)-1],
		"another's signature":       parts[0] + "." + parts[1] + "." + strings.Split(session(a, 2*time.Hour), ".")[2],
		"a changed claim":           parts[0] + "." + strings.ToUpper(parts[1][:1]) + "A" + parts[1][2:] + "." + parts[2],
		"an unsigned session":       unsigned,
		"no token at all":           "ada",
		"a room token":              must(t)(a.MintRoom(token.Room{User: "ada", Room: id, Host: true}, time.Hour)),
		"an observer token":         must(t)(a.MintRoom(token.Room{User: "ada", Room: id, Observer: true}, time.Hour)),
		"the token of an old guest": must(t)(a.MintRoom(token.Room{User: "guest:x", Room: id, Guest: true}, -2*time.Minute)),
		"a guest of another room":   must(t)(a.MintRoom(token.Room{User: "guest:x", Room: "another", Guest: true}, time.Hour)),
	}
	asked := 0
	for _, r := range admins.table {
		if r.auth == anybody {
			continue
		}
		path := strings.NewReplacer("{id}", id, "{name}", "guests").Replace(r.path())
		for what, raw := range stranger {
			for _, headers := range [][]string{
				{"Authorization", "Bearer " + raw}, {"Cookie", "session=" + raw}, {"Authorization", "bearer " + good}, {"Cookie", "Session=" + good},
				{"Cookie", "session=" + raw, "Authorization", "Bearer " + good},
			} {
				if len(headers) == 4 && (raw == "" || r.auth == guest) {
					continue // without a cookie the bearer counts; guests have none
				}
				answer := call(admins, r.method(), path, "{", append(headers, "Content-Type", asJSON)...)
				if answer.Code != http.StatusUnauthorized {
					t.Errorf("%s with %s in %s: %d %s", r.pattern, what, headers[0], answer.Code, answer.Body)
				}
				asked++
			}
		}
		switch r.auth {
		case admin:
			wantProblem(t, call(admins, r.method(), path, "{", "Authorization", bearer(t, "ada", "Ada"), "Content-Type", asJSON), 403, "FORBIDDEN")
		case guest:
			wantProblem(t, call(admins, r.method(), path, "", "Authorization", bearer(t, "ada", "Ada")), 401, "UNAUTHORIZED")
		}
	}
	if asked < 1000 {
		t.Errorf("only %d requests", asked)
	}
	w.expect(w.ask("ada", "GET", "/"+id, "", 200), object{"state": "active", "participant_count": 1.0})
}

// Who has nothing to do with a meeting learns what they need to ask for admission.
func TestStrangersSeeLittle(t *testing.T) {
	w := newWorld(t)
	id := w.running(`,"attendees":["cyd"],"password":"pw"`)
	w.ask("bob", "POST", "/"+id+"/join", `{"password":"pw"}`, 200)
	got := w.ask("eve", "GET", "/"+id, "", 200)
	w.expect(got, object{
		"meeting_id": id, "state": "active", "has_password": true, "waiting_room_enabled": true, "host_display_name": "Ada",
		"host": "Ada", "host_user_id": nil, "participant_count": 0.0, "waiting_count": 0.0, "started_at": 0.0, "ended_at": nil,
		"attendees": nil, "your_status": nil,
	})
	if text := fmt.Sprint(got); strings.Contains(text, "cyd") || strings.Contains(text, "bob") || strings.Contains(text, "ada") {
		t.Errorf("eve sees %v", got)
	}
	for _, who := range []string{"bob", "cyd"} { // who waits, and who is invited
		w.expect(w.ask(who, "GET", "/"+id, "", 200), object{"host": "ada", "waiting_count": 1.0, "attendees": nil})
		w.refused(who, "GET", "/"+id+"/participants", "", 404, "NOT_IN_MEETING")
	}
	w.has(w.ask("ada", "GET", "/"+id, "", 200), "attendees", "your_status")
	w.refused("eve", "GET", "/"+id+"/participants", "", 404, "NOT_IN_MEETING")
	w.refused("eve", "GET", "/"+id+"/waiting", "", 403, "NOT_HOST")
	w.expect(w.ask("eve", "GET", "/feed", "", 200), object{"total": 0.0})
}

func must(t testing.TB) func(string, error) string {
	return func(s string, err error) string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
}
