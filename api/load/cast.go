package load

import (
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"parley/api/wire"
)

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
