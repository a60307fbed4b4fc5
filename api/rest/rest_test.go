package rest

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"parley/api/cookie"
	"parley/api/fault"
	"parley/api/observe"
	"parley/api/postgres/postgrestest"
	"parley/api/token"

	"github.com/google/go-cmp/cmp"
)

func TestMain(m *testing.M) { postgrestest.Main(m) }

const secret = "test-secret-for-unit-tests"

// noDatabase is where none answers.
const noDatabase = "postgres://nobody@127.0.0.1:1/none"

var client = fstest.MapFS{
	"index.html":            {Data: []byte("<!doctype html><title>Parley</title>")},
	"icon.svg":              {Data: []byte("<svg/>")},
	"assets/main-ABCDEF.js": {Data: []byte(strings.Repeat("console.log('hello');\n", 100))},
}

func newAPI(t testing.TB, change func(*Options)) *API {
	t.Helper()
	o := Options{
		Tokens: token.New(secret), Meetings: newMeetings(t, noDatabase), SignOuts: newSignOuts(t, noDatabase), Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
		Build:    observe.Build{Service: "websocket-relay", Version: "1.2.3", GitSHA: "abc", GitBranch: "main", BuildTimestamp: "2030-01-02T03:04:05Z"},
		TokenTTL: time.Minute, SessionTTL: time.Hour, Cookie: cookie.Session{Name: "session", Secure: true}, DemoSignIn: true, Page: client,
		Client:   func() ClientConfig { return ClientConfig{Version: "1.2.3", WebTransportPort: 4433, DemoSignIn: true} },
		Features: func(string) Features { return Features{Chat: true, Reactions: true, ScreenShare: true} },
	}
	if change != nil {
		change(&o)
	}
	a, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func call(a http.Handler, method, target, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	if body == "" {
		r.Body = http.NoBody
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	a.ServeHTTP(w, r)
	return w
}

const asJSON = "application/json"

func bearer(t testing.TB, user, name string) string {
	t.Helper()
	raw, err := token.New(secret).MintSession(token.Session{User: user, Name: name}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return "Bearer " + raw
}

// decode reads an envelope.
func decode(t *testing.T, w *httptest.ResponseRecorder) (success bool, result map[string]any) {
	t.Helper()
	var e struct {
		Success *bool          `json:"success"`
		Result  map[string]any `json:"result"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &e); err != nil || e.Success == nil {
		t.Fatalf("no envelope: %d %s", w.Code, w.Body)
	}
	if got := w.Header().Get("Content-Type"); got != asJSON {
		t.Errorf("content type %q", got)
	}
	if got := w.Header().Get("Cache-Control"); got != "no-store" {
		t.Errorf("cache control %q", got)
	}
	return *e.Success, e.Result
}

func wantProblem(t *testing.T, w *httptest.ResponseRecorder, status int, code string) map[string]any {
	t.Helper()
	success, result := decode(t, w)
	if success || w.Code != status || result["code"] != code || result["message"] == "" {
		t.Errorf("got %d %s, want %d %s", w.Code, w.Body, status, code)
	}
	return result
}

func TestNoDemoSignInUnlessAllowed(t *testing.T) {
	a := newAPI(t, func(o *Options) { o.DemoSignIn = false })
	wantProblem(t, call(a, "POST", "/login/demo", `{"name":"Ada"}`, "Content-Type", asJSON), 404, "NOT_FOUND")
}

func TestPlainRoutes(t *testing.T) {
	var notReady error
	a := newAPI(t, func(o *Options) {
		o.Ready = func(context.Context) error { return notReady }
		o.Metrics = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { writeText(w, 200, "parley_up 1") })
	})
	for target, want := range map[string]string{
		"/healthz":            "ok",
		"/readyz":             "ok",
		"/metrics":            "parley_up 1",
		"/version":            `{"service":"websocket-relay","version":"1.2.3","git_sha":"abc","git_branch":"main","build_timestamp":"2030-01-02T03:04:05Z"}` + "\n",
		"/client-config.json": `{"version":"1.2.3","webtransport_port":4433,"certificate_sha256":[],"demo_sign_in":true,"sign_in":false}` + "\n",
	} {
		w := call(a, "GET", target, "")
		if w.Code != 200 || w.Body.String() != want || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %q", target, w.Code, w.Body)
		}
	}
	notReady = fault.Wrap(errors.New("secret detail"), fault.Unavailable, "NATS is not connected")
	if w := call(a, "GET", "/readyz", ""); w.Code != 503 || w.Body.String() != "NATS is not connected" {
		t.Errorf("not ready: %d %q", w.Code, w.Body)
	}
	notReady = errors.New("draining")
	if w := call(a, "GET", "/readyz", ""); w.Code != 503 || w.Body.String() != "draining" {
		t.Errorf("draining: %d %q", w.Code, w.Body)
	}
	if w := call(a, "GET", "/healthz", ""); w.Code != 200 {
		t.Errorf("alive: %d", w.Code)
	}
	wantProblem(t, call(newAPI(t, nil), "GET", "/metrics", ""), 404, "NOT_FOUND")
}

func TestWhatNobodyServes(t *testing.T) {
	a := newAPI(t, nil)
	wantProblem(t, call(a, "GET", "/nowhere", ""), 404, "NOT_FOUND")
	wantProblem(t, call(a, "GET", "/api/v1/nowhere", "", "Accept", "text/html"), 404, "NOT_FOUND")
	w := call(a, "GET", "/nowhere", "", "Accept", "text/html,*/*")
	if w.Code != 404 || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") {
		t.Errorf("a person: %d %v", w.Code, w.Header())
	}
	w = call(a, "DELETE", "/api/v1/meetings/standup/join", "")
	wantProblem(t, w, 405, "METHOD_NOT_ALLOWED")
	if w.Header().Get("Allow") != "POST" {
		t.Errorf("allow %q", w.Header().Get("Allow"))
	}
}

func TestLobbyGetsTheBareWriter(t *testing.T) {
	var paths []string
	a := newAPI(t, func(o *Options) {
		o.Lobby = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if _, ok := w.(*httptest.ResponseRecorder); !ok {
				t.Errorf("got a %T", w)
			}
			paths = append(paths, r.URL.Path)
		})
	})
	call(a, "GET", "/lobby?token=x", "")
	call(a, "GET", "/lobby/ada/standup", "")
	call(a, "GET", "/lobbyist", "")
	if diff := cmp.Diff([]string{"/lobby", "/lobby/ada/standup"}, paths); diff != "" {
		t.Error(diff)
	}
}
