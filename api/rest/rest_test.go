package rest

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"parley/api/fault"
	"parley/api/observe"
	"parley/api/token"
	"parley/api/wire"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const secret = "test-secret-for-unit-tests"

// creators is what the meetings of a test look like: room to creator, or to an error.
type creators map[string]any

func (c creators) Creator(_ context.Context, room string) (string, bool, error) {
	switch v := c[room].(type) {
	case string:
		return v, true, nil
	case error:
		return "", false, v
	case func():
		v()
	}
	return "", false, nil
}

var client = fstest.MapFS{
	"index.html":            {Data: []byte("<!doctype html><title>Parley</title>")},
	"icon.svg":              {Data: []byte("<svg/>")},
	"assets/main-ABCDEF.js": {Data: []byte(strings.Repeat("console.log('hello');\n", 100))},
}

func newAPI(t testing.TB, change func(*Options)) *API {
	t.Helper()
	o := Options{
		Tokens: token.New(secret), Meetings: creators{}, Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
		Build:    observe.Build{Service: "websocket-relay", Version: "1.2.3", GitSHA: "abc", GitBranch: "main", BuildTimestamp: "2030-01-02T03:04:05Z"},
		TokenTTL: time.Minute, SessionTTL: time.Hour, CookieName: "session", DemoSignIn: true, Page: client,
		Client: func() ClientConfig { return ClientConfig{Version: "1.2.3", WebTransportPort: 4433, DemoSignIn: true} },
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

func TestDemoSignInToRoomToken(t *testing.T) {
	a := newAPI(t, nil)
	w := call(a, "POST", "/login/demo", `{"name":"  Ada \t Lovelace\u0000 "}`, "Content-Type", asJSON)
	success, result := decode(t, w)
	if !success || w.Code != http.StatusOK || result["name"] != "Ada Lovelace" {
		t.Fatalf("got %d %s", w.Code, w.Body)
	}
	user, _ := result["user_id"].(string)
	if !regexp.MustCompile(`^ada-lovelace-[a-z0-9]{4}$`).MatchString(user) {
		t.Errorf("identity %q", user)
	}
	if w.Header().Get("Set-Cookie") != "" {
		t.Error("two tabs would be one person")
	}
	auth := "Bearer " + fmt.Sprint(result["token"])

	_, profile := decode(t, call(a, "GET", "/profile", "", "Authorization", auth))
	if diff := cmp.Diff(map[string]any{"user_id": user, "name": "Ada Lovelace"}, profile); diff != "" {
		t.Error(diff)
	}

	before := time.Now().Unix()
	w = call(a, "POST", "/api/v1/meetings/standup/join", `{"display_name":" Ada "}`, "Authorization", auth, "Content-Type", asJSON)
	success, joined := decode(t, w)
	if !success || w.Code != http.StatusOK {
		t.Fatalf("got %d %s", w.Code, w.Body)
	}
	raw, _ := joined["room_token"].(string)
	r, err := token.New(secret).CheckRoom(raw)
	if err != nil {
		t.Fatal(err)
	}
	if left := time.Until(r.Expires); left > time.Minute || left < 50*time.Second {
		t.Errorf("token lives %v", left)
	}
	r.Expires = time.Time{}
	if want := (token.Room{User: user, Room: "standup", DisplayName: "Ada", Host: true}); r != want {
		t.Errorf("token of %+v, want %+v", r, want)
	}
	at, _ := joined["joined_at"].(float64)
	if int64(at) < before || int64(at) > time.Now().Unix() {
		t.Errorf("joined at %v", joined["joined_at"])
	}
	delete(joined, "room_token")
	want := map[string]any{"user_id": user, "display_name": "Ada", "status": "admitted", "is_host": true, "joined_at": at, "admitted_at": at}
	if diff := cmp.Diff(want, joined); diff != "" {
		t.Error(diff)
	}
}

func TestNamesForSigningIn(t *testing.T) {
	a := newAPI(t, nil)
	for name, slug := range map[string]string{
		"Ada":                            "ada",
		"Zoë":                            "zoe",
		"李雷":                             "guest",
		"  x  ":                          "x",
		"-- a__b -- c!! ":                "a-b-c",
		strings.Repeat("W", 50):          strings.Repeat("w", 32),
		wire.SystemUser:                  "system",
		"👩\u200d🚀":                       "guest",
		"a\u202eb":                       "ab",
		strings.Repeat("é", maxDemoName): strings.Repeat("e", 32),
	} {
		body, _ := json.Marshal(map[string]string{"name": name})
		_, result := decode(t, call(a, "POST", "/login/demo", string(body), "Content-Type", asJSON))
		user, _ := result["user_id"].(string)
		if !regexp.MustCompile("^" + slug + "-[a-z0-9]{4}$").MatchString(user) {
			t.Errorf("%q became %q", name, user)
		}
	}
	for _, name := range []string{"", "   ", "\u200b\u0007", strings.Repeat("x", maxDemoName+1)} {
		body, _ := json.Marshal(map[string]string{"name": name})
		wantProblem(t, call(a, "POST", "/login/demo", string(body), "Content-Type", asJSON), 400, "INVALID_NAME")
	}
}

func TestNoDemoSignInUnlessAllowed(t *testing.T) {
	a := newAPI(t, func(o *Options) { o.DemoSignIn = false })
	wantProblem(t, call(a, "POST", "/login/demo", `{"name":"Ada"}`, "Content-Type", asJSON), 404, "NOT_FOUND")
}

func TestWhoIsHost(t *testing.T) {
	a := newAPI(t, func(o *Options) {
		o.Meetings = creators{"of-ada": "ada", "of-bob": "bob", "broken": errors.New("secret detail"), "down": fault.New(fault.Unavailable, "the database is down")}
	})
	for room, host := range map[string]bool{"of-ada": true, "of-bob": false, "new": true} {
		_, result := decode(t, call(a, "POST", "/api/v1/meetings/"+room+"/join", "", "Authorization", bearer(t, "ada", "Ada")))
		if result["is_host"] != host {
			t.Errorf("%s: %v", room, result)
		}
		raw, _ := result["room_token"].(string)
		r, err := token.New(secret).CheckRoom(raw)
		if err != nil || r.Host != host || r.DisplayName != "ada" {
			t.Errorf("%s: token of %+v, %v", room, r, err)
		}
		if _, has := result["display_name"]; has {
			t.Errorf("%s: a name nobody gave", room)
		}
	}
	w := call(a, "POST", "/api/v1/meetings/broken/join", "", "Authorization", bearer(t, "ada", "Ada"))
	result := wantProblem(t, w, 500, "INTERNAL_ERROR")
	if strings.Contains(w.Body.String(), "secret detail") || result["engineering_error"] != "request "+w.Header().Get("X-Request-Id") {
		t.Errorf("got %s", w.Body)
	}
	wantProblem(t, call(a, "POST", "/api/v1/meetings/down/join", "", "Authorization", bearer(t, "ada", "Ada")), 503, "UNAVAILABLE")
}

func TestJoinChecksInOrder(t *testing.T) {
	a := newAPI(t, nil)
	auth := bearer(t, "ada", "Ada")
	const path = "/api/v1/meetings/standup/join"
	wantProblem(t, call(a, "POST", "/api/v1/meetings/a.b/join", "{", "Content-Type", asJSON), 401, "UNAUTHORIZED")
	wantProblem(t, call(a, "POST", path, "", "Authorization", auth, "Content-Type", asJSON), 400, "INVALID_JSON")
	wantProblem(t, call(a, "POST", path, "{", "Authorization", auth, "Content-Type", asJSON), 400, "INVALID_JSON")
	wantProblem(t, call(a, "POST", path, "{} {}", "Authorization", auth, "Content-Type", asJSON), 400, "INVALID_JSON")
	wantProblem(t, call(a, "POST", path, `{"display_name":3}`, "Authorization", auth, "Content-Type", asJSON), 422, "INVALID_BODY")
	wantProblem(t, call(a, "POST", path, `[]`, "Authorization", auth, "Content-Type", asJSON), 422, "INVALID_BODY")
	wantProblem(t, call(a, "POST", path, `{}`, "Authorization", auth, "Content-Type", "text/plain"), 415, "UNSUPPORTED_MEDIA_TYPE")
	wantProblem(t, call(a, "POST", path, `{"display_name":"`+strings.Repeat("x", maxBody)+`"}`, "Authorization", auth, "Content-Type", asJSON), 413, "TOO_LARGE")
	wantProblem(t, call(a, "POST", path, `{"display_name":"`+strings.Repeat("x", 256)+`"}`, "Authorization", auth, "Content-Type", asJSON), 400, "INVALID_DISPLAY_NAME")
	for _, id := range []string{"a.b", "a%20b", "caf%C3%A9", "a%2Fb", strings.Repeat("x", 256)} {
		wantProblem(t, call(a, "POST", "/api/v1/meetings/"+id+"/join", "", "Authorization", auth), 400, "INVALID_MEETING_ID")
	}
	for _, body := range []string{"{}", `{"display_name":null}`, `{"unknown":1}`} {
		if w := call(a, "POST", path, body, "Authorization", auth, "Content-Type", "application/json; charset=utf-8"); w.Code != 200 {
			t.Errorf("%s: %d %s", body, w.Code, w.Body)
		}
	}
}

// The counterparts of the family's tests of authentication.
func TestSessions(t *testing.T) {
	mint := func(by, user string, ttl time.Duration) string {
		raw, err := token.New(by).MintSession(token.Session{User: user, Name: "Name of " + user}, ttl)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	good, other := mint(secret, "ada", time.Hour), mint(secret, "bob", time.Hour)
	expired, forged := mint(secret, "ada", -2*time.Minute), mint("wrong", "ada", time.Hour)
	room, err := token.New(secret).MintRoom(token.Room{User: "ada", Room: "r"}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	for what, c := range map[string]struct {
		headers []string
		cookie  string // configured name
		user    string // "" is refused
	}{
		"cookie":                            {[]string{"Cookie", "session=" + good}, "session", "ada"},
		"bearer":                            {[]string{"Authorization", "Bearer " + good}, "session", "ada"},
		"cookie beats bearer":               {[]string{"Cookie", "session=" + good, "Authorization", "Bearer " + other}, "session", "ada"},
		"bad cookie beats bearer":           {[]string{"Cookie", "session=" + forged, "Authorization", "Bearer " + good}, "session", ""},
		"odd cookie beats bearer":           {[]string{"Cookie", "session=a\"b", "Authorization", "Bearer " + good}, "session", ""},
		"empty cookie leaves it to bearer":  {[]string{"Cookie", "session=", "Authorization", "Bearer " + good}, "session", "ada"},
		"first cookie that is not empty":    {[]string{"Cookie", "session=; session=" + good}, "session", "ada"},
		"cookie among others":               {[]string{"Cookie", "theme=dark;session=" + good + " ; lang=en"}, "session", "ada"},
		"custom name":                       {[]string{"Cookie", "preview=" + good}, "preview", "ada"},
		"custom name among others":          {[]string{"Cookie", "session=" + other + "; preview=" + good}, "preview", "ada"},
		"default name where another is set": {[]string{"Cookie", "session=" + good}, "preview", ""},
		"another slot":                      {[]string{"Cookie", "preview2=" + good}, "preview", ""},
		"a name that begins alike":          {[]string{"Cookie", "session_id=" + good}, "session", ""},
		"bearer with custom name":           {[]string{"Authorization", "Bearer " + good}, "preview", "ada"},
		"nothing":                           {nil, "session", ""},
		"empty bearer":                      {[]string{"Authorization", "Bearer "}, "session", ""},
		"another scheme":                    {[]string{"Authorization", "Basic " + good}, "session", ""},
		"expired bearer":                    {[]string{"Authorization", "Bearer " + expired}, "session", ""},
		"expired cookie":                    {[]string{"Cookie", "session=" + expired}, "session", ""},
		"wrong secret, bearer":              {[]string{"Authorization", "Bearer " + forged}, "session", ""},
		"wrong secret, cookie":              {[]string{"Cookie", "session=" + forged}, "session", ""},
		"garbage bearer":                    {[]string{"Authorization", "Bearer not.a.jwt"}, "session", ""},
		"garbage cookie":                    {[]string{"Cookie", "session=not.a.jwt"}, "session", ""},
		"room token":                        {[]string{"Authorization", "Bearer " + room}, "session", ""},
	} {
		t.Run(what, func(t *testing.T) {
			a := newAPI(t, func(o *Options) { o.CookieName = c.cookie })
			w := call(a, "GET", "/profile", "", c.headers...)
			if c.user == "" {
				result := wantProblem(t, w, 401, "UNAUTHORIZED")
				if result["message"] != "Authentication required." {
					t.Errorf("message %q", result["message"])
				}
				return
			}
			if _, result := decode(t, w); result["user_id"] != c.user || result["name"] != "Name of "+c.user {
				t.Errorf("got %d %s", w.Code, w.Body)
			}
		})
	}
	w := call(newAPI(t, nil), "GET", "/profile", "", "Cookie", "session="+expired)
	if result := wantProblem(t, w, 401, "UNAUTHORIZED"); result["engineering_error"] != "invalid or expired session" {
		t.Errorf("got %s", w.Body)
	}
	w = call(newAPI(t, func(o *Options) { o.Tokens = token.New("") }), "GET", "/profile", "", "Cookie", "session="+good)
	wantProblem(t, w, 500, "MISCONFIGURED")
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
		"/client-config.json": `{"version":"1.2.3","webtransport_port":4433,"certificate_sha256":[],"demo_sign_in":true}` + "\n",
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

func TestPage(t *testing.T) {
	a := newAPI(t, nil)
	for _, target := range []string{"/", "/m/standup", "/m/caf%C3%A9"} {
		w := call(a, "GET", target, "")
		if w.Code != 200 || w.Body.String() != string(client["index.html"].Data) || w.Header().Get("Cache-Control") != "no-cache" ||
			w.Header().Get("Content-Type") != "text/html; charset=utf-8" {
			t.Errorf("%s: %d %v %s", target, w.Code, w.Header(), w.Body)
		}
	}
	w := call(a, "GET", "/", "")
	if again := call(a, "GET", "/", "", "If-None-Match", w.Header().Get("ETag")); again.Code != http.StatusNotModified {
		t.Errorf("asked again: %d", again.Code)
	}
	if w := call(a, "HEAD", "/", ""); w.Code != 200 {
		t.Errorf("HEAD: %d", w.Code)
	}
	if w := call(a, "GET", "/icon.svg", ""); w.Header().Get("Content-Type") != "image/svg+xml" || w.Header().Get("Cache-Control") != "no-cache" {
		t.Errorf("icon: %d %v", w.Code, w.Header())
	}
}

func TestAssets(t *testing.T) {
	a := newAPI(t, nil)
	const target = "/assets/main-ABCDEF.js"
	content := string(client["assets/main-ABCDEF.js"].Data)
	w := call(a, "GET", target, "")
	if w.Code != 200 || w.Body.String() != content || w.Header().Get("Cache-Control") != "public, max-age=31536000, immutable" ||
		w.Header().Get("Content-Type") != "text/javascript; charset=utf-8" || w.Header().Get("Vary") != "Accept-Encoding" {
		t.Errorf("plain: %d %v", w.Code, w.Header())
	}
	w = call(a, "GET", target, "", "Accept-Encoding", "br, gzip;q=0.8")
	if w.Header().Get("Content-Encoding") != "gzip" {
		t.Fatalf("not compressed: %v", w.Header())
	}
	z, err := gzip.NewReader(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(z); err != nil || string(got) != content {
		t.Errorf("compressed: %d bytes, %v", len(got), err)
	}
	if w := call(a, "GET", target, "", "Accept-Encoding", "gzip;q=0"); w.Header().Get("Content-Encoding") != "" {
		t.Error("compressed for somebody who does not want it")
	}
	for _, gone := range []string{"/assets/main-OLD.js", "/assets/", "/assets/../index.html"} {
		if w := call(a, "GET", gone, ""); w.Code == 200 {
			t.Errorf("%s: %d", gone, w.Code)
		}
	}
}

func TestPageThatIsNotBuilt(t *testing.T) {
	for what, from := range map[string]fs.FS{"none": nil, "empty": fstest.MapFS{}} {
		a := newAPI(t, func(o *Options) { o.Page = from })
		w := call(a, "GET", "/m/standup", "")
		if w.Code != 503 || !strings.Contains(w.Body.String(), "npm run build") {
			t.Errorf("%s: %d %s", what, w.Code, w.Body)
		}
	}
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

func TestEveryAnswerIsGuarded(t *testing.T) {
	a := newAPI(t, nil)
	for _, target := range []string{"/", "/nowhere", "/version", "/profile", "/assets/main-ABCDEF.js"} {
		h := call(a, "GET", target, "").Header()
		for name, part := range map[string]string{
			"Content-Security-Policy": "default-src 'self'", "X-Content-Type-Options": "nosniff",
			"Referrer-Policy": "no-referrer", "X-Request-Id": "", "Permissions-Policy": "camera=(self)",
		} {
			if got := h.Get(name); got == "" || !strings.Contains(got, part) {
				t.Errorf("%s: %s is %q", target, name, got)
			}
		}
		if strings.Contains(h.Get("Content-Security-Policy"), "unsafe") {
			t.Error("the policy allows inline code")
		}
	}
	if got := call(a, "GET", "/", "", "X-Request-Id", "from-the-proxy_1").Header().Get("X-Request-Id"); got != "from-the-proxy_1" {
		t.Errorf("id %q", got)
	}
	if got := call(a, "GET", "/", "", "X-Request-Id", "two\nlines").Header().Get("X-Request-Id"); strings.Contains(got, "lines") || got == "" {
		t.Errorf("id %q", got)
	}
}

func TestPanicsAreAnswered(t *testing.T) {
	var seen []string
	a := newAPI(t, func(o *Options) {
		o.Meetings = creators{"boom": func() { panic("secret detail") }}
		o.Observe = func(route string, status int, _ time.Duration) { seen = append(seen, fmt.Sprint(route, " ", status)) }
	})
	w := call(a, "POST", "/api/v1/meetings/boom/join", "", "Authorization", bearer(t, "ada", "Ada"))
	wantProblem(t, w, 500, "INTERNAL_ERROR")
	if strings.Contains(w.Body.String(), "secret detail") {
		t.Errorf("got %s", w.Body)
	}
	call(a, "GET", "/nowhere/at/all", "")
	call(a, "GET", "/assets/main-ABCDEF.js", "")
	want := []string{"POST /api/v1/meetings/{id}/join 500", "none 404", "GET /assets/{file...} 200"}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Error(diff)
	}
}

func TestOtherOrigins(t *testing.T) {
	const friend, stranger = "https://friend.example", "https://stranger.example"
	preflight := func(a *API, origin string) *httptest.ResponseRecorder {
		return call(a, "OPTIONS", "/api/v1/meetings/standup/join", "", "Origin", origin,
			"Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "authorization,content-type")
	}
	open := newAPI(t, func(o *Options) { o.CORSOrigins = []string{friend} })
	w := preflight(open, friend)
	h := w.Header()
	if w.Code != 204 || h.Get("Access-Control-Allow-Origin") != friend || h.Get("Access-Control-Allow-Credentials") != "true" ||
		h.Get("Access-Control-Allow-Methods") != "GET, POST, PUT, DELETE, PATCH, OPTIONS" ||
		h.Get("Access-Control-Allow-Headers") != "content-type, authorization, cookie, accept" {
		t.Errorf("preflight: %d %v", w.Code, h)
	}
	w = call(open, "GET", "/profile", "", "Origin", friend)
	if w.Header().Get("Access-Control-Allow-Origin") != friend || w.Header().Get("Vary") != "Origin" || w.Code != 401 {
		t.Errorf("request: %d %v", w.Code, w.Header())
	}
	for what, w := range map[string]*httptest.ResponseRecorder{
		"stranger": preflight(open, stranger), "nobody": preflight(newAPI(t, nil), friend), "request": call(open, "GET", "/profile", "", "Origin", stranger),
	} {
		if got := w.Header().Get("Access-Control-Allow-Origin"); got != "" {
			t.Errorf("%s is let in as %q", what, got)
		}
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

func TestSlowBodiesAreCutOff(t *testing.T) {
	auth := bearer(t, "ada", "Ada")
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		server := &http.Server{Handler: newAPI(t, nil)}
		served := make(chan error, 1)
		go func() { served <- server.Serve(&oneConn{far: far, closed: make(chan struct{})}) }()

		_, err := fmt.Fprintf(near, "POST /api/v1/meetings/standup/join HTTP/1.1\r\nHost: parley\r\nAuthorization: %s\r\n"+
			"Content-Type: application/json\r\nContent-Length: 20\r\n\r\n{", auth)
		if err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		resp, err := http.ReadResponse(bufio.NewReader(near), nil)
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begin); resp.StatusCode != http.StatusRequestTimeout || took != bodyTime {
			t.Errorf("%d after %v", resp.StatusCode, took)
		}
		near.Close()
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
}

// oneConn is a listener that accepts one end of a pipe.
type oneConn struct {
	far    net.Conn
	closed chan struct{}
	once   sync.Once
}

func (l *oneConn) Accept() (net.Conn, error) {
	if c := l.far; c != nil {
		l.far = nil
		return c, nil
	}
	<-l.closed
	return nil, net.ErrClosed
}

func (l *oneConn) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *oneConn) Addr() net.Addr { return &net.IPAddr{} }

// FuzzJoin looks for panics, and for answers without envelope.
func FuzzJoin(f *testing.F) {
	f.Add("standup", `{"display_name":"Ada"}`, asJSON)
	f.Add("a.b", `{"display_name":"\u0000"}`, "")
	f.Add("", `[`, "application/x+json")
	a := newAPI(f, func(o *Options) { o.Log = slog.New(slog.DiscardHandler) })
	auth := bearer(f, "ada", "Ada")
	f.Fuzz(func(t *testing.T, id, body, contentType string) {
		r := httptest.NewRequest("POST", "/", strings.NewReader(body))
		r.SetPathValue("id", id)
		r.Header = http.Header{"Authorization": {auth}, "Content-Type": {contentType}}
		w := httptest.NewRecorder()
		a.answer(a.join)(w, r)
		if success, result := decode(t, w); success {
			raw, _ := result["room_token"].(string)
			if got, err := a.Tokens.CheckRoom(raw); err != nil || got.Room != id || got.DisplayName == "" {
				t.Errorf("token of %+v, %v", got, err)
			}
		} else if w.Code >= 500 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}
