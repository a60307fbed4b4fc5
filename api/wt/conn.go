package wt

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"github.com/quic-go/quic-go/quicvarint"
	"github.com/quic-go/webtransport-go"

	"parley/api/fault"
	"parley/api/intake"
	"parley/api/media"
)

const (
	// closeTimeout is how long a client may take to close the connection after it was told
	// that the session is over.
	closeTimeout = 700 * time.Millisecond

	// Bounds of the time between the last packet and the end of a session. The end aborts
	// streams that the client has not read yet, and most sessions end with a message.
	minLinger = 50 * time.Millisecond
	maxLinger = 200 * time.Millisecond

	// inboxPackets wait for the session to read them, beside streams that nobody has looked at yet.
	inboxPackets = 8

	// uniStreamType starts every unidirectional stream of a session, before its number.
	uniStreamType = 0x54
)

// errClosed is what Read and Write return once this side closed the connection.
var errClosed = fmt.Errorf("webtransport: %w", net.ErrClosed)

// conn is one WebTransport session and the QUIC connection that carries it.
type conn struct {
	sess   *webtransport.Session
	quic   *quic.Conn
	ctrl   *http3.Stream // of the request that opened the session
	quiet  time.Duration
	framed bool           // packets on streams have their length in front
	work   sync.WaitGroup // all goroutines of this connection

	life context.Context // ends with the connection; its cause says why
	end  context.CancelCauseFunc

	closing sync.Once

	born  time.Time
	heard atomic.Int64 // nanoseconds after born
	wrote atomic.Int64 // nanoseconds after born, or 0

	reading reading
	inbox   chan inbound // of datagrams, and of streams that are read on the side
	awake   wakeup       // of who reads
	side    atomic.Int64 // streams that are read on the side
	partial atomic.Int64 // bytes of large packets that the session did not take, and of streams on the side
	lasting atomic.Int64 // long-lived streams of the client

	refusals *Refusals
	intake   *intake.Intake

	post    post
	streams sender // of who calls Write and Offer
}

// packetConn is a conn on which every packet needs a stream, of which its client grants so many. Pictures
// get them when nothing else waits for one, and go when nothing else waits in the library.
type packetConn struct {
	*conn
	pictures *sender
}

var (
	_ media.RationedConn = packetConn{}
	_ media.PatientConn  = packetConn{}
)

func newPacketConn(c *conn) packetConn {
	s := c.streams
	s.patient = true
	return packetConn{c, &s}
}

// Skip implements [media.PictureConn]. What was written is on its way, each picture for itself.
func (c packetConn) Skip(media.StreamID) {}

// Rationed implements [media.RationedConn].
func (c packetConn) Rationed() bool { return c.streams.leave.full.Load() }

// RoundTrip implements [media.RationedConn].
func (c packetConn) RoundTrip() time.Duration { return c.quic.ConnectionStats().MinRTT }

func newConn(sess *webtransport.Session, qc *quic.Conn, ctrl *http3.Stream, framed bool, opt *Options) *conn {
	c := &conn{
		sess:   sess,
		quic:   qc,
		ctrl:   ctrl,
		quiet:  opt.Quiet,
		framed: framed,
		born:   time.Now(),
		inbox:  make(chan inbound, inboxPackets),
		awake:  make(wakeup, 1),

		refusals: opt.Refusals,
		intake:   opt.Intake,
	}
	life, end := context.WithCancelCause(context.Background())
	c.life, c.end = life, func(err error) {
		end(err)
		c.awake.wake()
	}
	header := quicvarint.Append(nil, uniStreamType)
	header = quicvarint.Append(header, uint64(ctrl.StreamID()))
	c.streams = sender{leave: &leave{quic: qc, life: c.life}, header: header, pace: pace{qc, opt.Write}}
	c.post.more, c.post.rest = make(chan struct{}, 1), make(chan struct{}, 1)
	return c
}

// start begins to read datagrams. The goroutine ends with the connection.
func (c *conn) start() { c.work.Go(c.readDatagrams) }

// Transport returns [media.WebTransport].
func (c *conn) Transport() media.Transport { return media.WebTransport }

func (c *conn) hear() { c.heard.Store(int64(time.Since(c.born))) }

// look ends a session that is connected and says nothing, and refuses what it does not use. It
// is called every now and then, and does not block.
func (c *conn) look() {
	if time.Since(c.born)-time.Duration(c.heard.Load()) >= c.quiet {
		c.end(fault.New(fault.Idle, "no packet for %v", c.quiet))
	}
	c.refuseStreams()
	c.post.look()
}

// lost notes why the session ended when this side did not end it. err comes from the library.
func (c *conn) lost(err error) {
	if c.life.Err() != nil {
		return
	}
	if e, ok := errors.AsType[*webtransport.SessionError](err); ok && e.Remote {
		c.end(io.EOF)
		_ = c.quic.CloseWithError(noError, "") // there is nobody to wait for
		return
	}
	finished := false // the client closed its side of the session without a word
	if e, ok := errors.AsType[*http3.Error](err); ok {
		finished = e.ErrorMessage == io.EOF.Error()
	}
	// The library reports a lost connection as a broken session. Closing has no effect on
	// a connection that is lost already; then its own reason remains.
	_ = c.quic.CloseWithError(noError, "")
	c.end(reasonOf(context.Cause(c.quic.Context()), err, finished))
}

// Codes by which clients of the older drafts end a session together with its connection.
const (
	firstSessionCode = 0x52e4a40fa8db
	lastSessionCode  = 0x52e5ac983162
)

// reasonOf translates the end of a connection, or of a session when this side closed the
// connection because of it.
func reasonOf(connection, session error, finished bool) error {
	if _, ok := errors.AsType[*quic.IdleTimeoutError](connection); ok {
		return fault.Wrap(connection, fault.Idle, "nothing heard of the client")
	}
	e, ok := errors.AsType[*quic.ApplicationError](connection)
	switch {
	case ok && !e.Remote && finished:
		return io.EOF
	case ok && !e.Remote:
		return fault.Wrap(session, fault.Protocol, "the session broke")
	case ok && (e.ErrorCode == noError || e.ErrorCode == 0),
		ok && e.ErrorCode >= firstSessionCode && e.ErrorCode <= lastSessionCode:
		return io.EOF
	}
	return fmt.Errorf("webtransport: connection lost: %w", connection)
}

// Close lets the last packets arrive, tells the client that the session is over, gives it a
// moment to close the connection and closes it otherwise. Callers after the first wait with
// it. It returns nil.
func (c *conn) Close(code fault.Code) error {
	c.closing.Do(func() {
		c.end(errClosed)
		out, ok := fault.Codes[code]
		if !ok {
			out = fault.Codes[fault.Internal]
		}
		c.linger()
		if !c.farewell(out.Close, reason(code)) {
			_ = c.sess.CloseWithError(webtransport.SessionErrorCode(out.Close), reason(code))
		}
		wait := time.NewTimer(closeTimeout)
		defer wait.Stop()
		select {
		case <-c.quic.Context().Done():
		case <-wait.C:
			_ = c.quic.CloseWithError(noError, "")
		}
	})
	return nil
}

// closeSession is the type of the capsule that ends a session, WT_CLOSE_SESSION.
const closeSession = 0x2843

// farewell ends the session with a code, and reports whether it could be sent. The library
// asks the client at the same time to stop sending on the stream of the session. QUIC puts that
// in front of the code, and browsers take it for a broken connection: they would never see the
// code, and come back.
func (c *conn) farewell(code uint16, reason string) bool {
	body := binary.BigEndian.AppendUint32(nil, uint32(code))
	capsule := quicvarint.Append(quicvarint.Append(nil, closeSession), uint64(len(body)+len(reason)))
	// It is queued as a whole or not at all, so it does not mix with what the library says.
	return c.ctrl.TryWriteAll(slices.Concat(capsule, body, []byte(reason))) == nil && c.ctrl.Close() == nil
}

// linger waits until what was just written has probably arrived: two round trips.
func (c *conn) linger() {
	if context.Cause(c.life) != errClosed || c.wrote.Load() == 0 {
		return // the client is gone, or heard nothing
	}
	enough := min(max(2*c.quic.ConnectionStats().SmoothedRTT, minLinger), maxLinger)
	wait := time.NewTimer(enough - time.Since(c.born) + time.Duration(c.wrote.Load()))
	defer wait.Stop()
	select {
	case <-c.quic.Context().Done():
	case <-wait.C:
	}
}

// reason is what the end of a session says to people.
func reason(code fault.Code) string {
	if code == fault.Reserved {
		return "Session rejected" // existing clients know this text
	}
	return string(code)
}
