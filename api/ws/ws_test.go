package ws_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"parley/api/client"
	"parley/api/fault"
	"parley/api/media"
	"parley/api/media/mediatest"
	"parley/api/wire"
	"parley/api/ws"
)

func TestContract(t *testing.T) {
	for name, secure := range map[string]bool{"plain": false, "tls": true} {
		t.Run(name, func(t *testing.T) {
			mediatest.ConnContract{
				Transport: media.WebSocket,
				Ordered:   true,
				New: func(t *testing.T) mediatest.ConnPair {
					c, held := newSite(t, secure, nil).dial(t, client.Options{})
					return mediatest.ConnPair{Conn: held.Conn, Far: far{c}}
				},
				NewSlow: func(t *testing.T) mediatest.ConnPair {
					s := newSite(t, secure, func(o *ws.Options) { o.Write = 200 * time.Millisecond })
					c, held := s.dial(t, client.Options{Inbox: 1})
					return mediatest.ConnPair{Conn: held.Conn, Far: far{c}}
				},
			}.Run(t)
		})
	}
}

// The result of the hub decides how the connection is closed.
func TestHubEndsSession(t *testing.T) {
	for _, tc := range []struct {
		err    error
		code   int
		reason string
	}{
		{nil, 1000, "bye"},
		{fault.New(fault.Reserved, "no"), 1008, "Session rejected"},
		{fault.New(fault.TooLarge, "no"), 3510, "too_large"},
		{io.ErrUnexpectedEOF, 3004, "internal"},
	} {
		c, held := newSite(t, false, nil).dial(t, client.Options{})
		held.End(tc.err)
		_, err := c.Receive(t.Context())
		if e, ok := err.(*client.ClosedError); !ok || e.Code != tc.code || e.Reason != tc.reason {
			t.Errorf("%v: closed with %v, want %d %q", tc.err, err, tc.code, tc.reason)
		}
	}
}

// A bad token counts before a bad handshake, and a good token does not make one good.
func TestRefusals(t *testing.T) {
	refuse := func(code fault.Code, text string) func(*http.Request) (media.Peer, error) {
		return func(*http.Request) (media.Peer, error) { return media.Peer{}, fault.New(code, "%s", text) }
	}
	for _, tc := range []struct {
		name   string
		admit  func(*http.Request) (media.Peer, error)
		status int
		body   string
	}{
		{"no token", refuse(fault.BadRequest, "token missing"), 400, "token missing"},
		{"expired", refuse(fault.Expired, "token has expired"), 401, "token has expired"},
		{"invalid", refuse(fault.Invalid, "unusual"), 403, "unusual"},
		{"path form", refuse(fault.Gone, "gone"), 410, "gone"},
		{"misconfigured", refuse(fault.Misconfig, "Server misconfigured"), 500, "Server misconfigured"},
		{"no handshake", admitAll, 400, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newSite(t, false, func(o *ws.Options) { o.Admit = tc.admit })
			rsp, err := s.Client().Get(s.URL + "/lobby?token=secret")
			if err != nil {
				t.Fatal(err)
			}
			defer rsp.Body.Close()
			body, err := io.ReadAll(rsp.Body)
			if err != nil {
				t.Fatal(err)
			}
			if rsp.StatusCode != tc.status || tc.body != "" && string(body) != tc.body {
				t.Errorf("answer %d %q, want %d %q", rsp.StatusCode, body, tc.status, tc.body)
			}
			if tc.body == "" {
				return
			}
			_, err = client.Dial(t.Context(), s.url(), client.Options{})
			if e, ok := errors.AsType[*client.RefusedError](err); !ok || e.Status != tc.status || e.Body != tc.body {
				t.Errorf("dial: %v, want %d %q", err, tc.status, tc.body)
			}
		})
	}
}

// Browsers send the origin of the page; tokens decide, not origins.
func TestForeignOrigin(t *testing.T) {
	s := newSite(t, false, nil)
	s.dial(t, client.Options{Header: http.Header{"Origin": {"https://elsewhere.example"}}})
}

// Text is ignored, fragments make one packet, a ping is answered with its payload.
func TestFrames(t *testing.T) {
	s := newSite(t, false, nil)
	sock, _, err := websocket.Dial(t.Context(), s.url(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer sock.CloseNow()
	held := s.hold.Next(t)

	if err := sock.Write(t.Context(), websocket.MessageText, []byte("hello")); err != nil {
		t.Fatal(err)
	}
	w, err := sock.Writer(t.Context(), websocket.MessageBinary)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"one ", "packet ", "in parts"} {
		if _, err := io.WriteString(w, part); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	p, err := held.Conn.Read(t.Context())
	if err != nil || string(p.Data) != "one packet in parts" {
		t.Fatalf("read %q, %v", p.Data, err)
	}

	// The server has to read to answer, and the client to see the answer.
	sock.CloseRead(t.Context())
	go func() { _, _ = held.Conn.Read(t.Context()) }()
	if err := sock.Ping(t.Context()); err != nil {
		t.Errorf("ping: %v", err)
	}
}

// A client's close frame is answered with its code.
func TestCloseIsEchoed(t *testing.T) {
	s := newSite(t, false, nil)
	sock, _, err := websocket.Dial(t.Context(), s.url(), nil)
	if err != nil {
		t.Fatal(err)
	}
	held := s.hold.Next(t)
	read := make(chan error, 1)
	go func() {
		_, err := held.Conn.Read(t.Context())
		read <- err
	}()
	// Close fails unless the answer has the same code.
	if err := sock.Close(4321, "own reasons"); err != nil {
		t.Errorf("close: %v", err)
	}
	if err := <-read; err != io.EOF {
		t.Errorf("read: %v, want EOF", err)
	}
}

// A peer that breaks the rules is not mistaken for one that leaves.
func TestBrokenPeers(t *testing.T) {
	for name, tc := range map[string]struct {
		bytes string
		code  fault.Code
	}{
		"connection reset":      {"", fault.Internal},
		"half a frame":          {"\x82\xfe", fault.Internal},
		"unmasked frame":        {"\x82\x01a", fault.Protocol},
		"reserved bits":         {"\xf2\x80aaaa", fault.Protocol},
		"continuation of none":  {"\x80\x80aaaa", fault.Protocol},
		"a terabyte, it claims": {"\x82\xff\x00\x00\x01\x00\x00\x00\x00\x00aaaa", fault.Internal},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, false, nil)
			raw, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			_, err = io.WriteString(raw, handshake+tc.bytes)
			if err != nil {
				t.Fatal(err)
			}
			held := s.hold.Next(t)
			if rsp, err := http.ReadResponse(bufio.NewReader(raw), nil); err != nil || rsp.StatusCode != 101 {
				t.Fatalf("handshake: %v, %v", rsp, err)
			}
			if err := raw.Close(); err != nil {
				t.Fatal(err)
			}
			_, err = held.Conn.Read(t.Context())
			if err == nil || err == io.EOF || fault.CodeOf(err) != tc.code {
				t.Errorf("read: %v, want code %s", err, tc.code)
			}
		})
	}
}

// A packet that comes byte by byte is not waited for; neither is it mistaken for one that is there.
func TestPacketThatNeverEnds(t *testing.T) {
	s := newSite(t, false, func(o *ws.Options) { o.Message = 100 * time.Millisecond })
	raw, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	// Fragments of one byte: the first of a binary message, then continuations, none the last.
	if _, err := io.WriteString(raw, handshake+"\x02\x81aaaab\x00\x81aaaab\x00\x81aaaab"); err != nil {
		t.Fatal(err)
	}
	if p, err := s.hold.Next(t).Conn.Read(t.Context()); fault.CodeOf(err) != fault.Slow {
		t.Errorf("read %q, %v; want code %s", p.Data, err, fault.Slow)
	}
}

// An announced length costs nothing before its bytes arrive.
func TestAnnouncedLengthAllocatesNothing(t *testing.T) {
	s := newSite(t, false, nil)
	sock, _, err := websocket.Dial(t.Context(), s.url(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer sock.CloseNow()
	held := s.hold.Next(t)
	for range 3 {
		if err := sock.Write(t.Context(), websocket.MessageBinary, make([]byte, 10_000)); err != nil {
			t.Fatal(err)
		}
		p, err := held.Conn.Read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if cap(p.Data) > 3*len(p.Data)+wire.StampRoom {
			t.Errorf("%d bytes in a buffer of %d", len(p.Data), cap(p.Data))
		}
	}
}

func TestShutdown(t *testing.T) {
	s := newSite(t, false, nil)
	c, held := s.dial(t, client.Options{})
	stopped := make(chan error, 1)
	go func() { stopped <- s.ws.Shutdown(t.Context()) }()
	for { // newcomers are refused from some moment on
		extra, err := client.Dial(t.Context(), s.url(), client.Options{})
		if e, ok := errors.AsType[*client.RefusedError](err); ok {
			if e.Status != http.StatusServiceUnavailable {
				t.Errorf("refused with %v", e)
			}
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		_ = extra.Close() // it was early
		s.hold.Next(t).End(nil)
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
	s := newSite(t, false, nil)
	c, _ := s.dial(t, client.Options{})
	now, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.ws.Shutdown(now); err != context.Canceled {
		t.Errorf("shutdown: %v", err)
	}
	if _, err := c.Receive(t.Context()); err == nil || c.CloseCode() != 1001 {
		t.Errorf("session ended with %v, code %d", err, c.CloseCode())
	}
}
