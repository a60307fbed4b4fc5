package natsrelay

import (
	"sync"
	"time"

	"parley/api/media"
)

const (
	// outboxBytes bounds what waits for the publisher: two keyframes of the largest size, or
	// 70 ms of a full gigabit link. More would hold up leases and pings behind stale media
	// when a slow connection comes back.
	outboxBytes = 8 << 20
	// reportBytes bounds the reports that wait; they matter less than packets.
	reportBytes = 1 << 20
	// parcelBytes is charged for each parcel beside its packet.
	parcelBytes = 128
	// outboxBatch is how many parcels the publisher takes at once. They are beyond the
	// bound of the outbox.
	outboxBatch = 64
)

// parcel is something that waits to be published.
type parcel struct {
	subject string // up to the sender's number when from is not 0
	from    media.SessionID
	wire    []byte
	ages    time.Time     // from when a lossy packet ages; one from later ages from when it is sent
	lossy   bool          // may be dropped for newer ones
	waits   bool          // for others, for as long as Options.Window
	passed  chan struct{} // closed when the publisher comes by; for Flush, which has no packet
}

// outbox is a queue bounded in bytes. Any goroutine pushes, one takes.
type outbox struct {
	limit int
	wake  chan struct{} // holds a token while parcels wait, until somebody comes for them
	hurry chan struct{} // the same when they are not to wait any longer

	mu    sync.Mutex
	ring  []parcel // length is a power of two; a dropped parcel is zero
	head  uint64   // oldest
	tail  uint64   // behind the newest
	lossy uint64   // no lossy parcel is older
	bytes int
	shut  bool
}

func newOutbox(limit int) *outbox {
	return &outbox{limit: limit, wake: make(chan struct{}, 1), hurry: make(chan struct{}, 1), ring: make([]parcel, 64)}
}

// push appends p and returns how many parcels were dropped to make room: the oldest lossy
// ones or, when there are none, p itself. What would not fit into an empty outbox, or comes
// to a shut one, is dropped alone.
func (o *outbox) push(p parcel) (dropped int) {
	size := parcelBytes + len(p.wire)
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.shut || size > o.limit && p.passed == nil {
		return 1
	}
	for o.bytes+size > o.limit && p.passed == nil {
		dropped++
		if !o.drop() {
			return dropped
		}
	}
	if o.tail-o.head == uint64(len(o.ring)) {
		o.grow()
	}
	*o.at(o.tail) = p
	o.tail++
	o.bytes += size
	raise(o.wake)
	if !p.waits || o.bytes > o.limit/2 {
		raise(o.hurry)
	}
	return dropped
}

// raise puts a token into c if there is none.
func raise(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// lower takes the token out of c if there is one.
func lower(c chan struct{}) {
	select {
	case <-c:
	default:
	}
}

// take moves the oldest parcels to the end of batch, as many as it has room for.
func (o *outbox) take(batch []parcel) []parcel {
	o.mu.Lock()
	defer o.mu.Unlock()
	for ; o.head < o.tail && len(batch) < cap(batch); o.head++ {
		p := o.at(o.head)
		if p.subject == "" && p.passed == nil {
			continue
		}
		batch = append(batch, *p)
		o.bytes -= parcelBytes + len(p.wire)
		*p = parcel{}
	}
	if o.head == o.tail {
		lower(o.wake)
		lower(o.hurry)
	}
	return batch
}

// close shuts the outbox; what is in it can still be taken.
func (o *outbox) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.shut = true
}

// holds returns how many parcels wait, and what they are charged in bytes.
func (o *outbox) holds() (parcels, bytes int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return int(o.tail - o.head), o.bytes
}

// drop removes the oldest lossy parcel and reports whether there was one.
func (o *outbox) drop() bool {
	for o.lossy = max(o.lossy, o.head); o.lossy < o.tail; o.lossy++ {
		if p := o.at(o.lossy); p.lossy {
			o.bytes -= parcelBytes + len(p.wire)
			*p = parcel{}
			return true
		}
	}
	return false
}

func (o *outbox) grow() {
	ring := make([]parcel, 2*len(o.ring))
	for i := o.head; i < o.tail; i++ {
		ring[i&uint64(len(ring)-1)] = *o.at(i)
	}
	o.ring = ring
}

func (o *outbox) at(i uint64) *parcel { return &o.ring[i&uint64(len(o.ring)-1)] }
