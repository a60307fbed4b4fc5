package load

import (
	"context"
	"sync/atomic"
	"time"

	"parley/api/wire"
)

// phase is where a run is.
type phase int32

const (
	warming phase = iota // ramp and warm-up
	measuring
	draining // nothing more is sent
)

// clock is what all participants of a run go by.
type clock struct {
	began time.Time
	phase atomic.Int32
	over  chan struct{} // closed when draining begins
}

func newClock() *clock { return &clock{began: time.Now(), over: make(chan struct{})} }

// drain ends sending.
func (c *clock) drain() {
	c.phase.Store(int32(draining))
	close(c.over)
}

func (c *clock) now() time.Duration { return time.Since(c.began) }
func (c *clock) at() phase          { return phase(c.phase.Load()) }

// tooLate is how far behind a publisher may be before it drops frames instead of sending
// them: an encoder whose packets are not taken does not keep them.
const tooLate = time.Second

// track is one stream with where its frames come from.
type track struct {
	source
	*stream
	packer  packer
	wantKey *atomic.Bool   // asks the source for a keyframe; nil when it does not listen
	wanted  *atomic.Uint32 // the highest layer that anybody wants; nil means this one is
	sums    sums           // measured
}

// drop takes a frame that nobody gets. When others need it, there has to be a new one.
func (t *track) drop() {
	if t.take().key && t.wantKey != nil {
		t.wantKey.Store(true)
	}
}

// idle reports whether nobody wants what comes next.
func (t *track) idle() bool { return t.wanted != nil && t.layer > t.wanted.Load() }

// sums are what a publisher did of one stream while it was measured.
type sums struct {
	packets, bytes, keys atomic.Uint64
	skipped              atomic.Uint64 // frames that were too late
}

// pacer sends the frames of the tracks of one publisher when they are due.
type pacer struct {
	clock  *clock
	run    uint64
	tracks []*track
	lag    *histogram // how late the generator itself was
	held   *histogram // how long the server did not take a packet

	begun bool
	began time.Duration // when the tracks began, since the run did
}

// keep sends until ctx ends, the run drains, or send fails, which it returns. What was due
// while it did not run is not sent: nobody encodes for a connection that is not there.
func (p *pacer) keep(ctx context.Context, send func(context.Context, []byte) error) error {
	if !p.begun {
		p.begun, p.began = true, p.clock.now()
	}
	free := p.clock.now() // since when the last packet was taken
	for _, t := range p.tracks {
		for p.began+t.due() < free {
			t.drop()
		}
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		next := p.tracks[0]
		for _, t := range p.tracks[1:] {
			if t.due() < next.due() {
				next = t
			}
		}
		due := p.began + next.due()
		now := p.clock.now()
		if wait := due - now; wait > 0 {
			timer.Reset(wait)
			select {
			case <-timer.C:
			case <-p.clock.over:
			case <-ctx.Done():
			}
			now = p.clock.now()
		}
		if ctx.Err() != nil || p.clock.at() == draining {
			return nil
		}
		if now-due > tooLate {
			next.drop()
			if p.clock.at() == measuring {
				next.sums.skipped.Add(1)
				if ours := now - max(due, free); ours > tooLate {
					p.lag.add(ours)
				}
			}
			continue
		}
		if next.idle() {
			next.drop()
			continue
		}
		// Late because of the server, up to when it took the packet before; after that
		// because of us.
		ours := now - max(due, free)
		if err := p.send(ctx, next, due, ours, send); err != nil {
			return err
		}
		free = p.clock.now()
	}
}

func (p *pacer) send(
	ctx context.Context, t *track, due, ours time.Duration, send func(context.Context, []byte) error,
) error {
	f := t.take()
	number, measured := t.assign(f.key, p.clock.at())
	packet := t.packer.pack(f, tag{run: p.run, stream: t.index, measured: measured, number: number, due: int64(due + ours)})
	before := p.clock.now()
	if err := send(ctx, packet); err != nil {
		t.giveBack()
		return err
	}
	if measured {
		p.lag.add(ours)
		p.held.add(p.clock.now() - before)
		t.sums.packets.Add(1)
		t.sums.bytes.Add(uint64(len(packet)))
		if f.key && t.kind != wire.Audio {
			t.sums.keys.Add(1)
		}
	}
	return nil
}
