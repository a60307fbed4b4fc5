package signin_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"go.uber.org/goleak"

	"parley/api/cookie"
	"parley/api/signin"
	"parley/api/token"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	secret   = "a secret of sixteen bytes"
	patience = 30 * time.Second
)

// program is the provider, built once: a server that others wrote, in a process of its own.
var program = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "openid")
	if err != nil {
		return "", err
	}
	out := filepath.Join(dir, "openid")
	build := exec.Command("go", "build", "-o", out, ".")
	build.Dir = "../../.ci/openid"
	build.Stderr = os.Stderr
	return out, build.Run()
})

// startProvider runs a provider that sends people back to redirect, and returns its issuer.
func startProvider(t *testing.T, redirect string) string {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	run := exec.Command(path, "--redirect", redirect)
	run.Stderr = t.Output()
	stop, err := run.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	said, err := run.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = stop.Close()
		_ = run.Wait()
	})
	line, err := bufio.NewReader(said).ReadString('\n')
	if err != nil {
		t.Fatalf("provider: %v", err)
	}
	return strings.TrimSpace(line)
}

// people records who signed in.
type people struct {
	mu  sync.Mutex
	all map[string]string
}

func (p *people) SignedIn(_ context.Context, user, name string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.all == nil {
		p.all = map[string]string{}
	}
	p.all[user] = name
	return nil
}

// site is an installation of one or more nodes behind addresses of their own.
type site struct {
	t      *testing.T
	url    string // of the node that people begin at
	issuer string
	people people
	tokens *token.Authority
	*http.ServeMux
}

// newSite starts a provider and a node in front of it; change may alter its options.
func newSite(t *testing.T, change ...func(*site, *signin.Options)) *site {
	s := &site{t: t, tokens: token.New(secret), ServeMux: http.NewServeMux()}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	s.url = server.URL
	s.issuer = startProvider(t, s.url+"/login/callback")
	in := s.node(change...)
	s.HandleFunc("GET /login", in.Begin)
	s.HandleFunc("GET /login/callback", in.Finish)
	s.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "at "+r.URL.RequestURI()) })
	return s
}

// node returns the sign-in of one more node.
func (s *site) node(change ...func(*site, *signin.Options)) *signin.SignIn {
	s.t.Helper()
	o := signin.Options{
		Issuer: s.issuer, ClientID: "parley", ClientSecret: "secret&more=", RedirectURL: s.url + "/login/callback",
		Tokens: s.tokens, SessionTTL: time.Hour, Cookie: cookie.Session{Name: "session"}, Secret: secret, Users: &s.people,
		Log: slog.New(slog.NewTextHandler(s.t.Output(), nil)),
	}
	for _, c := range change {
		c(s, &o)
	}
	in, err := signin.New(o)
	if err != nil {
		s.t.Fatal(err)
	}
	return in
}

// browser follows redirects and keeps cookies.
type browser struct {
	*http.Client
	s *site
}

func (s *site) browser() *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	transport := &http.Transport{}
	s.t.Cleanup(transport.CloseIdleConnections)
	return &browser{&http.Client{Jar: jar, Transport: transport, Timeout: patience}, s}
}

// answer is the end of a chain of redirects.
type answer struct {
	status int
	url    *url.URL
	header http.Header
	body   string
}

func (b *browser) do(r *http.Request, err error) answer {
	b.s.t.Helper()
	if err != nil {
		b.s.t.Fatal(err)
	}
	got, err := b.Do(r)
	if err != nil {
		b.s.t.Fatal(err)
	}
	defer got.Body.Close()
	body, err := io.ReadAll(got.Body)
	if err != nil {
		b.s.t.Fatal(err)
	}
	return answer{got.StatusCode, got.Request.URL, got.Header, string(body)}
}

func (b *browser) get(address string) answer {
	b.s.t.Helper()
	return b.do(http.NewRequestWithContext(b.s.t.Context(), http.MethodGet, address, nil))
}

var requestID = regexp.MustCompile(`name="id" value="([^"]+)"`)

// login fills in the form that the provider shows.
func (b *browser) login(form answer, name string) answer {
	b.s.t.Helper()
	id := requestID.FindStringSubmatch(form.body)
	if id == nil {
		b.s.t.Fatalf("no form at %s: %d %s", form.url, form.status, form.body)
	}
	fields := url.Values{"id": {html.UnescapeString(id[1])}, "username": {name}, "password": {name}}
	r, err := http.NewRequestWithContext(b.s.t.Context(), http.MethodPost, form.url.ResolveReference(&url.URL{Path: "/login/username"}).String(), strings.NewReader(fields.Encode()))
	if err == nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return b.do(r, err)
}

// session returns who the browser is signed in as, "" for nobody.
func (b *browser) session() token.Session {
	b.s.t.Helper()
	home, _ := url.Parse(b.s.url)
	for _, c := range b.Jar.Cookies(home) {
		if c.Name == "session" {
			s, err := b.s.tokens.CheckSession(c.Value)
			if err != nil {
				b.s.t.Fatal(err)
			}
			return s
		}
	}
	return token.Session{}
}

func TestSignInWithAProvider(t *testing.T) {
	s := newSite(t)
	b := s.browser()
	end := b.login(b.get(s.url+"/login?returnTo="+url.QueryEscape("/m/x?a=b&c=d#é")), "ada")
	if end.status != http.StatusOK || end.body != "at /m/x?a=b&c=d" || end.url.Fragment != "é" {
		t.Errorf("ends with %d at %s: %s", end.status, end.url, end.body)
	}
	if got := b.session(); got.User != "ada@example.org" || got.Name != "ada Lovelace" || got.Admin {
		t.Errorf("signed in as %+v", got)
	}
	if name := s.people.all["ada@example.org"]; name != "ada Lovelace" {
		t.Errorf("on record is %q", s.people.all)
	}
	home, _ := url.Parse(s.url + "/login")
	for _, c := range b.Jar.Cookies(home) {
		if c.Name != "session" {
			t.Errorf("%s is left behind", c.Name)
		}
	}
	// Who says nothing is sent home.
	if end := s.browser().get(s.url + "/login?returnTo=" + url.QueryEscape("https://evil.example/")); !strings.HasPrefix(end.url.String(), s.issuer) {
		t.Errorf("a bad address to return to keeps from signing in: %d at %s", end.status, end.url)
	}
}

func TestWhatTheProviderIsAsked(t *testing.T) {
	s := newSite(t)
	b := s.browser()
	b.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	first, second := b.get(s.url+"/login"), b.get(s.url+"/login")
	to, err := url.Parse(first.header.Get("Location"))
	if err != nil || first.status != http.StatusFound || first.header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%d %v %v", first.status, first.header, err)
	}
	q := to.Query()
	for name, want := range map[string]string{
		"client_id": "parley", "redirect_uri": s.url + "/login/callback", "response_type": "code", "scope": "openid email profile",
		"prompt": "select_account", "code_challenge_method": "S256",
	} {
		if q.Get(name) != want {
			t.Errorf("%s is %q, want %q", name, q.Get(name), want)
		}
	}
	again, _ := url.Parse(second.header.Get("Location"))
	for _, name := range []string{"state", "nonce", "code_challenge"} {
		if a, b := q.Get(name), again.Query().Get(name); len(a) < 26 || a == b {
			t.Errorf("%s is %q, then %q", name, a, b)
		}
	}
	c := first.header.Get("Set-Cookie")
	for _, want := range []string{"HttpOnly", "SameSite=Lax", "Path=/login", "Max-Age=600"} {
		if !strings.Contains(c, want) {
			t.Errorf("cookie %q lacks %s", c, want)
		}
	}
	for _, kept := range []string{q.Get("state"), q.Get("nonce")} {
		if strings.Contains(strings.SplitN(c, "=", 2)[1], kept) {
			t.Errorf("cookie %q can be read", c)
		}
	}
}

// Of a sign-in only the browser that began it sees the end, and once.
func TestSignInBelongsToItsBrowser(t *testing.T) {
	s := newSite(t)
	var callback string
	ada := s.browser()
	ada.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.String(), s.url+"/login/callback") {
			callback = r.URL.String()
		}
		return nil
	}
	form := ada.get(s.url + "/login")
	eve := s.browser()
	eve.get(s.url + "/login") // another sign-in is begun there
	ada.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.String(), s.url+"/login/callback") {
			callback = r.URL.String()
			return http.ErrUseLastResponse
		}
		return nil
	}
	ada.login(form, "ada")
	if callback == "" {
		t.Fatal("the provider did not send ada back")
	}
	for what, got := range map[string]answer{
		"another browser":      eve.get(callback),
		"no state":             ada.get(s.url + "/login/callback?code=x"),
		"another state":        ada.get(s.url + "/login/callback?code=x&state=ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
		"a state that is none": ada.get(s.url + "/login/callback?code=x&state=" + url.QueryEscape("=;\r\n, é")),
	} {
		if got.status != http.StatusBadRequest || !strings.Contains(got.body, "Begin again") {
			t.Errorf("%s: %d %s", what, got.status, got.body)
		}
	}
	if eve.session().User != "" {
		t.Errorf("eve is %+v", eve.session())
	}
	ada.CheckRedirect = nil
	if end := ada.get(callback); end.body != "at /" || ada.session().User != "ada@example.org" {
		t.Errorf("ada ends at %s", end.url)
	}
	if again := ada.get(callback); again.status != http.StatusBadRequest {
		t.Errorf("the same again: %d at %s", again.status, again.url)
	}
}

func TestAnotherNodeFinishes(t *testing.T) {
	s := newSite(t)
	other := s.node()
	s.HandleFunc("GET /login/there", other.Begin)
	b := s.browser()
	if end := b.login(b.get(s.url+"/login/there?returnTo=/m/y"), "ada"); end.body != "at /m/y" {
		t.Errorf("ends at %s: %s", end.url, end.body)
	}
	// One with another secret cannot.
	stranger := s.node(func(_ *site, o *signin.Options) { o.Secret = "another secret of a node" })
	s.HandleFunc("GET /login/stranger", stranger.Begin)
	if end := b.login(b.get(s.url+"/login/stranger"), "ada"); end.status != http.StatusBadRequest {
		t.Errorf("ends with %d at %s", end.status, end.url)
	}
}

func TestPeopleWithoutAnAddress(t *testing.T) {
	s := newSite(t)
	b := s.browser()
	end := b.login(b.get(s.url+"/login?returnTo=/m/z"), "eve")
	if end.status != http.StatusForbidden || !strings.Contains(end.body, "no mail address") || !strings.Contains(end.body, "/login?returnTo=%2Fm%2Fz") {
		t.Errorf("%d %s", end.status, end.body)
	}
	if b.session().User != "" {
		t.Error("eve is signed in")
	}
}

func TestProviderRefuses(t *testing.T) {
	s := newSite(t)
	b := s.browser()
	b.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	to, _ := url.Parse(b.get(s.url + "/login?returnTo=/m/q").header.Get("Location"))
	said := `<script>alert("hi")</script>` + strings.Repeat("é", 1000)
	got := b.get(s.url + "/login/callback?error=access_denied&state=" + to.Query().Get("state") + "&error_description=" + url.QueryEscape(said))
	if got.status != http.StatusForbidden || strings.Contains(got.body, "<script>") || !strings.Contains(got.body, "&lt;script&gt;") || len(got.body) > 4000 {
		t.Errorf("%d %s", got.status, got.body)
	}
	if policy := got.header.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") {
		t.Errorf("policy %q", policy)
	}
}

// between stands between a node and the token endpoint of its provider. It may change what the
// node asks, and what it is answered.
type between struct {
	ask    func(url.Values)
	answer func(map[string]any)
}

func (p *between) options(s *site, o *signin.Options) {
	s.HandleFunc("POST /between", func(w http.ResponseWriter, r *http.Request) {
		if err := p.pass(s, w, r); err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
		}
	})
	o.TokenURL = s.url + "/between"
}

func (p *between) pass(s *site, w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return err
	}
	if p.ask != nil {
		p.ask(r.PostForm)
	}
	to, err := http.NewRequestWithContext(r.Context(), http.MethodPost, s.issuer+"oauth/token", strings.NewReader(r.PostForm.Encode()))
	if err != nil {
		return err
	}
	to.Header = r.Header.Clone()
	got, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(to)
	if err != nil {
		return err
	}
	defer got.Body.Close()
	var body map[string]any
	if err := json.NewDecoder(got.Body).Decode(&body); err != nil {
		return err
	}
	if p.answer != nil {
		p.answer(body)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(got.StatusCode)
	return json.NewEncoder(w).Encode(body)
}

// What passes between node and provider is changed on its way, one thing at a time.
func TestAnswersThatProveNothing(t *testing.T) {
	part := func(a map[string]any, n int) string { return strings.Split(a["id_token"].(string), ".")[n] }
	var earlier any // an ID token that was good once
	for _, c := range []struct {
		what string
		between
		why string // in the log
	}{
		{"another verifier", between{ask: func(q url.Values) { q.Set("code_verifier", strings.Repeat("x", 43)) }}, "exchange the code"},
		{"another code", between{ask: func(q url.Values) { q.Set("code", "stolen") }}, "exchange the code"},
		{"no ID token", between{answer: func(a map[string]any) { delete(a, "id_token") }}, "no ID token"},
		{"an ID token of before", between{answer: func(a map[string]any) { a["id_token"] = earlier }}, "nonce"},
		{"other claims", between{answer: func(a map[string]any) {
			a["id_token"] = part(a, 0) + "." + strings.TrimRight(part(a, 1), "=")[4:] + "." + part(a, 2)
		}}, "check the ID token"},
		{"no signature", between{answer: func(a map[string]any) {
			a["id_token"] = "eyJhbGciOiJub25lIn0." + part(a, 1) + "."
		}}, "check the ID token"},
		{"a signature with the secret", between{answer: func(a map[string]any) {
			signed, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{"iss": "x"}).SignedString([]byte("secret&more="))
			if err != nil {
				t.Error(err)
			}
			a["id_token"] = signed
		}}, "check the ID token"},
		{"a key of somebody else", between{answer: func(a map[string]any) {
			key, err := rsa.GenerateKey(rand.Reader, 2048)
			if err != nil {
				t.Error(err)
			}
			claims, err := base64.RawURLEncoding.DecodeString(part(a, 1))
			var m jwt.MapClaims
			if err != nil || json.Unmarshal(claims, &m) != nil {
				t.Errorf("claims %s: %v", claims, err)
			}
			if a["id_token"], err = jwt.NewWithClaims(jwt.SigningMethodRS256, m).SignedString(key); err != nil {
				t.Error(err)
			}
		}}, "check the ID token"},
	} {
		t.Run(c.what, func(t *testing.T) {
			var log bytes.Buffer
			way := &between{answer: func(a map[string]any) { earlier = a["id_token"] }}
			s := newSite(t, way.options, func(_ *site, o *signin.Options) { o.Log = slog.New(slog.NewTextHandler(&log, nil)) })
			good := s.browser()
			if end := good.login(good.get(s.url+"/login"), "ada"); good.session().User != "ada@example.org" {
				t.Fatalf("unchanged: %d at %s: %s", end.status, end.url, end.body)
			}
			*way = c.between
			b := s.browser()
			end := b.login(b.get(s.url+"/login"), "ada")
			if end.status != http.StatusBadGateway || b.session().User != "" {
				t.Errorf("%d, signed in as %q: %s", end.status, b.session().User, end.body)
			}
			if !strings.Contains(log.String(), c.why) || strings.Contains(end.body, c.why) {
				t.Errorf("the log says %s, the page %s", &log, end.body)
			}
		})
	}
}

func TestTokenForAnotherClientIsRefused(t *testing.T) {
	var log bytes.Buffer
	var foreign any
	s := newSite(t, (&between{answer: func(a map[string]any) { a["id_token"] = foreign }}).options,
		func(_ *site, o *signin.Options) { o.Log = slog.New(slog.NewTextHandler(&log, nil)) })
	// Another client of the same provider, which people are sent back to by the same address.
	theirs := &site{t: t, url: s.url, issuer: s.issuer, tokens: s.tokens, ServeMux: http.NewServeMux()}
	other := theirs.node((&between{answer: func(a map[string]any) { foreign = a["id_token"] }}).options, func(_ *site, o *signin.Options) {
		o.ClientID, o.ClientSecret, o.TokenURL = "other", "secret", s.url+"/theirs/between"
	})
	s.Handle("POST /theirs/", http.StripPrefix("/theirs", theirs.ServeMux))
	s.HandleFunc("GET /login/other", other.Begin)
	s.HandleFunc("GET /login/finish", other.Finish)
	b := s.browser()
	form := b.get(s.url + "/login/other")
	b.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		r.URL.Path = strings.Replace(r.URL.Path, "/login/callback", "/login/finish", 1)
		return nil
	}
	if end := b.login(form, "ada"); foreign == nil || b.session().User == "" {
		t.Fatalf("%d at %s: %s", end.status, end.url, end.body)
	}
	eve := s.browser()
	if end := eve.login(eve.get(s.url+"/login"), "ada"); end.status != http.StatusBadGateway || eve.session().User != "" ||
		!strings.Contains(log.String(), "audience") {
		t.Errorf("%d at %s; the log says %s", end.status, end.url, &log)
	}
}

func TestProviderAway(t *testing.T) {
	s := newSite(t, func(_ *site, o *signin.Options) { o.Issuer = "http://127.0.0.1:1/" })
	got := s.browser().get(s.url + "/login")
	if got.status != http.StatusServiceUnavailable || !strings.Contains(got.body, "does not answer") || strings.Contains(got.body, "127.0.0.1:1") {
		t.Errorf("%d %s", got.status, got.body)
	}
}

func TestOptionsThatCannotBe(t *testing.T) {
	for what, o := range map[string]signin.Options{
		"no secret":  {},
		"a relative": {Secret: secret, Allowed: []string{"example.org"}},
		"a home":     {Secret: secret, AfterLogin: "javascript:alert(1)"},
	} {
		if _, err := signin.New(o); err == nil {
			t.Errorf("%s: no error", what)
		}
	}
}
