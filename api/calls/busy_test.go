package calls_test

import (
	"context"
	"log/slog"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"parley/api/busy"
	"parley/api/calls"
	"parley/api/media/mediatest"
	"parley/api/rooms"
	"parley/api/telemetry"
	"parley/api/telemetry/diagnosis"
)

// bell rings when a server says that it is busy.
type bell struct {
	deaf
	rung chan telemetry.Row
}

func (b *bell) Begin(context.Context, telemetry.Source) (telemetry.Feed, error) { return b, nil }

func (b *bell) Record(r telemetry.Record) {
	if r.Kind == kindServerBusy {
		select {
		case b.rung <- telemetry.Row{Kind: r.Kind, At: r.At.UnixMicro(), Body: slices.Clone(r.Raw)}:
		default:
		}
	}
}

const kindServerBusy = 13

// A process has really more to do than its one processor can; what it measures of that is
// the evidence. Not parallel: processors are of the process.
func TestABusyServerIsToBlame(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	gauge, rings := busy.New(), &bell{rung: make(chan telemetry.Row, 16)}
	recorder := calls.New(calls.Options{Ingest: rings, Log: log, Key: []byte("key"), Server: "s", Busy: gauge.Spent})
	hub := rooms.NewHub(rooms.Options{Node: "n", Relay: mediatest.NewLocal("n"), Ledger: &mediatest.Ledger{}, Reporter: recorder, Watcher: recorder, Log: log})
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	running.Go(func() { _ = recorder.Run(ctx, hub) })
	running.Go(func() { _ = gauge.Run(ctx) })
	for range 100 {
		running.Go(func() {
			for ctx.Err() == nil {
				for begin := time.Now(); time.Since(begin) < 100*time.Microsecond; {
				}
				runtime.Gosched()
			}
		})
	}

	now := time.Now()
	c := &diagnosis.Call{From: now.Add(-time.Minute), To: now.Add(time.Hour)}
	for name := range map[string]bool{"ada": true, "bob": true} {
		d := c.Device(name, "")
		d.Server = "s"
		d.Flows = []diagnosis.Flow{{At: now, IntervalMS: 2000, From: diagnosis.Rates{Audio: diagnosis.Rate{Packets: 100}}, To: diagnosis.Rates{Audio: diagnosis.Rate{Packets: 100}}}}
		d.Reports = []diagnosis.Report{{At: now, IntervalMS: 5000, AudioOn: true, Visible: true}}
	}
	c.Device("bob", "").Hearings = []diagnosis.Hearing{{At: now, IntervalMS: 5000, Peers: []diagnosis.Reception{{Sender: "ada", AudioOn: true, Concealment: 30}}}}
	if f := c.Look(); len(f) != 1 || f[0].Cause != diagnosis.Unknown {
		t.Fatalf("before: %+v", f)
	}
	patience := time.After(2 * time.Minute)
	for {
		select {
		case row := <-rings.rung:
			if !c.Add(&row, &telemetry.Source{Catalogue: "call", Identity: "server s"}) {
				t.Fatal("what the server says cannot be read")
			}
		case <-patience:
			t.Fatal("the server does not notice")
		}
		c.Sort()
		f := c.Look()
		if len(f) != 1 {
			t.Fatalf("%+v", f)
		}
		if f[0].Cause == diagnosis.Overload {
			if f[0].At.Server != "s" || f[0].Device.Participant != "bob" || !slices.ContainsFunc(f[0].Facts, func(f diagnosis.Fact) bool { return f.Measure == "server_busy_ms" }) {
				t.Errorf("%+v", f[0])
			}
			return
		}
	}
}
