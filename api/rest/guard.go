package rest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"runtime/debug"
	"strings"
	"time"

	"parley/api/fault"
	"parley/api/observe"
	"parley/api/trace"
)

const (
	// requestTime is how long an answer may take: longer than any query, shorter than patience.
	requestTime = 30 * time.Second
	// bodyTime is how long a client may take to send a body, at most.
	bodyTime = 30 * time.Second
	// writeTime is how long a client may take to take an answer: the page over a bad mobile
	// network.
	writeTime = 2 * time.Minute
)

// contentPolicy lets the page load and connect to nothing but this server. wss and https are
// open for ports of the same host, which 'self' does not cover.
const contentPolicy = "default-src 'self'; connect-src 'self' ws: wss: https:; worker-src 'self' blob:; " +
	"style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; object-src 'none'; " +
	"base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// guard surrounds every answer: an id, a deadline, security headers, CORS, a net for panics.
func (a *API) guard(w http.ResponseWriter, r *http.Request) {
	begin := time.Now()
	id := r.Header.Get("X-Request-Id")
	if !plainID.MatchString(id) {
		id = rand.Text()
	}
	ctx, span := a.trace(r, id)
	ctx, cancel := context.WithTimeout(context.WithValue(context.WithValue(ctx, lifeKey{}, r.Context()), requestKey{}, id), requestTime)
	defer cancel()
	r = r.WithContext(ctx)
	out := &reply{ResponseWriter: w}
	limit := http.NewResponseController(w) // not every transport has deadlines; HTTP/3 bounds by idling
	_ = limit.SetReadDeadline(begin.Add(bodyTime))
	_ = limit.SetWriteDeadline(begin.Add(writeTime))

	h := w.Header()
	h.Set("X-Request-Id", id)
	h.Set("Content-Security-Policy", contentPolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(self), microphone=(self), display-capture=(self), speaker-selection=(self), geolocation=()")

	defer func() {
		if cause := recover(); cause != nil {
			if err, ok := cause.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(cause) // net/http knows what to do
			}
			a.Log.ErrorContext(ctx, "request panicked", observe.KeyRequest, id, "route", r.Pattern, "stack", string(debug.Stack()))
			if out.status != 0 {
				panic(http.ErrAbortHandler) // half an answer must not look like one
			}
			a.fail(out, r, fault.Wrap(fmt.Errorf("panic: %v", cause), fault.Internal, "something went wrong on the server"))
		}
		a.done(r, out, time.Since(begin), span)
	}()
	if a.share(out, r) {
		return
	}
	if a.forged(r) {
		a.fail(out, r, &problem{
			status: statusFor(crossOrigin), code: string(crossOrigin),
			message: "A page of another origin may not do this in your name.", detail: "the Origin is not in CORS_ALLOWED_ORIGIN",
		})
		return
	}
	a.route(out, r)
}

// trace begins the span of r, unless it is one of those that come every few seconds and ask
// for nothing.
func (a *API) trace(r *http.Request, id string) (context.Context, trace.Span) {
	switch path := r.URL.Path; {
	case path == "/healthz", path == "/readyz", path == "/metrics", strings.HasPrefix(path, "/assets/"):
		return r.Context(), trace.Span{}
	}
	ctx, span := a.Tracer.Request(r, r.Method)
	span.Set(trace.KeyRequest, id)
	span.Set(trace.KeyPath, r.URL.Path)
	return ctx, span
}

// done tells those who watch about an answer.
func (a *API) done(r *http.Request, out *reply, took time.Duration, span trace.Span) {
	if span.Recorded() {
		if r.Pattern != "" {
			span.Name(r.Pattern)
			span.Set(trace.KeyRoute, r.Pattern[strings.IndexByte(r.Pattern, ' ')+1:])
		}
		span.SetInt(trace.KeyStatus, int64(out.status))
		if out.status >= http.StatusInternalServerError {
			span.Fail(http.StatusText(out.status))
		}
	}
	span.End(nil)
	route := r.Pattern
	if route == "" {
		route = "none"
	}
	if a.Observe != nil {
		a.Observe(route, out.status, took)
	}
	a.Log.LogAttrs(r.Context(), slog.LevelDebug, "request", slog.String("route", route), slog.Int("status", out.status),
		slog.Duration(observe.KeyTook, took), slog.String(observe.KeyRequest, requestID(r.Context())))
}

// share adds what pages of other origins need, and reports whether that was the answer.
func (a *API) share(w http.ResponseWriter, r *http.Request) bool {
	if len(a.CORSOrigins) == 0 {
		return false
	}
	h := w.Header()
	h.Add("Vary", "Origin")
	origin := r.Header.Get("Origin")
	if !a.allows(origin) {
		return false
	}
	h.Set("Access-Control-Allow-Origin", origin)
	h.Set("Access-Control-Allow-Credentials", "true")
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		return false
	}
	h.Set("Access-Control-Allow-Methods", "GET, POST, PUT, DELETE, PATCH, OPTIONS")
	h.Set("Access-Control-Allow-Headers", "content-type, authorization, cookie, accept")
	h.Set("Access-Control-Max-Age", "600")
	w.WriteHeader(http.StatusNoContent)
	return true
}

// forged reports whether r would do something in the name of whom the cookie belongs to, but
// comes from a page that is neither ours nor trusted: browsers add cookies on their own. A
// bearer token is added by nobody who does not know it.
func (a *API) forged(r *http.Request) bool {
	if a.Cookie.Value(r) == "" {
		return false
	}
	if a.origins.Check(r) != nil {
		return true
	}
	// Signing out is a GET that clients know. A link from elsewhere must not do it, but a page
	// of the same site may, as the reference's own does.
	return r.URL.Path == signOutPath && r.Header.Get("Sec-Fetch-Site") == "cross-site" && !a.allows(r.Header.Get("Origin"))
}

// plainID is an id of a request that may go into logs as a proxy made it.
var plainID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

type requestKey struct{}

// requestID returns the id of the request that ctx belongs to, or "".
func requestID(ctx context.Context) string {
	id, _ := ctx.Value(requestKey{}).(string)
	return id
}

// reply remembers the status of an answer.
type reply struct {
	http.ResponseWriter
	status int
}

func (r *reply) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *reply) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	return r.ResponseWriter.Write(b)
}

// Unwrap is for http.ResponseController.
func (r *reply) Unwrap() http.ResponseWriter { return r.ResponseWriter }
