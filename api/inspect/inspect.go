// Package inspect is the internal address of a node: all metrics, profiles of the running
// program, and what the node holds, as JSON.
//
// Whoever reaches it sees who is in which room and can make the node profile itself. It asks
// for no password, so it belongs on a loopback or a private network. Pages of the web are kept
// out of it as far as browsers tell where a request comes from.
package inspect

import (
	"context"
	"encoding/json"
	"errors"
	"html/template"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"net/netip"
	runtime "runtime/pprof"
	"sync"
	"time"

	"parley/api/observe"
)

// Page shows one part of a node at /debug/<Name>.
type Page struct {
	Name  string // lower case, one word
	About string // a line for people
	// Show returns what to write as JSON. It may block as long as the context of r allows.
	Show func(r *http.Request) (any, error)
}

// Options is what a Server shows. All are required.
type Options struct {
	Metrics http.Handler
	Pages   []Page
	Log     *slog.Logger
}

// Server answers on an internal address.
type Server struct {
	listener net.Listener
	local    bool // only this machine reaches it
	opt      Options
	http     *http.Server
}

// readHeaderTime bounds how long a request may take to arrive. Answers are not bounded: a
// profile takes as long as it was asked to.
const readHeaderTime = 5 * time.Second

// closeTime bounds the answers that are not finished when the server stops.
const closeTime = time.Second

// Listen opens addr, host:port. The address is open until Run returns or Close is called.
func Listen(addr string, opt Options) (*Server, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, err
	}
	s := &Server{listener: l, opt: opt, local: l.Addr().(*net.TCPAddr).IP.IsLoopback()}
	s.http = &http.Server{
		Handler: s.guard(s.routes()), ReadHeaderTimeout: readHeaderTime,
		ErrorLog: slog.NewLogLogger(opt.Log.Handler(), slog.LevelDebug),
	}
	return s, nil
}

// Addr returns where s listens.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Close gives the address back, for a server that does not run.
func (s *Server) Close() error { return s.listener.Close() }

// Run answers until ctx ends, with which profiles that are being taken end as well.
func (s *Server) Run(ctx context.Context) error {
	s.http.BaseContext = func(net.Listener) context.Context { return ctx }
	var stopping sync.WaitGroup
	defer stopping.Wait()
	failed := make(chan struct{})
	defer close(failed)
	stopping.Go(func() {
		select {
		case <-ctx.Done():
		case <-failed:
		}
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTime)
		defer cancel()
		if s.http.Shutdown(late) != nil {
			_ = s.http.Close()
		}
	})
	if err := s.http.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", s.opt.Metrics)
	mux.HandleFunc("GET /{$}", s.index)
	mux.HandleFunc("GET /debug", s.index)
	mux.HandleFunc("GET /debug/{$}", s.index)
	for _, p := range s.opt.Pages {
		mux.HandleFunc("GET /debug/"+p.Name, s.page(p))
	}
	mux.HandleFunc("GET /debug/goroutines", goroutines)
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("POST /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return mux
}

// guard keeps out what a page of the web makes a browser ask for, under its own name or under
// a name that it points at this machine.
func (s *Server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		site := r.Header.Get("Sec-Fetch-Site")
		if site != "" && site != "same-origin" && site != "none" || s.local && !literal(r.Host) {
			http.Error(w, "not for pages of other sites", http.StatusForbidden)
			return
		}
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
		next.ServeHTTP(w, r)
	})
}

// literal reports whether nobody can have pointed host, with or without a port, elsewhere.
func literal(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	_, err := netip.ParseAddr(host)
	return err == nil || host == "localhost"
}

var indexPage = template.Must(template.New("index").Parse(`<!doctype html>
<title>Parley node</title>
<h1>Parley node</h1>
<ul>
<li><a href="/metrics">/metrics</a> everything Prometheus may ask
{{range .}}<li><a href="/debug/{{.Name}}">/debug/{{.Name}}</a> {{.About}}
{{end}}<li><a href="/debug/goroutines">/debug/goroutines</a> what every goroutine does
<li><a href="/debug/pprof/">/debug/pprof</a> profiles
</ul>
`))

func (s *Server) index(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = indexPage.Execute(w, s.opt.Pages) // a client that left does not want it
}

func (s *Server) page(p Page) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v, err := p.Show(r)
		if err != nil {
			s.opt.Log.Warn("debug page", "page", p.Name, observe.KeyErr, err)
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		_ = e.Encode(v)
	}
}

func goroutines(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_ = runtime.Lookup("goroutine").WriteTo(w, 2) // 2: as a panic writes them
}
