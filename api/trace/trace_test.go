package trace

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

// Where nobody collects traces, steps cost nothing worth mentioning.
func TestStepsWithoutATraceDoNotAllocate(t *testing.T) {
	var none *Tracer
	r := httptest.NewRequest("GET", "/", nil)
	if n := testing.AllocsPerRun(100, func() {
		ctx, whole := none.Request(r, "whole")
		_, step := Step(ctx, "step")
		step.Set(KeyRoom, "board")
		step.SetInt(KeyStatus, 200)
		step.End(nil)
		whole.Name("other")
		whole.End(nil)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if ID(t.Context()) != "" {
		t.Error("there is a trace")
	}
}

func TestSteps(t *testing.T) {
	recorder := tracetest.NewSpanRecorder()
	tracer := New(sdk.NewTracerProvider(sdk.WithSpanProcessor(recorder)))
	r := httptest.NewRequest("GET", "/m/board?token=secret", nil)
	r.Header.Set("Traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	ctx, whole := tracer.Request(r, "whole")
	inner, step := Step(ctx, "step")
	if !step.Recorded() || ID(inner) != "4bf92f3577b34da6a3ce929d0e0e4736" {
		t.Errorf("trace %q", ID(inner))
	}
	asked := http.Header{}
	Inject(inner, asked)
	step.End(errors.New("no chair"))
	whole.Name("GET /m/{room}")
	whole.End(nil)
	if _, late := Step(ctx, "late"); late.Recorded() {
		t.Error("a trace that is over gets steps")
	}

	spans := recorder.Ended()
	if len(spans) != 2 || spans[0].Name() != "step" || spans[1].Name() != "GET /m/{room}" {
		t.Fatalf("%v", spans)
	}
	if s := spans[0].Status(); s.Code != codes.Error || s.Description != "no chair" || spans[0].Parent().SpanID() != spans[1].SpanContext().SpanID() {
		t.Errorf("%+v", spans[0])
	}
	if spans[1].Parent().SpanID().String() != "00f067aa0ba902b7" {
		t.Errorf("%v", spans[1].Parent())
	}
	if want := "00-4bf92f3577b34da6a3ce929d0e0e4736-" + spans[0].SpanContext().SpanID().String() + "-01"; asked.Get("Traceparent") != want {
		t.Errorf("told others %q, want %q", asked.Get("Traceparent"), want)
	}
}
