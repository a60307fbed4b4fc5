// Package otlp sends traces to an OpenTelemetry collector, as OTLP over HTTP.
package otlp

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"

	"parley/api/trace"
)

// Options is what an Exporter is made of. All are required.
type Options struct {
	Endpoint string // http or https; /v1/traces is appended to its path
	Version  string // of this program
	Node     string // name of this process
	Log      *slog.Logger
}

// Exporter collects spans and sends them now and then.
type Exporter struct {
	Tracer   *trace.Tracer
	provider *sdk.TracerProvider
}

// Open returns an exporter. It connects to nothing yet: a collector may come and go. Batches,
// headers, limits and the sampler are as the OTEL_ variables of the environment say.
func Open(ctx context.Context, o Options) (*Exporter, error) {
	u, err := url.Parse(o.Endpoint)
	if err != nil {
		return nil, fmt.Errorf("address of the trace collector: %w", err)
	}
	inner, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(u.JoinPath("v1", "traces").String()))
	if err != nil {
		return nil, fmt.Errorf("trace collector: %w", err)
	}
	about, err := resource.New(ctx,
		resource.WithAttributes(
			attribute.String("service.name", "parley"), attribute.String("service.version", o.Version), attribute.String("service.instance.id", o.Node)),
		resource.WithTelemetrySDK(), resource.WithHost(),
		resource.WithFromEnv()) // what OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES say comes last
	if err != nil {
		return nil, fmt.Errorf("describe the node to the trace collector: %w", err)
	}
	p := sdk.NewTracerProvider(sdk.WithBatcher(logging{inner, o.Log}), sdk.WithResource(about))
	return &Exporter{trace.New(p), p}, nil
}

// Close sends what is left, as long as ctx allows, and stops.
func (e *Exporter) Close(ctx context.Context) error {
	if err := e.provider.Shutdown(ctx); err != nil {
		return fmt.Errorf("send the last traces: %w", err)
	}
	return nil
}

// logging says that spans are lost to the log of the node; the library would say it to a
// global one.
type logging struct {
	sdk.SpanExporter
	log *slog.Logger
}

// ExportSpans implements sdk.SpanExporter.
func (l logging) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	if err := l.SpanExporter.ExportSpans(ctx, spans); err != nil {
		l.log.Warn("traces are lost", "count", len(spans), "err", err)
	}
	return nil
}
