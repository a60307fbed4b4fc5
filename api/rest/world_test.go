package rest

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"

	"parley/api/management"
	"parley/api/postgres"
	"parley/api/postgres/postgrestest"
	"parley/api/signout"
	"parley/api/token"
)

// newSignOuts returns the list of one node that hears of others by asking alone, if it runs.
func newSignOuts(t testing.TB, url string) *signout.List {
	t.Helper()
	return signout.New(signout.Options{Store: openStore(t, url), Log: slog.New(slog.NewTextHandler(t.Output(), nil)), Keep: token.ObserverTTL})
}

func openStore(t testing.TB, url string) *postgres.Store {
	t.Helper()
	store, err := postgres.Open(t.Context(), url, slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	return store
}

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
	n.meetings.Stale(ctx, room)
	return nil
}

func newMeetings(t testing.TB, url string) *management.Meetings {
	t.Helper()
	return newRooms(t, url).meetings
}

func newRooms(t testing.TB, url string) *nobody {
	t.Helper()
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	rooms := &nobody{}
	yes := func(string) bool { return true }
	rooms.meetings = management.New(openStore(t, url), rooms, management.Settings{Guests: yes}, log)
	return rooms
}

// patience bounds each wait of a test for what normally takes milliseconds.
const patience = 2 * time.Minute

// world is an API on a database of its own, and people who use it over HTTP.
type world struct {
	testing.TB
	api    *API
	url    string
	client *http.Client
	rooms  *nobody
	spec   routers.Router // knows what every answer has to look like, to the last field
}

func newWorld(t testing.TB) world {
	t.Helper()
	database := postgrestest.URL(t)
	rooms := newRooms(t, database)
	a := newAPI(t, func(o *Options) { o.Meetings, o.SignOuts = rooms.meetings, newSignOuts(t, database) })
	server := httptest.NewServer(a)
	t.Cleanup(server.Close)
	return world{t, a, server.URL, server.Client(), rooms, specRouter(t, a)}
}

// specRouter finds the description of a request in the document of a, without the
// permission to have more fields than are described.
func specRouter(t testing.TB, a *API) routers.Router {
	t.Helper()
	strict, err := json.Marshal(document(a.table, "", a.Cookie.Name))
	if err != nil {
		t.Fatal(err)
	}
	doc, err := openapi3.NewLoader().LoadFromData(strict)
	if err != nil {
		t.Fatal(err)
	}
	r, err := gorillamux.NewRouter(doc)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

type object = map[string]any

// ask sends a request as user, "" is nobody; "as X" sends the token X. The status must be as
// given, and the answer as documented.
func (w world) ask(user, method, path, body string, status int) object {
	w.Helper()
	r, err := http.NewRequestWithContext(w.Context(), method, w.url+"/api/v1/meetings"+path, strings.NewReader(body))
	if err != nil {
		w.Fatal(err)
	}
	if raw, is := strings.CutPrefix(user, "as "); is {
		r.Header.Set("Authorization", "Bearer "+raw)
	} else if user != "" {
		r.Header.Set("Authorization", bearer(w, user, strings.ToUpper(user[:1])+user[1:]))
	}
	if body != "" {
		r.Header.Set("Content-Type", asJSON)
	}
	answer, err := w.client.Do(r)
	if err != nil {
		w.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		w.Fatal(err)
	}
	if answer.StatusCode != status {
		w.Fatalf("%s %s %s as %q: %d %s, want %d", method, path, body, user, answer.StatusCode, text, status)
	}
	w.asDocumented(r, answer, text)
	var e struct {
		Success bool `json:"success"`
		Result  any  `json:"result"`
	}
	if err := json.Unmarshal(text, &e); err != nil || e.Success != (status < 300) {
		w.Fatalf("%s %s: %s", method, path, text)
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

// asDocumented checks an answer against the document.
func (w world) asDocumented(r *http.Request, answer *http.Response, text []byte) {
	w.Helper()
	description, values, err := w.spec.FindRoute(r)
	if err != nil {
		w.Errorf("%s %s: %v", r.Method, r.URL.Path, err)
		return
	}
	err = openapi3filter.ValidateResponse(w.Context(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: r, PathParams: values, Route: description},
		Status:                 answer.StatusCode, Header: answer.Header, Body: io.NopCloser(bytes.NewReader(text)),
		Options: &openapi3filter.Options{IncludeResponseStatus: true, MultiError: true},
	})
	if err != nil {
		w.Errorf("%s %s: %s\n%v", r.Method, r.URL.Path, text, err)
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

// expect compares some fields; nil is none.
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

// has checks that fields are there.
func (w world) has(got object, fields ...string) {
	w.Helper()
	for _, f := range fields {
		if _, has := got[f]; !has {
			w.Errorf("no %s in %v", f, got)
		}
	}
}

// newID returns the id of a meeting that no other test uses.
func newID() string { return "m-" + rand.Text()[:12] }

// set sets up a meeting of ada's that has not begun; body may say more than its id.
func (w world) set(more string) (id string) {
	w.Helper()
	id = newID()
	w.ask("ada", "POST", "", `{"meeting_id":"`+id+`"`+more+`}`, 201)
	return id
}

// running sets up a meeting of ada's, and lets her in.
func (w world) running(more string) (id string) {
	w.Helper()
	id = w.set(more)
	w.ask("ada", "POST", "/"+id+"/join", `{"display_name":"Ada"}`, 200)
	return id
}

const noWaiting = `,"waiting_room_enabled":false`

// claims returns what a token of an answer says.
func (w world) claims(answer object, field string) token.Room {
	w.Helper()
	raw, _ := answer[field].(string)
	r, err := token.New(secret).CheckRoom(raw)
	if err != nil {
		w.Errorf("%s of %v: %v", field, answer, err)
	}
	return r
}

// about checks that at, in seconds or milliseconds, is the present.
func (w world) about(at any, unit time.Duration) {
	w.Helper()
	n, _ := at.(float64)
	if age := time.Since(time.Unix(0, int64(n)*int64(unit))); age < -time.Second || age > time.Minute {
		w.Errorf("%v is not now in units of %v", at, unit)
	}
}

// acts returns what rooms were told so far.
func (w world) acts() []management.Act {
	w.rooms.mu.Lock()
	defer w.rooms.mu.Unlock()
	return slices.Clone(w.rooms.acts)
}
