package signin_test

import (
	"bufio"
	"context"
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

	"go.uber.org/goleak"

	"parley/api/cookie"
	"parley/api/signin"
	"parley/api/token"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	secret   = "a secret of sixteen bytes"
	patience = 2 * time.Minute
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
