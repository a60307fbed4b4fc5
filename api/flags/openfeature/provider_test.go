package openfeature_test

import (
	"strings"
	"testing"
	"time"

	sdk "github.com/open-feature/go-sdk/openfeature"
	"go.uber.org/goleak"

	"parley/api/flags"
	"parley/api/flags/openfeature"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var pause = flags.Duration("test_pause", 3*time.Second, "a duration", "tests")

func registry(t *testing.T) *flags.Registry {
	t.Helper()
	r, err := flags.New(func(name string) string {
		if name == flags.Guests.Env() {
			return "true"
		}
		return ""
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range []flags.Assignment{
		{Name: "max_participants", Value: "9"},
		{Name: "max_participants", Room: "standup", Value: "4"},
		{Name: "transports", Value: "websocket"},
	} {
		if err := r.Set(a.Name, a.Room, a.Value); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// client asks as applications do, through the whole kit.
func client(t *testing.T, r *flags.Registry) *sdk.Client {
	t.Helper()
	if err := sdk.SetNamedProviderAndWait(t.Name(), openfeature.New(r)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sdk.Shutdown)
	return sdk.NewClient(t.Name())
}

func TestFlagsByTheirKind(t *testing.T) {
	r := registry(t)
	c := client(t, r)
	in := func(room string) sdk.EvaluationContext {
		return sdk.NewTargetlessEvaluationContext(map[string]any{openfeature.Room: room})
	}
	everyone := sdk.EvaluationContext{}
	ctx := t.Context()

	guests, err := c.BooleanValueDetails(ctx, "guests", false, everyone)
	if err != nil || !guests.Value || guests.Reason != sdk.StaticReason {
		t.Errorf("guests %+v, %v", guests, err)
	}
	chat, err := c.BooleanValueDetails(ctx, "chat", false, everyone)
	if err != nil || !chat.Value || chat.Reason != sdk.DefaultReason {
		t.Errorf("chat %+v, %v", chat, err)
	}
	for room, want := range map[string]int64{"standup": 4, "other": 9} {
		n, err := c.IntValue(ctx, "max_participants", -1, in(room))
		if err != nil || n != want {
			t.Errorf("max_participants in %s: %d, %v", room, n, err)
		}
	}
	if f, err := c.FloatValue(ctx, "max_participants", -1, everyone); err != nil || f != 9 {
		t.Errorf("as a float %v, %v", f, err)
	}
	if s, err := c.StringValue(ctx, "transports", "", everyone); err != nil || s != "websocket" {
		t.Errorf("transports %s, %v", s, err)
	}
	if s, err := c.StringValue(ctx, pause.Name(), "", everyone); err != nil || s != "3s" {
		t.Errorf("duration %s, %v", s, err)
	}
	if v, err := c.ObjectValue(ctx, "chat", nil, everyone); err != nil || v != true {
		t.Errorf("as an object %v, %v", v, err)
	}

	flags.Override(t, r, flags.Chat, false)
	if v, err := c.BooleanValue(ctx, "chat", true, in("standup")); err != nil || v {
		t.Errorf("overridden %v, %v", v, err)
	}
}

func TestWhatCannotBeAnsweredIsWhatTheCallerWants(t *testing.T) {
	c := client(t, registry(t))
	at := sdk.EvaluationContext{}
	d, err := c.BooleanValueDetails(t.Context(), "guest", true, at)
	if err == nil || !d.Value || d.ErrorCode != sdk.FlagNotFoundCode || !strings.Contains(d.ErrorMessage, "guests") {
		t.Errorf("unknown: %+v, %v", d, err)
	}
	if d, err := c.FloatValueDetails(t.Context(), "guests", 1.5, at); err == nil || d.Value != 1.5 || d.ErrorCode != sdk.TypeMismatchCode {
		t.Errorf("float: %+v, %v", d, err)
	}
	if d, err := c.IntValueDetails(t.Context(), "transports", 3, at); err == nil || d.Value != 3 || d.ErrorCode != sdk.TypeMismatchCode {
		t.Errorf("int: %+v, %v", d, err)
	}
}
