// Package trace shows where the time of one act of a person goes, step by step through a node
// and the database, as OpenTelemetry spans.
//
// A trace begins with a request: see [Tracer.Request]. What is done for it adds steps with
// [Step], which does nothing where the context belongs to no trace that is recorded. So code
// that can be traced needs no tracer, and costs a look-up in a context while nobody collects.
package trace

import (
	"context"
	"net/http"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	otel "go.opentelemetry.io/otel/trace"
)

// scope names what makes the spans.
const scope = "parley"

// Keys of attributes. Those of HTTP and databases are what OpenTelemetry calls them.
const (
	KeyMethod    = "http.request.method"
	KeyRoute     = "http.route"
	KeyPath      = "url.path" // without the query: tokens are in it
	KeyStatus    = "http.response.status_code"
	KeyAgent     = "user_agent.original"
	KeySystem    = "db.system.name"
	KeyStatement = "db.query.text" // without the values

	KeyRequest   = "parley.request_id"
	KeyRoom      = "parley.room"
	KeyTransport = "parley.transport"
	KeyResult    = "parley.result"
	KeySession   = "parley.session"
)

// Tracer begins traces. A nil Tracer begins none.
type Tracer struct{ tracer otel.Tracer }

// New returns a Tracer whose spans go to p.
func New(p otel.TracerProvider) *Tracer { return &Tracer{p.Tracer(scope)} }

// w3c reads and writes traceparent, tracestate and baggage.
var w3c = propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{})

// Request begins what a request asks for, as a part of the trace that its traceparent names, if
// it has one. The span belongs to the caller, who ends it.
func (t *Tracer) Request(r *http.Request, name string) (context.Context, Span) {
	if t == nil {
		return r.Context(), Span{}
	}
	ctx := w3c.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
	ctx, s := t.tracer.Start(ctx, name, otel.WithSpanKind(otel.SpanKindServer), otel.WithAttributes(
		attribute.String(KeyMethod, r.Method), attribute.String(KeyAgent, r.UserAgent()),
	))
	return ctx, Span{s}
}

// Step begins a part of what ctx belongs to. The span belongs to the caller, who ends it.
func Step(ctx context.Context, name string) (context.Context, Span) {
	parent := otel.SpanFromContext(ctx)
	if !parent.IsRecording() {
		return ctx, Span{}
	}
	ctx, s := parent.TracerProvider().Tracer(scope).Start(ctx, name)
	return ctx, Span{s}
}

// Inject tells who is asked by a request with header h which trace it is part of.
func Inject(ctx context.Context, h http.Header) { w3c.Inject(ctx, propagation.HeaderCarrier(h)) }

// ID returns the id of the trace that ctx belongs to, 32 hexadecimal digits, or "".
func ID(ctx context.Context) string {
	if c := otel.SpanContextFromContext(ctx); c.IsSampled() {
		return c.TraceID().String()
	}
	return ""
}

// Span is a step that takes time. The zero value is none: its methods do nothing. It belongs to
// one goroutine.
type Span struct{ span otel.Span }

// Recorded reports whether anybody will see the span, so that what costs is done for those.
func (s Span) Recorded() bool { return s.span != nil && s.span.IsRecording() }

// Name gives the span another name.
func (s Span) Name(name string) {
	if s.span != nil {
		s.span.SetName(name)
	}
}

// Set adds an attribute.
func (s Span) Set(key, value string) {
	if s.span != nil {
		s.span.SetAttributes(attribute.String(key, value))
	}
}

// SetInt adds an attribute that is a number.
func (s Span) SetInt(key string, value int64) {
	if s.span != nil {
		s.span.SetAttributes(attribute.Int64(key, value))
	}
}

// Fail says that the step failed, and why, in words of this program.
func (s Span) Fail(why string) {
	if s.span != nil {
		s.span.SetStatus(codes.Error, why)
	}
}

// End ends the step; err, which may be nil, is why it failed.
func (s Span) End(err error) {
	if s.span == nil {
		return
	}
	if err != nil {
		s.Fail(err.Error())
	}
	s.span.End()
}
