package mediatest

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"testing"
	"time"

	"parley/api/fault"
	"parley/api/media"
	"parley/api/wire"
)

// patience bounds every wait of the contract; nothing that works comes near it.
const patience = 2 * time.Minute

// FarEnd is the client's side of a Conn under test.
type FarEnd interface {
	Send(ctx context.Context, packet []byte) error
	SendDatagram(packet []byte) error
	// Receive returns packets in the order of arrival, then why the connection ended.
	Receive(ctx context.Context) (data []byte, datagram bool, err error)
	// CloseCode returns the code the other side closed with, once Receive has failed.
	CloseCode() int
	// Close leaves politely.
	Close() error
}

// ConnPair is a connection with both of its ends.
type ConnPair struct {
	Conn media.Conn
	Far  FarEnd
}

// ConnContract is what a transport tells of itself to be tested.
type ConnContract struct {
	Transport media.Transport
	Datagrams bool // the transport has them
	Ordered   bool // packets arrive in the order they were sent
	NoEmpty   bool // it cannot carry a packet without a byte
	Hasty     bool // its end overtakes the last packet when the far end gets no processor for a while

	// New opens a connection and closes it at the end of the test.
	New func(t *testing.T) ConnPair

	// NewSlow does the same with a short write deadline, an inbox of the far end that holds
	// few packets, and little room in between. Nil when the transport cannot be slow.
	NewSlow func(t *testing.T) ConnPair
}

// Run holds a transport to the contract of [media.Conn].
func (c ConnContract) Run(t *testing.T) {
	t.Run("packets arrive unchanged", c.unchanged)
	t.Run("packets to the far end arrive unchanged", c.written)
	t.Run("a batch keeps its order", c.batch)
	t.Run("datagrams", c.datagrams)
	t.Run("too large a packet", c.oversized)
	t.Run("close codes", c.closeCodes)
	t.Run("the last packet comes before the close", c.lastWords)
	t.Run("the far end leaves", c.farEndLeaves)
	t.Run("close unblocks read", c.closeUnblocks)
	t.Run("the context ends read", c.contextEnds)
	t.Run("close is idempotent", c.closeTwice)
	if c.NewSlow != nil {
		t.Run("a far end that stops reading", c.slow)
	}
}

// sizes are those at which something could change: empty, small, around one network
// packet, around buffers that double, and the limit.
var sizes = []int{0, 1, 160, 1199, 1200, 1452, 1453, 4095, 4096, 4097, 65_536, 1_000_000, wire.MaxPacket}

func (c ConnContract) sizes() []int {
	if c.NoEmpty {
		return sizes[1:]
	}
	return sizes
}

func bounded(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// noise returns n bytes that differ from call to call and, as a packet, do not begin with zero.
func noise(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // it does not fail
	if n > 0 {
		b[0] |= 1
	}
	return b
}

func (c ConnContract) unchanged(t *testing.T) {
	ctx, p := bounded(t), c.New(t)
	if got := p.Conn.Transport(); got != c.Transport {
		t.Errorf("Transport() = %q, want %q", got, c.Transport)
	}
	var kept [][2][]byte
	for _, n := range c.sizes() {
		want := noise(n)
		sent := make(chan error, 1)
		go func() { sent <- p.Far.Send(ctx, want) }() // it need not fit into the buffers between
		got, err := p.Conn.Read(ctx)
		if err := errors.Join(err, <-sent); err != nil {
			t.Fatalf("%d bytes: %v", n, err)
		}
		if got.Datagram {
			t.Errorf("%d bytes came as a datagram", n)
		}
		if spare := cap(got.Data) - len(got.Data); spare < wire.StampRoom {
			t.Errorf("%d bytes with %d bytes of spare capacity, want %d", n, spare, wire.StampRoom)
		}
		kept = append(kept, [2][]byte{want, got.Data})
	}
	for _, k := range kept { // compared last: a buffer that is used again would show
		if !bytes.Equal(k[0], k[1]) {
			t.Errorf("packet of %d bytes changed", len(k[0]))
		}
	}
}

func (c ConnContract) written(t *testing.T) {
	ctx, p := bounded(t), c.New(t)
	for _, n := range c.sizes() {
		want := noise(n)
		err := p.Conn.Write(ctx, []*media.Frame{{Wire: want}})
		if err != nil {
			t.Fatalf("write %d bytes: %v", n, err)
		}
		got, datagram, err := p.Far.Receive(ctx)
		if err != nil {
			t.Fatalf("receive %d bytes: %v", n, err)
		}
		if datagram || !bytes.Equal(got, want) {
			t.Errorf("packet of %d bytes changed, or came as a datagram", n)
		}
	}
}

func (c ConnContract) batch(t *testing.T) {
	ctx, p := bounded(t), c.New(t)
	const batches, each = 8, 16
	want := make(map[string]bool)
	var order []string
	go func() { // ends with the test's context at the latest
		for i := range batches {
			var frames []*media.Frame
			for j := range each {
				// Some larger than what is collected before it is sent.
				b := make([]byte, 2+1000*(j%3)+70_000*(j/14))
				b[0], b[1] = byte(i+1), byte(j) // no packet begins with zero
				frames = append(frames, &media.Frame{Wire: b})
			}
			if p.Conn.Write(ctx, frames) != nil {
				return // the receiver below reports what is missing
			}
		}
	}()
	for i := range batches {
		for j := range each {
			want[string([]byte{byte(i + 1), byte(j)})] = true
			order = append(order, string([]byte{byte(i + 1), byte(j)}))
		}
	}
	for _, o := range order {
		b, _, err := p.Far.Receive(ctx)
		if err != nil {
			t.Fatal(err)
		}
		id := string(b[:2])
		if !want[id] {
			t.Errorf("packet %x came twice or was never sent", id)
		}
		delete(want, id)
		if c.Ordered && id != o {
			t.Fatalf("packet %x came instead of %x", id, o)
		}
	}
}

func (c ConnContract) datagrams(t *testing.T) {
	ctx, p := bounded(t), c.New(t)
	want := noise(wire.MaxDatagram)
	frame := &media.Frame{Wire: want, Datagram: true}
	if err := p.Conn.Write(ctx, []*media.Frame{frame}); err != nil {
		t.Fatal(err)
	}
	got, _, err := p.Far.Receive(ctx)
	if err != nil || !bytes.Equal(got, want) {
		t.Fatalf("a frame that may be a datagram changed: %v", err)
	}

	small := noise(500)
	if err := p.Conn.Write(ctx, []*media.Frame{{Wire: small, Datagram: true}}); err != nil {
		t.Fatal(err)
	}
	got, datagram, err := p.Far.Receive(ctx)
	if err != nil || !bytes.Equal(got, small) || datagram != c.Datagrams {
		t.Errorf("datagram to the far end: datagram %v, error %v", datagram, err)
	}

	if err := p.Far.SendDatagram(small); err != nil {
		t.Fatal(err)
	}
	packet, err := p.Conn.Read(ctx)
	if err != nil || !bytes.Equal(packet.Data, small) || packet.Datagram != c.Datagrams {
		t.Errorf("datagram from the far end: datagram %v, error %v", packet.Datagram, err)
	}
}

// oversized expects either a close with code TooLarge or, where packets are separate
// streams, that the packet disappears.
func (c ConnContract) oversized(t *testing.T) {
	ctx, p := bounded(t), c.New(t)
	go func() { _ = p.Far.Send(ctx, noise(wire.MaxPacket+1)) }() // may fail half-way
	if c.Transport != media.WebTransport {
		if _, err := p.Conn.Read(ctx); fault.CodeOf(err) != fault.TooLarge {
			t.Errorf("read error %v, want code %s", err, fault.TooLarge)
		}
		return
	}
	marker := noise(10)
	if err := p.Far.Send(ctx, marker); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the two overtake each other; only one of them may arrive
		got, err := p.Conn.Read(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got.Data, marker) {
			t.Fatalf("%d bytes arrived", len(got.Data))
		}
		if err := p.Far.Send(ctx, marker); err != nil {
			t.Fatal(err)
		}
	}
}

func (c ConnContract) closeCodes(t *testing.T) {
	for _, code := range []fault.Code{fault.Bye, fault.GoingAway, fault.Reserved, fault.Slow, fault.Ended} {
		t.Run(string(code), func(t *testing.T) {
			ctx, p := bounded(t), c.New(t)
			start := time.Now()
			if err := p.Conn.Close(code); err != nil {
				t.Errorf("close: %v", err)
			}
			if took := time.Since(start); took > patience/4 { // a second, unless the machine is busy
				t.Errorf("close took %v", took)
			}
			if _, _, err := p.Far.Receive(ctx); err == nil {
				t.Fatal("a packet arrived on a closed connection")
			}
			if got, want := p.Far.CloseCode(), int(fault.Codes[code].Close); got != want {
				t.Errorf("close code %d, want %d", got, want)
			}
		})
	}
}

func (c ConnContract) lastWords(t *testing.T) {
	overtaken := 0
	for i := range 10 {
		ctx, p := bounded(t), c.New(t)
		want := noise(200)
		if err := p.Conn.Write(ctx, []*media.Frame{{Wire: want, Datagram: i%2 == 0}}); err != nil {
			t.Fatal(err)
		}
		if err := p.Conn.Close(fault.Reserved); err != nil {
			t.Fatal(err)
		}
		switch got, _, err := p.Far.Receive(ctx); {
		case err != nil && c.Hasty:
			overtaken++
		case err != nil || !bytes.Equal(got, want):
			t.Errorf("received %d bytes, %v", len(got), err)
		}
		if _, _, err := p.Far.Receive(ctx); err == nil || p.Far.CloseCode() != 1008 {
			t.Errorf("then %v with code %d", err, p.Far.CloseCode())
		}
	}
	if overtaken == 10 {
		t.Error("no packet came before the close")
	}
}

func (c ConnContract) farEndLeaves(t *testing.T) {
	ctx, p := bounded(t), c.New(t)
	want := noise(100)
	if err := p.Far.Send(ctx, want); err != nil {
		t.Fatal(err)
	}
	if got, err := p.Conn.Read(ctx); err != nil || !bytes.Equal(got.Data, want) {
		t.Fatalf("read: %v", err)
	}
	left := make(chan error, 1)
	go func() { left <- p.Far.Close() }()
	if _, err := p.Conn.Read(ctx); !errors.Is(err, io.EOF) {
		t.Errorf("read after the far end left: %v, want EOF", err)
	}
	if err := p.Conn.Close(fault.Bye); err != nil {
		t.Errorf("close: %v", err)
	}
	if err := <-left; err != nil {
		t.Errorf("leave: %v", err)
	}
	if err := p.Conn.Write(ctx, []*media.Frame{{Wire: want}}); err == nil {
		t.Error("write to nobody succeeded")
	}
}

func (c ConnContract) closeUnblocks(t *testing.T) {
	ctx, p := bounded(t), c.New(t)
	read := make(chan error, 1)
	go func() {
		_, err := p.Conn.Read(ctx)
		read <- err
	}()
	if err := p.Conn.Close(fault.Ended); err != nil {
		t.Errorf("close: %v", err)
	}
	select {
	case err := <-read:
		if err == nil || errors.Is(err, io.EOF) {
			t.Errorf("read returned %v, which means that the far end left", err)
		}
	case <-ctx.Done():
		t.Fatal("read is still blocked after close")
	}
	if err := p.Conn.Write(ctx, []*media.Frame{{Wire: []byte{1}}}); err == nil {
		t.Error("write succeeded after close")
	}
}

func (c ConnContract) contextEnds(t *testing.T) {
	p := c.New(t)
	reason := errors.New("enough")
	ctx, cancel := context.WithCancelCause(bounded(t))
	cancel(reason)
	if _, err := p.Conn.Read(ctx); !errors.Is(err, reason) && !errors.Is(err, context.Canceled) {
		t.Errorf("read with an ended context: %v", err)
	}
}

func (c ConnContract) closeTwice(t *testing.T) {
	p := c.New(t)
	done := make(chan error, 2)
	for range 2 {
		go func() { done <- p.Conn.Close(fault.Bye) }()
	}
	for range 2 {
		if err := <-done; err != nil {
			t.Errorf("close: %v", err)
		}
	}
}

func (c ConnContract) slow(t *testing.T) {
	ctx, p := bounded(t), c.NewSlow(t)
	frames := make([]*media.Frame, 16)
	for i := range frames {
		frames[i] = &media.Frame{Wire: noise(60_000)}
	}
	for ctx.Err() == nil {
		if err := p.Conn.Write(ctx, frames); err != nil {
			if code := fault.CodeOf(err); code != fault.Slow {
				t.Errorf("write failed with code %s (%v), want %s", code, err, fault.Slow)
			}
			return
		}
	}
	t.Error("write never failed")
}
