package places

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Of the packets that may begin a connection of QUIC, so many a second are looked at, and so many at once: each
// costs an answer before anybody has shown that an address is theirs. A handshake has about ten.
const (
	portRate, portBurst = 4, 40 // from one port: browsers have one for each connection

	placeRate, placeBurst = 10_000, 10_000 // from one place: a company behind one address, at the full hour

	// spareRate and spareBurst are what ports and places have together beyond it, while no flood takes it: programs
	// may have many connections of one socket.
	spareRate, spareBurst = 500, 500
)

// hellos bounds what begins connections over UDP. It needs the same memory whatever comes.
type hellos struct {
	mu      sync.Mutex
	start   time.Time
	seed    maphash.Seed
	ports   sketch
	places  sketch
	spare   *rate.Limiter
	dropped uint64
}

func newHellos() *hellos {
	return &hellos{
		start: time.Now(), seed: maphash.MakeSeed(), spare: rate.NewLimiter(spareRate, spareBurst),
		ports:  sketch{each: time.Second / portRate, ahead: portBurst * time.Second / portRate},
		places: sketch{each: time.Second / placeRate, ahead: placeBurst * time.Second / placeRate},
	}
}

// take counts a packet and reports whether it is to be looked at.
func (h *hellos) take(from netip.AddrPort) bool {
	from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
	port, place := maphash.Comparable(h.seed, from), maphash.Comparable(h.seed, of(from.Addr()))
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Since(h.start)
	switch { // what is not looked at is charged to nobody: else one place might use up what there is for all
	case h.ports.has(port, now) && h.places.has(place, now):
		h.ports.take(port, now)
		h.places.take(place, now)
		return true
	case h.spare.Allow():
		return true
	}
	h.dropped++
	return false
}

// lost returns how many packets were not to be looked at.
func (h *hellos) lost() uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.dropped
}

// sketch limits the rate of any number of sources, each of which is known by a hash. It is a count-min sketch with
// the cells of a generic cell rate algorithm: who shares one with a source that has too much has another.
type sketch struct {
	each  time.Duration                          // for one
	ahead time.Duration                          // for how many it may have at once
	used  [sketchRows][sketchCells]time.Duration // until when its sources have had what is theirs
}

// With these sizes a thousand sources that have too much take one in 80,000 others with them; 100,000 packets a second
// under random addresses take one in a hundred, and 400,000 half of them. They are a megabyte.
const (
	sketchRows  = 4
	sketchCells = 1 << 14
)

// has reports whether a source may have one more at a time.
func (s *sketch) has(hash uint64, now time.Duration) bool {
	for row := range s.used {
		if s.used[row][hash%sketchCells] <= now+s.ahead-s.each {
			return true
		}
		hash /= sketchCells
	}
	return false
}

// take charges a source for one.
func (s *sketch) take(hash uint64, now time.Duration) {
	for row := range s.used {
		if used := &s.used[row][hash%sketchCells]; *used <= now+s.ahead-s.each {
			*used = max(*used, now) + s.each
		}
		hash /= sketchCells
	}
}

const (
	// longHeader is set in the first byte of packets that come before a connection stands (RFC 8999, 5.1).
	longHeader = 0x80

	// helloBytes is how large packets are that begin one, at least (RFC 9000, 14.1): it is not for less that a sender
	// under a false address takes from whose that is.
	helloBytes = 1200
)

// Hello reports whether a packet that came over UDP is to be looked at. One that may begin a connection is counted,
// unless it comes from a trusted network; others are always. It neither blocks nor keeps the packet.
func (p *Places) Hello(packet []byte, from netip.AddrPort) bool {
	if len(packet) < helloBytes || packet[0]&longHeader == 0 || p.trusted(from.Addr().Unmap().WithZone("")) {
		return true
	}
	return p.hellos.take(from)
}
