package rooms

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"parley/api/fault"
	"parley/api/media"
	"parley/api/wire"
)

// errReserved refuses a client that claims to be the server.
var errReserved = fault.New(fault.Reserved, "Session rejected: Cannot use reserved system user ID")

// Serve runs a session on conn for peer until it ends, closes conn and returns why: nil when
// the peer left politely. The server ends it by cancelling ctx with a cause. Nobody changes peer any more.
func (h *Hub) Serve(ctx context.Context, conn media.Conn, peer *media.Peer) error {
	// An idle session is little else than its stack. What is called before and after it waits calls
	// deep, and is not on it meanwhile.
	s, ctx, err := h.admit(ctx, conn, peer)
	if err != nil {
		return err
	}
	life := s.start(ctx)
	return h.dismiss(ctx, s, s.readLoop(ctx, life))
}

// admit lets a new session into its room. It returns the context that s.end ends.
//
//go:noinline
func (h *Hub) admit(ctx context.Context, conn media.Conn, peer *media.Peer) (s *Session, _ context.Context, err error) {
	ctx, end := context.WithCancelCause(ctx)
	s = h.newSession(conn, peer, end)
	aside(func() { err = h.begin(ctx, s) })
	if err != nil {
		end(nil)
	}
	return s, ctx, err
}

// dismiss ends a session of which nothing can be read any more because of err, takes it out of its room,
// and returns why it ended.
//
//go:noinline
func (h *Hub) dismiss(ctx context.Context, s *Session, err error) error {
	defer s.end(nil)
	err = s.finish(ctx, err)
	aside(func() { h.over(s, err) })
	return err
}

func (h *Hub) newSession(conn media.Conn, peer *media.Peer, end context.CancelCauseFunc) *Session {
	s := &Session{id: newSessionID(), peer: peer, observer: peer.Observer, conn: conn, joined: time.Now(), out: newQueue(&h.limits), end: end}
	if c, ok := conn.(media.PictureConn); ok {
		s.out.Split(c.Skip)
	}
	if c, ok := conn.(media.GaugedConn); ok {
		s.out.gauged(c, h.busy)
	}
	s.out.begins = func(f *media.Frame, decodable bool) {
		if decodable {
			h.watcher.Reached(s.id, f.From, f.Kind)
		} else {
			h.watcher.Awaits(s.id, f.From, f.Kind)
		}
	}
	s.host.Store(peer.Host)
	return s
}

// aside runs f and waits for it. A goroutine that lives long keeps the stack that it once
// needed; f has one of its own, and gives it back.
func aside(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	<-done
}

// begin lets s into its room. When it fails it has closed the connection.
func (h *Hub) begin(ctx context.Context, s *Session) error {
	if s.peer.User == wire.SystemUser {
		h.joined(ctx, s.conn.Transport(), errReserved)
		refusal := control(wire.MeetingEnded(string(s.peer.Room), errReserved.Message))
		return errors.Join(errReserved, s.conn.Write(ctx, []*media.Frame{refusal}), s.conn.Close(fault.Reserved))
	}
	refuse := func(err error) error {
		h.joined(ctx, s.conn.Transport(), err)
		return errors.Join(err, s.conn.Close(fault.CodeOf(err)))
	}
	r, err := h.enter(ctx, s)
	if err != nil {
		return refuse(err)
	}
	meeting, err := h.meeting(ctx, s)
	if err != nil {
		defer h.leave(s)
		return refuse(err)
	}
	s.dismiss = h.employ(ctx, s)
	stats := s.stats()
	stats.Replaces = r.attach(s, meeting)
	stats.Reconnection = stats.Replaces != 0
	h.joined(ctx, s.conn.Transport(), nil)
	h.reporter.Connected(stats)
	s.log(h).Info("session started", "transport", string(s.conn.Transport()), "observer", s.peer.Observer)
	return nil
}

// over takes s, which ended with err, out of its room.
func (h *Hub) over(s *Session, err error) {
	defer h.leave(s)
	s.dismiss()
	s.room.detach(s, err)
	stats := s.stats()
	stats.End = fault.CodeOf(err)
	h.reporter.Disconnected(stats)
	s.log(h).Info("session ended", "code", string(fault.CodeOf(err)), "err", err,
		"received", stats.BytesReceived, "sent", stats.BytesSent, "age", time.Since(s.joined).Round(time.Millisecond))
}

// log names s in the log of h.
func (s *Session) log(h *Hub) *slog.Logger {
	return h.log.With("room", string(s.peer.Room), "session", uint64(s.id), "user", s.peer.User)
}

// meeting records that s entered, or for an observer looks what there is to observe.
func (h *Hub) meeting(ctx context.Context, s *Session) (media.Meeting, error) {
	if !s.peer.Observer {
		m, err := h.ledger.Enter(ctx, s.member())
		s.host.Store(m.Host)
		return m, err
	}
	m, ok, err := h.ledger.Observe(ctx, s.member())
	if !ok {
		m = media.Meeting{Started: s.joined, Creator: s.peer.User, Guess: true}
	}
	return m, err
}
