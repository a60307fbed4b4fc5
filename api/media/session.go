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
	callv1 "parley/protobuf/call/v1"
)

// Session is one connection of one participant to one room.
type Session struct {
	id     SessionID
	peer   Peer
	conn   Conn
	room   *Room
	out    *Queue
	joined time.Time

	// end closes the session after the control frames that wait; its argument says why. It
	// does not block, and the first reason wins.
	end context.CancelCauseFunc

	dismiss func() // gives its courier up

	active     atomic.Bool  // others know of it
	activated  atomic.Int64 // since when, in Unix ns
	host       atomic.Bool
	congestion congestion // of what this session loses, by sender
	keyframes  keyframeLimit
	spending   spending
	asked      keyframesAsked
	due        [pictures]atomic.Uint32 // how often a keyframe was asked for that did not come yet
	misbehaved int64                   // Unix ns; when the watcher was last told

	selection   atomic.Pointer[selection]
	preferences preferences
	strain      strain
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
		patience := time.AfterFunc(farewell, func() { end(context.Cause(ctx)) })
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
		if err := s.slow(ctx, 1, len(p.Data)); err != nil {
			return fmt.Errorf("read: %w", err)
		}
		if !sampler.Pick() {
			s.ingest(ctx, p)
			continue
		}
		begin := time.Now()
		s.ingest(ctx, p)
		s.room.hub.timings.Ingest.Observe(time.Since(begin))
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

// ingest does with one packet of the peer what its class asks for. It blocks only for the one
// that makes the session known.
func (s *Session) ingest(ctx context.Context, p Packet) {
	now := time.Now()
	info := wire.Classify(p.Data)
	if !s.active.Load() && s.isEncryptedProbe(&info, len(p.Data), now) {
		info.Class = wire.RTT
	}
	if kind := kindIn(&info); s.in.count(kind, len(p.Data)) == 1 {
		s.room.hub.watcher.Sends(s.id, kind)
	}
	if !s.affords(&info, len(p.Data), now) {
		return
	}
	switch info.Class {
	case wire.RTT:
		s.out.Push(&Frame{Kind: Control, To: s.id, Datagram: p.Datagram, Received: now, Wire: p.Data})
		s.revive(now)
		return
	case wire.Forged:
		s.room.hub.counters.Forged.Add(1)
		s.misbehave(forged, now)
		return
	case wire.Malformed:
		s.room.hub.counters.Malformed.Add(1)
		s.misbehave(malformed, now)
		return
	case wire.Health:
		s.health(info.Data, now)
	}
	if s.peer.Observer {
		return
	}
	if !s.active.Load() {
		aside(func() { s.room.activate(ctx, s) })
	}
	switch info.Class {
	case wire.KeyframeRequest:
		if s.keyframes.allow(&info, now) {
			s.room.hub.counters.KeyframesForwarded.Add(1)
			s.forward(&info, p.Data, now)
		} else {
			s.room.hub.counters.KeyframesLimited.Add(1)
		}
	case wire.MediaFrame:
		if s.admits(&info, len(p.Data), now) {
			s.forward(&info, p.Data, now)
		}
	case wire.Preference:
		if s.consider(ctx, len(info.Data)) == nil {
			s.prefer(&info)
		}
	case wire.Chat:
		s.say(info.Data, now)
	case wire.Message:
		if info.Type == callv1.PacketWrapper_REACTION && !s.mayReact(now) {
			return
		}
		if info.Beat {
			s.hasty.Store(s.rhythm.hasty(now, s.hasty.Load()))
		}
		if info.Heartbeat != nil {
			s.heartbeat(info.Heartbeat, now)
		}
		s.forward(&info, p.Data, now)
	}
}

// forward stamps a packet and hands it to the room here and on the other nodes.
func (s *Session) forward(info *wire.Info, packet []byte, now time.Time) {
	f := newFrame(s.id, info, wire.Stamp(packet, uint64(s.id), s.peer.User), now)
	if f.Key && f.Kind.isPicture() && s.due[f.Kind-firstPicture].Load() > 0 {
		s.room.hub.watcher.KeyframeCame(s.id, f.Kind, s.due[f.Kind-firstPicture].Swap(0))
	}
	if f.Kind.hasLayers() {
		s.room.noteLayer(&s.flows, f)
	}
	switch {
	case info.Class == wire.KeyframeRequest:
		s.room.routeKeyframeRequest(f, info)
	case info.Beat:
		s.room.beat(&s.pulse, f, info.Heartbeat)
	default:
		s.room.fanout(f)
	}
	s.room.publish(f)
}

// electionTime is how long a client of the shared contract may take to choose between its
// connections: three seconds and two extensions of one, and a little more.
const electionTime = 6 * time.Second

// maxEncryptedProbe bounds the ciphertext of an RTT probe: an identity of up to 255 bytes,
// a timestamp, padding and the envelope.
const maxEncryptedProbe = 640

// isEncryptedProbe recognises the RTT probes of clients that encrypt everything and mark
// nothing: while such a client chooses a connection it sends nothing else. Only the client
// can decrypt the echo and take the time; without it, it finds no server.
func (s *Session) isEncryptedProbe(info *wire.Info, size int, now time.Time) bool {
	return info.Class == wire.MediaFrame && info.Opaque && size <= maxEncryptedProbe &&
		len(info.Data) > 0 && len(info.Data)%aesBlock == 0 && now.Sub(s.joined) < electionTime
}

const aesBlock = 16 // bytes; AES-CBC ciphertext is a multiple of it

func (s *Session) health(packet []byte, now time.Time) {
	b, err := wire.RewriteHealth(packet, uint64(s.id), string(s.room.id), s.peer.User)
	if err != nil {
		s.room.hub.counters.BadHealth.Add(1)
		s.misbehave(badHealth, now)
		return
	}
	s.room.hub.reporter.Health(b)
}

// misbehaviorEvery is how often the watcher is told that one session misbehaves.
const misbehaviorEvery = 5 * time.Second

// misbehave tells the watcher that the client of s sent what it must not. Only the read
// goroutine of s calls it.
func (s *Session) misbehave(code fault.Code, now time.Time) {
	if now.UnixNano()-s.misbehaved >= int64(misbehaviorEvery) {
		s.misbehaved = now.UnixNano()
		s.room.hub.watcher.Misbehaved(s.id, code)
	}
}

// askedForKeyframe notes that s was asked for a keyframe.
func (s *Session) askedForKeyframe(kind Kind) {
	if s.due[kind-firstPicture].Add(1) == 1 {
		s.room.hub.watcher.KeyframeAsked(s.id, kind)
	}
}

// newFrame builds the frame of a packet that goes to a room.
func newFrame(from SessionID, info *wire.Info, packet []byte, now time.Time) *Frame {
	return &Frame{
		From: from, Kind: kindOf(info), Layer: info.Layer, Layers: 1 << info.Layer,
		Key: info.Key, Opaque: info.Opaque, Unknown: info.Unknown,
		Datagram: info.Unreliable() && len(packet) <= wire.MaxDatagram,
		Received: now, Wire: packet,
	}
}

func kindOf(info *wire.Info) Kind {
	if info.Class != wire.MediaFrame {
		return Data
	}
	return kindOfStream(info.Stream)
}

// kindIn is the kind that a packet of a client is counted as.
func kindIn(info *wire.Info) Kind {
	switch info.Class {
	case wire.MediaFrame:
		return kindOfStream(info.Stream)
	case wire.Message, wire.Chat, wire.KeyframeRequest:
		return Data
	}
	return Control
}

func kindOfStream(stream wire.Stream) Kind {
	switch stream {
	case wire.Audio:
		return Audio
	case wire.Screen:
		return Screen
	default:
		return Video
	}
}

func streamOf(kind Kind) wire.Stream {
	if kind == Screen {
		return wire.Screen
	}
	return wire.Video
}
