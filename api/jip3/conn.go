package jip3

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net"
	"net/netip"
	"slices"
	"time"

	"parley/api/observe"
	"parley/api/telemetry"
	"parley/api/telemetry/catalogue"
)

const (
	// maxBad is how many events in a row may be unreadable. Who lost the boundaries of
	// messages does not find them again.
	maxBad = 100

	// beginTime bounds the wait for the engine.
	beginTime = 5 * time.Second

	dropped = 0 // the kind that stands for events that are missing
)

// Why a session ends, besides what [reader] says.
var (
	errGarbled = fmt.Errorf("%d events in a row were unreadable", maxBad)
	errBeyond  = errors.New("more events than there are numbers")
)

// session is one connection of a node.
type session struct {
	s      *Server
	log    *slog.Logger
	in     *reader
	feed   telemetry.Feed
	rate   *source
	params catalogue.Params
	tally  tally

	seq     uint64                                    // number of the event that comes next
	bad     int                                       // unreadable events in a row
	told    struct{ unreadable, large, limited bool } // what the log has of this session
	found   catalogue.Found
	samples []telemetry.Sample
	recoded []byte
}

// serve runs a connection to its end.
func (s *Server) serve(ctx context.Context, conn net.Conn, remote netip.AddrPort) {
	log := s.o.Log.With(observe.KeyRemote, remote.String())
	in := &reader{
		conn: conn, idle: s.o.HelloTime, frame: s.o.HelloTime, max: MaxHello, large: s.large,
		rest: make([]byte, restSize), begun: true, // the whole of it has HelloTime
	}
	in.settle()
	defer in.close()
	hello, err := in.next()
	var who introduced
	if err == nil {
		who, err = introduce(hello, remote)
	}
	if err != nil {
		s.counters.BadHello.Add(1)
		if errors.Is(err, errPartial) && in.end == 0 { // somebody looked whether something listens
			log.Debug("no node", observe.KeyErr, err)
			return
		}
		s.warnings.warn(log, "who connected did not introduce itself as a node", observe.KeyErr, err)
		return
	}
	begin, cancel := context.WithTimeout(ctx, beginTime)
	feed, err := s.o.Ingest.Begin(begin, who.source)
	cancel()
	if err != nil {
		s.counters.Refused.Add(1)
		log.Warn("node turned away", "peer", who.String(), observe.KeyErr, err)
		return
	}
	key := sourceKey{where(remote.Addr()), who.peer}
	c := &session{s: s, log: log.With("peer", who.String()), in: in, feed: feed, params: who.params, rate: s.sources.enter(key, time.Now())}
	defer s.sources.leave(c.rate)
	if c.params.Form == catalogue.LEB128 {
		s.counters.Legacy.Add(1)
	}
	s.seen.enter(c, Connected{
		Session: feed.ID(), Peer: who.source.Identity, Remote: remote.String(), Version: who.params.Version,
		Name: who.source.Labels["implementation_name"], Since: in.received,
	})
	defer s.seen.leave(c)
	in.idle, in.frame, in.max = s.o.IdleTime, s.o.MessageTime, MaxEvent
	c.log.Info("node connected", "version", who.params.Version)
	reason := c.run(ctx)
	feed.End(reason)
	c.log.Info("node gone", c.summary(reason)...)
}

// summary says why a session ended, and what it came to.
func (c *session) summary(reason string) []any {
	all := []any{"reason", reason, "events", c.tally.events.Load()}
	if n := c.tally.unreadable.Load(); n > 0 {
		all = append(all, "unreadable", n)
	}
	if n := c.tally.limited.Load(); n > 0 {
		all = append(all, "limited", n)
	}
	return all
}

// run takes in events until the connection ends, and returns why it did.
func (c *session) run(ctx context.Context) (reason string) {
	for {
		message, err := c.in.next()
		switch {
		case err == nil:
			err = c.event(message)
		case errors.Is(err, errTooLarge):
			err = c.lose(telemetry.TooLarge)
		case errors.Is(err, errBusy):
			err = c.lose(telemetry.QueueFull)
		case errors.Is(err, errLost): // the node counted it
			c.feed.Lost(telemetry.TooLarge, c.seq, 1)
		case c.in.within():
			c.feed.Lost(telemetry.Undecodable, c.seq, 1)
		}
		switch {
		case err == nil:
			continue
		case ctx.Err() != nil:
			return "the server stops"
		case errors.Is(err, io.EOF):
			return "closed by the node"
		case errors.Is(err, errPartial), errors.Is(err, errSilent), errors.Is(err, errSlow), errors.Is(err, errLost),
			errors.Is(err, errGarbled), errors.Is(err, errBeyond):
			return err.Error()
		}
		return "the connection broke"
	}
}

// advance counts n events.
func (c *session) advance(n uint64) error {
	if n > math.MaxUint64-c.seq {
		return errBeyond
	}
	c.seq += n
	return nil
}

// count counts an event that was received.
func (c *session) count() {
	c.s.counters.Events.Add(1)
	c.tally.events.Add(1)
}

// lose enters the event that was received into the ledger.
func (c *session) lose(cause telemetry.Cause) error {
	counters := &c.s.counters
	c.count()
	switch cause {
	case telemetry.TooLarge:
		counters.TooLarge.Add(1)
		c.complain(&c.told.large, "an event of a node is too large", "seq", c.seq, "most_bytes", MaxEvent)
	case telemetry.RateLimited:
		counters.RateLimited.Add(1)
		c.complain(&c.told.limited, "a node sends more than it may", "seq", c.seq, "most_events", c.s.o.Rate.Events, "most_bytes", c.s.o.Rate.Bytes)
		c.tally.limited.Add(1)
	case telemetry.Undecodable:
		counters.Undecodable.Add(1)
		c.tally.unreadable.Add(1)
	}
	c.feed.Lost(cause, c.seq, 1)
	return c.advance(1)
}

// complain writes of what is wrong with a node, once in a session for each sort: the ledger has
// the rest.
func (c *session) complain(told *bool, what string, args ...any) {
	if !*told {
		*told = true
		c.s.warnings.warn(c.log, what, args...)
	}
}

// garbled loses an event that cannot be read.
func (c *session) garbled(message []byte, err error) error {
	c.bad++
	c.s.seen.keep(c, message, err)
	args := []any{"seq", c.seq, "size", len(message), observe.KeyErr, err}
	if len(message) >= header {
		args = append(args, "kind", message[header-1])
	}
	c.complain(&c.told.unreadable, "an event of a node cannot be read", args...)
	if err := c.lose(telemetry.Undecodable); err != nil {
		return err
	}
	if c.bad >= maxBad {
		return errGarbled
	}
	return nil
}

// event takes in one event.
func (c *session) event(message []byte) error {
	if len(message) < header {
		return c.garbled(message, catalogue.ErrShort)
	}
	number, body := message[header-1], message[header:]
	at, ok := catalogue.JIP3().At(binary.LittleEndian.Uint64(message))
	if !ok {
		return c.garbled(message, catalogue.ErrValue)
	}
	r := telemetry.Record{
		Catalogue: catalogue.JIP3().ID, Kind: uint16(number), Seq: c.seq,
		At: at, Received: c.in.received, Raw: body,
	}
	class := telemetry.Meta
	k := catalogue.JIP3().Kind(c.params.Version, uint16(number))
	if k != nil {
		if err := c.scan(k, &r); err != nil {
			return c.garbled(message, err)
		}
		class = k.Class
	} else {
		c.s.counters.Unknown.Add(1)
	}
	c.bad = 0
	if number == dropped {
		return c.missing(r)
	}
	if !c.rate.take(c.s.o.Rate, c.in.received, class, len(message)) {
		return c.lose(telemetry.RateLimited)
	}
	c.count()
	c.feed.Record(r)
	return c.advance(1)
}

// missing takes in an event that stands for others. It has the number of the first of them.
// One that stands for none takes no number, and says nothing. One that comes too fast is not
// kept, for the ledger says the same.
func (c *session) missing(r telemetry.Record) error {
	c.count()
	n := binary.LittleEndian.Uint64(r.Raw[8:])
	if n == 0 {
		return nil
	}
	first := c.seq
	if err := c.advance(n); err != nil {
		return err
	}
	if c.rate.take(c.s.o.Rate, c.in.received, telemetry.Meta, len(r.Raw)) {
		r.Counted = true
		c.feed.Record(r)
	}
	c.feed.Lost(telemetry.SourceDropped, first, n)
	return nil
}

// scan checks the body of r by either form of lengths, and takes out what it is found by.
// Afterwards the lengths in it are of the form that bodies are stored with.
func (c *session) scan(k *catalogue.Kind, r *telemetry.Record) error {
	err := k.Scan(c.params, r.Raw, &c.found)
	if err != nil {
		if !slices.ContainsFunc(r.Raw, func(b byte) bool { return b >= 0x80 }) {
			return err // both forms are the same
		}
		p := c.params
		p.Form = 1 - p.Form
		if k.Scan(p, r.Raw, &c.found) != nil {
			return err
		}
		if c.params = p; p.Form == catalogue.LEB128 {
			c.s.counters.Legacy.Add(1)
		}
	}
	if c.params.Form != catalogue.JAM {
		if c.recoded, err = k.Recode(c.recoded[:0], c.params, r.Raw, catalogue.JAM); err != nil {
			return err
		}
		r.Raw = c.recoded
	}
	r.Link, r.Linked = c.found.Link, c.found.Linked
	r.Hot = k.Hot(&c.found, c.samples)
	c.samples = r.Hot.Samples
	return nil
}
