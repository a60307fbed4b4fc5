package client_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	"parley/api/client"
	"parley/api/media"
	"parley/api/media/mediatest"
	"parley/api/wire"
	"parley/api/ws"
	callv1 "parley/protobuf/call/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// What a client sends is what the server takes it for.
func TestPackets(t *testing.T) {
	payload := []byte("payload")
	for name, tc := range map[string]struct {
		packet []byte
		want   wire.Info
	}{
		"connection": {client.Connection("alice", "room"), wire.Info{Class: wire.Message}},
		"heartbeat":  {client.Heartbeat("alice", &callv1.HeartbeatMetadata{AudioEnabled: true}, 1), wire.Info{Class: wire.Message}},
		"rtt probe":  {client.RTTProbe("alice", 1), wire.Info{Class: wire.RTT}},
		"audio":      {client.Audio("alice", 1, payload), wire.Info{Class: wire.MediaFrame, Stream: wire.Audio, Key: true}},
		"key":        {client.Video("alice", 1, 2, true, payload), wire.Info{Class: wire.MediaFrame, Stream: wire.Video, Layer: 2, Key: true}},
		"delta":      {client.Video("alice", 2, 0, false, payload), wire.Info{Class: wire.MediaFrame, Stream: wire.Video}},
		"screen":     {client.Screen("alice", 2, 0, true, payload), wire.Info{Class: wire.MediaFrame, Stream: wire.Screen, Key: true}},
		"camera request": {
			client.KeyframeRequest("alice", "bob", false),
			wire.Info{Class: wire.KeyframeRequest, Stream: wire.Video, Target: []byte("bob")},
		},
		"screen request": {
			client.KeyframeRequest("alice", "bob", true),
			wire.Info{Class: wire.KeyframeRequest, Stream: wire.Screen, Target: []byte("bob")},
		},
	} {
		got := wire.Classify(tc.packet)
		if got.Class != tc.want.Class || got.Stream != tc.want.Stream || got.Layer != tc.want.Layer ||
			got.Key != tc.want.Key || got.Opaque || string(got.Target) != string(tc.want.Target) {
			t.Errorf("%s: %+v, want %+v", name, got, tc.want)
		}
		w, m, err := client.Parse(tc.packet)
		if err != nil || string(w.UserId) != "alice" {
			t.Errorf("%s: parsed %v, %v", name, w, err)
		}
		if (m != nil) != (w.PacketType == callv1.PacketWrapper_MEDIA) {
			t.Errorf("%s: media packet %v", name, m)
		}
	}
}

func TestSession(t *testing.T) {
	hold := mediatest.NewHold()
	server := ws.New(ws.Options{
		Hub:   hold,
		Admit: func(*http.Request) (media.Peer, error) { return media.Peer{}, nil },
		Log:   slog.New(slog.NewTextHandler(t.Output(), nil)),
	})
	web := httptest.NewServer(server)
	defer web.Close()
	c, err := client.Dial(t.Context(), "ws"+strings.TrimPrefix(web.URL, "http")+"/lobby", client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	held := hold.Next(t)

	short, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Session(short); !errors.Is(err, context.Canceled) {
		t.Errorf("session before it is assigned: %v", err)
	}
	packet, err := proto.Marshal(&callv1.PacketWrapper{
		PacketType: callv1.PacketWrapper_SESSION_ASSIGNED, SessionId: 42,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := held.Conn.Write(t.Context(), []*media.Frame{{Wire: packet}}); err != nil {
		t.Fatal(err)
	}
	if id, err := c.Session(t.Context()); err != nil || id != 42 {
		t.Errorf("session %d, %v", id, err)
	}
	if p, err := c.Receive(t.Context()); err != nil || string(p.Data) != string(packet) {
		t.Errorf("the packet is not delivered as well: %v", err)
	}
	held.End(nil)
	if _, err := c.Receive(t.Context()); err == nil || c.CloseCode() != 1000 {
		t.Errorf("end: %v with code %d", err, c.CloseCode())
	}
	if id, err := c.Session(t.Context()); err != nil || id != 42 {
		t.Errorf("session %d after the end, %v", id, err)
	}
	if err := c.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	if err := server.Shutdown(t.Context()); err != nil {
		t.Errorf("shutdown: %v", err)
	}
}

// An error of Dial may be logged; the token in its URL may not.
func TestDialHidesToken(t *testing.T) {
	for _, url := range []string{
		"ftp://127.0.0.1/lobby?token=secret",
		"ws://127.0.0.1:1/lobby?token=secret",
		"ws://127.0.0.1:port/lobby?token=secret",
	} {
		_, err := client.Dial(t.Context(), url, client.Options{})
		if err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("dial: %v", err)
		}
	}
}
