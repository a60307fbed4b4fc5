package wt

import (
	"context"
	"net"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/quic-go/quic-go"
	"golang.org/x/time/rate"
)

// What may begin in a second without proof that the address of the peer is its own: a crowd that
// comes at the full hour need not show one. Beyond it a handshake costs the node nothing until the
// peer has answered, which takes people one round trip more, and which a flood under false addresses
// does not.
const (
	unprovenRate  = 250
	unprovenBurst = 500
)

// proof decides who has to show that its address is its own.
type proof struct {
	rate *rate.Limiter
	most int64
	open atomic.Int64 // connections that did not have to and have not asked for anything
}

func newProof(most int) *proof {
	return &proof{rate: rate.NewLimiter(unprovenRate, unprovenBurst), most: int64(most)}
}

// wanted reports whether a connection that is about to begin has to prove its address.
func (p *proof) wanted(net.Addr) bool {
	if p.open.Load() < p.most && p.rate.Allow() {
		return false
	}
	// The library has room for eight who are to be asked, and forgets others, who come again after 200 ms. Another
	// goroutine asks them: it goes first.
	runtime.Gosched()
	return true
}

// unprovenKey finds the unproven of a connection in its context.
type unprovenKey struct{}

// unproven is a connection without a proof, until it is found to be one of a real peer or ends.
type unproven struct {
	mu    sync.Mutex
	proof *proof // that counts it; nil once it does not any more
	stop  func() bool
}

// begin counts a connection, which has the context ctx, until it asks for something or ends.
func (p *proof) begin(ctx context.Context, info *quic.ClientInfo) context.Context {
	if info.AddrVerified {
		return ctx
	}
	p.open.Add(1)
	u := &unproven{proof: p}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.stop = context.AfterFunc(ctx, u.over)
	return context.WithValue(ctx, unprovenKey{}, u)
}

// over gives back the place of u, once.
func (u *unproven) over() {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.proof == nil {
		return
	}
	u.proof.open.Add(-1)
	u.stop() // nothing waits for the end of a connection that may last for hours
	u.proof, u.stop = nil, nil
}

// proven notes that the peer of a connection has got an answer at its address.
func proven(conn *quic.Conn) {
	if u, ok := conn.Context().Value(unprovenKey{}).(*unproven); ok {
		u.over()
	}
}
