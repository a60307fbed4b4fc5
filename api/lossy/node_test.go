package lossy_test

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"time"

	"parley/api/cert"
	"parley/api/media"
	"parley/api/media/mediatest"
	"parley/api/rooms"
	"parley/api/ws"
	"parley/api/wt"
)

// node is what a packet passes through on a node, on real sockets or on those of a test.
type node struct {
	hub    *rooms.Hub
	limits rooms.QueueLimits
	http   string // base URLs
	secure string
}

// The path of packets is under test, and whoever is slow is to be waited for: no deadline of a
// connection ends it.
const never = time.Hour

// limits hold little, so that few packets show what happens when they are reached, and nothing
// is too old, as a machine with other things to do may take its time.
func limits() rooms.QueueLimits {
	l := rooms.DefaultQueueLimits()
	l.Bytes[media.Video] = videoLimit
	for kind := range l.Age {
		l.Age[kind] = 0
	}
	return l
}

// generous is more than a test can send: how fast that is depends on the machine.
var generous = rooms.Rules{Session: plenty, Room: plenty, Busy: plenty}

var plenty = rooms.Budget{Packets: 1e9, Kbit: 1e9}

// videoLimit is the size of a lane of pictures.
const videoLimit = 64 << 10

func newNode(t *testing.T, limits rooms.QueueLimits) *node {
	t.Helper()
	socket, err := wt.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return serve(t, limits, listener, socket, never)
}

// serve runs a node on two sockets until the test ends; idle is when a silent QUIC connection is dead.
func serve(t testing.TB, limits rooms.QueueLimits, listener net.Listener, socket net.PacketConn, idle time.Duration) *node {
	t.Helper()
	log := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelInfo}))
	hub := rooms.NewHub(rooms.Options{
		Node: "node", Relay: mediatest.NewBus().Node("node"), Ledger: new(mediatest.Ledger), Reporter: new(mediatest.Reporter), Log: log,
		Queue: limits, Grace: time.Nanosecond, Rules: func(media.RoomID) rooms.Rules { return generous },
	})
	admit := func(r *http.Request) (media.Peer, error) {
		return media.Peer{Room: "room", User: r.URL.Query().Get("user")}, nil
	}
	holder, err := cert.SelfSigned(t.TempDir(), log)
	if err != nil {
		t.Fatal(err)
	}
	quic := wt.New(wt.Options{
		PacketConn: socket, TLS: &tls.Config{GetCertificate: holder.GetCertificate}, Hub: hub, Admit: admit, Log: log,
		Quiet: never, Write: never, Idle: idle,
	})
	n := &node{hub: hub, limits: limits, secure: "https://" + socket.LocalAddr().String() + "/lobby"}
	end := func() {
		if err := hub.Drain(context.Background()); err != nil {
			t.Error(err)
		}
		if err := quic.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	}
	served := make(chan error, 1)
	go func() { served <- quic.Serve(context.Background()) }()
	if listener != nil {
		sockets := ws.New(ws.Options{Hub: hub, Admit: admit, Log: log, Ping: never, Idle: never, Write: never})
		web := &http.Server{Handler: sockets}
		go func() { served <- web.Serve(listener) }()
		n.http = "ws://" + listener.Addr().String() + "/lobby"
		draining := end
		end = func() {
			draining()
			if err := sockets.Shutdown(context.Background()); err != nil {
				t.Error(err)
			}
			_ = web.Close()
			if err := <-served; err != nil && err != http.ErrServerClosed {
				t.Error(err)
			}
		}
	}
	t.Cleanup(func() {
		end()
		if err := <-served; err != nil && err != http.ErrServerClosed {
			t.Error(err)
		}
	})
	return n
}

// session returns what the node knows of a session.
func (n *node) session(id uint64) (rooms.SessionCensus, bool) {
	for _, s := range n.hub.Attendance() {
		if uint64(s.Session) == id {
			return s, true
		}
	}
	return rooms.SessionCensus{}, false
}
