package mediatest

import (
	"context"
	"testing"

	"parley/api/media"
)

// Hold is a hub that does nothing with a connection but hand it to a test.
type Hold struct{ held chan *Held }

// Held is a connection that waits in a Hold.
type Held struct {
	Conn media.Conn
	Peer media.Peer
	end  chan error
}

// NewHold returns a Hold that keeps any number of connections.
func NewHold() *Hold { return &Hold{held: make(chan *Held, 64)} }

// Serve blocks until End is called or ctx ends.
func (h *Hold) Serve(ctx context.Context, conn media.Conn, peer *media.Peer) error {
	held := &Held{Conn: conn, Peer: *peer, end: make(chan error, 1)}
	h.held <- held
	select {
	case err := <-held.end:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Next returns the next connection that arrived.
func (h *Hold) Next(t testing.TB) *Held {
	t.Helper()
	select {
	case held := <-h.held:
		return held
	case <-t.Context().Done():
		t.Fatal("no connection arrived")
		return nil
	}
}

// End makes Serve return err. Only the first call counts.
func (h *Held) End(err error) {
	select {
	case h.end <- err:
	default:
	}
}
