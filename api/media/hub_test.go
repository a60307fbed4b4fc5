package media_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	"parley/api/fault"
	"parley/api/media"
	"parley/api/media/mediatest"
	"parley/api/wire"
	callv1 "parley/protobuf/call/v1"
	healthv1 "parley/protobuf/health/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestNewcomerIsToldWhoIsThere(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node("a")
		ada := n.connect("ada")
		if got := ada.greeted(); !slices.Equal(got, []string{"started by ada"}) {
			t.Errorf("ada is told %q", got)
		}
		ada.Send(mediatest.Heartbeat())
		mediatest.Advance(t, time.Second)
		bob := n.join("bob")
		ada.expect("joined bob", "heartbeat from bob")
		eve := n.connect("eve")
		if got := eve.greeted(); !slices.Equal(got, []string{"started by ada", "joined ada", "joined bob"}) {
			t.Errorf("eve is told %q", got)
		}
		bob.expect()
	})
}

func TestSessionsOfOneUserHaveDistinctNumbers(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node("a")
		one, two := n.join("ada/1"), n.join("ada/2")
		if one.id == two.id || one.id == 0 || two.id == 0 {
			t.Errorf("sessions %d and %d", one.id, two.id)
		}
	})
}

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

func TestTestingSessionsAreInvisible(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node("a")
		ada := n.join("ada")
		bob := n.connect("bob")
		bob.greeted()
		bob.Sync() // probes do not activate
		mediatest.Advance(t, 1500*time.Millisecond)
		ada.expect()
		ada.Send(mediatest.Audio("hi"))
		bob.expect("audio hi from ada") // but it hears the room
		bob.Leave()
		mediatest.Advance(t, 4*time.Second)
		ada.expect()
	})
}

func TestActivatingPacketIsForwarded(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node("a")
		ada := n.join("ada")
		bob := n.connect("bob")
		bob.greeted()
		bob.Send(mediatest.Audio("first"))
		bob.Send(mediatest.Audio("second"))
		ada.expect("joined bob", "audio first from bob", "audio second from bob")
	})
}

func TestLosingCandidateOfAnElectionCausesNothing(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node("a")
		ada := n.join("ada")
		ws, wt := n.connect("bob/ws"), n.connect("bob/wt")
		ws.greeted()
		wt.greeted()
		ws.Sync()
		wt.Send(mediatest.Heartbeat())
		ws.Leave()
		mediatest.Advance(t, 10*time.Second)
		ada.expect("joined bob/wt", "heartbeat from bob/wt")
		if open := w.ledger.Open("standup"); !slices.Equal(open, []string{"ada", "bob"}) {
			t.Errorf("ledger has %v", open)
		}
	})
}

func TestDepartureIsToldAfterTheGracePeriod(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node("a")
		ada, bob := n.join("ada"), n.join("bob")
		ada.hears()
		bob.Vanish()
		if code := bob.gone(); code != fault.Idle {
			t.Errorf("bob ended with %q", code)
		}
		mediatest.Advance(t, media.DefaultGrace-time.Millisecond)
		ada.expect()
		mediatest.Advance(t, time.Millisecond)
		ada.expect("left bob")
		if open := w.ledger.Open("standup"); !slices.Equal(open, []string{"ada"}) {
			t.Errorf("ledger has %v", open)
		}
	})
}

func TestReconnectionIsSilent(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node("a")
		ada, bob := n.join("ada"), n.join("bob/1")
		ada.hears()
		bob.Vanish()
		mediatest.Advance(t, time.Second)
		again := n.connect("bob/2")
		if got := again.greeted(); !slices.Equal(got, []string{"started by ada", "joined ada"}) {
			t.Errorf("bob is told %q", got)
		}
		mediatest.Advance(t, 5*time.Second) // choosing a connection takes longer than the grace period
		ada.expect()
		again.Send(mediatest.Heartbeat())
		ada.expect("replaced bob/1 by bob/2", "heartbeat from bob/2")
		mediatest.Advance(t, 10*time.Second)
		ada.expect()
	})
}

func TestReconnectionThatFailsIsADeparture(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node("a")
		ada, bob := n.join("ada"), n.join("bob/1")
		ada.hears()
		bob.Vanish()
		again := n.connect("bob/2")
		again.greeted()
		again.Vanish()
		mediatest.Advance(t, media.DefaultGrace)
		ada.expect("left bob/1")
		if open := w.ledger.Open("standup"); !slices.Equal(open, []string{"ada"}) {
			t.Errorf("ledger has %v", open)
		}
	})
}

func TestUndecidedReconnectionDoesNotHoldALostSessionForEver(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node("a")
		ada, bob := n.join("ada"), n.join("bob/1")
		ada.hears()
		bob.Vanish()
		again := n.connect("bob/2")
		again.greeted()
		mediatest.Advance(t, 15*time.Second)
		ada.expect("left bob/1")
		again.Send(mediatest.Heartbeat())
		ada.expect("joined bob/2", "heartbeat from bob/2")
	})
}

func TestDevicesOfOneUserDoNotInterfere(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node("a")
		ada := n.join("ada")
		phone := n.join("bob/phone", instance("phone"))
		laptop := n.join("bob/laptop", instance("laptop"))
		ada.hears()
		phone.Vanish()
		laptop.Vanish()
		mediatest.Advance(t, time.Second)
		n.join("bob/tablet", instance("tablet"))
		ada.expect("joined bob/tablet", "heartbeat from bob/tablet")
		back := n.join("bob/back", instance("phone"))
		ada.expect("replaced bob/phone by bob/back", "heartbeat from bob/back")
		mediatest.Advance(t, 5*time.Second)
		ada.expect("left bob/laptop")
		back.hears()
	})
}

func TestClientThatIsBackBeforeItsLossIsNoticed(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node("a")
		ada := n.join("ada")
		stale := n.join("bob/1", instance("x"))
		ada.hears()
		n.join("bob/2", instance("x"))
		ada.expect("replaced bob/1 by bob/2", "heartbeat from bob/2")
		if code := stale.gone(); code != fault.Bye {
			t.Errorf("stale session ended with %q", code)
		}
		mediatest.Advance(t, 10*time.Second)
		ada.expect()
	})
}

func TestObserverHearsEventsAndNeverMedia(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node("a")
		ada := n.join("ada")
		guest := n.connect("guest", observer)
		if got := guest.greeted(); !slices.Equal(got, []string{"started by ada"}) {
			t.Errorf("observer is told %q", got)
		}
		ada.Send(mediatest.Audio("secret"))
		ada.Send(mediatest.VideoKey("secret"))
		ada.Send(mediatest.Wrap(callv1.PacketWrapper_DIAGNOSTICS, []byte("secret")))
		bob := n.join("bob")
		ada.expect("joined bob", "heartbeat from bob")
		guest.Send(mediatest.Audio("smuggled"))
		guest.Send(mediatest.KeyframeRequest("ada", 0))
		guest.expect("joined bob")
		guest.Leave()
		bob.Leave()
		mediatest.Advance(t, 5*time.Second)
		ada.expect("left bob")
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

func TestReservedIdentityIsRefused(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node("a")
		ada := n.join("ada")
		mallory := n.connect("mallory", func(p *media.Peer) { p.User = wire.SystemUser })
		if got := mediatest.Describe(mallory.Receive().Wire, nil); got != "ended: Session rejected: Cannot use reserved system user ID" {
			t.Errorf("mallory is told %q", got)
		}
		if code := mallory.ClosedWith(); code != fault.Reserved {
			t.Errorf("closed with %q", code)
		}
		ada.expect()
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

func TestMeetingStartIsToldToOthersOnlyByTheFirst(t *testing.T) {
	inWorld(t, func(w *world) {
		w.ledger.Off = true // then everybody is first on record
		n := w.node("a")
		watching := n.connect("watching", observer)
		watching.greeted()
		ada := n.join("ada")
		watching.expect("started by ada", "joined ada")
		n.connect("bob").greeted()
		ada.expect()
		watching.expect()
	})
}

func TestFloodIsReadMoreSlowly(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node("a")
		ada, bob := n.join("ada"), n.join("bob")
		ada.hears()
		start := time.Now()
		packet := mediatest.Wrap(callv1.PacketWrapper_VIEWPORT, nil) // goes to nobody
		for range 20_000 {
			bob.Peer.Send(packet)
		}
		if took := time.Since(start); took < time.Second || took > 3*time.Second {
			t.Errorf("20,000 packets were taken in %v", took)
		}
		bob.Send(mediatest.Audio("still here"))
		mediatest.Advance(t, time.Second)
		ada.expect("audio still here from bob")
	})
}

func TestDrainThatIsCutShortStillTellsOfDepartures(t *testing.T) {
	inWorld(t, func(w *world) {
		a, b := w.node("a"), w.node("b")
		ada, _ := a.join("ada"), b.join("bob")
		ada.hears()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second) // shorter than the grace period
		defer cancel()
		if err := b.hub.Drain(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("drain: %v", err)
		}
		ada.expect("left bob")
		if open := w.ledger.Open("standup"); !slices.Equal(open, []string{"ada"}) {
			t.Errorf("ledger has %v", open)
		}
	})
}

func TestRoomsAreIsolated(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node("a")
		ada, bob := n.join("ada"), n.join("bob", room("elsewhere"))
		bob.Send(mediatest.Audio("elsewhere"))
		ada.expect()
		ada.Send(mediatest.Audio("here"))
		bob.expect()
		ada.expect() // no echo of its own
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

func TestLedgerMayRefuse(t *testing.T) {
	inWorld(t, func(w *world) {
		w.ledger.Refuse = fault.New(fault.Forbidden, "not today")
		n := w.node("a")
		for _, who := range []*person{n.connect("ada"), n.connect("bob", observer)} {
			if code := who.ClosedWith(); code != fault.Forbidden {
				t.Errorf("closed with %q", code)
			}
		}
	})
}

func TestMeetingThatEndsWithItsHostTellsTheOthers(t *testing.T) {
	inWorld(t, func(w *world) {
		w.ledger.HostEnds = true
		n := w.node("a")
		host, bob := n.join("ada"), n.join("bob")
		host.Leave()
		mediatest.Advance(t, media.DefaultGrace)
		bob.expect("left ada", "ended: The host has ended the meeting")
	})
}

func TestServerEndsASessionWithoutGrace(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node("a")
		ada, bob := n.join("ada"), n.join("bob")
		ada.hears()
		bob.end(fault.New(fault.Forbidden, "removed"))
		if code := bob.ClosedWith(); code != fault.Forbidden {
			t.Errorf("closed with %q", code)
		}
		ada.expect("left bob")
	})
}

func TestDrainRefusesAndEndsSessions(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node("a")
		ada := n.join("ada")
		done := make(chan error, 1)
		w.wg.Go(func() { done <- n.hub.Drain(w.t.Context()) })
		if code := ada.ClosedWith(); code != fault.GoingAway {
			t.Errorf("closed with %q", code)
		}
		late := n.connect("late")
		if code := late.ClosedWith(); code != fault.GoingAway {
			t.Errorf("latecomer closed with %q", code)
		}
		if err := <-done; err != nil {
			t.Errorf("drain: %v", err)
		}
		if open := w.ledger.Open("standup"); len(open) != 0 {
			t.Errorf("ledger still has %v", open)
		}
	})
}

func TestTrafficIsReported(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node("a")
		ada := n.join("ada")
		ada.Leave()
		if err := <-ada.ended; err != nil {
			t.Errorf("polite end: %v", err)
		}
		events := n.reporter.Events
		if len(events) != 2 || events[0].User != "ada" || events[1].BytesReceived == 0 || events[1].BytesSent == 0 {
			t.Errorf("reported %+v", events)
		}
	})
}

func must(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}
