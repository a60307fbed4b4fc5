package load

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"parley/api/wire"
)

// foreign is a server of the older contract: it gives sessions no numbers, passes packets on as they
// are, asks for no keyframes and knows neither layers nor events.
type foreign struct {
	mu    sync.Mutex
	rooms map[string]map[*websocket.Conn]bool
}

func (s *foreign) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c, err := websocket.Accept(w, r, nil)
	if err != nil {
		return
	}
	defer c.CloseNow()
	c.SetReadLimit(wire.MaxPacket)
	room := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/'):]
	s.mu.Lock()
	if s.rooms[room] == nil {
		s.rooms[room] = make(map[*websocket.Conn]bool)
	}
	s.rooms[room][c] = true
	s.mu.Unlock()
	for {
		_, packet, err := c.Read(r.Context())
		s.mu.Lock()
		switch info := wire.Classify(packet); {
		case err != nil:
			delete(s.rooms[room], c)
		case info.Class == wire.RTT:
			_ = c.Write(r.Context(), websocket.MessageBinary, packet)
		default:
			for other := range s.rooms[room] {
				if other != c {
					_ = other.Write(r.Context(), websocket.MessageBinary, packet)
				}
			}
		}
		s.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// The run needs nothing of a server but the contract. What a server does not do is no failure, and
// takes no time.
func TestServersOfOthers(t *testing.T) {
	server := httptest.NewServer(&foreign{rooms: make(map[string]map[*websocket.Conn]bool)})
	defer server.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	plan := Plan{
		URLs: []string{strings.Replace(server.URL, "http", "ws", 1)}, Room: "r", Rooms: 2, Publishers: 2, Viewers: 1,
		AudioKbps: 32, TalkShare: 1, VideoKbps: 300, FPS: 30, Layers: 1, KeyframeEvery: 100 * time.Millisecond,
		Duration: 500 * time.Millisecond, Drain: time.Minute, Heartbeat: 100 * time.Millisecond, Probe: 50 * time.Millisecond,
		numbering: time.Second,
	}
	for plan.WarmUp = 200 * time.Millisecond; ; plan.WarmUp *= 2 { // a busy machine may need more
		r, err := Run(ctx, plan, nil)
		if err != nil {
			t.Fatal(err)
		}
		got := r.Received["healthy"]
		if got.Lost != 0 || got.Duplicated != 0 || r.Joins.Failed != 0 || r.Joins.Unnumbered != 6 {
			t.Fatalf("%+v, %+v", got, r.Joins)
		}
		if r.Kinds["audio"].Delivered == 0 || r.Kinds["video"].Delivered == 0 || r.Heartbeats.Delivered == 0 || r.RTT.Count == 0 {
			t.Logf("with %v to warm up: %+v", plan.WarmUp, r)
			continue
		}
		if r.Kinds["audio"].Expected != 2*r.Sent["audio"].Packets {
			t.Errorf("%d packets of sound are expected by two each, want %d", r.Sent["audio"].Packets, r.Kinds["audio"].Expected)
		}
		if r.Generator.Waits.Count == 0 {
			t.Error("nobody ever waited for a processor")
		}
		if first := r.Joins.First; first.Count != 6 || first.P50 >= 1000 {
			t.Errorf("%+v: the wait for a number counts", first)
		}
		return
	}
}
