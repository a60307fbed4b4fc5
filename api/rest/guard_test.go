package rest

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

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
		o.Meetings = nil // using it panics
		o.Observe = func(route string, status int, _ time.Duration) { seen = append(seen, fmt.Sprint(route, " ", status)) }
	})
	w := call(a, "POST", "/api/v1/meetings/boom/join", "", "Authorization", bearer(t, "ada", "Ada"))
	wantProblem(t, w, 500, "INTERNAL_ERROR")
	if strings.Contains(w.Body.String(), "nil pointer") {
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
