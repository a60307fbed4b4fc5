package load

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"parley/api/client"
	"parley/api/wire"
)

// Report is what came of a run. Its JSON names stay as they are; more may be added. Counts are
// of packets that were due while the run measured.
type Report struct {
	Started time.Time `json:"started"`
	Seconds float64   `json:"seconds"` // measured
	Plan    Shape     `json:"plan"`

	Sent     map[string]Sent     `json:"sent"`     // by kind: audio, video, screen
	Received map[string]Received `json:"received"` // by how participants read: healthy, slow, stalled, lossy; those that exist
	Kinds    map[string]Received `json:"kinds"`    // by kind, of healthy receivers

	Heartbeats Heartbeats `json:"heartbeats"` // at healthy receivers

	Joins  Joins     `json:"joins"`
	RTT    Quantiles `json:"rtt"` // of probes that the server sends back
	Server *Server   `json:"server,omitempty"`

	Generator Generator `json:"generator"`
	Notes     []string  `json:"notes"` // what to know before believing the rest
}

// Shape is what a report says of the plan, so that it can be understood on its own.
type Shape struct {
	URLs       []string `json:"urls"`
	Framing    string   `json:"framing"` // of WebTransport: packet or stream, whichever was spoken
	Streams    int64    `json:"streams"` // that its clients let be open at once; 0: no limit
	Rooms      int      `json:"rooms"`
	Publishers int      `json:"publishers"` // in each room
	Viewers    int      `json:"viewers"`    // in each room
	Seed       uint64   `json:"seed"`

	AudioKbps  int     `json:"audio_kbps"`
	TalkShare  float64 `json:"talk_share"`
	VideoKbps  int     `json:"video_kbps"` // of the highest layer
	FPS        int     `json:"fps"`
	Layers     int     `json:"layers"`
	WatchLayer int     `json:"watch_layer"`
	Screens    int     `json:"screens"` // in each room
	ScreenKbps int     `json:"screen_kbps"`
	SteadyRate float64 `json:"steady_rate"` // packets a second in place of all that; 0: media
	SteadySize int     `json:"steady_size"`
	VideoFile  string  `json:"video_file,omitempty"`
	AudioFile  string  `json:"audio_file,omitempty"`

	Slow         float64 `json:"slow_share"`
	SlowKbps     int     `json:"slow_kbps"`
	Stalled      float64 `json:"stalled_share"`
	Lossy        float64 `json:"lossy_share"`
	Loss         float64 `json:"loss"`                // that those have
	StormSeconds float64 `json:"storm_every_seconds"` // 0: none
	StormShare   float64 `json:"storm_share"`
	Visits       float64 `json:"visits_per_second"`
}

func (p *Plan) shape(spoken client.Framing) Shape {
	return Shape{
		URLs: p.URLs, Framing: cmp.Or(string(spoken), "packet"), Streams: p.Streams, Rooms: p.Rooms, Publishers: p.Publishers, Viewers: p.Viewers, Seed: p.Seed,
		AudioKbps: p.AudioKbps, TalkShare: p.TalkShare, VideoKbps: p.VideoKbps, FPS: p.FPS, Layers: p.Layers, WatchLayer: p.WatchLayer,
		Screens: p.Screens, ScreenKbps: p.ScreenKbps, SteadyRate: p.SteadyRate, SteadySize: p.SteadySize,
		VideoFile: p.VideoFile, AudioFile: p.AudioFile,
		Slow: p.Slow, SlowKbps: p.SlowKbps, Stalled: p.Stalled, Lossy: p.Lossy, Loss: p.Loss, StormSeconds: p.StormEvery.Seconds(), StormShare: p.StormShare, Visits: p.Visits,
	}
}

// Sent is what publishers sent of one kind.
type Sent struct {
	Packets   uint64 `json:"packets"`
	Bytes     uint64 `json:"bytes"` // of packets, envelope included
	Keyframes uint64 `json:"keyframes"`
	Skipped   uint64 `json:"skipped"` // frames a publisher dropped, for they were a second late: the server did not take those before, or see [Generator]
}

// Received is what a group of participants got. Expected is Delivered plus Lost.
type Received struct {
	Participants int       `json:"participants"`
	Expected     uint64    `json:"expected"`
	Delivered    uint64    `json:"delivered"`
	Lost         uint64    `json:"lost"`
	Duplicated   uint64    `json:"duplicated"`
	OutOfOrder   uint64    `json:"out_of_order"` // among delivered
	Bytes        uint64    `json:"bytes"`
	Unwanted     uint64    `json:"unwanted"` // packets of layers that were not asked for; not among the others
	Latency      Quantiles `json:"latency"`

	Kinds map[string]Received `json:"kinds,omitempty"` // by kind, of those that are not healthy
}

// Joins is how participants got in over the whole run. It takes them from asking for a token, if there is
// none yet, to the number of their session.
type Joins struct {
	Wanted int    `json:"wanted"` // participants of the plan
	In     int64  `json:"in"`     // when measuring ended
	Failed uint64 `json:"failed"` // attempts

	// Unnumbered are connections that the server gave no number, as those of the older contract do:
	// they were in when it took them.
	Unnumbered uint64 `json:"unnumbered"`

	Why     map[string]int `json:"failed_why,omitempty"`
	Lost    map[string]int `json:"lost_why,omitempty"` // connections that others than us ended
	First   Quantiles      `json:"first"`
	Again   Quantiles      `json:"again"`             // after a connection was lost
	Absent  Quantiles      `json:"absent"`            // from there until they were in again, whatever attempts and pauses that took
	Away    int            `json:"away"`              // of those that a storm cut off, how many did not come back
	Visits  Quantiles      `json:"visits"`            // of those who came for a moment while the run measured
	Request uint64         `json:"keyframe_requests"` // that publishers got
}

// Server is what the processes of the server used while the run measured. CPU, switches and
// memory are of those alone that were named, not of a database beside them.
type Server struct {
	PID             int     `json:"pid,omitempty"` // the first
	CPUSeconds      float64 `json:"cpu_seconds"`
	CPUShare        float64 `json:"cpu_share"` // of all processors, 0 to 1
	CPUPerDelivery  float64 `json:"cpu_us_per_delivery"`
	SwitchesPer1000 float64 `json:"context_switches_per_1000_deliveries"`
	Switches        uint64  `json:"context_switches"`
	RSS             uint64  `json:"rss_bytes"`        // at the end
	RSSMost         uint64  `json:"rss_peak_bytes"`   // since it started
	RSSBefore       uint64  `json:"rss_before_bytes"` // before anybody came
	Heap            uint64  `json:"heap_bytes,omitempty"`
	Stacks          uint64  `json:"stack_bytes,omitempty"` // of goroutines
	Goroutines      int     `json:"goroutines,omitempty"`
	Threads         int     `json:"threads,omitempty"`
	// Ages are how long the server had packets, from reading them until it handed them to the transport
	// of a receiver, by kind: its part of the latency. It measures one in 64, each to within a quarter.
	Ages  map[string]Quantiles `json:"added_latency,omitempty"`
	Error string               `json:"error,omitempty"` // what could not be read
	// Processes are what the server consists of, where that is more than one.
	Processes []Process `json:"processes,omitempty"`
}

// Process is what one process of a server used while the run measured.
type Process struct {
	PID            int     `json:"pid"`
	Name           string  `json:"name"`
	CPUSeconds     float64 `json:"cpu_seconds"`
	CPUPerDelivery float64 `json:"cpu_us_per_delivery"`
	RSS            uint64  `json:"rss_bytes"` // at the end
}

// Generator is what the run itself used, and whether that was the limit.
type Generator struct {
	CPUSeconds  float64   `json:"cpu_seconds"`
	CPUShare    float64   `json:"cpu_share"`    // of all processors, 0 to 1
	MachineBusy float64   `json:"machine_busy"` // by all that runs on it, 0 to 1
	Lag         Quantiles `json:"pacing_lag"`   // how late packets were sent because of the generator
	Waits       Quantiles `json:"scheduling"`   // how long its goroutines that could run waited for a processor
	Held        Quantiles `json:"send"`         // how long the server took to accept a packet
	Bottleneck  string    `json:"bottleneck"`   // what else than the server was the limit: generator, machine, or "" for nothing
}

// A run is not to be believed when its own publishers, or those who read, are this late, or when nothing
// of the machine is left.
const (
	lagMost  = 5.0 // ms, p99
	busyMost = 0.95
)

func (r *run) report(first, last sample) *Report {
	took := last.at - first.at
	rep := &Report{
		Started: r.clock.began.UTC().Truncate(time.Millisecond), Seconds: round(took.Seconds(), 3),
		Plan: r.plan.shape(r.framing()),
		Sent: r.sent(), Received: make(map[string]Received), Kinds: make(map[string]Received),
		Heartbeats: r.heartbeats(), RTT: quantiles(&r.rtt), Notes: []string{},
	}
	counted := r.counted()
	for p, name := range paceNames {
		n, unwanted := 0, uint64(0)
		for _, who := range r.all {
			if who.pace == pace(p) {
				n++
				unwanted += who.unwanted
			}
		}
		if n == 0 {
			continue
		}
		l := &r.latency[p]
		var sum counts
		for kind := range kinds {
			sum.add(counted[p][kind])
		}
		all := sum.received(n, quantiles(&l[wire.Audio], &l[wire.Video], &l[wire.Screen]))
		all.Unwanted = unwanted
		of := rep.Kinds
		if pace(p) != healthy {
			of = make(map[string]Received)
			all.Kinds = of
		}
		for kind, name := range kindNames {
			if c := counted[p][kind]; c.expected+c.delivered > 0 {
				of[name] = c.received(n, quantiles(&l[kind]))
			}
		}
		rep.Received[name] = all
	}
	r.mu.Lock()
	rep.Joins = Joins{
		Wanted: len(r.all), In: r.present.Load(), Failed: r.failedN.Load(), Why: maps.Clone(r.fails), Lost: maps.Clone(r.ends), Unnumbered: r.unnumbered.Load(),
		First: quantiles(&r.joins), Again: quantiles(&r.rejoins), Absent: quantiles(&r.absent), Away: r.away(), Visits: quantiles(&r.visits), Request: r.keyRequests.Load(),
	}
	r.mu.Unlock()
	rep.Generator = Generator{
		CPUSeconds:  round((last.own - first.own).Seconds(), 3),
		CPUShare:    round((last.own-first.own).Seconds()/took.Seconds()/processors(), 3),
		MachineBusy: round(last.machine.busy(first.machine), 3),
		Lag:         quantiles(&r.lag), Waits: waited(first.waits, last.waits), Held: quantiles(&r.held),
	}
	if last.server != nil {
		rep.Server = r.server(first, last)
	}
	rep.judge()
	return rep
}

func (r *run) sent() map[string]Sent {
	all := make(map[string]Sent)
	for _, p := range r.all {
		if p.pacer == nil {
			continue
		}
		for _, t := range p.pacer.tracks {
			s := all[kindNames[t.kind]]
			s.Packets += t.sums.packets.Load()
			s.Bytes += t.sums.bytes.Load()
			s.Keyframes += t.sums.keys.Load()
			s.Skipped += t.sums.skipped.Load()
			all[kindNames[t.kind]] = s
		}
	}
	return all
}

// counted sums the accounts.
func (r *run) counted() (sum [paces][kinds]counts) {
	for _, p := range r.all {
		p.mu.Lock()
		for i := range p.accounts {
			sum[p.pace][p.streams[i].kind].add(p.accounts[i].counts)
		}
		p.mu.Unlock()
	}
	return sum
}

func (c counts) received(participants int, latency Quantiles) Received {
	return Received{
		Participants: participants, Expected: c.expected, Delivered: c.delivered,
		Lost: c.expected - min(c.expected, c.delivered), Duplicated: c.duplicated, OutOfOrder: c.outOfOrder,
		Bytes: c.bytes, Latency: latency,
	}
}

func (r *run) server(first, last sample) *Server {
	a, b := first.server, last.server
	if first.gone || last.gone { // what is known of some moment only says nothing
		return &Server{PID: b.each[0].pid, RSSBefore: r.before, Error: errors.Join(first.err, last.err).Error()}
	}
	took := last.at - first.at
	cpu := b.cpu - a.cpu
	s := &Server{
		CPUSeconds: round(cpu.Seconds(), 3),
		CPUShare:   round(cpu.Seconds()/took.Seconds()/processors(), 3),
		Switches:   b.switches - min(b.switches, a.switches), RSS: b.resident, RSSMost: b.most, RSSBefore: r.before, Heap: b.heap, Stacks: b.stacks,
		Goroutines: b.goroutines, Threads: b.threads, Ages: b.agesSince(a),
	}
	n := last.delivered - first.delivered
	if len(b.each) > 0 {
		s.PID = b.each[0].pid
	}
	if len(b.each) > 1 {
		for i, p := range b.each {
			s.Processes = append(s.Processes, p.since(a.each[i], n))
		}
	}
	s.CPUPerDelivery = perDelivery(cpu, n)
	if n > 0 {
		s.SwitchesPer1000 = round(float64(s.Switches)*1000/float64(n), 1)
	}
	for _, at := range []sample{first, last} {
		if at.err != nil {
			s.Error = at.err.Error()
		}
	}
	return s
}

// perDelivery is 0 when nothing was delivered.
func perDelivery(cpu time.Duration, n uint64) float64 {
	if n == 0 {
		return 0
	}
	return round(float64(cpu.Microseconds())/float64(n), 3)
}

func (p process) since(before process, delivered uint64) Process {
	cpu := p.cpu - before.cpu
	return Process{PID: p.pid, Name: p.name, CPUSeconds: round(cpu.Seconds(), 3), CPUPerDelivery: perDelivery(cpu, delivered), RSS: p.resident}
}

// judge notes what stands against believing the report.
func (r *Report) judge() {
	note := func(format string, args ...any) { r.Notes = append(r.Notes, fmt.Sprintf(format, args...)) }
	g := &r.Generator
	server := 0.0
	if r.Server != nil {
		server = r.Server.CPUShare
	}
	if g.MachineBusy > busyMost {
		switch {
		case g.CPUShare+server < g.MachineBusy/2:
			g.Bottleneck = "machine"
		case g.CPUShare > server:
			g.Bottleneck = "generator"
		}
		note("the machine was %.0f %% busy, %.0f %% with the generator and %.0f %% with the server: latencies are those of waiting for a processor",
			100*g.MachineBusy, 100*g.CPUShare, 100*server)
	}
	if g.Lag.P99 > lagMost {
		g.Bottleneck = cmp.Or(g.Bottleneck, "generator")
		note("one in a hundred packets was sent more than %.1f ms late, which is not the server's doing", g.Lag.P99)
	}
	if g.Waits.P99 > lagMost {
		g.Bottleneck = cmp.Or(g.Bottleneck, "generator")
		note("one time in a hundred who could send or read waited more than %.1f ms for a processor, which is not the server's doing", g.Waits.P99)
	}
	if missing := int64(r.Joins.Wanted) - r.Joins.In; missing > 0 {
		note("%d of %d participants were not in when measuring ended", missing, r.Joins.Wanted)
	}
	if h := r.Received["healthy"]; h.Expected > 0 && h.Delivered == 0 {
		hint := ""
		if slices.ContainsFunc(r.Plan.URLs, func(u string) bool { return strings.HasPrefix(u, "https:") }) {
			hint = "; over WebTransport a server may speak another framing than " + r.Plan.Framing
		}
		note("nothing of what was sent came to anybody%s", hint)
	}
	if n := r.Received["healthy"].Unwanted; n > 0 {
		note("%d packets were of layers that those who got them had not asked for", n)
	}
	if n := r.Heartbeats.Gone; n > 0 {
		note("%d times somebody would have been taken for gone: for 15 s no heartbeat of theirs came", n)
	}
	if n := r.Heartbeats.Unseen; n > 0 {
		note("%d times somebody never heard of somebody else", n)
	}
	if h := r.Received["healthy"]; h.Delivered > h.Expected {
		note("%d more packets were delivered than expected: the accounts are wrong", h.Delivered-h.Expected)
	}
	for name, s := range r.Sent {
		if s.Skipped > 0 {
			why := "because the server did not take those before"
			if g.Lag.Max >= ms(int64(tooLate)) {
				why = "which were a second late, and not because of the server alone"
			}
			note("publishers dropped %d frames of %s, %s", s.Skipped, name, why)
		}
	}
}
