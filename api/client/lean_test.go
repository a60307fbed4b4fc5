package client_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"parley/api/client"
	"parley/api/media"
	"parley/api/media/mediatest"
	"parley/api/ws"
)

// taking returns options of a client that takes every packet as it comes.
func taking(got chan<- []byte) client.Options {
	return client.Options{On: func(p client.Packet) { got <- bytes.Clone(p.Data) }}
}

func TestPacketsAreTakenAsTheyCome(t *testing.T) {
	for _, scheme := range []string{"ws", "wss"} {
		t.Run(scheme, func(t *testing.T) {
			hold := mediatest.NewHold()
			server := ws.New(ws.Options{
				Hub:   hold,
				Admit: func(*http.Request) (media.Peer, error) { return media.Peer{}, nil },
				Log:   slog.New(slog.NewTextHandler(t.Output(), nil)),
			})
			web := httptest.NewUnstartedServer(server)
			start := map[string]func(){"ws": web.Start, "wss": web.StartTLS}
			start[scheme]()
			defer web.Close()
			got := make(chan []byte)
			opt := taking(got)
			if scheme == "wss" {
				opt.TLS = web.Client().Transport.(*http.Transport).TLSClientConfig
			}
			c, err := client.Dial(t.Context(), scheme+web.URL[strings.Index(web.URL, ":"):]+"/lobby", opt)
			if err != nil {
				t.Fatal(err)
			}
			held := hold.Next(t)
			var frames []*media.Frame
			for i, size := range []int{1, 125, 126, 65_535, 65_536, 1 << 20, 3} {
				frames = append(frames, &media.Frame{Wire: bytes.Repeat([]byte{byte(i + 1)}, size)})
			}
			written := make(chan error, 1)
			go func() { written <- held.Conn.Write(t.Context(), frames) }()
			for i, f := range frames {
				if packet := <-got; !bytes.Equal(packet, f.Wire) {
					t.Errorf("packet %d has %d bytes", i, len(packet))
				}
			}
			if err := <-written; err != nil {
				t.Error(err)
			}
			for _, f := range frames {
				if err := c.Send(t.Context(), f.Wire); err != nil {
					t.Fatal(err)
				}
				if p, err := held.Conn.Read(t.Context()); err != nil || !bytes.Equal(p.Data, f.Wire) {
					t.Errorf("the server reads %d bytes, %v", len(p.Data), err)
				}
			}
			held.End(nil)
			<-c.Done()
			if code := c.CloseCode(); code != 1000 {
				t.Errorf("closed with code %d", code)
			}
			if err := c.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
			if err := server.Shutdown(t.Context()); err != nil {
				t.Errorf("shutdown: %v", err)
			}
		})
	}
}

// What the library of the server would send is understood, and so is what another might.
func TestLeanClientReadsWhateverServersSend(t *testing.T) {
	pongs := make(chan []byte, 1)
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var raw net.Conn
		sock, err := websocket.Accept(&hijacking{w, &raw}, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer sock.CloseNow()
		for _, part := range []string{
			"\x02\x01a", "\x89\x03you", "\x80\x01b", // a message in two parts with a ping between them
			"\x81\x04text", // no packet
			"\x82\x01c", "\x88\x06\x0d\xbagone",
		} {
			if _, err := io.WriteString(raw, part); err != nil {
				t.Error(err)
			}
		}
		in := bufio.NewReader(raw)
		pong := make([]byte, 2+4+3)
		if _, err := io.ReadFull(in, pong); err != nil {
			t.Error(err)
		}
		pongs <- pong
	}))
	defer web.Close()
	got := make(chan []byte, 2)
	c, err := client.Dial(t.Context(), "ws"+strings.TrimPrefix(web.URL, "http"), taking(got))
	if err != nil {
		t.Fatal(err)
	}
	if packets := []string{string(<-got), string(<-got)}; !slices.Equal(packets, []string{"ab", "c"}) {
		t.Errorf("packets %q", packets)
	}
	if pong := <-pongs; string(pong) != "\x8a\x83\x00\x00\x00\x00you" {
		t.Errorf("the ping is answered with %q", pong)
	}
	<-c.Done()
	_, err = c.Receive(t.Context())
	if e, ok := errors.AsType[*client.ClosedError](err); !ok || e.Code != 3514 || e.Reason != "gone" {
		t.Errorf("end: %v", err)
	}
	_ = c.Close()
}

// hijacking hands out the connection beneath.
type hijacking struct {
	http.ResponseWriter
	raw *net.Conn
}

func (h *hijacking) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(h.ResponseWriter).Hijack()
	*h.raw = conn
	return conn, rw, err
}

func TestLeanClientIsRefused(t *testing.T) {
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "no", http.StatusForbidden)
	}))
	defer web.Close()
	_, err := client.Dial(t.Context(), "ws"+strings.TrimPrefix(web.URL, "http")+"?token=secret", taking(nil))
	if e, ok := errors.AsType[*client.RefusedError](err); !ok || e.Status != http.StatusForbidden || strings.Contains(err.Error(), "secret") {
		t.Errorf("dial: %v", err)
	}
}

func TestLeanClientLeaves(t *testing.T) {
	hold := mediatest.NewHold()
	server := ws.New(ws.Options{
		Hub:   hold,
		Admit: func(*http.Request) (media.Peer, error) { return media.Peer{}, nil },
		Log:   slog.New(slog.NewTextHandler(t.Output(), nil)),
	})
	web := httptest.NewServer(server)
	defer web.Close()
	for _, leave := range []func(*client.Client){
		func(c *client.Client) {
			if err := c.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
		},
		(*client.Client).Cut,
	} {
		c, err := client.Dial(t.Context(), "ws"+strings.TrimPrefix(web.URL, "http"), taking(make(chan []byte, 9)))
		if err != nil {
			t.Fatal(err)
		}
		held := hold.Next(t)
		ended := make(chan error, 1)
		go func() {
			_, err := held.Conn.Read(t.Context())
			ended <- err
			held.End(err)
		}()
		leave(c)
		if err := <-ended; err == nil {
			t.Error("the server still reads")
		}
	}
	if err := server.Shutdown(t.Context()); err != nil {
		t.Errorf("shutdown: %v", err)
	}
}
