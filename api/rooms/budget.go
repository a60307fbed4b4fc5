package rooms

import (
	"context"
	"sync"
	"time"

	"parley/api/media"
	"parley/api/wire"
)

// What participants send is bounded twice: each session has a budget, and so has each room on
// each node. Both are far beyond what people need, and below what would keep a node from serving
// the others. What is over budget is dropped and its sender told. Who sends twice as much floods: it is
// held to what a person needs, and read no faster than that, so that it costs little and the transport's
// flow control tells the peer. All that such a session sends waits with it; nobody else does.
//
// A node that has more to do than it can holds each session to what a person needs.
//
// Who sends more than that, or floods, is confined to it for a while, for else a flood would be back as
// soon as it is held.

// Budget is how much may be sent per second; 0 means the default of where it is used.
type Budget struct {
	Packets int
	Kbit    int // thousands of bits
}

// The defaults: five times what a participant with three layers of a camera and a screen sends, and
// more than any node passes on to the others of a room.
const (
	DefaultSessionPackets = 1_000
	DefaultSessionKbit    = 64_000
	DefaultRoomPackets    = 20_000
	DefaultRoomKbit       = 500_000
	DefaultBusyPackets    = 500 // sound, three layers of a camera and a screen are 180
	DefaultBusyKbit       = 20_000
)

// orDefault fills in what b leaves open.
func (b Budget) orDefault(packets, kbit int) Budget {
	if b.Packets == 0 {
		b.Packets = packets
	}
	if b.Kbit == 0 {
		b.Kbit = kbit
	}
	return b
}

const (
	// budgetBurst is how much of a budget may be used at once: a path that stood still delivers
	// what it held, and keyframes are many times as large as what is between them.
	budgetBurst = 2 * time.Second

	// slowAfter is at how many times its budget a session floods and is read more slowly, and
	// heldAfter how fast it is read from then on: some is dropped, so that it is counted and told.
	slowAfter = 2.0
	heldAfter = 1.25

	// slowMost is how long nothing is read of a session at most: signs of life are not read either, and
	// a client that sent too much once is not dead.
	slowMost = 2 * time.Second

	// confinement is how long a session has what a busy node gives it, after it last wanted more.
	confinement = time.Minute

	// wishBytes is how much of a wish costs as much as a packet: about five entries of it.
	wishBytes = 80
)

// budgets are those in force in a room.
type budgets struct{ session, room, busy rates }

// rates is a budget in the units of a bucket.
type rates struct{ packets, bytes float64 } // per second

func (b Budget) rates() rates { return rates{float64(b.Packets), float64(b.Kbit) * 1000 / 8} }

func (r rates) atMost(o rates) rates { return rates{min(r.packets, o.packets), min(r.bytes, o.bytes)} }

func (r rates) times(n float64) rates { return rates{r.packets * n, r.bytes * n} }

func (r Rules) budgets() *budgets {
	b := &budgets{
		session: r.Session.orDefault(DefaultSessionPackets, DefaultSessionKbit).rates(),
		room:    r.Room.orDefault(DefaultRoomPackets, DefaultRoomKbit).rates(),
	}
	b.busy = b.session.atMost(r.Busy.orDefault(DefaultBusyPackets, DefaultBusyKbit).rates())
	return b
}

// bucket is what is left of a budget. The zero value is full.
type bucket struct {
	packets, bytes float64 // may go below 0
	at             time.Time
}

func (b *bucket) fill(r rates, now time.Time) {
	if passed := now.Sub(b.at); b.at.IsZero() || passed >= budgetBurst {
		b.packets, b.bytes = max(b.packets, 0)+r.packets*budgetBurst.Seconds(), max(b.bytes, 0)+r.bytes*budgetBurst.Seconds()
	} else if passed > 0 {
		b.packets += r.packets * passed.Seconds()
		b.bytes += r.bytes * passed.Seconds()
	}
	b.packets = min(b.packets, r.packets*budgetBurst.Seconds())
	b.bytes = min(b.bytes, r.bytes*budgetBurst.Seconds())
	b.at = now
}

// left reports whether more than a reserve is left, as a part of what may be used at once. A
// packet may be larger than what is left of the bytes: the next ones wait for it.
func (b *bucket) left(r rates, reserve float64) bool {
	reserve *= budgetBurst.Seconds()
	return b.packets >= 1+r.packets*reserve && b.bytes > r.bytes*reserve
}

// emptied reports whether what is used up is what less gives less of than more does.
func (b *bucket) emptied(less, more rates) bool {
	return b.packets < 1 && less.packets < more.packets || b.bytes <= 0 && less.bytes < more.bytes
}

func (b *bucket) take(packets, size float64) { b.packets, b.bytes = b.packets-packets, b.bytes-size }

// owe takes what may not be there, and returns how long it is until nothing is owed: what takes longer than
// slowMost is forgiven.
func (b *bucket) owe(r rates, packets, size float64, now time.Time) time.Duration {
	b.fill(r, now)
	b.take(packets, size)
	b.packets, b.bytes = max(b.packets, -slowMost.Seconds()*r.packets), max(b.bytes, -slowMost.Seconds()*r.bytes)
	return time.Duration(max(-b.packets/r.packets, -b.bytes/r.bytes, 0) * float64(time.Second))
}

// sharedBucket is the bucket of a room.
type sharedBucket struct {
	mu sync.Mutex
	b  bucket
}

// soundReserve is the part of a room's budget that only sound may use: people go on hearing each
// other when pictures are too many.
const soundReserve = 0.25

func (s *sharedBucket) take(r rates, size int, kind media.Kind, now time.Time) bool {
	reserve := soundReserve
	if kind == media.Audio {
		reserve = 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.b.fill(r, now)
	if !s.b.left(r, reserve) {
		return false
	}
	s.b.take(1, float64(size))
	return true
}

// spending is what one session sends beside what it may. Its read goroutine uses it.
type spending struct {
	budget   bucket
	pace     bucket // of slowAfter times the budget, or heldAfter times
	wishes   bucket // of the budget
	skipping [media.KindCount][wire.MaxLayer + 1]bool
	why      Cause     // of the latest loss
	asked    time.Time // when a keyframe was last asked for
	confined time.Time // until when it has what a busy node gives it
	floods   bool      // why it is confined: else it wanted too much of a busy node
}

// allowance returns what s may send per second now, and why not more.
func (s *Session) allowance(now time.Time) (rates, Cause) {
	b := s.room.budgets.Load()
	sp := &s.spending
	confined := now.Before(sp.confined)
	sp.floods = sp.floods && confined
	switch {
	case sp.floods:
		return b.busy, Flooding
	case confined || s.room.hub.busy():
		return b.busy, Busy
	}
	return b.session, Flooding
}

// confine gives s what a busy node gives it, for a while.
func (s *Session) confine(now time.Time) { s.spending.confined = now.Add(confinement) }

// slow blocks while s floods, and returns what the time is then. A packet has size bytes.
func (s *Session) slow(ctx context.Context, now time.Time, size int) (time.Time, error) {
	r, _ := s.allowance(now)
	pace := slowAfter
	if s.spending.floods {
		pace = heldAfter
	}
	debt := s.spending.pace.owe(r.times(pace), 1, float64(size), now)
	if debt == 0 {
		return now, ctx.Err()
	}
	s.spending.floods = true
	s.confine(now)
	return pause(ctx, now, debt)
}

// consider blocks while acting on a wish, said in size bytes, is more than s may ask for: to act
// on it costs as much as some packets.
func (s *Session) consider(ctx context.Context, now time.Time, size int) error {
	r, _ := s.allowance(now)
	_, err := pause(ctx, now, s.spending.wishes.owe(r, min(float64(size/wishBytes), r.packets), 0, now))
	return err
}

// pause blocks for so long, and returns what the time is then. It ends with ctx.
func pause(ctx context.Context, now time.Time, long time.Duration) (time.Time, error) {
	if long == 0 {
		return now, ctx.Err()
	}
	wait := time.NewTimer(long)
	defer wait.Stop()
	select {
	case <-wait.C:
		return time.Now(), nil
	case <-ctx.Done():
		return now, context.Cause(ctx)
	}
}

// affords reports whether a packet is within the budgets. Of a stream of pictures that lost one,
// nothing passes until its next keyframe.
func (s *Session) affords(info *wire.Info, size int, now time.Time) bool {
	b, sp := s.room.budgets.Load(), &s.spending
	kind := kindIn(info)
	may, why := s.allowance(now)
	sp.budget.fill(may, now)
	fits := sp.budget.left(may, 0)
	switch {
	case fits || why != Busy:
	case sp.budget.emptied(b.busy, b.session):
		s.confine(now)
	default: // it would be too much of any node
		why = Flooding
	}
	if fits && info.Class == wire.MediaFrame {
		if fits = s.room.bucket.take(b.room, size, kind, now); !fits {
			why = Crowded
		}
	}
	if fits {
		sp.budget.take(1, float64(size))
	}
	if info.Class == wire.MediaFrame && kind.IsPicture() {
		skipping := &sp.skipping[kind][min(info.Layer, wire.MaxLayer)]
		switch {
		case !fits:
			*skipping = !info.Opaque // of those no keyframe is ever seen
		case info.Key:
			*skipping = false
		case *skipping:
			if now.Sub(sp.asked) >= keyframeAgain {
				sp.asked = now
				s.askOwnKeyframe(info)
			}
			s.refuse(sp.why, kind)
			return false
		}
	}
	if fits {
		return true
	}
	sp.why = why
	s.refuse(why, kind)
	if why == Crowded {
		s.tellRefused(wire.RoomTooMuch, now)
	} else {
		s.tellRefused(wire.TooMuch, now)
	}
	return false
}

// askOwnKeyframe asks the client of s for a keyframe of a stream of its own, in the name of the
// server.
func (s *Session) askOwnKeyframe(info *wire.Info) {
	system := wire.Participant{User: wire.SystemUser}
	s.room.hub.counters.KeyframesAsked.Add(1)
	s.out.Push(control(wire.KeyframeRequestFor(system, s.peer.User, uint64(s.id), info.Stream, info.Layer)))
}
