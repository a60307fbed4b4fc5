package app_test

import (
	"testing"
	"time"

	"parley/api/flags"
	"parley/api/media/mediatest"
	"parley/api/wire"
	callv1 "parley/protobuf/call/v1"
)

// Whoever is muted is silent on every node and over every transport once the request is
// answered, whatever their client makes of it.
func TestMutedPeopleAreSilentOnEveryNode(t *testing.T) {
	c := newCluster(t)
	a := c.start("meeting_management=true", "waiting_room_default=false")
	b := c.start("meeting_management=true", "waiting_room_default=false")
	each(t, func(t *testing.T, over way) {
		room := newRoom()
		ada, bob, cyd := a.inside(over, "ada", room), b.inside(over, "bob", room), b.inside(over, "cyd", room)
		bob.send(mediatest.Saying(wire.Audio, wire.Video))
		bob.send(mediatest.Audio("before"))
		for _, g := range []*guest{ada, cyd} {
			g.until("audio before from bob")
		}
		asked := time.Now()
		a.ask("ada", "POST", "/"+room+"/mute", `{"user_id":"bob"}`)
		t.Logf("muted and answered after %v", time.Since(asked))
		var told []string
		silent := func(marker string) {
			t.Helper()
			for range 20 {
				bob.send(mediatest.Audio("ignored"))
			}
			told = append(told, bob.sync()...)
			bob.send(mediatest.VideoKey(marker))
			for _, g := range []*guest{ada, cyd} {
				if heard := g.until("video " + marker + " from bob"); len(about(heard, "audio ignored")) > 0 {
					t.Errorf("%s hears %q", g.name, heard)
				}
			}
		}
		silent("first")
		silent("second")
		if len(about(told, "HOST_MUTE_PARTICIPANT")) == 0 { // the act does not wait for the event
			bob.until(callv1.MeetingPacket_HOST_MUTE_PARTICIPANT.String())
		}

		// On a new connection, to the other node, it is the same.
		_ = bob.Close()
		bob = a.inside(over, "bob", room)
		silent("third")
		for _, g := range []*guest{ada, cyd} {
			// Over WebTransport what he says first may come in last, and what is switched on may be heard
			// before it is said to be on.
			for heard := false; !heard; {
				bob.send(mediatest.Saying())
				bob.sync()
				bob.send(mediatest.Saying(wire.Audio))
				bob.sync()
				bob.send(mediatest.Audio("after"))
				bob.send(mediatest.VideoKey("marker"))
				heard = len(about(g.until("video marker from bob"), "audio after")) > 0
			}
		}

		a.ask("ada", "POST", "/"+room+"/mute-all", "")
		silent("fourth")
		cyd.send(mediatest.Audio("cyd"))
		ada.send(mediatest.Audio("the host"))
		if heard := bob.until("audio the host from ada"); len(about(heard, "audio cyd")) > 0 {
			t.Errorf("bob hears %q", heard)
		}
	})
}

// What an operator decides about media holds within a second, during the call and on every node.
func TestRulesOfARoomHoldDuringTheCall(t *testing.T) {
	c := newCluster(t)
	a, b := c.start(), c.start()
	each(t, func(t *testing.T, over way) {
		room := newRoom()
		ada, bob := a.join(over, "ada", room), b.join(over, "bob", room)
		ada.until("joined bob")
		set := func(flag, value string) {
			asAdmin[any](a, "PUT", "flags/"+flag, `{"value":`+value+`,"room":"`+room+`"}`)
			becomes(b, flags.ScreenShare, room, flag != "screen_share" || value == "true")
		}
		// The packet that is dropped is followed by one that is not.
		refused := func(dropped []byte, kind, why string) {
			t.Helper()
			bob.send(dropped)
			bob.until("refused: " + why)
			bob.send(mediatest.Heartbeat())
			if heard := ada.until("heartbeat from bob"); len(about(heard, kind)) > 0 {
				t.Errorf("ada hears %q", heard)
			}
		}
		asked := time.Now()
		set("screen_share", "false")
		bob.until(callv1.MeetingPacket_HOST_STOP_SCREEN_SHARE.String())
		t.Logf("%v after it was asked for", time.Since(asked))
		refused(mediatest.Screen("slides"), "screen", "screen_share_off")
		set("screen_share", "true")
		bob.until(callv1.MeetingPacket_MEETING_SETTINGS_UPDATED.String())
		bob.send(mediatest.Screen("slides"))
		ada.until("screen slides from bob")

		asked = time.Now()
		set("e2ee_required", "true")
		bob.until(callv1.MeetingPacket_MEETING_SETTINGS_UPDATED.String())
		t.Logf("%v after it was asked for", time.Since(asked))
		refused(mediatest.VideoKey("face"), "video", "encryption_required")
		bob.send(mediatest.Sealed(callv1.PacketWrapper_VIDEO, 2000))
		ada.until("opaque from bob")
	})
}
