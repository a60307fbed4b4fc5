package jip3

import (
	"errors"
	"net/netip"
	"slices"
	"sync"
	"time"

	"parley/api/telemetry"
)

// Why a connection is not taken.
var (
	errForeign = errors.New("the address is not of a network that may connect")
	errFull    = errors.New("there are too many connections")
	errCrowded = errors.New("there are too many connections from this address")
	errHasty   = errors.New("too many connections from this address in a short time")
)

const (
	// helloRate and helloBurst limit how often one address may begin sessions, per second.
	// A node that restarts in a loop stays below; each session is a row that is kept.
	helloRate  = 20
	helloBurst = 512

	// sweepAfter is how often what is remembered of those who left is looked through.
	sweepAfter = time.Second
)

// bucket holds tokens up to burst, of which rate come back per second.
type bucket struct {
	tokens float64
	filled time.Time
}

// fill adds what has come back since the last time. Connections that share a bucket need not
// agree on what time it is: the clock of a bucket never goes back.
func (b *bucket) fill(now time.Time, rate, burst float64) {
	switch {
	case b.filled.IsZero():
		b.tokens = burst
	case !now.After(b.filled):
		return
	default:
		b.tokens = min(burst, b.tokens+rate*now.Sub(b.filled).Seconds())
	}
	b.filled = now
}

// place is an address that connections come from.
type place struct {
	conns  int
	hellos bucket
}

// places limits connections by where they come from.
type places struct {
	allow          []netip.Prefix // none means any
	most, mostEach int

	mu    sync.Mutex
	total int
	all   map[netip.Addr]*place
	swept time.Time
}

// permits says whether who has an address may connect at all.
func (p *places) permits(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	return len(p.allow) == 0 || slices.ContainsFunc(p.allow, func(n netip.Prefix) bool { return n.Contains(a) })
}

// enter lets a connection in, until leave. Addresses of this machine share the whole: what
// runs here can do worse than to connect.
func (p *places) enter(from netip.Addr, now time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sweep(now)
	if p.total >= p.most {
		return errFull
	}
	at := p.all[from]
	if at == nil {
		at = &place{}
		p.all[from] = at
	}
	at.hellos.fill(now, helloRate, helloBurst)
	if !from.IsLoopback() {
		if at.conns >= p.mostEach {
			return errCrowded
		}
		if at.hellos.tokens < 1 {
			return errHasty
		}
	}
	at.hellos.tokens = max(0, at.hellos.tokens-1)
	at.conns++
	p.total++
	return nil
}

func (p *places) leave(from netip.Addr) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.total--
	p.all[from].conns--
}

// sweep forgets places whose history makes no difference any more.
func (p *places) sweep(now time.Time) {
	if now.Sub(p.swept) < sweepAfter {
		return
	}
	p.swept = now
	for from, at := range p.all {
		at.hellos.fill(now, helloRate, helloBurst)
		if at.conns == 0 && at.hellos.tokens == helloBurst {
			delete(p.all, from)
		}
	}
}

// where is the address by which a place is known: of IPv6 the network, for a host has as
// many addresses in it as it likes.
func where(a netip.Addr) netip.Addr {
	a = a.Unmap().WithZone("")
	if a.Is6() && !a.IsLoopback() {
		network, _ := a.Prefix(64)
		return network.Addr()
	}
	return a
}

// sourceKey tells sources apart: the identity is only a claim, so another address with the
// same one is another source.
type sourceKey struct {
	from netip.Addr
	peer [32]byte
}

// source is the rate of what one node sends, over all its connections.
type source struct {
	conns int

	mu     sync.Mutex
	events bucket
	bytes  bucket
}

// Rate is what one source may send per second. Twice as much may come at once.
type Rate struct {
	Events int
	Bytes  int
}

// reserve is the part of the events that a class leaves to those that matter more.
func reserve(c telemetry.Class) float64 {
	switch c {
	case telemetry.Samples:
		return 0.25
	case telemetry.Lifecycle, telemetry.Meta:
		return 0.1
	}
	return 0
}

// take reports whether an event may enter.
func (s *source) take(r Rate, now time.Time, class telemetry.Class, size int) bool {
	burst, room := 2*float64(r.Events), 2*float64(r.Bytes)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events.fill(now, float64(r.Events), burst)
	s.bytes.fill(now, float64(r.Bytes), room)
	kept := reserve(class)
	if s.events.tokens-1 < kept*burst || s.bytes.tokens-float64(size) < kept*room {
		return false
	}
	s.events.tokens--
	s.bytes.tokens -= float64(size)
	return true
}

// sources finds the rate of who connects again, so that connecting does not begin it anew.
type sources struct {
	mu    sync.Mutex
	all   map[sourceKey]*source
	swept time.Time
}

// enter returns the source of a connection, until leave.
func (s *sources) enter(k sourceKey, now time.Time) *source {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Sub(s.swept) >= sweepAfter {
		s.swept = now
		for k, o := range s.all {
			// Buckets are full after two seconds, and then as good as new.
			if o.conns == 0 && now.Sub(o.events.filled) > 2*time.Second {
				delete(s.all, k)
			}
		}
	}
	o := s.all[k]
	if o == nil {
		o = &source{}
		s.all[k] = o
	}
	o.conns++
	return o
}

func (s *sources) leave(o *source) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o.conns--
}
