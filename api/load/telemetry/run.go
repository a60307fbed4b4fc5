package telemetry

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// tally is what was sent.
type tally struct {
	events  uint64 // messages
	numbers uint64 // that events have used
	drops   uint64 // events that stand for others
	dropped uint64 // and for how many
	broken  uint64
	unknown uint64
	bytes   uint64
}

// run is one run of a plan.
type run struct {
	plan Plan
	id   [32]byte // the chain of its nodes; their identities begin with its first half

	sessions  atomic.Uint64
	connected atomic.Int64
	uncertain atomic.Uint64 // events that were sent into a connection as it broke

	sending sync.WaitGroup // nodes that may still send
	release chan struct{}  // closed when those that do not may hang up
	befell  []Befell       // when all has ended

	mu    sync.Mutex
	sent  tally
	fails map[string]int
}

// Run sends events as p says and, when there are books, compares them with what was sent. It
// waits up to settle for the server to have written everything. progress, if any, is called
// about once a second from another goroutine, and not after Run has returned. When ctx ends
// the report is about the time up to then. No connection is left when Run returns.
func Run(ctx context.Context, p Plan, books Books, settle time.Duration, progress func(Progress)) (*Report, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	if len(p.Versions) == 0 {
		p.Versions = []uint8{0, 1}
	}
	r := &run{plan: p, fails: map[string]int{}, release: make(chan struct{})}
	if _, err := rand.Read(r.id[:]); err != nil {
		return nil, err
	}
	nodes, err := r.nodes()
	if err != nil {
		return nil, err
	}
	looking := context.WithoutCancel(ctx) // also after a run that was broken off
	var size uint64
	if books != nil {
		if size, err = books.Size(looking); err != nil {
			return nil, err
		}
	}
	var before state
	if p.Watch != nil {
		before = p.Watch.look(looking, true)
	}
	began := time.Now()
	sent, settled := r.drive(ctx, nodes, progress)
	report := r.report(sent.at.Sub(began))
	if books != nil {
		err = report.balance(looking, books, hex.EncodeToString(r.id[:16]), settle)
	}
	if p.Watch != nil {
		report.Server = r.server(before, sent, settled, p.Watch.look(looking, false))
	}
	if b := report.Balance; err == nil && b != nil && b.Stored > 0 {
		now, err := books.Size(looking)
		if err != nil {
			return report, err
		}
		b.BytesEach = float64(now-min(now, size)) / float64(b.Stored)
	}
	return report, err
}

func (r *run) nodes() ([]*node, error) {
	made := map[uint8][]template{}
	for _, v := range r.plan.Versions {
		all, err := templates(&r.plan, v)
		if err != nil {
			return nil, err
		}
		made[v] = all
	}
	nodes := make([]*node, r.plan.Nodes)
	for i := range nodes {
		n := &node{
			run: r, version: r.plan.Versions[i%len(r.plan.Versions)],
			rand: mathrand.New(mathrand.NewPCG(r.plan.Seed, uint64(i))), again: make(chan struct{}, 1),
		}
		n.templates = made[n.version]
		n.stopped = sync.OnceFunc(r.sending.Done)
		copy(n.peer[:], r.id[:16])
		binary.BigEndian.PutUint64(n.peer[24:], uint64(i))
		nodes[i] = n
	}
	return nodes, nil
}

// drive runs the nodes for as long as the plan says. It returns what the server was like when
// the last event was sent, and when all were stored while all nodes were still connected.
func (r *run) drive(ctx context.Context, nodes []*node, progress func(Progress)) (sent, settled state) {
	looking := context.WithoutCancel(ctx)
	// Not a deadline: a dialer takes that for its own, and it would look as if it had failed.
	whole := ctx
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var all, watching sync.WaitGroup
	over := make(chan struct{})
	watching.Go(func() { r.look(over, progress) })
	r.sending.Add(len(nodes))
	for i, n := range nodes {
		all.Go(func() {
			n.turn = i % len(n.templates)
			n.keep(ctx)
		})
	}
	all.Go(func() { // until the time is over, and all faults are
		began := time.Now()
		r.befell = r.befall(whole)
		wait(whole, r.plan.Duration-time.Since(began))
		cancel()
	})
	if r.plan.ReconnectShare > 0 {
		all.Go(func() { r.reconnect(ctx, nodes) })
	}
	r.sending.Wait()
	sent.at = time.Now()
	if r.plan.Watch != nil {
		at := sent.at
		sent, settled = r.plan.Watch.look(looking, false), r.plan.Watch.settle(looking)
		sent.at, settled.connected = at, r.connected.Load()
	}
	close(r.release)
	all.Wait()
	close(over)
	watching.Wait()
	return sent, settled
}

// reconnect asks some of the nodes to connect again now and then.
func (r *run) reconnect(ctx context.Context, nodes []*node) {
	every := time.NewTicker(r.plan.ReconnectEvery)
	defer every.Stop()
	dice := mathrand.New(mathrand.NewPCG(r.plan.Seed, 1<<63))
	for {
		select {
		case <-every.C:
		case <-ctx.Done():
			return
		}
		for _, i := range dice.Perm(len(nodes))[:int(r.plan.ReconnectShare*float64(len(nodes)))] {
			select {
			case nodes[i].again <- struct{}{}:
			default: // it is about to
			}
		}
	}
}

// add counts what was sent.
func (r *run) add(t *tally) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := &r.sent
	s.events += t.events
	s.numbers += t.numbers
	s.drops += t.drops
	s.dropped += t.dropped
	s.broken += t.broken
	s.unknown += t.unknown
	s.bytes += t.bytes
}

// failed notes why a session did not end well.
func (r *run) failed(err error) {
	why := err.Error()
	if broken, ok := errors.AsType[*net.OpError](err); ok { // the same of all ports
		why = broken.Op + ": " + broken.Err.Error()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fails[why]++
}

// Progress is how a run is doing.
type Progress struct {
	Elapsed   time.Duration
	Wanted    int
	Connected int64
	Failed    int     // sessions that did not end well
	Rate      float64 // events a second, since the last time
	Mbit      float64 // per second
}

// String is one line for people.
func (p Progress) String() string {
	s := fmt.Sprintf("%3.0fs %d/%d nodes", p.Elapsed.Seconds(), p.Connected, p.Wanted)
	if p.Failed > 0 {
		s += fmt.Sprintf(", %d sessions failed", p.Failed)
	}
	return s + fmt.Sprintf("; %.0f events a second, %.1f Mbit/s", p.Rate, p.Mbit)
}

// look reports progress until over is closed.
func (r *run) look(over <-chan struct{}, progress func(Progress)) {
	if progress == nil {
		return
	}
	every := time.NewTicker(time.Second)
	defer every.Stop()
	began := time.Now()
	at, before := began, tally{}
	for {
		select {
		case <-every.C:
		case <-over:
			return
		}
		now := time.Now()
		r.mu.Lock()
		sent, failed := r.sent, 0
		for _, n := range r.fails {
			failed += n
		}
		r.mu.Unlock()
		took := now.Sub(at).Seconds()
		progress(Progress{
			Elapsed: now.Sub(began), Wanted: r.plan.Nodes, Connected: r.connected.Load(), Failed: failed,
			Rate: float64(sent.events-before.events) / took, Mbit: float64(sent.bytes-before.bytes) * 8e-6 / took,
		})
		at, before = now, sent
	}
}
