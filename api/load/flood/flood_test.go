package flood

import (
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"parley/api/load"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// plan floods a server at an address in all ways, a little.
func plan(addr string) Plan {
	return Plan{
		URLs: []string{"ws://" + addr, "wss://" + addr, "https://" + addr}, Kinds: Kinds, Room: "flood",
		Sessions: 1, FrameBytes: 1000, Rate: 10, Uploads: 4, Handshakes: 10, Begin: 100, Duration: 200 * time.Millisecond,
	}
}

// serve accepts connections until the test ends and does with them what do does.
func serve(t *testing.T, do func(net.Conn)) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				defer c.Close()
				do(c)
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		all.Wait()
	})
	return l.Addr().String()
}

// byHow returns the tallies by how they bother.
func byHow(t *testing.T, p Plan) map[string]Tally {
	t.Helper()
	tallies, err := Run(t.Context(), p, nil)
	if err != nil {
		t.Fatal(err)
	}
	m := make(map[string]Tally)
	for _, f := range tallies {
		m[f.How] = f
	}
	return m
}

// A server that accepts everything and answers nothing has as many as there may be.
func TestFloodOfAServerThatBearsIt(t *testing.T) {
	addr := serve(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
	got := byHow(t, plan(addr))
	for _, how := range []string{"silent TCP", "endless headers", "silent TLS", "half a TLS hello", "QUIC Initials"} {
		f := got[how]
		if f.Most != f.Wanted || f.Begun != uint64(f.Wanted) || len(f.Ended)+len(f.Refused) > 0 {
			t.Errorf("%s: %+v", how, f)
		}
	}
	if len(got) != 9 { // with sessions once, for both kinds are called so
		t.Errorf("%d ways: %v", len(got), got)
	}
}

// What a server ends is counted, and begins again.
func TestFloodOfAServerThatEndsIt(t *testing.T) {
	addr := serve(t, func(net.Conn) {})
	got := byHow(t, plan(addr))
	f := got["silent TCP"]
	if n := sum(f.Ended); n == 0 || f.Begun <= uint64(f.Wanted) || f.Lasted.Count != int64(n) {
		t.Errorf("%+v", f)
	}
}

// Nobody has to be there.
func TestFloodOfNobody(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	_ = l.Close()
	p := plan(addr)
	p.URLs = p.URLs[:2] // of UDP nobody says so
	for how, f := range byHow(t, p) {
		if f.Most != 0 || sum(f.Refused) == 0 {
			t.Errorf("%s: %+v", how, f)
		}
	}
}

func TestPlansThatMakeNoSense(t *testing.T) {
	p := plan("127.0.0.1:1")
	if err := p.Check(); err != nil {
		t.Fatal(err)
	}
	p.URLs, p.Kinds, p.Rate, p.Duration = []string{"ftp://x"}, []Kind{"water"}, 0, 0
	err := p.Check()
	for _, want := range []string{"ftp://x", "water", "0 packets", "0s"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v lacks %q", err, want)
		}
	}
}

func TestRatios(t *testing.T) {
	people := func(join, media float64) *load.Report {
		return &load.Report{
			Joins:    load.Joins{Visits: load.Quantiles{P50: join, P99: 2 * join}},
			Received: map[string]load.Received{"healthy": {Latency: load.Quantiles{P50: media, P99: media}}},
		}
	}
	var rounds []Round
	for _, flooded := range []float64{30, 20, 50} {
		r := Round{Calm: people(10, 2), Flooded: people(flooded, 1)}
		r.Ratios = ratios(r.Calm, r.Flooded)
		rounds = append(rounds, r)
	}
	if got, want := medians(rounds), (Ratios{3, 3, .5, .5}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if got := ratios(people(0, 0), people(1, 1)); got != (Ratios{}) {
		t.Errorf("of nothing: %+v", got)
	}
	if got := grown(map[string]float64{"a": 1, "b": 2}, map[string]float64{"a": 1, "b": 5, "c": 1}); len(got) != 2 || got["b"] != 3 || got["c"] != 1 {
		t.Errorf("counters grew by %v", got)
	}
}
