package telemetry

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"time"

	"parley/api/jip3"
	"parley/api/telemetry/catalogue"
)

const (
	dialTime   = 10 * time.Second
	writeTime  = 30 * time.Second // a server that takes nothing for so long is broken
	finishTime = 30 * time.Second // for a server to read what is on its way
	redialTime = 100 * time.Millisecond

	unknownKind = 250
	brokenKind  = 11 // needs more than the few bytes it gets
)

// node is one node of a run.
type node struct {
	run       *run
	peer      [32]byte
	version   uint8
	templates []template
	rand      *rand.Rand
	again     chan struct{} // asks it to connect again
	stopped   func()        // says that it sends no more

	// Of the session:
	seq  uint64
	last [256]uint64 // number of the last event of a kind, plus one
	turn int         // the template that is next
	buf  []byte
}

// keep sends until ctx ends, in as many sessions as it takes.
func (n *node) keep(ctx context.Context) {
	defer n.stopped()
	for ctx.Err() == nil {
		err := n.session(ctx)
		if err == nil || errors.Is(err, context.Canceled) {
			continue
		}
		n.run.failed(err)
		wait(ctx, redialTime)
	}
}

// session is one connection. It ends without an error when it is over or another one is asked
// for; everything that was sent has been read by the server then.
func (n *node) session(ctx context.Context) error {
	dial, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(dial, "tcp", n.run.plan.Addr)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer conn.Close()
	hello, err := n.hello()
	if err != nil {
		return err
	}
	if err := n.write(conn, hello); err != nil {
		return err
	}
	n.run.sessions.Add(1)
	n.run.connected.Add(1)
	defer n.run.connected.Add(-1)
	n.seq, n.last = 0, [256]uint64{}
	if err := n.send(ctx, conn); err != nil {
		return err
	}
	if ctx.Err() != nil {
		n.stopped()
		<-n.run.release
	}
	return finish(conn)
}

// send sends events until it is time to stop.
func (n *node) send(ctx context.Context, conn net.Conn) error {
	p := n.run.plan
	tick := time.NewTicker(interval(p.Rate))
	defer tick.Stop()
	var bursts <-chan time.Time
	if p.Burst > 0 {
		burst := time.NewTicker(p.BurstEvery)
		defer burst.Stop()
		bursts = burst.C
	}
	began, sent := time.Now(), 0
	for {
		extra := 0
		select {
		case <-ctx.Done():
			return nil
		case <-n.again:
			return nil
		case <-bursts:
			extra = p.Burst
		case <-tick.C:
		}
		due := int(p.Rate*time.Since(began).Seconds()) - sent
		sent += due
		if err := n.flush(conn, due+extra); err != nil {
			return err
		}
	}
}

// interval is how often a node writes: about ten events at a time, as a node that collects
// them for a moment would.
func interval(rate float64) time.Duration {
	return min(250*time.Millisecond, max(20*time.Millisecond, time.Duration(10/max(rate, 1)*float64(time.Second))))
}

// flush writes count events, in pieces. What is counted as sent was taken by the kernel.
func (n *node) flush(conn net.Conn, count int) error {
	const piece = 256
	for count > 0 {
		var t tally
		n.buf = n.buf[:0]
		for range min(count, piece) {
			n.event(&t)
		}
		count -= min(count, piece)
		if err := n.write(conn, n.buf); err != nil {
			n.run.uncertain.Add(t.numbers)
			return err
		}
		t.bytes = uint64(len(n.buf))
		n.run.add(&t)
	}
	return nil
}

func (n *node) write(conn net.Conn, b []byte) error {
	if err := conn.SetWriteDeadline(time.Now().Add(writeTime)); err != nil {
		return err
	}
	if _, err := conn.Write(b); err != nil {
		return fmt.Errorf("send: %w", err)
	}
	return nil
}

// event appends the next event to the buffer.
func (n *node) event(t *tally) {
	p := n.run.plan
	micros := catalogue.JIP3().Micros(time.Now())
	t.events++
	dice := n.rand.Float64()
	switch {
	case dice < p.Dropped:
		count := 1 + n.rand.Uint64N(5)
		body := binary.LittleEndian.AppendUint64(nil, micros)
		body = binary.LittleEndian.AppendUint64(body, count)
		n.buf = jip3.AppendEvent(n.buf, micros, 0, body)
		n.seq += count
		t.drops++
		t.dropped += count
		t.numbers += count
		return
	case dice < p.Dropped+p.Broken:
		n.buf = jip3.AppendEvent(n.buf, micros, brokenKind, []byte{1, 2, 3})
		t.broken++
	case dice < p.Dropped+p.Broken+p.Unknown:
		n.buf = jip3.AppendEvent(n.buf, micros, unknownKind, []byte("of a later version"))
		t.unknown++
	default:
		n.known(micros)
	}
	n.seq++
	t.numbers++
}

// known appends an event of the kind whose turn it is. What it links to is the last event
// that it may name.
func (n *node) known(micros uint64) {
	m := &n.templates[n.turn]
	n.turn = (n.turn + 1) % len(n.templates)
	body := m.bodies[n.rand.IntN(len(m.bodies))]
	n.buf = jip3.AppendEvent(n.buf, micros, byte(m.kind.Number), body)
	if m.linked {
		link := uint64(0)
		for _, to := range m.kind.LinkedTo {
			link = max(link, n.last[to])
		}
		binary.LittleEndian.PutUint64(n.buf[len(n.buf)-len(body):], max(link, 1)-1)
	}
	n.last[m.kind.Number] = n.seq + 1
}

// finish ends a connection and waits until the server has read all of it.
func finish(conn net.Conn) error {
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		return fmt.Errorf("end a session: %w", err)
	}
	if err := conn.SetReadDeadline(time.Now().Add(finishTime)); err != nil {
		return err
	}
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		return fmt.Errorf("end a session: %w", err)
	}
	return nil
}

// hello is how the node introduces itself.
func (n *node) hello() ([]byte, error) {
	p := catalogue.Params{Version: n.version, C: n.run.plan.Cores, Form: n.run.plan.Form}
	return introduction(n.rand, p, n.peer, n.run.id)
}

// Introduction returns the first message, with its length, of a node that calls itself peer.
func Introduction(peer [32]byte) ([]byte, error) {
	versions := catalogue.JIP3().Versions
	p := catalogue.Params{Version: versions[len(versions)-1], C: 1}
	return introduction(rand.New(rand.NewPCG(0, 0)), p, peer, peer)
}

func introduction(r *rand.Rand, p catalogue.Params, peer, genesis [32]byte) ([]byte, error) {
	c := catalogue.JIP3()
	v := value(r, c.Hello.Body, p, 0).(map[string]any)
	v["protocol_version"] = p.Version
	v["params"].(map[string]any)[catalogue.ParamCores] = p.C
	v["details"].(map[string]any)["peer_id"] = peer[:]
	v["genesis"] = genesis[:]
	v["implementation_name"] = "parley load"
	body, err := c.Hello.Encode(nil, p, v)
	if err != nil {
		return nil, fmt.Errorf("introduce a node: %w", err)
	}
	return jip3.AppendMessage(nil, body), nil
}
