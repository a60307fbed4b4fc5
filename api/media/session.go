package media

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"parley/api/fault"
	"parley/api/histogram"
	"parley/api/wire"
)

// Session is one connection of one participant to one room.
type Session struct {
	// What fan-out asks of every receiver comes first, so that it shares a line of the
	// processor's caches.
	id        SessionID
	out       *Queue
	selection atomic.Pointer[selection]
	strain    strain
	active    atomic.Bool // others know of it
	observer  bool        // of peer

	peer   Peer
	conn   Conn
	room   *Room
	joined time.Time

	// end closes the session after the control frames that wait; its argument says why. It
	// does not block, and the first reason wins.
	end context.CancelCauseFunc

	dismiss func() // gives its courier up

	activated  atomic.Int64 // since when, in Unix ns
	host       atomic.Bool
	congestion congestion // of what this session loses, by sender
	keyframes  keyframeLimit
	spending   spending
	asked      keyframesAsked
	due        [pictures]atomic.Uint32 // how often a keyframe was asked for that did not come yet
	misbehaved int64                   // Unix ns; when the watcher was last told

	preferences preferences
	flows       *flows // nil for a source without layers

	gate       atomic.Uint32 // a gate
	silencedAt atomic.Int64  // Unix ns; when a host last asked for something
	listener   listener
	meter      meter
	talker     talker
	pulse      pulse
	rhythm     rhythm
	hasty      atomic.Bool              // it needs heartbeats of others more often
	refused    [wire.Refusals]time.Time // when its client was last told

	stuck    bool // ended by the stock, which alone uses it
	in, sent traffic
	refusals atomic.Pointer[drops] // of what it sends; nil while all goes through

	// Guarded by room.mu.
	replaces SessionID // the lost session whose place it takes when it becomes active
	gone     bool      // detached from the room
	silence  silenced
	since    uint64 // Unix ms; what was written before is not of its meeting
}

// member returns what the cluster may know of s.
func (s *Session) member() Member {
	return Member{
		Session: s.id, Node: s.room.hub.node, Room: s.room.id,
		User: s.peer.User, DisplayName: s.peer.DisplayName,
		Host: s.host.Load(), Guest: s.peer.Guest, Instance: s.peer.Instance,
		Transport: s.conn.Transport(), Joined: s.joined, Issued: s.peer.Issued, SignIn: s.peer.SignIn,
	}
}

// batchFrames is how many frames one write may carry.
const batchFrames = 64

// farewell is how long a session that the server ends may take to receive what was said
// before: a meeting event and the close code, on any path that still works.
const farewell = time.Second

// run moves packets both ways until either side ends, and returns why: nil when the peer
// left politely. After it returns no goroutine of s is left. It writes in the goroutine of the
// caller: an idle session is little else than the stacks of its goroutines, and reading, which
// calls deeper, has the whole of one.
func (s *Session) run(ctx context.Context) error {
	loops, end := context.WithCancelCause(context.WithoutCancel(ctx)) // the first that ends ends all
	defer end(nil)
	var others, ending sync.WaitGroup
	ending.Add(2)
	context.AfterFunc(loops, func() { // the first loop has ended
		defer ending.Done()
		err := cmp.Or(context.Cause(ctx), context.Cause(loops))
		s.out.Close(err)
		_ = s.conn.Close(fault.CodeOf(polite(err))) // it is over in any case
	})
	stop := context.AfterFunc(ctx, func() { // the server's own reason
		defer ending.Done()
		s.out.Close(context.Cause(ctx))
		wait := farewell
		if errors.Is(context.Cause(ctx), errStuck) {
			wait = 0
		}
		patience := time.AfterFunc(wait, func() { end(context.Cause(ctx)) })
		defer patience.Stop()
		<-loops.Done()
	})
	others.Go(func() { end(s.readLoop(ctx, loops)) })
	if c, ok := s.conn.(PictureConn); ok {
		others.Go(func() {
			if err := s.pictureLoop(loops, c); err != nil {
				end(err)
			}
		})
	}
	end(s.writeLoop(loops, s.out.Pop, s.conn.Write))
	others.Wait()
	if stop() {
		ending.Done()
	}
	ending.Wait()
	return polite(cmp.Or(context.Cause(ctx), context.Cause(loops)))
}

// polite turns the end of a stream into no error.
func polite(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// readLoop takes packets until the connection ends; once the server has ended the session
// nothing of it gets any further.
func (s *Session) readLoop(session, ctx context.Context) error {
	// Not with ctx, which ends when the write loop does: a transport that gives up reading
	// would cut the line before the close code is on it. Close ends Read.
	life := context.WithoutCancel(session)
	var sampler histogram.Sampler
	var turn turn
	for {
		turn.over()
		p, err := s.conn.Read(life)
		if err != nil {
			return fmt.Errorf("read: %w", err)
		}
		if session.Err() != nil {
			continue
		}
		now, err := s.slow(ctx, time.Now(), 1, len(p.Data)) // the one look at the clock for this packet
		if err != nil {
			return fmt.Errorf("read: %w", err)
		}
		s.ingest(ctx, p, now)
		if sampler.Pick() {
			s.room.hub.timings.Ingest.Observe(time.Since(now))
		}
	}
}

// writeLoop moves what pop returns until either side ends.
func (s *Session) writeLoop(
	ctx context.Context,
	pop func(context.Context, []*Frame) ([]*Frame, error),
	write func(context.Context, []*Frame) error,
) error {
	batch := make([]*Frame, 0, batchFrames)
	var sampler histogram.Sampler
	for {
		var err error
		if batch, err = pop(ctx, batch[:0]); err != nil {
			return err
		}
		if sampler.Pick() {
			begin := s.look(batch)
			err = write(ctx, batch)
			s.wrote(begin)
		} else {
			err = write(ctx, batch)
		}
		if err != nil {
			return fmt.Errorf("write: %w", err)
		}
		s.count(batch)
		clear(batch) // a waiting session holds no frames
		if len(batch) >= turnFrames {
			runtime.Gosched()
		}
	}
}

// offer hands batch to the connection as far as it takes it without waiting.
func (s *Session) offer(sampler *histogram.Sampler, o *outlet, batch []*Frame) (left []*Frame, ok bool) {
	if sampler.Pick() {
		begin := s.look(batch)
		left, ok = o.offer(batch)
		s.wrote(begin)
	} else {
		left, ok = o.offer(batch)
	}
	s.count(batch[:len(batch)-len(left)])
	return left, ok
}

// count counts what was sent.
func (s *Session) count(batch []*Frame) {
	var sent Traffic
	for _, f := range batch {
		sent.Packets[f.Kind]++
		sent.Bytes[f.Kind] += uint64(len(f.Wire))
	}
	s.sent.add(&sent)
}

// look notes what batch tells about the queue; wrote does that about the transport, once it has
// been written.
func (s *Session) look(batch []*Frame) (begin time.Time) {
	t := &s.room.hub.timings
	begin = time.Now()
	t.Depth.Observe(len(batch) + s.out.Len())
	for _, f := range batch {
		t.Age[f.Kind].Observe(begin.Sub(f.Received))
	}
	return begin
}

func (s *Session) wrote(begin time.Time) {
	s.room.hub.timings.write(s.conn.Transport()).Observe(time.Since(begin))
}

// pictureLoop is the write loop of pictures. It ends without an error when there are no more:
// the other one still has to say why.
func (s *Session) pictureLoop(ctx context.Context, conn PictureConn) error {
	ended := false
	err := s.writeLoop(ctx, func(ctx context.Context, batch []*Frame) ([]*Frame, error) {
		batch, err := s.out.PopPictures(ctx, batch)
		ended = err != nil
		return batch, err
	}, conn.WritePictures)
	if ended {
		return nil
	}
	return err
}
