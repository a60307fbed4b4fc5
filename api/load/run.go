package load

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
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

// room is a room of the server as it is known here.
type room struct {
	run     *run
	name    string
	members []*participant
	streams []*stream

	tried  chan struct{} // closed when the first member has been let in or refused
	answer func()        // closes it

	// Guarded by run.mu.
	opened  bool  // the first member has been in
	refusal error // why it was not at its last attempt
}

// opens notes how the first member fared, for whom the others wait.
func (m *room) opens(refusal error) {
	m.run.mu.Lock()
	m.opened, m.refusal = m.opened || refusal == nil, refusal
	m.run.mu.Unlock()
	m.answer()
}

// open waits until the first member has been in, or fails as that did.
func (m *room) open(ctx context.Context) error {
	select {
	case <-m.tried:
	case <-ctx.Done():
		return ctx.Err()
	}
	m.run.mu.Lock()
	defer m.run.mu.Unlock()
	if m.opened {
		return nil
	}
	return m.refusal
}

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
	visits         histogram
	rtt            histogram

	passing          tally // of visitors
	keyRequests      atomic.Uint64
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

	if plan.Watch != nil && plan.Watch.PID != 0 {
		u, _ := usageOf(plan.Watch.PID) // the samples say what is wrong
		r.before = u.resident
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
		return nil, ctx.Err()
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
const gatherMost = 30 * time.Second

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

// allBack reports whether nobody is on the way back from a storm.
func (r *run) allBack() bool {
	return !slices.ContainsFunc(r.all, func(p *participant) bool { return p.away.Load() })
}

var errNobody = errors.New("nobody got in")

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

func newRun(plan Plan) (*run, error) {
	if plan.Door == nil {
		plan.Door = ByPath{}
	}
	if api, ok := plan.Door.(ByAPI); ok && api.Client == nil {
		api.Client = &http.Client{Timeout: joinPatience}
		plan.Door = api
	}
	r := &run{
		plan: plan, id: rand.Uint64(), clock: newClock(),
		fails: make(map[string]int), ends: make(map[string]int),
	}
	recorded, err := readFiles(plan)
	if err != nil {
		return nil, err
	}
	tag := strconv.FormatUint(r.id&0xfffff, 36) // people of different runs are not the same
	for i := range plan.Rooms {
		m := &room{run: r, name: plan.Room, tried: make(chan struct{})}
		m.answer = sync.OnceFunc(func() { close(m.tried) })
		if plan.Rooms > 1 {
			m.name += "-" + strconv.Itoa(i+1)
		}
		for j := range plan.Publishers + plan.Viewers {
			role := "viewer"
			if j < plan.Publishers {
				role = "publisher"
			}
			p := &participant{
				tally: new(tally),
				room:  m, index: uint32(j), name: strings.Join([]string{role, tag, strconv.Itoa(i + 1), strconv.Itoa(j + 1)}, "-"),
				base: strings.TrimSuffix(plan.URLs[(i+j)%len(plan.URLs)], "/"),
				cut:  make(chan struct{}, 1), learned: make(chan struct{}, 1), known: make(map[*participant]uint64),
			}
			m.members = append(m.members, p)
			if j < plan.Publishers {
				p.pacer = r.pacerOf(p, i, j, recorded)
			}
		}
		for _, p := range m.members {
			p.accounts = make([]account, len(m.streams))
			p.heard = make([]beat, len(m.members))
		}
		r.rooms = append(r.rooms, m)
	}
	// Rooms fill together, and publishers come first.
	for j := range plan.Publishers + plan.Viewers {
		for _, m := range r.rooms {
			r.all = append(r.all, m.members[j])
		}
	}
	r.slowDown()
	return r, nil
}

// pacerOf makes the tracks of a publisher: number j in room i.
func (r *run) pacerOf(p *participant, i, j int, recorded recordings) *pacer {
	plan := &r.plan
	pc := &pacer{clock: r.clock, run: r.id, lag: &r.lag, held: &r.held}
	add := func(kind wire.Stream, src source, wantKey *atomic.Bool) *track {
		s := newStream(uint32(len(p.streams)), kind, p)
		p.room.streams = append(p.room.streams, s)
		t := &track{source: src, stream: s, packer: packer{kind: kind}, wantKey: wantKey}
		pc.tracks = append(pc.tracks, t)
		return t
	}
	source := func(kind wire.Stream) *rand.Rand {
		return rand.New(rand.NewPCG(plan.Seed, uint64(i)<<40|uint64(j)<<8|uint64(kind)))
	}
	switch {
	case plan.SteadyRate > 0:
		want := &p.wants.video[0]
		as := packer{user: p.name, kind: wire.Video}
		around := len(as.pack(frame{data: noise()[:plan.SteadySize]}, tag{})) - plan.SteadySize
		add(wire.Video, newSteady(source(wire.Video), plan.SteadyRate, plan.SteadySize-around, plan.KeyframeEvery, want), want)
		return pc
	case j == 0 && (len(recorded.audio) > 0 || len(recorded.video) > 0):
		if len(recorded.audio) > 0 {
			add(wire.Audio, &recording{frames: recorded.audio, length: recorded.length}, nil)
		}
		if len(recorded.video) > 0 {
			add(wire.Video, &recording{frames: recorded.video, length: recorded.length}, nil)
		}
		return pc
	}
	if plan.AudioKbps > 0 {
		add(wire.Audio, newVoice(source(wire.Audio), plan.AudioKbps, plan.TalkShare), nil)
	}
	for layer := range plan.Layers {
		kbps := plan.VideoKbps >> (2 * (plan.Layers - 1 - layer))
		if kbps == 0 {
			continue
		}
		want := &p.wants.video[layer]
		// From the same dice: pictures of one moment are in step.
		t := add(wire.Video, newCamera(source(wire.Video), kbps, plan.FPS, plan.KeyframeEvery, want), want)
		t.stream.layer, t.packer.layer = uint32(layer), uint32(layer)
		if plan.Layers > 1 {
			t.wanted = &p.wanted
		}
	}
	if j < plan.Screens && plan.ScreenKbps > 0 {
		add(wire.Screen, newScreen(source(wire.Screen), plan.ScreenKbps, &p.wants.screen), &p.wants.screen)
	}
	if len(pc.tracks) == 0 {
		return nil
	}
	return pc
}

// slowDown makes some receivers slow, some stalled and gives some a path that loses packets, evenly
// spread: viewers, or where there are none, publishers.
func (r *run) slowDown() {
	receivers := r.all
	if r.plan.Viewers > 0 {
		receivers = r.all[r.plan.Rooms*r.plan.Publishers:]
	}
	n := float64(len(receivers))
	var due, given [paces]int
	for pace, share := range map[pace]float64{slow: r.plan.Slow, stalled: r.plan.Stalled, leaky: r.plan.Lossy} {
		due[pace] = int(n*share + .5)
	}
	hit := min(due[slow]+due[stalled]+due[leaky], len(receivers))
	for k := range hit {
		next := slow // whose turn it is most
		for other := slow; other < paces; other++ {
			if due[other]*(k+1)-given[other]*hit > due[next]*(k+1)-given[next]*hit {
				next = other
			}
		}
		given[next]++
		receivers[k*len(receivers)/hit].pace = next
	}
}

// storm cuts connections off, again and again until ctx ends or the run drains.
func (r *run) storm(ctx context.Context) {
	every := time.NewTicker(r.plan.StormEvery)
	defer every.Stop()
	source := rand.New(rand.NewPCG(r.plan.Seed, 0))
	for {
		select {
		case <-every.C:
		case <-r.clock.over:
			return
		case <-ctx.Done():
			return
		}
		if r.clock.at() != measuring {
			continue
		}
		hit := int(float64(len(r.all))*r.plan.StormShare + .5)
		for _, i := range source.Perm(len(r.all))[:hit] {
			r.all[i].away.Store(true)
			select {
			case r.all[i].cut <- struct{}{}:
			default: // it has not come back from the last one
			}
		}
	}
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
