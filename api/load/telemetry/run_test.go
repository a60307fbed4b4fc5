package telemetry

import (
	"context"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"parley/api/jip3"
	"parley/api/telemetry"
	"parley/api/telemetry/catalogue"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// ledger takes in events and keeps the sums that books consist of.
type ledger struct {
	lose func(seq uint64) bool // events that vanish

	mu sync.Mutex
	a  Account

	links, wrong int // events that refer to others, and those that refer to none of the right kind
}

type feed struct {
	l     *ledger
	kinds map[uint64]uint16
}

func (l *ledger) Begin(context.Context, telemetry.Source) (telemetry.Feed, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.a.Sessions++
	l.a.Open++
	return &feed{l, map[uint64]uint16{}}, nil
}

func (f *feed) ID() telemetry.SessionID { return 0 }

func (f *feed) Record(r telemetry.Record) {
	f.l.mu.Lock()
	defer f.l.mu.Unlock()
	if f.l.lose != nil && f.l.lose(r.Seq) {
		return
	}
	f.l.a.Stored[r.Kind]++
	f.kinds[r.Seq] = r.Kind
	k := catalogue.JIP3().Kind(1, r.Kind)
	if !r.Linked || k == nil || len(k.LinkedTo) == 0 || r.Link == 0 {
		return
	}
	f.l.links++
	for _, to := range k.LinkedTo {
		if f.kinds[r.Link] == to {
			return
		}
	}
	f.l.wrong++
}

func (f *feed) Lost(cause telemetry.Cause, _, n uint64) {
	f.l.mu.Lock()
	defer f.l.mu.Unlock()
	f.l.a.Lost[cause.String()] += n
}

func (f *feed) End(string) {
	f.l.mu.Lock()
	defer f.l.mu.Unlock()
	f.l.a.Open--
}

// Account implements Books.
func (l *ledger) Account(context.Context, string) (Account, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.a, nil
}

// Size implements Books.
func (l *ledger) Size(context.Context) (uint64, error) { return 0, nil }

// try runs a plan against a server that keeps books in memory.
func try(t *testing.T, p Plan, l *ledger, settle time.Duration) *Report {
	t.Helper()
	l.a = Account{Stored: map[uint16]uint64{}, Lost: map[string]uint64{}}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	s := jip3.New(jip3.Options{Ingest: l, Log: quiet(t)})
	wg.Go(func() { _ = s.Serve(ctx, listener) })
	p.Addr = listener.Addr().String()
	r, err := Run(t.Context(), p, l, settle, func(Progress) {})
	if err != nil {
		t.Fatal(err)
	}
	_ = r.Table(t.Output())
	return r
}

func TestBooksAreEven(t *testing.T) {
	l := &ledger{}
	r := try(t, Plan{
		Nodes: 10, Rate: 500, Duration: time.Second, Burst: 300, BurstEvery: 300 * time.Millisecond,
		ReconnectEvery: 200 * time.Millisecond, ReconnectShare: 0.5, Dropped: 0.02, Broken: 0.02, Unknown: 0.02, Cores: 13,
	}, l, time.Minute)
	b := r.Balance
	if !b.Even() || r.Dropped == 0 || r.Broken == 0 || r.Unknown == 0 || r.Sessions <= 10 || len(r.Failed) > 0 {
		t.Errorf("%+v of %+v", b, r)
	}
	if l.links == 0 || l.wrong > 0 {
		t.Errorf("of %d links %d are wrong", l.links, l.wrong)
	}
}

func TestWhatIsMissingIsSaid(t *testing.T) {
	l := &ledger{lose: func(seq uint64) bool { return seq == 3 }}
	r := try(t, Plan{Nodes: 4, Rate: 200, Duration: 300 * time.Millisecond, Versions: []uint8{1}, Kinds: []uint16{11}}, l, 50*time.Millisecond)
	if b := r.Balance; b.Missing != 4 || b.Even() || b.Kinds != 1 {
		t.Errorf("%+v", b)
	}
	var out strings.Builder
	if err := r.Table(&out); err != nil || !strings.Contains(out.String(), "missing                    4") {
		t.Errorf("%v\n%s", err, out.String())
	}
}

func TestServerThatIsNotThere(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	r, err := Run(t.Context(), Plan{Addr: l.Addr().String(), Nodes: 1, Rate: 1, Duration: 200 * time.Millisecond}, nil, 0, nil)
	if err != nil || len(r.Failed) == 0 || r.Sessions != 0 || r.Balance != nil {
		t.Errorf("%+v %v", r, err)
	}
}

func TestPlansThatMakeNoSense(t *testing.T) {
	p := Plan{Addr: "x:1", Nodes: 1, Duration: 1}
	if err := p.Check(); err != nil {
		t.Error(err)
	}
	for want, change := range map[string]func(*Plan){
		"no address":       func(p *Plan) { p.Addr = "" },
		"no host and port": func(p *Plan) { p.Addr = "x" },
		"0 nodes":          func(p *Plan) { p.Nodes = 0 },
		"duration":         func(p *Plan) { p.Duration = 0 },
		"bursts need":      func(p *Plan) { p.Burst = 1 },
		"reconnects":       func(p *Plan) { p.ReconnectShare = 1 },
		"a share":          func(p *Plan) { p.Dropped, p.Broken = 0.6, 0.6 },
		"version 2":        func(p *Plan) { p.Versions = []uint8{2} },
		"kind 0":           func(p *Plan) { p.Kinds = []uint16{0} },
		"-1 events":        func(p *Plan) { p.Rate = -1 },
	} {
		p := p
		change(&p)
		if err := p.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// quiet is the log of tests.
func quiet(t *testing.T) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
}
