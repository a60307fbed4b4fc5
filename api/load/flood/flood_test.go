package flood

import (
	"context"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
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
		Sessions: 1, FrameBytes: 1000, Rate: 10, Uploads: 4, Handshakes: 10, Connects: 4, Ports: 2, Nodes: 4, Telemetry: addr, Begin: 100, Duration: 200 * time.Millisecond,
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

// untilBegun floods until the flood is on, and returns the tallies by how they bother.
func untilBegun(t *testing.T, p Plan) map[string]Tally {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	p.Duration, p.Begun = time.Hour, stop
	return byHow(ctx, t, p)
}

func byHow(ctx context.Context, t *testing.T, p Plan) map[string]Tally {
	t.Helper()
	tallies, err := Run(ctx, p, nil)
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
	p := plan(addr)
	p.Kinds = []Kind{Handshakes}
	got := untilBegun(t, p)
	for _, how := range []string{"silent TCP", "endless headers", "silent TLS", "half a TLS hello", "QUIC Initials"} {
		f := got[how]
		if f.Most != f.Wanted || f.Begun != uint64(f.Wanted) || len(f.Ended)+len(f.Refused) > 0 {
			t.Errorf("%s: %+v", how, f)
		}
	}
	if all := byHow(t.Context(), t, plan(addr)); len(all) != 15 { // with sessions once, for both kinds are called so
		t.Errorf("%d ways: %v", len(all), all)
	}
}

// What a server ends is counted, and begins again.
func TestFloodOfAServerThatEndsIt(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	p := plan("")
	var ended atomic.Int64
	p.URLs, p.Kinds, p.Duration = []string{"ws://" + serve(t, func(net.Conn) {
		if ended.Add(1) > int64(3*p.Handshakes) {
			stop()
		}
	})}, []Kind{Handshakes}, time.Hour
	var n int
	var begun uint64
	for how, f := range byHow(ctx, t, p) {
		n += sum(f.Ended)
		begun += f.Begun
		if f.Lasted.Count != int64(sum(f.Ended)) {
			t.Errorf("%s: %+v", how, f)
		}
	}
	if n < p.Handshakes || begun <= uint64(p.Handshakes) {
		t.Errorf("%d begun, %d ended", begun, n)
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
	for how, f := range untilBegun(t, p) {
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

// A table says whether it was another server that was flooded where this one was calm.
func TestTableOfFloods(t *testing.T) {
	people := func() *load.Report { return &load.Report{Received: map[string]load.Received{"healthy": {}}} }
	of := func(elsewhere ...Tally) string {
		r := Report{Rounds: []Round{{Calm: people(), Flooded: people(), Flood: []Tally{{Kind: Packets, How: "sessions"}}, Elsewhere: elsewhere}}}
		var out strings.Builder
		if err := r.Table(&out); err != nil {
			t.Error(err)
		}
		return out.String()
	}
	alone, compared := of(), of(Tally{Kind: Packets, How: "others"})
	if strings.Contains(alone, "another server") || !strings.Contains(alone, "with the flood, of without: join") {
		t.Errorf("%s", alone)
	}
	for _, want := range []string{"of another server, while it was calm at this one", "others  packets", "of with one of another server: join"} {
		if !strings.Contains(compared, want) {
			t.Errorf("%s lacks %q", compared, want)
		}
	}
}

// Whatever kind of flood it is, what the server counts of it is in the report.
func TestWhatServersCountOfFloods(t *testing.T) {
	for name, want := range map[string]bool{
		"parley_packets_dropped_total": true, "parley_streams_refused_total": true, "parley_connections_refused_total": true,
		"parley_connections_unasked_total": true, "parley_handshake_packets_dropped_total": true, "parley_intake_given_up_total": true,
		"parley_packets_rejected_total": true, "parley_keyframe_requests_limited_total": true, "parley_joins_total": true,
		"parley_jip3_bad_hellos_total": true, "parley_jip3_events_too_large_total": true, "parley_jip3_events_undecodable_total": true,
		"parley_packets_total": false, "go_goroutines": false,
	} {
		if tells(name) != want {
			t.Errorf("%s: %t", name, !want)
		}
	}
}
