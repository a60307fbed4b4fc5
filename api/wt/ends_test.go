package wt_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"testing"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"github.com/quic-go/webtransport-go"

	"parley/api/client"
	"parley/api/fault"
	"parley/api/media"
)

func TestHubEndsSession(t *testing.T) {
	for _, tc := range []struct {
		err    error
		code   int
		reason string
	}{
		{nil, 1000, "bye"},
		{fault.New(fault.Reserved, "no"), 1008, "Session rejected"},
		{io.ErrUnexpectedEOF, 3004, "internal"},
	} {
		c, held := newSite(t, nil).dial(t, client.Options{})
		held.End(tc.err)
		_, err := c.Receive(t.Context())
		if e, ok := err.(*client.ClosedError); !ok || e.Code != tc.code || e.Reason != tc.reason {
			t.Errorf("%v: closed with %v, want %d %q", tc.err, err, tc.code, tc.reason)
		}
	}
}

// However a client ends its connection, it is an end and not a failure.
func TestPoliteEnds(t *testing.T) {
	for name, leave := range map[string]func(*quic.Conn, *webtransport.Session){
		"session closed": func(_ *quic.Conn, s *webtransport.Session) { _ = s.CloseWithError(0, "") },
		"with a code":    func(_ *quic.Conn, s *webtransport.Session) { _ = s.CloseWithError(4000, "") },
		"connection closed": func(c *quic.Conn, _ *webtransport.Session) {
			_ = c.CloseWithError(quic.ApplicationErrorCode(http3.ErrCodeNoError), "")
		},
		"web-transport-quinn": func(c *quic.Conn, _ *webtransport.Session) {
			_ = c.CloseWithError(0x52e4a40fa8db, "")
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, nil)
			secure := s.secure.Clone()
			secure.NextProtos = []string{http3.NextProtoH3}
			conn, err := quic.DialAddr(t.Context(), s.server.Addr().String(), secure,
				&quic.Config{EnableDatagrams: true, EnableStreamResetPartialDelivery: true})
			if err != nil {
				t.Fatal(err)
			}
			cc, err := (&webtransport.Transport{}).NewClientConn(conn)
			if err != nil {
				t.Fatal(err)
			}
			_, sess, err := cc.Dial(t.Context(), s.url, nil)
			if err != nil {
				t.Fatal(err)
			}
			held := s.hold.Next(t)
			leave(conn, sess)
			if _, err := held.Conn.Read(t.Context()); err != io.EOF {
				t.Errorf("read: %v, want EOF", err)
			}
		})
	}
}

// Who leaves while something is sent to them says goodbye all the same.
func TestLeavingInTheMiddle(t *testing.T) {
	s := newSite(t, nil)
	for range 10 {
		c, held := s.dial(t, client.Options{Framing: client.FramingStream})
		written := make(chan error, 1)
		go func() {
			frames := []*media.Frame{{Wire: packet(8, 1000)}, {Kind: media.Audio, Wire: packet(8, 100)}}
			for {
				if err := held.Conn.Write(t.Context(), frames); err != nil {
					written <- err
					return
				}
			}
		}()
		read := make(chan error, 1)
		go func() {
			_, err := held.Conn.Read(t.Context())
			read <- err
		}()
		if _, err := c.Receive(t.Context()); err != nil {
			t.Fatal(err)
		}
		_ = c.Close()
		if err := <-written; err != io.EOF {
			t.Errorf("write: %v, want EOF", err)
		}
		if err := <-read; err != io.EOF {
			t.Errorf("read: %v, want EOF", err)
		}
	}
}

func TestShutdown(t *testing.T) {
	s := newSite(t, nil)
	c, held := s.dial(t, client.Options{})
	stopped := make(chan error, 1)
	go func() { stopped <- s.server.Shutdown(t.Context()) }()
	for { // newcomers are refused from some moment on
		extra, err := client.Dial(t.Context(), s.url, client.Options{TLS: s.secure})
		if e, ok := errors.AsType[*client.RefusedError](err); ok {
			if e.Status != http.StatusServiceUnavailable {
				t.Errorf("refused with %v", e)
			}
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		s.hold.Next(t).End(nil)
		_ = extra.Close() // it was early
	}
	held.End(nil)
	if err := <-stopped; err != nil {
		t.Errorf("shutdown: %v", err)
	}
	if _, err := c.Receive(t.Context()); err == nil {
		t.Error("the session survived")
	}
}

func TestShutdownAtOnce(t *testing.T) {
	s := newSite(t, nil)
	c, _ := s.dial(t, client.Options{})
	now, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.server.Shutdown(now); err != context.Canceled {
		t.Errorf("shutdown: %v", err)
	}
	if _, err := c.Receive(t.Context()); err == nil || c.CloseCode() != 1001 {
		t.Errorf("session ended with %v, code %d", err, c.CloseCode())
	}
}
