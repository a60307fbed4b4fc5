package load

import (
	"context"
	"maps"
	"math"
	"slices"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"

	"parley/api/client"
	"parley/api/wire"
	callv1 "parley/protobuf/call/v1"
)

// enter begins a stay in the accounts.
func (p *participant) enter() {
	p.since.Store(int64(p.run.clock.now()))
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.heard)
	for i := range p.accounts {
		if p.streams[i].owner != p && p.watches(p.streams[i]) {
			p.accounts[i].enter(p.streams[i])
		}
	}
}

// watches reports whether p asks for a stream.
func (p *participant) watches(s *stream) bool {
	return p.run.plan.Layers <= 1 || s.kind != wire.Video || s.layer == uint32(p.run.plan.WatchLayer)
}

// forget begins a session, which knows nobody and of which nobody has asked for less.
func (p *participant) forget() {
	p.wanted.Store(math.MaxUint32)
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.known)
}

// learn notes who sends; p.mu is held.
func (p *participant) learn(s *stream, session uint64) {
	if s.kind != wire.Video || p.known[s.owner] == session {
		return
	}
	p.known[s.owner] = session
	select {
	case p.learned <- struct{}{}:
	default:
	}
}

// sessions returns those that are known.
func (p *participant) sessions() []uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Collect(maps.Values(p.known))
}

// exit ends a stay in the accounts, if one is on.
func (p *participant) exit(lost bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !lost && !p.settled {
		p.closeBeats(p.run.clock.now())
	}
	p.settled = p.settled || !lost
	if lost {
		p.since.Store(0)
	}
	for i := range p.accounts {
		p.accounts[i].leave(p.streams[i], lost)
	}
}

// complete reports whether p got all it is expected to get.
func (p *participant) complete() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.accounts {
		if !p.accounts[i].complete(p.streams[i]) {
			return false
		}
	}
	return true
}

// tally counts everything that one or more participants receive. It is not of the run: what all
// processors write to is slow.
type tally struct{ packets, bytes atomic.Uint64 }

// received returns what all have received.
func (r *run) received() (packets, bytes uint64) {
	packets, bytes = r.passing.packets.Load(), r.passing.bytes.Load()
	for _, p := range r.all {
		packets += p.tally.packets.Load()
		bytes += p.tally.bytes.Load()
	}
	return packets, bytes
}

// delivered returns how many measured packets have come.
func (r *run) delivered() (n uint64) {
	for i := range r.latency {
		for j := range r.latency[i] {
			n += uint64(r.latency[i][j].n())
		}
	}
	return n
}

// receive is called with every packet that arrives, over WebTransport several times at once.
// ctx ends with the stay.
func (p *participant) receive(ctx context.Context, packet client.Packet) {
	now := p.run.clock.now()
	p.tally.packets.Add(1)
	p.tally.bytes.Add(uint64(len(packet.Data)))
	w, err := wire.Scan(packet.Data)
	switch {
	case err != nil:
	case w.Type == callv1.PacketWrapper_MEDIA:
		if t, ok := readTag(w.Data); !ok {
			p.other(&w, now)
		} else if t.run != p.run.id {
			break
		} else if t.stream >= beatStream {
			p.mu.Lock()
			p.hear(t, now)
			p.mu.Unlock()
		} else if int(t.stream) < len(p.accounts) {
			p.count(t, w.SessionID, len(packet.Data), now)
		}
	case w.Type == callv1.PacketWrapper_LAYER_HINT:
		p.heed(w.Data)
	}
	switch {
	case p.pace == slow:
		p.reading.Lock()
		sleep(ctx, p.takeTime(len(packet.Data)))
		p.reading.Unlock()
	case p.pace == stalled && p.run.clock.at() >= measuring:
		<-ctx.Done()
	}
}

// overslept is how late a slow receiver may be woken and still keep to its rate.
const overslept = 200 * time.Millisecond

// takeTime returns how long to wait until a slow receiver has read size bytes more; p.reading is held.
func (p *participant) takeTime(size int) time.Duration {
	now := p.run.clock.now()
	p.read = max(p.read, now-overslept) + time.Duration(size*8)*time.Second/time.Duration(p.run.plan.SlowKbps*1000)
	return p.read - now
}

func (p *participant) count(t tag, session uint64, size int, now time.Duration) {
	s := p.streams[t.stream]
	p.mu.Lock()
	if p.run.plan.Layers > 1 {
		p.learn(s, session)
		if t.measured && !p.settled && !p.watches(s) {
			p.unwanted++
		}
	}
	counted := !p.settled && p.accounts[t.stream].got(s, t, size)
	p.mu.Unlock()
	if counted {
		p.run.latency[p.pace][s.kind].add(now - time.Duration(t.due))
	}
}

// other takes the packets of a call that are no media of ours.
func (p *participant) other(w *wire.Packet, now time.Duration) {
	if s, err := wire.ScanMedia(w.Data); err != nil || string(s.UserID) != p.pass.User {
		return
	}
	m := new(callv1.MediaPacket)
	if proto.Unmarshal(w.Data, m) != nil {
		return
	}
	switch m.MediaType {
	case callv1.MediaPacket_RTT:
		if p.run.clock.at() == measuring {
			p.run.rtt.add(now - time.Duration(m.Timestamp*1e6))
		}
	case callv1.MediaPacket_KEYFRAME_REQUEST:
		p.run.keyRequests.Add(1)
		if string(m.Data) == "SCREEN" {
			p.wants.screen.Store(true)
		} else {
			p.wants.video[min(w.Layer, mostLayers-1)].Store(true)
		}
	}
}

// heed reads what the server says about layers that nobody wants.
func (p *participant) heed(data []byte) {
	hint := new(callv1.LayerHintPacket)
	if proto.Unmarshal(data, hint) != nil {
		return
	}
	for _, e := range hint.Entries {
		if e.MediaKind == callv1.LayerHintPacket_VIDEO {
			p.wanted.Store(e.MaxRequestedLayer)
		}
	}
}
