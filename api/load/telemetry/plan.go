package telemetry

import (
	"errors"
	"fmt"
	"net"
	"time"

	"parley/api/telemetry/catalogue"
)

// Plan is what a run does. What is zero is not done, unless it says otherwise.
type Plan struct {
	Addr     string        // host:port of the server
	Nodes    int           // connected at the same time
	Rate     float64       // events per second of each
	Duration time.Duration // for which events are sent, and until all faults are over

	Burst      int           // events that each node sends at once, besides,
	BurstEvery time.Duration // so often

	ReconnectEvery time.Duration // how often a part of the nodes connects again
	ReconnectShare float64       // and how many of them, from 0 to 1

	Dropped float64 // share of events that stand for others, from 0 to 1
	Broken  float64 // share of events that cannot be read
	Unknown float64 // share of events of a kind that there is not

	Kinds    []uint16 // to send; all when empty
	Versions []uint8  // of the protocol, by turns; all when empty
	Form     catalogue.LengthForm
	Cores    uint16 // of the chain
	Seed     uint64 // runs with the same seed send the same bodies

	Watch  *Watch  // the server; nil is not looked at
	Faults []Fault // in the order in which they happen
}

// Check returns every mistake in p.
func (p *Plan) Check() error {
	var errs []error
	add := func(bad bool, format string, args ...any) {
		if bad {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	if _, _, err := net.SplitHostPort(p.Addr); p.Addr == "" {
		add(true, "no address to connect to")
	} else if err != nil {
		add(true, "%q is no host and port", p.Addr)
	}
	add(p.Nodes < 1 || p.Nodes > 100_000, "%d nodes: 1 to 100000 are possible", p.Nodes)
	add(p.Rate < 0 || p.Rate > 1e6, "%v events per second and node: 0 to 1000000 are possible", p.Rate)
	add(p.Duration <= 0, "the duration is %v", p.Duration)
	add(p.Burst < 0 || p.Burst > 1_000_000, "bursts of %d events: up to 1000000 are possible", p.Burst)
	add(p.Burst > 0 && p.BurstEvery <= 0, "bursts need a time between them")
	add(p.ReconnectShare < 0 || p.ReconnectShare > 1, "a share of %v is not from 0 to 1", p.ReconnectShare)
	add(p.ReconnectShare > 0 && p.ReconnectEvery <= 0, "reconnects need a time between them")
	for _, share := range []float64{p.Dropped, p.Broken, p.Unknown, p.Dropped + p.Broken + p.Unknown} {
		add(share < 0 || share > 1, "a share of %v is not from 0 to 1", share)
	}
	for _, v := range p.Versions {
		add(v > 1, "version %d: there are 0 and 1", v)
	}
	for _, n := range p.Kinds {
		add(n == 0 || catalogue.JIP3().Kind(1, n) == nil, "there is no kind %d to choose", n)
	}
	return errors.Join(errs...)
}
