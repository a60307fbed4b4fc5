package wt

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quic-go/quic-go"

	"parley/api/fault"
	"parley/api/media"
)

// Urgencies of RFC 9218, lower goes first: what steers the call, then voices, then pictures.
const (
	urgencyControl = 1
	urgencyAudio   = 2
	urgencyPicture = 3
)

// stalePicture resets a stream whose receiver goes on with a later keyframe.
const stalePicture = quic.StreamErrorCode(firstSessionCode)

// streamConn is a conn whose packets share long-lived streams: one for control and data, one
// for audio, and one for each group of pictures, which can be taken back when its receiver
// skips to the next keyframe. Write and WritePictures have one caller each, at the same time.
type streamConn struct {
	*conn

	opening sync.Mutex // guards what follows until it is set, and conn.streams
	control *line      // nil until all three are open
	audio   *line
	shared  *line // for pictures that get no stream of their own

	prepared atomic.Bool // all that

	voices, album room // of control and audio, and of pictures

	mu       sync.Mutex
	pictures map[media.StreamID]*line

	// What was taken from the queue before Skip and is written after it cannot be shown: it is
	// in the write during which Skip was called, or in the one after that.
	skipped, skippedBefore map[media.StreamID]bool

	leftover bool // the next write of pictures is of what an offer left
}

var _ media.EagerPictureConn = (*streamConn)(nil)

func newStreamConn(c *conn) *streamConn {
	return &streamConn{
		conn: c, pictures: make(map[media.StreamID]*line),
		voices: room{bytes: offeredVoices}, album: room{bytes: offeredPictures},
	}
}

// prepare opens the streams that last as long as the session, before pictures can take all
// that the client grants. It fails with errDeaf for a client that grants none.
func (c *streamConn) prepare() error {
	c.opening.Lock()
	defer c.opening.Unlock()
	if c.control != nil {
		return nil
	}
	var lines [3]*line
	rooms := [...]*room{&c.voices, &c.voices, &c.album}
	for i, urgency := range []int8{urgencyControl, urgencyAudio, urgencyPicture} {
		str, err := c.streams.open()
		if err != nil {
			return err
		}
		if lines[i], err = newLine(str, c.streams.header, urgency, rooms[i]); err != nil {
			return err
		}
	}
	c.control, c.audio, c.shared = lines[0], lines[1], lines[2]
	c.prepared.Store(true)
	return nil
}

// Write sends control, audio and data. It returns when no more than a network packet of each
// waits in the QUIC library. An ended ctx does not interrupt it: the write deadline bounds it.
func (c *streamConn) Write(ctx context.Context, frames []*media.Frame) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	c.wrote.Store(int64(time.Since(c.born)))
	b := newBurst(c.streams.pace)
	defer b.free()
	if err := c.prepare(); err != nil {
		return c.lineError(err)
	}
	for _, l := range [...]*line{c.control, c.audio} {
		b.to = l
		for _, f := range frames {
			if (f.Kind == media.Audio) != (l == c.audio) || f.Datagram && c.datagram(f) {
				continue
			}
			if err := b.add(f.Wire); err != nil {
				return c.lineError(err)
			}
		}
		if err := b.flush(); err != nil {
			return c.lineError(err)
		}
	}
	return nil
}

// lineError translates the failure of a stream that the session cannot do without; a client
// that never listens loses what it should get.
func (c *streamConn) lineError(err error) error {
	if errors.Is(err, errDeaf) {
		return nil
	}
	if e, ok := errors.AsType[*quic.StreamError](err); ok && e.Remote {
		if c.awaitEnd(); c.life.Err() == nil {
			return fault.Wrap(err, fault.Protocol, "the client refused a stream of the session")
		}
	}
	return c.writeError(err)
}

// awaitEnd waits a moment for the end of the session: a client that leaves gives up its streams,
// and its goodbye comes on another one.
func (c *streamConn) awaitEnd() {
	wait := time.NewTimer(closeTimeout)
	defer wait.Stop()
	select {
	case <-c.life.Done():
	case <-wait.C:
	}
}

// WritePictures implements [media.PictureConn].
func (c *streamConn) WritePictures(ctx context.Context, frames []*media.Frame) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if !c.leftover {
		c.turn()
	}
	c.leftover = false
	b := newBurst(c.streams.pace)
	defer b.free()
	if err := c.prepare(); err != nil {
		return c.lineError(err)
	}
	for len(frames) > 0 {
		n := min(len(frames), 64)
		if err := c.writeGroups(b, frames[:n]); err != nil {
			return c.lineError(err)
		}
		frames = frames[n:]
	}
	return nil
}

// turn forgets what was skipped during the write before the last one.
func (c *streamConn) turn() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.skipped, c.skippedBefore = nil, c.skipped
}

// writeGroups writes at most 64 frames, those that belong together at once.
func (c *streamConn) writeGroups(b *burst, frames []*media.Frame) error {
	var done uint64
	for i, first := range frames {
		if done&(1<<i) != 0 {
			continue
		}
		id := first.Stream()
		l, err := c.group(id, first.Key)
		late := err == errSkipped
		if err != nil && !late {
			return err
		}
		b.to = l
		for j := i; j < len(frames); j++ {
			f := frames[j]
			if f.Stream() != id || done&(1<<j) != 0 {
				continue
			}
			if f.Key && j > i {
				break // it begins a group of its own
			}
			done |= 1 << j
			if err == nil { // else the rest of the group goes with what failed
				err = b.add(f.Wire)
			}
		}
		if err == nil {
			err = b.flush()
		}
		if err == nil || late {
			continue
		}
		b.drop()
		if _, ok := errors.AsType[*quic.StreamError](err); !ok || l == c.shared {
			return err
		}
		c.forget(id, l) // taken back meanwhile, or the client does not want it
	}
	return nil
}

// errSkipped says that frames come too late: what they change was taken back.
var errSkipped = errors.New("taken back")

// group returns where the next frames of a stream go; a keyframe begins a new group.
func (c *streamConn) group(id media.StreamID, key bool) (*line, error) {
	c.mu.Lock()
	l := c.pictures[id]
	late := !key && (c.skipped[id] || c.skippedBefore[id])
	if key {
		delete(c.skipped, id)
		delete(c.skippedBefore, id)
	}
	c.mu.Unlock()
	switch {
	case late:
		return nil, errSkipped
	case l != nil && !key:
		return l, nil
	}
	str, err := c.quic.OpenUniStream()
	_, full := errors.AsType[*quic.StreamLimitReachedError](err)
	switch {
	case full && l != nil:
		return l, nil
	case full:
		return c.shared, nil
	case err != nil:
		return nil, err
	}
	next, err := newLine(str, c.streams.header, urgencyPicture, &c.album)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	last := c.pictures[id]
	c.pictures[id] = next
	c.mu.Unlock()
	if last != nil {
		_ = last.str.Close() // it fails for one that the client refused
		last.sent()
	}
	return next, nil
}

// forget takes l out unless there is another by now.
func (c *streamConn) forget(id media.StreamID, l *line) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pictures[id] == l {
		delete(c.pictures, id)
	}
	l.sent()
}

// Skip implements [media.PictureConn].
func (c *streamConn) Skip(id media.StreamID) {
	c.mu.Lock()
	l := c.pictures[id]
	delete(c.pictures, id)
	if c.skipped == nil {
		c.skipped = make(map[media.StreamID]bool)
	}
	c.skipped[id] = true
	c.mu.Unlock()
	if l != nil {
		l.str.CancelWrite(stalePicture)
		l.sent()
	}
}
