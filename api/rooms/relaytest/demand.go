package relaytest

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"parley/api/media"
	"parley/api/media/mediatest"
	"parley/api/rooms"
	"parley/api/wire"
	callv1 "parley/protobuf/call/v1"
)

// demand follows what is wanted of a publisher from one node to the other.
func demand(t *testing.T, p Pair) {
	room := newRoom()
	ada, adaID := join(t, hub(t, p.NodeA, p.A), room, "ada")
	bob, _ := join(t, hub(t, p.NodeB, p.B), room, "bob")
	ada.awaits(func(w *callv1.PacketWrapper) bool {
		var e callv1.MeetingPacket
		return w.PacketType == callv1.PacketWrapper_MEETING && proto.Unmarshal(w.Data, &e) == nil &&
			e.EventType == callv1.MeetingPacket_PARTICIPANT_JOINED && string(e.TargetUserId) == "bob"
	})
	wanted := func(want wire.LayersWanted) {
		t.Helper()
		ada.awaits(func(w *callv1.PacketWrapper) bool {
			got, node, ok := wire.ReadLayerHint(w.Data)
			return w.PacketType == callv1.PacketWrapper_LAYER_HINT && ok && node == "" && got == want
		})
	}
	shown := func(want ...uint32) {
		t.Helper()
		for _, text := range []string{"x", "end"} {
			for layer := range uint32(3) {
				ada.Send(mediatest.Layer(layer, "key", text))
			}
		}
		var got []uint32
		bob.awaits(func(w *callv1.PacketWrapper) bool {
			var m callv1.MediaPacket
			if w.PacketType != callv1.PacketWrapper_MEDIA || proto.Unmarshal(w.Data, &m) != nil || m.MediaType != callv1.MediaPacket_VIDEO {
				return false
			}
			got = append(got, w.SimulcastLayerId)
			return string(m.Data) == "end"
		})
		if !slices.Equal(got, want) {
			t.Errorf("bob gets layers %v, want %v", got, want)
		}
	}
	shown(0, 0)
	wanted(wire.LayersWanted{Video: wire.AllLayers, Screen: wire.AllLayers, Plain: true})
	bob.Send(mediatest.Prefer(adaID, 1))
	wanted(wire.LayersWanted{Video: wire.Only(1), Screen: wire.AllLayers})
	shown(0, 1, 1)
}

// guest is a connection of somebody to one node.
type guest struct {
	*mediatest.Peer
	t *testing.T
}

// hub is a node on r, which drains when the test ends.
func hub(t *testing.T, id media.NodeID, r media.Relay) *rooms.Hub {
	h := rooms.NewHub(rooms.Options{
		Node: id, Relay: r, Ledger: new(mediatest.Ledger), Reporter: new(mediatest.Reporter),
		Log: slog.New(slog.NewTextHandler(t.Output(), nil)), Grace: time.Nanosecond,
	})
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
		defer cancel()
		if err := h.Drain(ctx); err != nil {
			t.Errorf("drain: %v", err)
		}
	})
	return h
}

// join connects somebody who is active, and returns the number of their session.
func join(t *testing.T, h *rooms.Hub, room media.RoomID, user string) (*guest, uint64) {
	t.Helper()
	conn, far := mediatest.Pipe(t, media.WebSocket)
	var served sync.WaitGroup
	served.Go(func() {
		_ = h.Serve(context.WithoutCancel(t.Context()), conn, &media.Peer{Room: room, User: user})
	})
	t.Cleanup(func() {
		far.Leave()
		served.Wait()
	})
	g := &guest{far, t}
	var session uint64
	g.awaits(func(w *callv1.PacketWrapper) bool {
		session = w.SessionId
		return w.PacketType == callv1.PacketWrapper_SESSION_ASSIGNED
	})
	far.Send(mediatest.Heartbeat())
	return g, session
}

// awaits receives until a packet is what is waited for.
func (g *guest) awaits(found func(*callv1.PacketWrapper) bool) {
	g.t.Helper()
	for {
		var w callv1.PacketWrapper
		if err := proto.Unmarshal(g.Receive().Wire, &w); err != nil {
			g.t.Fatal(err)
		}
		if found(&w) {
			return
		}
	}
}
