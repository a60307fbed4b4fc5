// Package rest answers HTTP: the API that clients of the family know, the browser client, and
// what operators and load balancers ask.
//
// An API answer is the envelope {"success": true, "result": …}; a failure has success false
// and {"code", "message", "engineering_error"?, "field"?, "request_id"} as its result.
// Exceptions are /version, /client-config.json, health, the live feed and the page. What
// nobody expected is answered with INTERNAL_ERROR and the id of the request, which is in the
// log beside the cause.
//
// What can be asked is a table of routes. It is what the mux serves, and what /openapi.json
// and /docs are made of.
//
// Differences to the reference system, on purpose: failures of the framework (unknown route,
// wrong method, malformed JSON) have the same statuses but the envelope as well; other origins
// are only let in by CORS_ALLOWED_ORIGIN; ids of meetings are checked when they are joined;
// who has nothing to do with a meeting sees no identities, numbers and times of it, and only
// those inside, the owner and admins list its participants; passwords, attendee lists,
// rejections and removals hold; signing out ends the session everywhere; what would change
// something is refused when it comes with the cookie from a page of another origin.
package rest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"parley/api/cookie"
	"parley/api/fault"
	"parley/api/management"
	"parley/api/observe"
	"parley/api/token"
	"parley/api/trace"
)

// Options is what an API is made of. Fields without a remark are required.
type Options struct {
	Tokens   *token.Authority
	Meetings *management.Meetings
	Log      *slog.Logger
	Build    observe.Build

	// Features are what operators let people do in a room; it does not block.
	Features func(room string) Features

	TokenTTL   time.Duration // life of a room token
	SessionTTL time.Duration // life of a sign-in
	Cookie     cookie.Session

	// SignIn is the way in with an account of a provider. Nil: there is none.
	SignIn SignIn
	// SignOuts knows which sessions were ended.
	SignOuts SignOuts

	// DemoSignIn lets anybody sign in with a name.
	DemoSignIn bool
	// CORSOrigins are the other origins whose pages may use the API with credentials.
	CORSOrigins []string

	// VersionURLs are where other services of the installation say what they were built from.
	VersionURLs []string

	// Admin is what admins may do; without a registry there are no routes for them.
	Admin Admin

	// Telemetry is what admins and hosts may look at; without an engine there are no routes.
	Telemetry Telemetry

	// TART are routes of another system; without any there are none.
	TART TART

	// Client is what the page is told; it is asked each time, for a certificate may change.
	Client func() ClientConfig
	// Page holds index.html and assets/. It is read once. Nil, or without index.html, the
	// page explains how to build it.
	Page fs.FS
	// Lobby answers /lobby and everything below, with the bare ResponseWriter.
	Lobby http.Handler

	// Ending is closed when answers that do not end by themselves have to. Optional.
	Ending <-chan struct{}

	// Ready returns why the node should get no new clients, in words that anybody may read
	// on /readyz; nil is ready. Optional.
	Ready func(context.Context) error
	// Metrics answers /metrics. Optional: then there is no such route.
	Metrics http.Handler
	// Observe is told of every answered request but those of Lobby. Optional.
	Observe func(route string, status int, took time.Duration)
	// Tracer traces requests. Nil traces none.
	Tracer *trace.Tracer
}

// ClientConfig is what the page needs to know about the server.
type ClientConfig struct {
	Version          string `json:"version"`
	WebTransportPort int    `json:"webtransport_port"` // 0: there is none
	// WebTransportHost is where that port is, when it does not answer on every address of
	// the host that served the page.
	WebTransportHost  string   `json:"webtransport_host,omitempty"`
	CertificateSHA256 []string `json:"certificate_sha256"` // hex, of self-signed certificates
	DemoSignIn        bool     `json:"demo_sign_in"`
	SignIn            bool     `json:"sign_in"` // /login leads to a provider
}

// API answers every request on the HTTP and HTTPS addresses of a node.
type API struct {
	Options
	page  *page
	table []route
	mux   mux

	telemetryQueries map[string][]string // what may be asked for, by pattern

	origins  http.CrossOriginProtection
	document func() *huma.OpenAPI // made when it is first asked for
	streams  streams
	steps    steps

	neighbours neighbours
}

// New returns an API. It fails when Page cannot be read, or CORSOrigins has what is no origin.
func New(o Options) (*API, error) {
	p, err := newPage(o.Page)
	if err != nil {
		return nil, err
	}
	a := &API{Options: o, page: p, neighbours: neighbours{urls: o.VersionURLs, client: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}}}
	for _, origin := range o.CORSOrigins {
		if err := a.origins.AddTrustedOrigin(origin); err != nil {
			return nil, fmt.Errorf("trust another origin: %w", err)
		}
	}
	a.table = a.newTable()
	a.document = sync.OnceValue(func() *huma.OpenAPI { return extensible(document(a.table, a.Build.Version, a.Cookie.Name)) })
	a.routes()
	return a, nil
}

func (a *API) routes() {
	for _, r := range a.table {
		a.mux.HandleFunc(r.pattern, a.answer(r))
	}
	a.mux.HandleFunc("GET /openapi.json", a.openAPI)
	a.mux.HandleFunc("GET /docs", a.docs)
	a.mux.HandleFunc("GET /docs.css", a.docsStyle)
	if a.Metrics != nil {
		a.mux.Handle("GET /metrics", a.Metrics)
	}
	if a.Admin.Registry != nil {
		a.mux.HandleFunc("GET /admin", a.page.index)
	}
	if a.Telemetry.Engine != nil {
		a.mux.HandleFunc("GET /quality/{room}", a.page.index)
	}

	a.mux.HandleFunc("GET /{$}", a.page.index)
	a.mux.HandleFunc("GET /m/{room}", a.page.index)
	a.mux.HandleFunc("GET /assets/{file...}", a.page.serve) // one pattern: their names change with every build
	for _, name := range a.page.others() {
		a.mux.HandleFunc("GET /"+name, a.page.serve)
	}
}

// ServeHTTP answers r.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if a.Lobby != nil && (r.URL.Path == "/lobby" || strings.HasPrefix(r.URL.Path, "/lobby/")) {
		a.Lobby.ServeHTTP(w, r)
		return
	}
	a.guard(w, r)
}

// route answers r by its pattern, and what has none with an envelope or a page.
func (a *API) route(w http.ResponseWriter, r *http.Request) {
	h, pattern := a.mux.Handler(r)
	if pattern != "" {
		a.mux.ServeHTTP(w, r)
		return
	}
	// The mux knows whether it is the path or the method that nobody serves.
	verdict := &verdict{header: http.Header{}}
	h.ServeHTTP(verdict, r)
	if allow := verdict.header.Get("Allow"); allow != "" {
		w.Header().Set("Allow", allow)
		a.fail(w, r, &problem{status: http.StatusMethodNotAllowed, code: "METHOD_NOT_ALLOWED", message: "Only " + allow + " is possible here."})
		return
	}
	if wantsPage(r) {
		a.page.missing(w)
		return
	}
	a.fail(w, r, &problem{status: http.StatusNotFound, code: "NOT_FOUND", message: "There is nothing at this address."})
}

// wantsPage reports whether a person is looking.
func wantsPage(r *http.Request) bool {
	return !strings.HasPrefix(r.URL.Path, "/api/") && strings.Contains(r.Header.Get("Accept"), "text/html")
}

// verdict keeps the headers of an answer and drops the rest.
type verdict struct{ header http.Header }

func (v *verdict) Header() http.Header         { return v.header }
func (v *verdict) Write(b []byte) (int, error) { return len(b), nil }
func (v *verdict) WriteHeader(int)             {}

func (a *API) version(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, a.Build)
}

func (a *API) clientConfig(w http.ResponseWriter, _ *http.Request) {
	c := a.Client()
	if c.CertificateSHA256 == nil {
		c.CertificateSHA256 = []string{} // a list, never null
	}
	writeJSON(w, http.StatusOK, c)
}

func (a *API) healthy(w http.ResponseWriter, _ *http.Request) { writeText(w, http.StatusOK, "ok") }

func (a *API) ready(w http.ResponseWriter, r *http.Request) {
	if a.Ready != nil {
		if err := a.Ready(r.Context()); err != nil {
			why := err.Error()
			if e, ok := errors.AsType[*fault.Error](err); ok {
				why = e.Message // without its cause
			}
			writeText(w, http.StatusServiceUnavailable, why)
			return
		}
	}
	writeText(w, http.StatusOK, "ok")
}

// allows reports whether pages of origin may use the API.
func (a *API) allows(origin string) bool {
	return origin != "" && slices.Contains(a.CORSOrigins, origin)
}
