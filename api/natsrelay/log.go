package natsrelay

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"parley/api/fault"
	"parley/api/media"
	"parley/api/wire"
)

// What the log says of an event beside its packet.
const (
	numberHeader = "Parley-Number"
	epochHeader  = "Parley-Epoch"
)

const (
	// heldEvents is how many events of a room wait for older ones at most.
	heldEvents = 1024
	// rereadMost is how often the log is read in search of one event before it counts as lost,
	// and rereadAfter the pause between.
	rereadMost  = 5
	rereadAfter = 100 * time.Millisecond
	// newsAfter is how long after an event is stored its news may take before the log is read.
	newsAfter = 200 * time.Millisecond
	// epochLength is how many random characters name an epoch: 40 bits, for a room whose log
	// was lost once or twice.
	epochLength = 8
)

// tail is the end of the log of a room.
type tail struct {
	media.Position
	seq uint64 // of its message in the stream; 0 when there is none
}

// logged is an event with its place in the stream.
type logged struct {
	media.Event
	seq uint64
}

// roomLog follows the log of one room. link.mu guards all but turn.
type roomLog struct {
	turn chan struct{} // admits one append at a time: each depends on the one before

	open    bool // the past was told
	tail    tail
	moved   chan struct{} // closed when tail moves
	behind  bool          // events before those held are missing
	held    []logged
	rereads int // in vain

	mine  string // ID of the event being appended
	found bool   // it is in the log
}

func newRoomLog() roomLog {
	return roomLog{turn: make(chan struct{}, 1), moved: make(chan struct{})}
}

// decodeEvent returns the event of a message of the log, of which it keeps nothing else: rooms remember
// their events for as long as anybody is in them.
func decodeEvent(h nats.Header, data []byte, seq uint64) (logged, bool) {
	n, err := strconv.ParseUint(h.Get(numberHeader), 10, 64)
	e := logged{media.Event{
		Position: media.Position{Epoch: strings.Clone(h.Get(epochHeader)), Number: n}, ID: strings.Clone(h.Get(jetstream.MsgIDHeader)), Wire: bytes.Clone(data),
	}, seq}
	return e, err == nil && n > 0 && e.Epoch != "" && seq > 0 && len(data) > 0 && len(data) <= wire.MaxPacket
}

// hearTold brings the events of all rooms to their links until ctx ends: each of tens of thousands of
// rooms has one once in a while.
func (r *Relay) hearTold(ctx context.Context) {
	for {
		select {
		case m := <-r.told:
			r.mu.Lock()
			l := r.links[media.RoomID(m.Subject[len(toldPrefix):])]
			r.mu.Unlock()
			if l != nil {
				l.receiveTold(m)
			}
		case <-ctx.Done():
			return
		}
	}
}

// receiveTold is called for each event of the room once it is stored.
func (l *link) receiveTold(m *nats.Msg) {
	seq, _ := strconv.ParseUint(m.Header.Get(jetstream.SequenceHeader), 10, 64)
	e, ok := decodeEvent(m.Header, m.Data, seq)
	if !ok {
		l.relay.stats.malformed.Add(1)
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	g := &l.log
	switch {
	case l.closed:
	case g.open && !g.behind && l.follows(e):
		l.told(e)
	case g.open && g.knows(e):
	default:
		if len(g.held) < heldEvents {
			g.held = append(g.held, e)
		}
		if g.open && !g.behind {
			g.behind = true
			wake(l.relay.lagging)
		}
	}
}

// follows reports whether e is the next event: a new epoch begins with its first.
func (l *link) follows(e logged) bool {
	if e.Epoch != l.log.tail.Epoch {
		return e.Number == 1
	}
	return e.Number == l.log.tail.Number+1
}

// knows reports whether e was told.
func (g *roomLog) knows(e logged) bool {
	return e.Epoch == g.tail.Epoch && e.Number <= g.tail.Number
}

// told hands e to the sink; l.mu is held.
func (l *link) told(e logged) {
	g := &l.log
	e.Past = !g.open
	l.sink.Told(e.Event)
	g.tail = tail{e.Position, e.seq}
	g.found = g.found || e.ID == g.mine
	close(g.moved)
	g.moved = make(chan struct{})
}

// catchUp tells what was read from the log and is new, then what was held meanwhile. It
// reports whether something is still missing: of a cluster we may have asked a server that is
// behind itself.
func (l *link) catchUp(read []logged) (missing bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	g := &l.log
	if l.closed {
		return false
	}
	if len(read) == 0 {
		g.tail.seq = 0 // the log was lost, or nothing of it is kept
	}
	for _, e := range read {
		if !g.knows(e) {
			l.told(e)
		}
	}
	for i, e := range g.held {
		switch {
		case g.knows(e):
		case l.follows(e), g.rereads >= rereadMost:
			l.told(e)
		default:
			g.rereads++
			g.behind, g.held = true, g.held[i:]
			return true
		}
	}
	g.behind, g.held, g.rereads = false, nil, 0
	return false
}

// Append adds e to the log of the room.
func (l *link) Append(ctx context.Context, e media.Event, wanted func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, exchange)
	defer cancel()
	g := &l.log
	select {
	case g.turn <- struct{}{}:
	case <-ctx.Done():
		return unavailable(context.Cause(ctx))
	}
	defer func() { <-g.turn }()
	for first := true; ; first = false {
		l.mu.Lock()
		if first {
			g.mine, g.found = e.ID, false
		}
		end, moved, found, closed := g.tail, g.moved, g.found, l.closed
		l.mu.Unlock()
		switch {
		case closed:
			return fault.New(fault.GoingAway, "the room was closed")
		case found, wanted != nil && !wanted():
			return nil
		}
		next, err := l.relay.extend(ctx, l.room, end, e)
		switch {
		case err == nil && next.seq == end.seq: // it is in the log already
			return l.refresh(ctx)
		case err == nil:
			l.relay.tellOthers(l.system, e.Wire)
			return l.reaches(ctx, next.Position)
		case !conflicts(err):
			return unavailable(err)
		}
		// Somebody was faster, of which we are about to be told; or the log was lost.
		if err := l.awaits(ctx, moved); err != nil {
			return err
		}
	}
}

// awaits waits until moved is closed, but not long: then it reads the log.
func (l *link) awaits(ctx context.Context, moved <-chan struct{}) error {
	patience := time.NewTimer(newsAfter)
	defer patience.Stop()
	select {
	case <-moved:
		return nil
	case <-ctx.Done():
		return unavailable(context.Cause(ctx))
	case <-patience.C:
		return l.refresh(ctx)
	}
}

// Forget removes the events of the log but the last that was told here.
func (l *link) Forget(ctx context.Context) error {
	l.mu.Lock()
	last := l.log.tail.seq
	l.mu.Unlock()
	if last == 0 {
		return nil
	}
	s, err := l.relay.eventStream(ctx)
	if err == nil {
		err = s.Purge(ctx, jetstream.WithPurgeSubject(EventPrefix+string(l.room)), jetstream.WithPurgeSequence(last))
	}
	if err != nil {
		return unavailable(err)
	}
	return nil
}

// reaches waits until the sink was told of the event at p.
func (l *link) reaches(ctx context.Context, p media.Position) error {
	for {
		l.mu.Lock()
		there, moved, closed := l.log.knows(logged{Event: media.Event{Position: p}}), l.log.moved, l.closed
		l.mu.Unlock()
		if there || closed {
			return nil
		}
		if err := l.awaits(ctx, moved); err != nil {
			return err
		}
	}
}

// refresh reads the log of the room.
func (l *link) refresh(ctx context.Context) error {
	read, err := l.relay.readLogs(ctx, []string{EventPrefix + string(l.room)})
	if err != nil {
		return unavailable(err)
	}
	if l.catchUp(read[EventPrefix+string(l.room)]) {
		wake(l.relay.lagging)
	}
	return nil
}

// extend stores e behind end and returns the new end, or end when e is in the log already.
// It fails with a conflict when that is not the end of the log.
func (r *Relay) extend(ctx context.Context, room media.RoomID, end tail, e media.Event) (tail, error) {
	if !r.nc.IsConnected() {
		return tail{}, nats.ErrDisconnected
	}
	next := end
	if end.seq == 0 {
		next.Epoch, next.Number = rand.Text()[:epochLength], 0
	}
	next.Number++
	m := nats.NewMsg(EventPrefix + string(room))
	m.Data = e.Wire
	m.Header[numberHeader] = []string{strconv.FormatUint(next.Number, 10)}
	m.Header[epochHeader] = []string{next.Epoch}
	m.Header[jetstream.MsgIDHeader] = []string{e.ID}
	ctx, cancel := context.WithTimeout(ctx, request)
	defer cancel()
	ack, err := r.js.PublishMsg(ctx, m, jetstream.WithExpectLastSequencePerSubject(end.seq))
	if err != nil {
		return tail{}, err
	}
	if ack.Duplicate {
		return end, nil
	}
	next.seq = ack.Sequence
	return next, nil
}

// Append adds e to the log of a room that need not be open.
func (r *Relay) Append(ctx context.Context, room media.RoomID, e media.Event) error {
	if !token(string(room), maxRoom) {
		return errNoRoom
	}
	ctx, cancel := context.WithTimeout(ctx, exchange)
	defer cancel()
	for {
		end, err := r.end(ctx, EventPrefix+string(room))
		if err != nil {
			return unavailable(err)
		}
		_, err = r.extend(ctx, room, end, e)
		switch {
		case err == nil:
			r.tellOthers("room."+string(room)+"."+systemToken, e.Wire)
			return nil
		case !conflicts(err):
			return unavailable(err)
		}
	}
}

// end reads the end of the log of a room, from the server that knows.
func (r *Relay) end(ctx context.Context, subject string) (tail, error) {
	s, err := r.eventStream(ctx)
	if err != nil {
		return tail{}, err
	}
	m, err := s.GetLastMsgForSubject(ctx, subject)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return tail{}, nil
	}
	if err != nil {
		return tail{}, err
	}
	e, ok := decodeEvent(m.Header, m.Data, m.Sequence)
	if !ok {
		return tail{}, fmt.Errorf("message %d of %s is no event", m.Sequence, EventStream)
	}
	return tail{e.Position, e.seq}, nil
}

// eventStream returns the handle of the stream of logs, which it asks the server for once.
func (r *Relay) eventStream(ctx context.Context) (jetstream.Stream, error) {
	if s := r.events.Load(); s != nil {
		return *s, nil
	}
	s, err := r.js.Stream(ctx, EventStream)
	if err == nil {
		r.events.Store(&s)
	}
	return s, err
}

// tellOthers publishes an event for nodes of other makes.
func (r *Relay) tellOthers(subject string, packet []byte) {
	if n := r.outbox.push(parcel{subject: subject, wire: packet}); n > 0 {
		r.stats.dropped.Add(uint64(n))
	}
}
