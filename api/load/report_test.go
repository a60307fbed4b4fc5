package load

import (
	"strings"
	"testing"
)

func TestBottleneck(t *testing.T) {
	for what, tc := range map[string]struct {
		g    Generator
		s    *Server
		want string
	}{
		"nothing":                 {Generator{CPUShare: .2, MachineBusy: .5}, &Server{CPUShare: .2}, ""},
		"a server that is full":   {Generator{CPUShare: .3, MachineBusy: .99}, &Server{CPUShare: .6}, ""},
		"a generator that is":     {Generator{CPUShare: .6, MachineBusy: .99}, &Server{CPUShare: .3}, "generator"},
		"others":                  {Generator{CPUShare: .1, MachineBusy: .99}, &Server{CPUShare: .2}, "machine"},
		"a server far away":       {Generator{CPUShare: .9, MachineBusy: .99}, nil, "generator"},
		"a generator that sleeps": {Generator{CPUShare: .1, MachineBusy: .2, Lag: Quantiles{P99: 20}}, nil, "generator"},
		"one that reads late":     {Generator{CPUShare: .5, MachineBusy: .8, Waits: Quantiles{P99: 20}}, nil, "generator"},
		"one that could not read": {Generator{CPUShare: .1, MachineBusy: .99, Waits: Quantiles{P99: 20}}, &Server{CPUShare: .2}, "machine"},
	} {
		r := Report{Generator: tc.g, Server: tc.s}
		r.judge()
		if r.Generator.Bottleneck != tc.want {
			t.Errorf("%s: %q, want %q", what, r.Generator.Bottleneck, tc.want)
		}
		if calm := what == "nothing"; calm != (len(r.Notes) == 0) {
			t.Errorf("%s: notes %q", what, r.Notes)
		}
	}
}

// Frames that were a second late are the server's doing where the generator was not.
func TestWhoIsToBlameForFramesThatAreLate(t *testing.T) {
	for lag, want := range map[float64]string{2: "because the server", 1500: "not because of the server alone"} {
		r := Report{Sent: map[string]Sent{"video": {Skipped: 1}}, Generator: Generator{Lag: Quantiles{Max: lag}}}
		r.judge()
		if notes := strings.Join(r.Notes, " "); !strings.Contains(notes, want) {
			t.Errorf("%v ms late: %q lacks %q", lag, notes, want)
		}
	}
}

// A framing that the server does not speak looks like a server that loses everything.
func TestNothingCame(t *testing.T) {
	for url, want := range map[string]bool{"https://host": true, "wss://host": false} {
		r := Report{Plan: Shape{URLs: []string{url}, Framing: "packet"}, Received: map[string]Received{"healthy": {Expected: 1, Lost: 1}}}
		r.judge()
		notes := strings.Join(r.Notes, " ")
		if !strings.Contains(notes, "nothing of what was sent") || strings.Contains(notes, "another framing than packet") != want {
			t.Errorf("%s: %q", url, notes)
		}
	}
}
