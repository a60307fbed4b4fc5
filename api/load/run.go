package load

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"parley/api/client"
	"parley/api/wire"
)

// pace is how a participant reads.
type pace uint8

const (
	healthy pace = iota
	slow
	stalled
	leaky // over a path that loses packets
	paces = 4
)

var paceNames = [paces]string{"healthy", "slow", "stalled", "lossy"}

// kinds is how many kinds of streams there are, with wire.NoStream.
const kinds = int(wire.Screen) + 1

// run is one run of a plan.
type run struct {
	plan    Plan
	id      uint64
	clock   *clock
	rooms   []*room
	all     []*participant
	sending context.Context // of packets
	before  uint64          // bytes resident in the server when nobody was there

	lag, held      histogram
	latency        [paces][kinds]histogram
	joins, rejoins histogram
	absent         histogram
	visits         histogram
	rtt            histogram

	passing          tally // of visitors
	keyRequests      atomic.Uint64
	unnumbered       atomic.Uint64 // connections
	framed           atomic.Bool   // the server made some connection speak FramingStream
	present          atomic.Int64
	joinedN, failedN atomic.Uint64

	mu    sync.Mutex
	fails map[string]int // why nobody got in
	ends  map[string]int // why connections were lost
}

// Run runs a plan and says what came of it. progress is called about once a second from
// another goroutine, and not after Run has returned. When ctx ends while the run measures, the
// report is about the time up to then; before that it makes Run fail. No connection is left
// when it returns.
func Run(ctx context.Context, plan Plan, progress func(Progress)) (*Report, error) {
	if err := plan.Check(); err != nil {
		return nil, err
	}
	r, err := newRun(plan)
	if err != nil {
		return nil, err
	}
	attending, leave := context.WithCancel(context.WithoutCancel(ctx))
	defer leave()
	sending, silence := context.WithCancel(attending)
	defer silence()
	r.sending = sending

	if plan.Watch != nil {
		r.before = Resident(plan.Watch.PIDs...)
	}
	var people, visitors, looking sync.WaitGroup
	looked := make(chan struct{})
	looking.Go(func() { r.look(looked, progress) })
	defer func() {
		leave()
		visitors.Wait()
		people.Wait()
		close(looked)
		looking.Wait()
	}()
	for i, p := range r.all {
		people.Go(func() {
			sleep(attending, r.plan.Ramp*time.Duration(i)/time.Duration(len(r.all)))
			if attending.Err() == nil {
				p.attend(attending)
			}
		})
	}
	if r.plan.StormEvery > 0 {
		people.Go(func() { r.storm(attending) })
	}
	if r.plan.Visits > 0 {
		visitors.Go(func() { r.receiveVisitors(attending, &visitors) })
	}
	sleep(ctx, plan.Ramp)
	r.gather(ctx, r.allCame)
	sleep(ctx, plan.WarmUp)
	if ctx.Err() != nil {
		return nil, errEarly
	}
	if r.present.Load() == 0 {
		return nil, errors.Join(errNobody, r.why())
	}
	first := r.sample()
	r.clock.phase.Store(int32(measuring))
	sleep(ctx, plan.Duration)
	last := r.sample()
	r.drain(silence)
	r.gather(ctx, r.allBack) // the slowest are those that count
	visitors.Wait()
	return r.report(first, last), nil
}

// gatherMost is how long those who came last may take to get in.
const gatherMost = time.Minute

// gather waits for those who are on their way.
func (r *run) gather(ctx context.Context, all func() bool) {
	for last := time.Now().Add(gatherMost); ctx.Err() == nil && !all() && time.Now().Before(last); {
		sleep(ctx, drainStep)
	}
}

// allCame reports whether everybody is in or has failed to come in: the warm-up is for a call that
// has begun.
func (r *run) allCame() bool {
	return uint64(r.present.Load())+r.failedN.Load() >= uint64(len(r.all))
}

var (
	errNobody = errors.New("nobody got in")
	errEarly  = errors.New("broken off before anything was measured")
)

// drain ends sending, waits for what is on its way and closes the accounts.
func (r *run) drain(silence context.CancelFunc) {
	r.clock.drain()
	stuck := time.AfterFunc(max(r.plan.Drain, settle), silence) // a server that takes nothing holds nobody up
	for _, p := range r.all {
		if p.pacer == nil {
			continue
		}
		p.pacing.Lock() // nothing is being sent, and nothing will be
		for _, t := range p.pacer.tracks {
			t.close()
		}
		p.pacing.Unlock()
	}
	stuck.Stop()
	last := time.Now().Add(r.plan.Drain)
	for time.Now().Before(last) && !r.complete() {
		sleep(context.Background(), min(drainStep, time.Until(last)))
	}
	for _, p := range r.all {
		p.exit(false)
	}
}

// drainStep is how often to look whether everybody, or everything, has come.
const drainStep = 20 * time.Millisecond

// complete reports whether those who read have got everything.
func (r *run) complete() bool {
	return !slices.ContainsFunc(r.all, func(p *participant) bool { return p.pace != stalled && !p.complete() })
}

func (r *run) joined(again bool, took time.Duration) {
	r.present.Add(1)
	r.joinedN.Add(1)
	if again {
		r.rejoins.add(took)
	} else {
		r.joins.add(took)
	}
}

// framing returns what was spoken over WebTransport.
func (r *run) framing() client.Framing {
	switch {
	case r.plan.Framing != client.FramingAuto:
		return r.plan.Framing
	case r.framed.Load():
		return client.FramingStream
	}
	return client.FramingPacket
}

func (r *run) failed(err error) {
	r.failedN.Add(1)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fails[Reason(err)]++
}

// lost notes why the server, or the network, ended a connection.
func (r *run) lost(c *client.Client) {
	_, err := c.Receive(r.sending)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ends[Reason(err)]++
}

// why returns the reasons for which nobody got in.
func (r *run) why() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	var errs []error
	for text := range r.fails {
		errs = append(errs, errors.New(text))
	}
	return errors.Join(errs...)
}
