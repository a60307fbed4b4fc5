package wt

import (
	"context"
	"encoding/binary"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

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
	rate    *rate.Limiter
	most    int64
	open    atomic.Int64  // connections that did not have to and have not asked for anything
	watched bool          // sends is called
	retries chan struct{} // who is to be told and was not yet
	quiet   time.Time     // until then nobody waits for those
}

const (
	// retryQueue is how many clients that have to prove their address wait in the library for another goroutine
	// to tell them: the capacity of its queue, which it does not export. Who finds it full is forgotten, and comes
	// again after 200 ms.
	retryQueue = 8

	// retryMost is for how long that goroutine may take to tell one, for it has to wait for a processor. If it
	// takes longer, nobody waits for it for retryQuiet: who has a proof already waits behind who does.
	retryMost  = 100 * time.Millisecond
	retryQuiet = time.Second
)

func newProof(most int) *proof {
	return &proof{
		rate: rate.NewLimiter(unprovenRate, unprovenBurst), most: int64(most), retries: make(chan struct{}, retryQueue),
	}
}

// wanted reports whether a connection that is about to begin has to prove its address. It waits until the library
// has room for one more who has to; meanwhile, that has a queue for a thousand of whom this is not known yet.
func (p *proof) wanted(net.Addr) bool {
	if p.open.Load() < p.most && p.rate.Allow() {
		return false
	}
	if p.watched {
		p.queue()
	} else {
		runtime.Gosched() // the goroutine that tells them goes first
	}
	return true
}

// queue waits until fewer than retryQueue are to be told, and counts one more. One goroutine calls it.
func (p *proof) queue() {
	if p.count() {
		return
	}
	if time.Now().Before(p.quiet) {
		runtime.Gosched() // on a busy node who tells them gets a turn still, and there may be room then
		p.count()
		return
	}
	late := time.NewTimer(retryMost)
	defer late.Stop()
	select {
	case p.retries <- struct{}{}:
	case <-late.C: // of some it may be that they will never be told, so all are counted anew
		p.quiet = time.Now().Add(retryQuiet)
		for {
			select {
			case <-p.retries:
			default:
				return
			}
		}
	}
}

// count counts one more who is to be told, if there is room.
func (p *proof) count() bool {
	select {
	case p.retries <- struct{}{}:
		return true
	default:
		return false
	}
}

// sends notes that a packet is sent, which may tell a client to prove its address.
func (p *proof) sends(packet []byte) {
	if isRetry(packet) {
		select {
		case <-p.retries:
		default:
		}
	}
}

// isRetry reports whether a packet is a Retry (RFC 9000, 17.2.5, and RFC 9369, 3.2).
func isRetry(packet []byte) bool {
	if len(packet) < 5 || packet[0]&0x80 == 0 {
		return false
	}
	version, kind := quic.Version(binary.BigEndian.Uint32(packet[1:])), packet[0]>>4&3
	return version == quic.Version1 && kind == 3 || version == quic.Version2 && kind == 0
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
