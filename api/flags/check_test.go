package flags

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"testing"
)

var testPercent = IntIn("test_percent", 50, 0, 100, "a percentage", "tests")

func TestNumbersStayWithinTheirBounds(t *testing.T) {
	r := newRegistry(t)
	for text, good := range map[string]bool{
		"0": true, "100": true, " 7 ": true, "-1": false, "101": false, "1e2": false, "many": false,
		strconv.Itoa(math.MaxInt) + "0": false,
	} {
		err := r.Set("test_percent", "", text)
		want(t, text, err == nil, good)
		if v := testPercent.Get(r); v < 0 || v > 100 {
			t.Errorf("%s became %d", text, v)
		}
		if e, ok := errors.AsType[*ValueError](err); !good && (!ok || e.Want != "a whole number from 0 to 100") {
			t.Errorf("%s: %v", text, err)
		}
	}
	if _, err := New(env("FEATURE_TEST_PERCENT", "101"), nil); err == nil || !strings.Contains(err.Error(), "from 0 to 100") {
		t.Errorf("environment: %v", err)
	}
	s, err := r.State("test_percent")
	if err != nil || *s.Min != 0 || *s.Max != 100 {
		t.Errorf("state %+v, %v", s, err)
	}
	if s, _ := r.State("test_int"); s.Min != nil || s.Max != nil {
		t.Errorf("a number without bounds has %v to %v", s.Min, s.Max)
	}
}

func TestUnknownNamesGetSuggestions(t *testing.T) {
	for asked, near := range map[string]string{
		"meeting_managment":          "meeting_management",
		"FEATURE_MEETING_MANAGEMENT": "meeting_management",
		"waiting-room-default":       "waiting_room_default",
		"waiting_room":               "waiting_room_default",
		"guest":                      "guests",
		"participants":               "max_participants",
		"caht":                       "chat",
	} {
		e, ok := errors.AsType[*UnknownError](Known(asked))
		if !ok || len(e.Near) == 0 || e.Near[0] != near {
			t.Errorf("%s: %v", asked, e)
		}
	}
	for _, asked := range []string{"", "zzzzzzzzzz", strings.Repeat("x", 1<<16)} {
		e, ok := errors.AsType[*UnknownError](Known(asked))
		if !ok || len(e.Near) != 0 || len(e.Error()) > 200 {
			t.Errorf("%.20s: %v", asked, e)
		}
	}
	if err := Known("guests"); err != nil {
		t.Error(err)
	}
}

func TestValuesHaveOneForm(t *testing.T) {
	for _, c := range []struct{ name, value, canonical string }{
		{"test_bool", "YES", "true"},
		{"test_bool", "0", "false"},
		{"test_int", " +7 ", "7"},
		{"test_duration", "3000ms", "3s"},
		{"test_choice", "b", "b"},
	} {
		got, err := Canonical(c.name, c.value)
		if err != nil || got != c.canonical {
			t.Errorf("%s %q: %q, %v", c.name, c.value, got, err)
		}
	}
	for _, value := range []string{strings.Repeat("x", MaxValue+1), "nul\x00", "\xff"} {
		if _, err := Canonical("test_string", value); err == nil {
			t.Errorf("%.10q was accepted", value)
		}
	}
}
