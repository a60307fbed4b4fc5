package ws_test

import (
	"bytes"
	"context"
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

// path connects to p through a wire that swallows everything once cut is closed.
func (p *pipe) path(cut <-chan struct{}) func(context.Context, string, string) (net.Conn, error) {
	return func(context.Context, string, string) (net.Conn, error) {
		near, far := net.Pipe()
		back, front := net.Pipe()
		forward := func(dst, src net.Conn) {
			defer dst.Close()
			defer src.Close()
			buf := make([]byte, 64<<10)
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
				if _, err := dst.Write(buf[:n]); err != nil {
					return
				}
			}
		}
		go forward(back, far)
		go forward(far, back)
		p.conns <- front
		return near, nil
	}
}

// narrow takes so many bytes a second.
type narrow struct {
	net.Conn
	rate int
}

func (n narrow) Read(p []byte) (int, error) {
	<-time.After(100 * time.Millisecond)
	return n.Conn.Read(p[:min(len(p), n.rate/10)])
}

func TestLiveness(t *testing.T) {
	runAt := func(t *testing.T, rate int, f func(t *testing.T, c *client.Client, held *mediatest.Held, cut chan struct{})) {
		synctest.Test(t, func(t *testing.T) {
			hold, cut, listener := mediatest.NewHold(), make(chan struct{}), newPipe()
			server := ws.New(ws.Options{Hub: hold, Admit: admitAll, Log: logTo(t)})
			web := http.Server{Handler: server}
			go func() { _ = web.Serve(listener) }()
			dial := listener.path(cut)
			c, err := client.Dial(t.Context(), "ws://pipe/lobby", client.Options{
				DialTCP: func(ctx context.Context, network, addr string) (net.Conn, error) {
					conn, err := dial(ctx, network, addr)
					if rate > 0 {
						conn = narrow{conn, rate}
					}
					return conn, err
				},
			})
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
			packet, written := bytes.Repeat([]byte{8}, 1_000_000), make(chan error, 1)
			begin := time.Now()
			go func() { written <- held.Conn.Write(ctx, []*media.Frame{{Wire: packet}}) }()
			var heart sync.WaitGroup
			defer heart.Wait()
			defer cancel()
			heart.Go(func() {
				for c.Send(ctx, []byte("here")) == nil {
					if _, err := held.Conn.Read(ctx); err != nil {
						return
					}
					select {
					case <-time.After(time.Second):
					case <-ctx.Done():
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
			if err := held.Conn.Close(fault.Idle); err != nil {
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
