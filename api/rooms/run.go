package rooms

import (
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
	"parley/api/media"
)

// batchFrames is how many frames one write may carry.
const batchFrames = 64

// batches has room for that many.
var batches = sync.Pool{New: func() any { return new([batchFrames]*media.Frame) }}

// farewell is how long a session that the server ends may take to receive what was said
// before: a meeting event and the close code, on any path that still works.
const farewell = time.Second

// course is how far a session is, and what works for it.
type course struct {
	work sync.WaitGroup // all goroutines but the one that reads
	over atomic.Bool    // nothing is read or written any more

	mu       sync.Mutex
	patience *time.Timer // with the farewell
}

// start starts what writes and what ends the session, which goes on until finish. ctx is what s.end ends.
// It returns the context to read with.
//
// An idle session is little else than the stacks of its goroutines. So it reads in that of the
// caller, and writes to an [media.EagerConn] in one that lasts only while its courier does not suffice.
//
//go:noinline
func (s *Session) start(ctx context.Context) (life context.Context) {
	s.course.work.Add(1)
	context.AfterFunc(ctx, func() {
		defer s.course.work.Done()
		s.bid(ctx)
	})
	life = context.WithoutCancel(ctx)
	s.write(ctx, life)
	return life
}

// finish waits until no goroutine of s is left, once nothing can be read any more because of err, and
// returns why the session ended: nil when the peer left politely.
func (s *Session) finish(ctx context.Context, err error) error {
	s.cut(ctx, fmt.Errorf("read: %w", err))
	s.course.work.Wait()
	return polite(context.Cause(ctx))
}

// bid is called once ctx ended: by the server, or because the session is over.
func (s *Session) bid(ctx context.Context) {
	s.out.Close(context.Cause(ctx))
	c := &s.course
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over.Load() {
		return
	}
	wait := farewell
	if errors.Is(context.Cause(ctx), errStuck) {
		wait = 0
	}
	c.work.Add(1)
	c.patience = time.AfterFunc(wait, func() {
		defer c.work.Done()
		s.cut(ctx, nil)
	})
}

// cut ends the connection and all that works for s, with err as the reason unless the server had
// one before. It does not wait for the work, and for the connection no longer than a second.
func (s *Session) cut(ctx context.Context, err error) {
	c := &s.course
	c.mu.Lock()
	first := c.over.CompareAndSwap(false, true)
	if c.patience != nil && c.patience.Stop() {
		c.work.Done()
	}
	c.mu.Unlock()
	if !first {
		return
	}
	s.end(err)
	s.out.Close(context.Cause(ctx))
	_ = s.conn.Close(fault.CodeOf(polite(context.Cause(ctx)))) // it is over in any case
}

// polite turns the end of a stream into no error.
func polite(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// readLoop takes packets until the connection ends; once the server has ended the session, which
// ends ctx, nothing of it gets any further. It reads with life all the same: a transport that gives up
// reading would cut the line before the close code is on it. What ends it is that the connection is
// closed.
func (s *Session) readLoop(ctx, life context.Context) error {
	for {
		p, err := s.conn.Read(life)
		if err != nil {
			return err
		}
		s.take(ctx, p)
	}
}

// reading is what a session knows while it reads. One goroutine uses it.
type reading struct {
	turn    turn
	sampler histogram.Sampler
}

// take deals with one packet.
//
//go:noinline
func (s *Session) take(ctx context.Context, p media.Packet) { // what it needs is not on the stack of who waits for packets
	defer s.reading.turn.over()
	if ctx.Err() != nil {
		return
	}
	now, err := s.slow(ctx, time.Now(), len(p.Data)) // the one look at the clock for this packet
	if err != nil {
		return
	}
	s.ingest(ctx, p, now)
	if s.reading.sampler.Pick() {
		s.room.hub.timings.Ingest.Observe(time.Since(now))
	}
}

// write starts what writes to the connection and is not started when it has to be.
func (s *Session) write(ctx, life context.Context) {
	work := &s.course.work
	if s.out.main.start == nil {
		work.Go(func() { s.cut(ctx, s.writeLoop(life, new(histogram.Sampler), s.out.Pop, s.conn.Write)) })
	}
	if c, ok := s.conn.(media.PictureConn); ok && s.out.pictures.start == nil {
		work.Go(func() {
			if err := s.pictureLoop(life, s.out.PopPictures, c); err != nil {
				s.cut(ctx, err)
			}
		})
	}
}

// writeAtTimes makes a goroutine write whenever the courier is not able to. It is called before
// the first frame, and counts as one that works until the queue is closed.
func (s *Session) writeAtTimes(ctx context.Context) {
	life, sampler := context.WithoutCancel(ctx), new(histogram.Sampler)
	pop := func(batch []*media.Frame) ([]*media.Frame, error) { return s.out.popAtTimes(batch, &s.out.main) }
	s.course.work.Add(1)
	s.out.main.start = func() {
		go func() { // work counts it
			err := s.writeLoop(life, sampler, pop, s.conn.Write)
			if errors.Is(err, errNothing) {
				return
			}
			s.cut(ctx, err)
			s.course.work.Done()
		}()
	}
}

// writePicturesAtTimes is writeAtTimes for pictures.
func (s *Session) writePicturesAtTimes(ctx context.Context, c media.PictureConn) {
	life := context.WithoutCancel(ctx)
	patient, _ := c.(media.PatientConn)
	pop := func(batch []*media.Frame) ([]*media.Frame, error) {
		if patient != nil && s.out.waits(&s.out.pictures) {
			begin := time.Now()
			if err := patient.AwaitPicture(); err != nil {
				return batch, fmt.Errorf("write: %w", err)
			}
			s.out.awaited(&s.out.pictures, begin)
		}
		return s.out.popAtTimes(batch, &s.out.pictures)
	}
	s.course.work.Add(1)
	s.out.pictures.start = func() {
		go func() { // work counts it
			err := s.pictureLoop(life, pop, c)
			if errors.Is(err, errNothing) {
				return
			}
			if err != nil {
				s.cut(ctx, err)
			}
			s.course.work.Done()
		}()
	}
}

// errOver ends a loop that has nothing to say about why.
var errOver = errors.New("the session is over")

// writeLoop moves what pop returns until either fails.
func (s *Session) writeLoop(
	ctx context.Context,
	sampler *histogram.Sampler,
	pop func([]*media.Frame) ([]*media.Frame, error),
	write func(context.Context, []*media.Frame) error,
) error {
	room := batches.Get().(*[batchFrames]*media.Frame)
	defer batches.Put(room)
	for {
		batch, err := pop(room[:0])
		if err != nil {
			return err
		}
		if s.course.over.Load() {
			clear(batch)
			return errOver
		}
		if sampler.Pick() {
			begin := s.look(batch)
			err = write(ctx, batch)
			s.wrote(begin)
		} else {
			err = write(ctx, batch)
		}
		if err != nil {
			clear(batch)
			return fmt.Errorf("write: %w", err)
		}
		s.count(batch)
		clear(batch) // a waiting session holds no frames
		if len(batch) >= turnFrames {
			runtime.Gosched()
		}
	}
}

// pictureLoop is the write loop of pictures. It ends without an error when there are no more:
// the other one still has to say why.
func (s *Session) pictureLoop(ctx context.Context, pop func([]*media.Frame) ([]*media.Frame, error), conn media.PictureConn) error {
	ended := false
	err := s.writeLoop(ctx, new(histogram.Sampler), func(batch []*media.Frame) ([]*media.Frame, error) {
		batch, err := pop(batch)
		ended = err != nil && !errors.Is(err, errNothing)
		return batch, err
	}, conn.WritePictures)
	if ended {
		return nil
	}
	return err
}
