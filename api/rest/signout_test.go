package rest

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"

	"parley/api/cookie"
	"parley/api/natsrelay/natstest"
	"parley/api/observe"
	"parley/api/postgres/postgrestest"
	"parley/api/token"
)

// signIn returns a new session token of ada's.
func signIn(t testing.TB) string {
	t.Helper()
	return must(t)(token.New(secret).MintSession(token.Session{User: "ada", Name: "Ada"}, time.Hour))
}

// ofReference returns a session token as other backends make them.
func ofReference(t testing.TB) string {
	t.Helper()
	return must(t)(jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		"sub": "ada", "name": "Ada", "iss": token.Issuer, "iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(),
	}).SignedString([]byte(secret)))
}

// wantEmpty checks an answer that has a status and no body.
func wantEmpty(t *testing.T, w *httptest.ResponseRecorder, status int) {
	t.Helper()
	if w.Code != status || w.Body.Len() > 0 || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("got %d %q %v, want %d", w.Code, w.Body, w.Header(), status)
	}
}

// wantCleared checks that the browser is told to forget the cookie, with the attributes that
// it was set with.
func wantCleared(t *testing.T, w *httptest.ResponseRecorder) {
	t.Helper()
	if got := w.Header()["Set-Cookie"]; len(got) != 1 || got[0] != "session=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax" {
		t.Errorf("cookies %q", got)
	}
}

func TestSessionIsThere(t *testing.T) {
	a := newAPI(t, nil)
	raw := signIn(t)
	wantEmpty(t, call(a, "GET", "/session", "", "Authorization", "Bearer "+raw), 200)
	wantEmpty(t, call(a, "GET", "/session", "", "Cookie", "session="+raw), 200)
	result := wantProblem(t, call(a, "GET", "/session", ""), 401, "UNAUTHORIZED")
	if result["message"] != "Authentication required." || result["engineering_error"] != nil {
		t.Errorf("%v", result)
	}
	result = wantProblem(t, call(a, "GET", "/session", "", "Cookie", "session=x"), 401, "UNAUTHORIZED")
	if result["engineering_error"] != "invalid or expired session" {
		t.Errorf("%v", result)
	}
}

func TestSigningOutEndsTheSession(t *testing.T) {
	a := newWorld(t).api
	for what, c := range map[string]struct {
		method string
		raw    string
		header func(raw string) []string
	}{
		"cookie":           {"GET", signIn(t), func(raw string) []string { return []string{"Cookie", "session=" + raw} }},
		"cookie, by POST":  {"POST", signIn(t), func(raw string) []string { return []string{"Cookie", "session=" + raw} }},
		"bearer":           {"GET", signIn(t), func(raw string) []string { return []string{"Authorization", "Bearer " + raw} }},
		"bearer, by POST":  {"POST", signIn(t), func(raw string) []string { return []string{"Authorization", "Bearer " + raw} }},
		"of the reference": {"GET", ofReference(t), func(raw string) []string { return []string{"Cookie", "session=" + raw} }},
		"bearer and a cookie": {"GET", signIn(t), func(raw string) []string {
			return []string{"Authorization", "Bearer " + raw, "Cookie", "session=" + signIn(t)}
		}},
	} {
		t.Run(what, func(t *testing.T) {
			other := signIn(t)
			as := func(raw string) []string { return []string{"Authorization", "Bearer " + raw} }
			wantEmpty(t, call(a, "GET", "/session", "", as(c.raw)...), 200)
			for range 2 { // whoever is signed out already is told the same
				w := call(a, c.method, "/logout", "", c.header(c.raw)...)
				wantEmpty(t, w, 200)
				wantCleared(t, w)
			}
			result := wantProblem(t, call(a, "GET", "/session", "", as(c.raw)...), 401, "UNAUTHORIZED")
			if result["engineering_error"] != "the session was ended by signing out" {
				t.Errorf("%v", result)
			}
			wantProblem(t, call(a, "POST", "/api/v1/meetings", "{}", append(as(c.raw), "Content-Type", asJSON)...), 401, "UNAUTHORIZED")
			last := c.raw[len(c.raw)-1]
			for _, spelled := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_" {
				if byte(spelled) != last {
					wantProblem(t, call(a, "GET", "/session", "", as(c.raw[:len(c.raw)-1]+string(spelled))...), 401, "UNAUTHORIZED")
				}
			}
			wantEmpty(t, call(a, "GET", "/session", "", as(other)...), 200) // another sign-in of the same person
		})
	}
}

func TestSigningOutWithoutASession(t *testing.T) {
	a := newAPI(t, func(o *Options) {
		o.Cookie = cookie.Session{Name: "preview", Domain: "example.org"}
	})
	expired := must(t)(token.New(secret).MintSession(token.Session{User: "ada"}, -2*time.Minute))
	for _, headers := range [][]string{
		nil, {"Cookie", "preview=x"}, {"Cookie", "preview=" + expired}, {"Authorization", "Bearer " + expired}, {"Sec-Fetch-Mode", "navigate"},
	} {
		w := call(a, "GET", "/logout", "", headers...)
		wantEmpty(t, w, 200)
		if got := w.Header()["Set-Cookie"]; len(got) != 1 || got[0] != "preview=; Path=/; Domain=example.org; Max-Age=0; HttpOnly; SameSite=Lax" {
			t.Errorf("%q: cookies %q", headers, got)
		}
	}
}

// Who browses to the address sees the start page, not an empty one.
func TestSigningOutByALink(t *testing.T) {
	a := newWorld(t).api
	w := call(a, "GET", "/logout", "", "Cookie", "session="+signIn(t), "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Site", "same-origin")
	wantEmpty(t, w, 303)
	wantCleared(t, w)
	if got := w.Header().Get("Location"); got != "/" {
		t.Errorf("sent to %q", got)
	}
}

// Without a database nobody is told that a session is over which is not. The browser forgets
// it all the same.
func TestSigningOutWithoutADatabase(t *testing.T) {
	database := postgrestest.URL(t)
	proxy, through := natstest.Through(t, database)
	a := newAPI(t, func(o *Options) { o.SignOuts = newSignOuts(t, through) })
	raw := signIn(t)
	proxy.Cut()
	w := call(a, "POST", "/logout", "", "Cookie", "session="+raw)
	result := wantProblem(t, w, 503, "UNAVAILABLE")
	wantCleared(t, w)
	if message, _ := result["message"].(string); !strings.Contains(message, "still signed in") || strings.Contains(w.Body.String(), "postgres") {
		t.Errorf("%s", w.Body)
	}
	wantEmpty(t, call(a, "GET", "/session", "", "Cookie", "session="+raw), 200)
	proxy.Heal()
	wantEmpty(t, call(a, "POST", "/logout", "", "Cookie", "session="+raw), 200)
	wantProblem(t, call(a, "GET", "/session", "", "Cookie", "session="+raw), 401, "UNAUTHORIZED")
}

// The tokens for a room that somebody got with a session carry its id, all but those of guests.
func TestRoomTokensAreTiedToTheSession(t *testing.T) {
	w := newWorld(t)
	raw := signIn(t)
	session, err := token.New(secret).CheckSession(raw)
	if err != nil {
		t.Fatal(err)
	}
	id := newID()
	if got := w.claims(w.ask("as "+raw, "POST", "/"+id+"/join", "", 200), "room_token"); got.Session != session.ID {
		t.Errorf("room token of %+v", got)
	}
	if got := w.claims(w.ask("as "+raw, "GET", "/"+id+"/status", "", 200), "room_token"); got.Session != session.ID {
		t.Errorf("room token of %+v", got)
	}
	if got := w.claims(w.ask("bob", "POST", "/"+id+"/join", "", 200), "observer_token"); got.Session == "" || got.Session == session.ID {
		t.Errorf("observer token of %+v", got)
	}
	w.ask("as "+raw, "PATCH", "/"+id, `{"allow_guests":true}`, 200)
	if got := w.claims(w.ask("", "POST", "/"+id+"/join-guest", `{"display_name":"Gus"}`, 200), "observer_token"); got.Session != "" {
		t.Errorf("token of a guest: %+v", got)
	}
}

// A page of another origin does nothing in the name of who has a cookie. Whoever shows a bearer
// token is no browser that was tricked.
func TestOtherOriginsDoNothingInOnesName(t *testing.T) {
	const friend, stranger = "https://friend.example", "https://stranger.example"
	database := postgrestest.URL(t)
	a := newAPI(t, func(o *Options) {
		o.CORSOrigins, o.Meetings, o.SignOuts = []string{friend}, newMeetings(t, database), newSignOuts(t, database)
	})
	raw := signIn(t)
	byCookie, byBearer := []string{"Cookie", "session=" + raw}, []string{"Authorization", "Bearer " + raw}
	both := append(byCookie, byBearer...)
	for _, c := range []struct {
		what    string
		who     []string
		method  string
		headers []string
		refused bool
	}{
		{"no browser", byCookie, "POST", nil, false},
		{"our page", byCookie, "POST", []string{"Sec-Fetch-Site", "same-origin", "Origin", "http://example.com"}, false},
		{"our page in an old browser", byCookie, "POST", []string{"Origin", "http://example.com"}, false},
		{"a stranger's page", byCookie, "POST", []string{"Sec-Fetch-Site", "cross-site", "Origin", stranger}, true},
		{"a stranger's page in an old browser", byCookie, "POST", []string{"Origin", stranger}, true},
		{"a sandbox", byCookie, "POST", []string{"Sec-Fetch-Site", "cross-site", "Origin", "null"}, true},
		{"another host of the site", byCookie, "POST", []string{"Sec-Fetch-Site", "same-site", "Origin", "http://other.example.com"}, true},
		{"a friend's page", byCookie, "POST", []string{"Sec-Fetch-Site", "cross-site", "Origin", friend}, false},
		{"somebody who looks like a friend", byCookie, "POST", []string{"Sec-Fetch-Site", "cross-site", "Origin", friend + ".evil.example"}, true},
		{"a stranger's page that knows the token", byBearer, "POST", []string{"Sec-Fetch-Site", "cross-site", "Origin", stranger}, false},
		{"a stranger's page with a cookie as well", both, "POST", []string{"Sec-Fetch-Site", "cross-site", "Origin", stranger}, true},
		{"a stranger's page that reads", byCookie, "GET", []string{"Sec-Fetch-Site", "cross-site", "Origin", stranger}, false},
		{"a stranger's page that deletes", byCookie, "DELETE", []string{"Sec-Fetch-Site", "cross-site", "Origin", stranger}, true},
		{"a stranger's page that changes", byCookie, "PATCH", []string{"Sec-Fetch-Site", "cross-site", "Origin", stranger}, true},
		{"a stranger's page that puts", byCookie, "PUT", []string{"Sec-Fetch-Site", "cross-site", "Origin", stranger}, true},
	} {
		t.Run(c.what, func(t *testing.T) {
			headers := append(append([]string{"Content-Type", asJSON}, c.who...), c.headers...)
			target := "/api/v1/meetings"
			if c.method != "GET" && c.method != "POST" {
				target += "/" + newID()
			}
			w := call(a, c.method, target, "{}", headers...)
			if c.refused {
				if result := wantProblem(t, w, 403, "CROSS_ORIGIN"); result["request_id"] == "" {
					t.Errorf("%v", result)
				}
			} else if w.Code >= 300 {
				t.Errorf("got %d %s", w.Code, w.Body)
			}
		})
	}
	// A link, and a picture whose address this is, do not sign anybody out.
	for _, headers := range [][]string{
		{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate"}, {"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors"},
		{"Sec-Fetch-Site", "cross-site", "Origin", stranger},
	} {
		wantProblem(t, call(a, "GET", "/logout", "", append(headers, byCookie...)...), 403, "CROSS_ORIGIN")
	}
	wantEmpty(t, call(a, "GET", "/session", "", byCookie...), 200)
	for _, headers := range [][]string{
		{"Sec-Fetch-Site", "cross-site", "Origin", friend}, {"Sec-Fetch-Site", "same-site"}, {"Sec-Fetch-Site", "none", "Sec-Fetch-Mode", "navigate"},
	} {
		w := call(a, "GET", "/logout", "", append(headers, "Cookie", "session="+signIn(t))...)
		wantCleared(t, w)
		if w.Code >= 400 {
			t.Errorf("%q: %d %s", headers, w.Code, w.Body)
		}
	}
	if _, err := New(Options{CORSOrigins: []string{"https://a.example/path"}}); err == nil {
		t.Error("what is no origin is trusted")
	}
}

// A stream ends with the session: with the next thing that there is to say, which is not said.
func TestStreamsEndWithTheSession(t *testing.T) {
	w := newWorld(t)
	id := w.set("")
	raw := signIn(t)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, "GET", w.url+"/api/v1/meetings/feed/stream", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+raw)
	answer, err := w.client.Do(r)
	if err != nil || answer.StatusCode != 200 {
		t.Fatalf("%v, %v", answer, err)
	}
	defer answer.Body.Close()
	next := func() string {
		b := make([]byte, 1024)
		n, err := answer.Body.Read(b)
		if err != nil && n == 0 {
			return err.Error()
		}
		return string(b[:n])
	}
	next() // it is there
	w.ask("ada", "PATCH", "/"+id, `{"locked":true}`, 200)
	if got := next(); !strings.Contains(got, id) {
		t.Fatalf("heard %q", got)
	}
	wantEmpty(t, call(w.api, "POST", "/logout", "", "Authorization", "Bearer "+raw), 200)
	w.ask("ada", "PATCH", "/"+id, `{"locked":false}`, 200)
	if got := next(); got != "EOF" {
		t.Errorf("heard %q", got)
	}
}

func TestVersionsOfAllServices(t *testing.T) {
	relay := observe.Build{Service: "webtransport-relay", Version: "4.5.6", GitSHA: "def", GitBranch: "main", BuildTimestamp: "2030-01-02T03:04:05Z"}
	var asked atomic.Int32
	answer := func(status int, body string) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			asked.Add(1)
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		}))
		t.Cleanup(s.Close)
		return s.URL + "/version"
	}
	good, err := json.Marshal(relay)
	if err != nil {
		t.Fatal(err)
	}
	closed := httptest.NewServer(nil)
	closed.Close()
	get := func(a *API) []observe.Build {
		t.Helper()
		w := call(a, "GET", "/api/v1/versions", "")
		var got struct{ Components []observe.Build }
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != 200 {
			t.Fatalf("%d %s, %v", w.Code, w.Body, err)
		}
		return got.Components
	}
	alone := newAPI(t, nil)
	own := alone.Build
	own.Service = "meeting-api"
	if diff := cmp.Diff([]observe.Build{own}, get(alone)); diff != "" {
		t.Error(diff)
	}
	a := newAPI(t, func(o *Options) {
		o.VersionURLs = []string{
			answer(500, string(good)), answer(200, "no JSON"), answer(200, `{"service":7}`), answer(200, `{}`), closed.URL,
			answer(200, string(good)+strings.Repeat(" ", maxVersion)), answer(200, strings.Repeat(" ", maxVersion)+string(good)),
		}
	})
	var all sync.WaitGroup
	for range 10 { // at once: they wait for one answer
		all.Go(func() {
			if diff := cmp.Diff([]observe.Build{own, relay}, get(a)); diff != "" {
				t.Error(diff)
			}
		})
	}
	all.Wait()
	if n := asked.Load(); n != 6 {
		t.Errorf("%d requests to other services, want 6", n)
	}
}
