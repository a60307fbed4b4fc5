package inspect

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve runs a server until the test ends and returns its address.
func serve(t *testing.T, addr string) string {
	t.Helper()
	s, err := Listen(addr, Options{
		Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "parley_up 1\n") }),
		Pages: []Page{
			{"room", "One room.", func(r *http.Request) (any, error) { return map[string]string{"name": r.FormValue("name")}, nil }},
			{"broken", "None.", func(*http.Request) (any, error) { return nil, errors.New("the lights are out") }},
		},
		Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }() // waited for below
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return "http://" + s.Addr().String()
}

var client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

func get(t *testing.T, url string, change func(*http.Request)) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(r)
	}
	w, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Body.Close()
	body, err := io.ReadAll(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	return w.StatusCode, string(body)
}

func TestPages(t *testing.T) {
	at := serve(t, "127.0.0.1:0")
	for path, want := range map[string]string{
		"/": "One room.", "/debug": "/debug/room", "/debug/": "/debug/pprof/",
		"/metrics": "parley_up 1", "/debug/room?name=board": `"name": "board"`,
		"/debug/goroutines":             "inspect.(*Server).Run",
		"/debug/pprof/":                 "heap",
		"/debug/pprof/heap?debug=1":     "heap profile",
		"/debug/pprof/cmdline":          "inspect",
		"/debug/pprof/trace?seconds=.1": "go 1.",
	} {
		if status, body := get(t, at+path, nil); status != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("%s: %d %.200q, want %q", path, status, body, want)
		}
	}
	if status, body := get(t, at+"/debug/broken", nil); status != http.StatusInternalServerError || !strings.Contains(body, "the lights are out") {
		t.Errorf("%d %s", status, body)
	}
	if status, _ := get(t, at+"/api/v1/meetings", nil); status != http.StatusNotFound {
		t.Errorf("%d", status)
	}
}

func TestPagesOfTheWebAreKeptOut(t *testing.T) {
	at := serve(t, "127.0.0.1:0")
	for name, c := range map[string]struct {
		change func(*http.Request)
		want   int
	}{
		"link from elsewhere": {func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }, 403},
		"another subdomain":   {func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "same-site") }, 403},
		"rebound name":        {func(r *http.Request) { r.Host = "evil.example:1234" }, 403},
		"typed":               {func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "none") }, 200},
		"own link":            {func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "same-origin") }, 200},
		"localhost":           {func(r *http.Request) { r.Host = "localhost" }, 200},
		"IPv6":                {func(r *http.Request) { r.Host = "[::1]:80" }, 200},
	} {
		if status, _ := get(t, at+"/debug/room", c.change); status != c.want {
			t.Errorf("%s: %d, want %d", name, status, c.want)
		}
	}
	// Where others reach it, they have a name for it.
	if status, _ := get(t, strings.Replace(serve(t, "0.0.0.0:0"), "0.0.0.0", "127.0.0.1", 1)+"/metrics", func(r *http.Request) { r.Host = "parley" }); status != http.StatusOK {
		t.Errorf("by a name: %d", status)
	}
}
