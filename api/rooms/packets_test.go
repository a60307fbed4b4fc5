package rooms_test

import (
	"bytes"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"

	"parley/api/media/mediatest"
	callv1 "parley/protobuf/call/v1"
	healthv1 "parley/protobuf/health/v1"
)

func TestServerStampsIdentity(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node("a")
		ada, bob := n.join("ada"), n.join("bob")
		ada.hears()
		bob.Send(must(proto.Marshal(&callv1.PacketWrapper{
			PacketType: callv1.PacketWrapper_REACTION, UserId: []byte("ada"), SessionId: ada.id, Data: []byte("x"),
		})))
		synctest.Wait()
		got := ada.Sync()
		var p callv1.PacketWrapper
		if len(got) != 1 || proto.Unmarshal(got[0].Wire, &p) != nil {
			t.Fatalf("ada receives %d packets", len(got))
		}
		if string(p.UserId) != "bob" || p.SessionId != bob.id || string(p.Data) != "x" || !got[0].Datagram {
			t.Errorf("ada receives %v, datagram %v", &p, got[0].Datagram)
		}
	})
}

func TestOnlyTheServerSpeaksForTheServer(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node("a")
		ada, bob := n.join("ada"), n.join("bob")
		ada.hears()
		for _, kind := range []callv1.PacketWrapper_PacketType{
			callv1.PacketWrapper_MEETING, callv1.PacketWrapper_SESSION_ASSIGNED, callv1.PacketWrapper_CONGESTION,
			callv1.PacketWrapper_LAYER_HINT, callv1.PacketWrapper_DOWNLINK_CONGESTION,
		} {
			bob.Send(mediatest.Wrap(kind, nil))
		}
		bob.Send(mediatest.Audio("marker"))
		ada.expect("audio marker from bob")
		if got := n.hub.Counters().Forged.Load(); got != 5 {
			t.Errorf("counted %d forged packets, want 5", got)
		}
	})
}

func TestRTTProbeComesBackUnchangedOnItsOwnWay(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node("a")
		ada, bob := n.join("ada"), n.join("bob")
		ada.hears()
		for _, datagram := range []bool{false, true} {
			probe := mediatest.Probe()
			if datagram {
				bob.SendDatagram(probe)
			} else {
				bob.Send(probe)
			}
			if got := bob.Receive(); !bytes.Equal(got.Wire, probe) || got.Datagram != datagram {
				t.Errorf("echo %x datagram %v, want %x %v", got.Wire, got.Datagram, probe, datagram)
			}
		}
		ada.expect()
	})
}

func TestEncryptedProbesAreAnsweredDuringAnElection(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node("a")
		ada := n.join("ada")
		bob := n.connect("bob")
		bob.greeted()
		probe := mediatest.Wrap(callv1.PacketWrapper_MEDIA, bytes.Repeat([]byte{0xf7}, 48))
		bob.Send(probe)
		if got := bob.Receive(); !bytes.Equal(got.Wire, probe) {
			t.Errorf("echo %x", got.Wire)
		}
		ada.expect()
		bob.Send(mediatest.Wrap(callv1.PacketWrapper_RSA_PUB_KEY, []byte("key")))
		ada.expect("joined bob", "RSA_PUB_KEY from bob")
		bob.Send(probe) // now it may as well be a heartbeat
		ada.expect("opaque from bob")

		// A client that says nothing else becomes active when the election must be over.
		eve := n.connect("eve")
		eve.greeted()
		mediatest.Advance(t, 7*time.Second)
		eve.Send(probe)
		ada.expect("joined eve", "opaque from eve")

		// A probe that says in clear what it is may hold anything.
		marked := must(proto.Marshal(&callv1.PacketWrapper{PacketType: callv1.PacketWrapper_MEDIA, Data: []byte{1, 2, 3}, RttProbe: true}))
		eve.hears()
		eve.Send(marked)
		if got := eve.Until(marked); len(got) > 0 {
			t.Errorf("before the echo came %d packets", len(got))
		}
	})
}

func TestPacketsThatDoNotParseAreDropped(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node("a")
		ada, bob := n.join("ada"), n.join("bob")
		ada.hears()
		bob.Send([]byte{0xff, 0xfe, 0xfd})
		bob.Send(nil) // an empty packet is a wrapper of defaults
		ada.expect("PACKET_TYPE_UNKNOWN from bob")
		if got := n.hub.Counters().Malformed.Load(); got != 1 {
			t.Errorf("counted %d malformed packets, want 1", got)
		}
	})
}

func TestFloodIsReadMoreSlowly(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node("a")
		ada, bob := n.join("ada"), n.join("bob")
		ada.hears()
		start := time.Now()
		packet := mediatest.Wrap(callv1.PacketWrapper_VIEWPORT, nil) // goes to nobody
		for range 8_000 {
			bob.Peer.Send(packet)
		}
		if took := time.Since(start); took < 5*time.Second || took > 8*time.Second { // half of them at once
			t.Errorf("8,000 packets were taken in %v", took)
		}
		mediatest.Advance(t, 5*time.Second)
		bob.Send(mediatest.Audio("still here"))
		ada.expect("audio still here from bob")
	})
}

func TestHealthGoesToTheReporterWithTheServersIdentity(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node("a")
		ada, bob := n.join("ada"), n.connect("bob")
		bob.greeted()
		bob.Send(mediatest.Wrap(callv1.PacketWrapper_HEALTH, must(proto.Marshal(&healthv1.HealthPacket{SessionId: "1", ReportingUserId: []byte("ada")}))))
		bob.Send(mediatest.Wrap(callv1.PacketWrapper_HEALTH, []byte{0x0f}))
		ada.expect("joined bob") // it activates, and is not forwarded
		packets := n.reporter.HealthPackets()
		var h healthv1.HealthPacket
		if len(packets) != 1 || proto.Unmarshal(packets[0], &h) != nil || string(h.ReportingUserId) != "bob" || h.MeetingId != "standup" {
			t.Errorf("reporter has %d packets, %v", len(packets), &h)
		}
		if got := n.hub.Counters().BadHealth.Load(); got != 1 {
			t.Errorf("counted %d bad health packets, want 1", got)
		}
	})
}

func must(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}
