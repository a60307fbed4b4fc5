package ws_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"parley/api/client"
	"parley/api/fault"
	"parley/api/media"
	"parley/api/media/mediatest"
	"parley/api/ws"
)

// pipe is a listener of in-memory connections, for tests in fake time.
type pipe struct {
	conns chan net.Conn
	done  chan struct{}
}

func newPipe() *pipe { return &pipe{conns: make(chan net.Conn), done: make(chan struct{})} }

func (p *pipe) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipe) Close() error   { close(p.done); return nil }
func (p *pipe) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

// path connects to p through a wire that swallows everything once cut is closed. Clients get at
// most rate bytes a second, 0 is any number.
func (p *pipe) path(cut <-chan struct{}, rate int) func(context.Context, string, string) (net.Conn, error) {
	return func(context.Context, string, string) (net.Conn, error) {
		near, far := net.Pipe()
		back, front := net.Pipe()
		forward := func(dst, src net.Conn, rate int) {
			defer dst.Close()
			defer src.Close()
			buf := make([]byte, 64<<10)
			if rate > 0 {
				buf = buf[:rate/10]
			}
			for {
				n, err := src.Read(buf)
				if err != nil {
					return
				}
				select {
				case <-cut:
					continue // taken, as by the buffers of a broken path
				default:
				}
				if rate > 0 {
					select {
					case <-time.After(time.Duration(n) * time.Second / time.Duration(rate)):
					case <-p.done:
						return
					}
				}
				if _, err := dst.Write(buf[:n]); err != nil {
					return
				}
			}
		}
		go forward(back, far, 0)
		go forward(far, back, rate)
		p.conns <- front
		return near, nil
	}
}

func TestLiveness(t *testing.T) {
	runAt := func(t *testing.T, rate int, f func(t *testing.T, c *client.Client, held *mediatest.Held, cut chan struct{})) {
		synctest.Test(t, func(t *testing.T) {
			hold, cut, listener := mediatest.NewHold(), make(chan struct{}), newPipe()
			server := ws.New(ws.Options{Hub: hold, Admit: admitAll, Log: logTo(t)})
			web := http.Server{Handler: server}
			go func() { _ = web.Serve(listener) }()
			c, err := client.Dial(t.Context(), "ws://pipe/lobby", client.Options{DialTCP: listener.path(cut, rate)})
			if err != nil {
				t.Fatal(err)
			}
			held := hold.Next(t)
			f(t, c, held, cut)
			held.End(nil)
			_ = c.Close() // its path may be broken
			if err := server.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
			if err := web.Close(); err != nil {
				t.Error(err)
			}
		})
	}

	run := func(t *testing.T, f func(t *testing.T, c *client.Client, held *mediatest.Held, cut chan struct{})) {
		runAt(t, 0, f)
	}

	t.Run("a silent but living client stays", func(t *testing.T) {
		run(t, func(t *testing.T, c *client.Client, held *mediatest.Held, _ chan struct{}) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			defer cancel()
			if _, err := held.Conn.Read(ctx); !isTimeout(err) {
				t.Errorf("read: %v, want an hour of silence", err)
			}
		})
	})
	t.Run("a large picture takes its time on a narrow path", func(t *testing.T) {
		runAt(t, 50_000, func(t *testing.T, c *client.Client, held *mediatest.Held, _ chan struct{}) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			packet, written := bytes.Repeat([]byte{8}, 1_000_000), make(chan error, 1)
			begin := time.Now()
			go func() { written <- held.Conn.Write(ctx, []*media.Frame{{Wire: packet}}) }()
			enough := make(chan struct{})
			var heart sync.WaitGroup
			defer heart.Wait()
			defer close(enough)
			heart.Go(func() { // as heartbeats do
				for {
					if err := c.Send(t.Context(), []byte("here")); err != nil {
						t.Error(err)
						return
					}
					if _, err := held.Conn.Read(t.Context()); err != nil {
						t.Error(err)
						return
					}
					select {
					case <-time.After(time.Second):
					case <-enough:
						return
					}
				}
			})
			if got, err := c.Receive(ctx); err != nil || !bytes.Equal(got.Data, packet) {
				t.Errorf("%d bytes, %v", len(got.Data), err)
			}
			if err := <-written; err != nil {
				t.Errorf("write: %v", err)
			}
			if took := time.Since(begin); took < 15*time.Second {
				t.Errorf("the path was not narrow: %v", took)
			}
		})
	})
	t.Run("a broken path is noticed", func(t *testing.T) {
		run(t, func(t *testing.T, c *client.Client, held *mediatest.Held, cut chan struct{}) {
			if err := c.Send(t.Context(), []byte("here")); err != nil {
				t.Fatal(err)
			}
			if _, err := held.Conn.Read(t.Context()); err != nil {
				t.Fatal(err)
			}
			close(cut)
			start := time.Now()
			_, err := held.Conn.Read(t.Context())
			if fault.CodeOf(err) != fault.Idle {
				t.Errorf("read: %v, want code %s", err, fault.Idle)
			}
			if took := time.Since(start); took > 6*time.Second {
				t.Errorf("noticed after %v", took)
			}
			start = time.Now()
			// A ping that was just being written may have closed the connection first.
			if err := held.Conn.Close(fault.Idle); err != nil && !errors.Is(err, io.ErrClosedPipe) {
				t.Error(err)
			}
			if took := time.Since(start); took > time.Second {
				t.Errorf("close of a dead path took %v", took)
			}
		})
	})
	t.Run("a close is bounded on a broken path", func(t *testing.T) {
		run(t, func(t *testing.T, _ *client.Client, held *mediatest.Held, cut chan struct{}) {
			close(cut)
			start := time.Now()
			_ = held.Conn.Close(fault.Bye) // it cannot succeed
			if took := time.Since(start); took > time.Second {
				t.Errorf("close took %v", took)
			}
		})
	})
}

// Who was not heard for too long and is there again knows why the connection is gone.
func TestSilentClientsAreToldWhyTheyAreCutOff(t *testing.T) {
	for name, secure := range map[string]bool{"plain": false, "secure": true} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, secure, func(o *ws.Options) { o.Ping, o.Idle = 20*time.Millisecond, 60*time.Millisecond })
			raw, held := s.raw(t)
			if _, err := held.Conn.Read(t.Context()); fault.CodeOf(err) != fault.Idle {
				t.Errorf("read: %v, want code %s", err, fault.Idle)
			}
			said, err := io.ReadAll(raw)
			if err != nil {
				t.Error(err)
			}
			if last := []byte("\x88\x06\x0b\xc1idle"); !bytes.HasSuffix(said, last) {
				t.Errorf("the end of what was said is %q, want %q", said[max(0, len(said)-16):], last)
			}
		})
	}
}
