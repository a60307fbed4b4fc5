package load

import (
	"sync/atomic"
	"time"

	"parley/api/client"
	callv1 "parley/protobuf/call/v1"
)

// Heartbeats are what came of the heartbeats of everybody at everybody who reads. Expected is
// Delivered plus Thinned plus Lost.
type Heartbeats struct {
	Sent      uint64 `json:"sent"`
	Expected  uint64 `json:"expected"`
	Delivered uint64 `json:"delivered"`
	Thinned   uint64 `json:"thinned"` // did not come, and nobody was the worse for it
	Lost      uint64 `json:"lost"`    // did not come, so that somebody was taken for gone
	Gone      uint64 `json:"gone"`    // how often that was
	Unseen    uint64 `json:"unseen"`  // pairs of whom one never heard of the other, at the end
}

// forgetful is how long clients remember somebody of whom they hear nothing: they look every five
// seconds, and forget the third time.
const forgetful = 15 * time.Second

// beatStream is added to the number of a member in the tags of its heartbeats, which are alike but for that.
const beatStream = 1 << 31

// heartbeat returns the next heartbeat of p. Only the goroutine that sends them calls it.
func (p *participant) heartbeat(state *callv1.HeartbeatMetadata) []byte {
	now := p.run.clock.at()
	t := tag{run: p.run.id, stream: beatStream + p.index, measured: now == measuring, due: int64(p.run.clock.now())}
	t.number = p.beats.assign(t.measured)
	return client.HeartbeatWith(p.pass.User, state, float64(time.Now().UnixMilli()), t.appendTo(nil))
}

// beatNumbers number the heartbeats of one participant.
type beatNumbers struct {
	next       uint64        // of the goroutine that sends
	begin, end atomic.Uint64 // the measured ones: begin <= n < end
}

func (b *beatNumbers) assign(measured bool) (number uint64) {
	number = b.next
	b.next++
	if measured {
		if b.end.Load() == 0 {
			b.begin.Store(number)
		}
		b.end.Store(b.next)
	}
	return number
}

// beat is what one participant heard last of another.
type beat struct {
	heard bool
	next  uint64 // number of the next one
	at    time.Duration
}

// hear counts a heartbeat of a member. p.mu is held.
func (p *participant) hear(t tag, now time.Duration) {
	i := t.stream - beatStream
	if int(i) >= len(p.heard) || p.settled { // visitors account for nobody
		return
	}
	b := &p.heard[i]
	if b.heard && t.number < b.next {
		return // came twice, or late
	}
	if t.measured {
		p.missed(b, &p.members[i].beats, t.number, now)
		p.heartbeats.Delivered++
		p.heartbeats.Expected++
	}
	*b = beat{true, t.number + 1, now}
}

// missed counts those that did not come before a number; p.mu is held.
func (p *participant) missed(b *beat, of *beatNumbers, number uint64, now time.Duration) {
	first := max(b.next, of.begin.Load())
	if !b.heard || first >= number {
		return
	}
	n := number - first
	p.heartbeats.Expected += n
	if now-b.at < forgetful {
		p.heartbeats.Thinned += n
		return
	}
	p.heartbeats.Lost += n
	p.heartbeats.Gone++
}

// closeBeats counts what did not come until the end; p.mu is held.
func (p *participant) closeBeats(now time.Duration) {
	for i, m := range p.members {
		b := &p.heard[i]
		switch since := time.Duration(m.since.Load()); {
		case m == p || since == 0:
		case b.heard:
			p.missed(b, &m.beats, m.beats.end.Load(), now)
		case now-max(since, time.Duration(p.since.Load())) >= forgetful:
			p.heartbeats.Unseen++
		}
	}
}

// heartbeats sums up what healthy participants heard.
func (r *run) heartbeats() Heartbeats {
	var sum Heartbeats
	for _, p := range r.all {
		sum.Sent += p.beats.end.Load() - p.beats.begin.Load()
		if p.pace != healthy {
			continue
		}
		p.mu.Lock()
		h := p.heartbeats
		p.mu.Unlock()
		sum.Expected += h.Expected
		sum.Delivered += h.Delivered
		sum.Thinned += h.Thinned
		sum.Lost += h.Lost
		sum.Gone += h.Gone
		sum.Unseen += h.Unseen
	}
	return sum
}
