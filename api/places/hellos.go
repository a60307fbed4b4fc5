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
	portRate, portBurst = 4, 40 // from one port: a client has one for each connection

	placeRate, placeBurst = 10_000, 10_000 // from one place: a company behind one address, at the full hour

	// spareRate and spareBurst are what ports and places have together beyond it: of those who test with a thousand
	// connections of one socket, say.
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
	if h.ports.take(port, now) && h.places.take(place, now) || h.spare.Allow() {
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

// With these sizes a thousand sources that have too much take one in 5,000 others with them.
const (
	sketchRows  = 4
	sketchCells = 1 << 13
)

// take reports whether a source may have one more at a time.
func (s *sketch) take(hash uint64, now time.Duration) (ok bool) {
	for row := range s.used {
		used := &s.used[row][hash%sketchCells]
		hash /= sketchCells
		if *used <= now+s.ahead-s.each {
			*used = max(*used, now) + s.each
			ok = true
		}
	}
	return ok
}

// longHeader is set in the first byte of packets that come before a connection stands (RFC 8999, 5.1).
const longHeader = 0x80

// Hello reports whether a packet that came over UDP is to be looked at, which is counted where it may begin a
// connection. It neither blocks nor keeps the packet.
func (p *Places) Hello(packet []byte, from netip.AddrPort) bool {
	return len(packet) == 0 || packet[0]&longHeader == 0 || p.hellos.take(from)
}
