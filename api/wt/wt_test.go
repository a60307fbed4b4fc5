package wt_test

import (
	"errors"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"

	"parley/api/client"
	"parley/api/fault"
	"parley/api/media"
	"parley/api/media/mediatest"
	"parley/api/wire"
	"parley/api/wt"
)

func TestContract(t *testing.T) {
	for name, framing := range map[string]client.Framing{"packet": client.FramingPacket, "stream": client.FramingStream} {
		t.Run(name, func(t *testing.T) {
			mediatest.ConnContract{
				Transport: media.WebTransport,
				Datagrams: true,
				Ordered:   framing == client.FramingStream,
				NoEmpty:   framing == client.FramingStream,
				Hasty:     true, // see TestLastPacketComesBeforeTheClose
				New: func(t *testing.T) mediatest.ConnPair {
					c, held := newSite(t, nil).dial(t, client.Options{Framing: framing})
					return mediatest.ConnPair{Conn: held.Conn, Far: far{c}}
				},
				NewSlow: func(t *testing.T) mediatest.ConnPair {
					s := newSite(t, func(o *wt.Options) { o.Write = 200 * time.Millisecond })
					c, held := s.dial(t, client.Options{Inbox: 1, Framing: framing})
					return mediatest.ConnPair{Conn: held.Conn, Far: far{c}}
				},
			}.Run(t)
		})
	}
}

func TestRefusals(t *testing.T) {
	for _, tc := range []struct {
		code   fault.Code
		status int
	}{
		{fault.BadRequest, 400}, {fault.Expired, 401}, {fault.Invalid, 403}, {fault.Gone, 410}, {fault.Misconfig, 500},
	} {
		s := newSite(t, func(o *wt.Options) {
			o.Admit = func(*http.Request) (media.Peer, error) { return media.Peer{}, fault.New(tc.code, "because") }
		})
		_, err := client.Dial(t.Context(), s.url+"?token=secret", client.Options{TLS: s.secure})
		e, ok := errors.AsType[*client.RefusedError](err)
		if !ok || e.Status != tc.status || e.Body != "because" {
			t.Errorf("%s: %v, want status %d", tc.code, err, tc.status)
		}
	}
}

// Admit sees the request as it came; paths outside the lobby are not sessions.
func TestRoutes(t *testing.T) {
	var seen []string
	s := newSite(t, func(o *wt.Options) {
		o.Admit = func(r *http.Request) (media.Peer, error) {
			seen = append(seen, r.URL.RequestURI())
			return peer, nil
		}
		o.Routes = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodConnect {
				w.WriteHeader(http.StatusNotFound)
				return
			}
			_, _ = io.WriteString(w, "version 1")
		})
	})
	base := s.url
	for _, path := range []string{"?token=a", "/bob/room", "/any/thing/else?token=b"} {
		s.url = base + path
		s.dial(t, client.Options{})
	}
	want := []string{"/lobby?token=a", "/lobby/bob/room", "/lobby/any/thing/else?token=b"}
	for i, w := range want {
		if i >= len(seen) || seen[i] != w {
			t.Fatalf("admitted %q, want %q", seen, want)
		}
	}
	_, err := client.Dial(t.Context(), base+"by", client.Options{TLS: s.secure})
	if e, ok := errors.AsType[*client.RefusedError](err); !ok || e.Status != http.StatusNotFound {
		t.Errorf("outside the lobby: %v", err)
	}

	transport := &http3.Transport{TLSClientConfig: s.secure}
	defer transport.Close()
	rsp, err := (&http.Client{Transport: transport}).Get("https://" + s.server.Addr().String() + "/version")
	if err != nil {
		t.Fatal(err)
	}
	defer rsp.Body.Close()
	if body, err := io.ReadAll(rsp.Body); err != nil || string(body) != "version 1" {
		t.Errorf("other route: %q, %v", body, err)
	}
}

// Clients of every age look for different settings.
func TestSettings(t *testing.T) {
	s := newSite(t, nil)
	secure := s.secure.Clone()
	secure.NextProtos = []string{http3.NextProtoH3}
	conn, err := quic.DialAddr(t.Context(), s.server.Addr().String(), secure, &quic.Config{EnableDatagrams: true})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseWithError(0, "")
	cc := (&http3.Transport{EnableDatagrams: true}).NewClientConn(conn)
	select {
	case <-cc.ReceivedSettings():
	case <-t.Context().Done():
		t.Fatal("no settings")
	}
	got := cc.Settings()
	if !got.EnableDatagrams || !got.EnableExtendedConnect {
		t.Errorf("datagrams %v, extended CONNECT %v", got.EnableDatagrams, got.EnableExtendedConnect)
	}
	want := map[uint64]uint64{
		0xffd277:   1, // H3_DATAGRAM, draft 4
		0x2b603742: 1, // ENABLE_WEBTRANSPORT, drafts 2 to 6
		0x2b603743: 1, // WEBTRANSPORT_MAX_SESSIONS, drafts 2 to 6
		0xc671706a: 1, // WEBTRANSPORT_MAX_SESSIONS, draft 7
		0x14e9cd29: 1, // SETTINGS_WT_MAX_SESSIONS, draft 13
		0x2c7cf000: 1, // SETTINGS_WT_ENABLED
	}
	for id, v := range want {
		if got.Other[id] != v {
			t.Errorf("setting %#x = %d, want %d", id, got.Other[id], v)
		}
	}
	if len(got.Other) != len(want) {
		t.Errorf("settings %#v, want %#v", got.Other, want)
	}
}

// The text ping is a sign of life as a datagram and a packet on a stream.
func TestPing(t *testing.T) {
	c, held := newSite(t, nil).dial(t, client.Options{})
	if err := c.SendDatagram([]byte(wire.Ping)); err != nil {
		t.Fatal(err)
	}
	if err := c.SendDatagram([]byte("marker")); err != nil {
		t.Fatal(err)
	}
	p, err := held.Conn.Read(t.Context())
	if err != nil || string(p.Data) != "marker" || !p.Datagram {
		t.Errorf("read %q, %v", p.Data, err)
	}
	if err := c.Send(t.Context(), []byte(wire.Ping)); err != nil {
		t.Fatal(err)
	}
	p, err = held.Conn.Read(t.Context())
	if err != nil || string(p.Data) != wire.Ping || p.Datagram {
		t.Errorf("read %q, %v", p.Data, err)
	}
}
