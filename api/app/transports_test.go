package app_test

import (
	"bytes"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"parley/api/client"
	"parley/api/media/mediatest"
	"parley/api/token"
	"parley/api/wire"
	callv1 "parley/protobuf/call/v1"
)

// each runs a story over every transport.
func each(t *testing.T, story func(t *testing.T, over way)) {
	for _, over := range []way{overWS, overWT, overTLS} {
		t.Run(string(over), func(t *testing.T) { story(t, over) })
	}
}

func TestTokenDecidesWhoEnters(t *testing.T) {
	each(t, func(t *testing.T, over way) {
		n := newCluster(t).start("meeting_management=true")
		room := newRoom()
		host := n.connectWith(over, "ada", token.Room{User: "ada", Room: room, DisplayName: "Ada L.", Host: true})
		if heard := host.until("started by ada"); len(about(heard, "joined")) > 0 {
			t.Errorf("ada hears %q", heard)
		}
		host.send(mediatest.Heartbeat())
		host.sync()
		guest := n.connectWith(over, "bob", token.Room{User: "bob", Room: room, DisplayName: "Bob"})
		guest.until("joined ada")
		guest.send(mediatest.Audio("hello"))
		host.until("audio hello from bob")
	})
}

func TestBadTokensAreRefused(t *testing.T) {
	n := newCluster(t).start("meeting_management=true")
	room := newRoom()
	expired, _ := token.New(secret).MintRoom(token.Room{User: "ada", Room: room}, -2*time.Minute)
	foreign, _ := token.New("another-secret-of-another-server").MintRoom(token.Room{User: "ada", Room: room}, time.Minute)
	unsafe := sign(t, jwt.MapClaims{"room": "a.b"})
	denied := sign(t, jwt.MapClaims{"room": room, "room_join": false})
	for _, c := range []struct {
		name, path string
		status     int
		body       string
	}{
		{"no token", "/lobby", http.StatusBadRequest, ""},
		{"expired", "/lobby?token=" + expired, http.StatusUnauthorized, "token has expired"},
		{"foreign", "/lobby?token=" + foreign, http.StatusForbidden, token.Suspicious},
		{"garbage", "/lobby?token=garbage", http.StatusForbidden, token.Suspicious},
		{"unsafe room", "/lobby?token=" + unsafe, http.StatusForbidden, token.Suspicious},
		{"may not join", "/lobby?token=" + denied, http.StatusForbidden, "access denied"},
		{"path while meetings are managed", "/lobby/ada/" + room, http.StatusGone,
			"This endpoint is deprecated. Use GET /lobby?token=<JWT> instead."},
	} {
		for _, over := range []way{overWS, overWT, overTLS} {
			_, err := n.dial(over, c.path)
			refused, ok := errors.AsType[*client.RefusedError](err)
			if !ok {
				t.Errorf("%s over %s: %v, want a refusal", c.name, over, err)
				continue
			}
			if refused.Status != c.status && over != overWT || refused.Status < 400 {
				t.Errorf("%s over %s: status %d, want %d", c.name, over, refused.Status, c.status)
			}
			if c.body != "" && over != overWT && refused.Body != c.body {
				t.Errorf("%s over %s: body %q, want %q", c.name, over, refused.Body, c.body)
			}
		}
	}
	if rows := sql[int](n.cluster, "select count(*) from sessions where room_id = $1", room); rows != 0 {
		t.Errorf("refused clients left %d rows", rows)
	}
}

// sign makes a token as another backend of the family would, with the claims changed.
func sign(t *testing.T, change jwt.MapClaims) string {
	t.Helper()
	claims := jwt.MapClaims{
		"sub": "ada", "room": "standup", "room_join": true, "is_host": false, "display_name": "Ada",
		"exp": time.Now().Add(time.Minute).Unix(), "iss": "videocall-meeting-backend",
	}
	for name, value := range change {
		claims[name] = value
	}
	signed, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

func TestTokensOfOtherBackendsAreAccepted(t *testing.T) {
	each(t, func(t *testing.T, over way) {
		n := newCluster(t).start("meeting_management=true")
		g := n.enter(over, "ada", "/lobby?token="+url.QueryEscape(sign(t, jwt.MapClaims{"room": newRoom()})))
		g.until("started by ada")
	})
}

func TestPathEndpointsAreOpenWhileMeetingsAreNotManaged(t *testing.T) {
	each(t, func(t *testing.T, over way) {
		n := newCluster(t).start("meeting_management=false")
		room := newRoom()
		ada := n.join(over, "ada", room)
		bob := n.connect(over, "bob", room)
		// Nobody records who created the meeting. Streams overtake each other.
		if !slices.Contains(bob.until("joined ada"), "started by bob") {
			bob.until("started by bob")
		}
		ada.sync()
		for _, bad := range []string{"/lobby/ada/bad.room", "/lobby/a%2Eb/room", "/lobby/ada", "/elsewhere/ada/room"} {
			if _, err := n.dial(over, bad); err == nil {
				t.Errorf("%s is let in", bad)
			}
		}
		if rows := sql[int](n.cluster, "select count(*) from session_participants where room_id = $1", room); rows != 0 {
			t.Errorf("%d rows although meetings are not managed", rows)
		}
	})
}

func TestPacketsArriveUnchangedButForIdentity(t *testing.T) {
	each(t, func(t *testing.T, over way) {
		n := newCluster(t).start()
		room := newRoom()
		ada, bob := n.join(over, "ada", room), n.join(overWS, "bob", room)
		payload := bytes.Repeat([]byte("0123456789"), 300_000) // 3 MB
		bob.send(client.Video("somebody else", 1, 0, true, payload))
		for {
			w := mustParse(t, ada.next().Data)
			if w.PacketType != callv1.PacketWrapper_MEDIA || len(w.Data) < len(payload) {
				continue
			}
			if string(w.UserId) != "bob" || w.SessionId != bob.id || !bytes.Contains(w.Data, payload) {
				t.Errorf("ada receives %d bytes from %q, session %d", len(w.Data), w.UserId, w.SessionId)
			}
			break
		}
	})
}

func TestOversizedPacketEndsNothingElse(t *testing.T) {
	n := newCluster(t).start()
	room := newRoom()
	ada := n.join(overWS, "ada", room)
	fat := n.join(overWS, "fat", room)
	ada.until("joined fat")
	_ = fat.Send(fat.ctx, make([]byte, wire.MaxPacket+1))
	<-fat.Done()
	// What is still on its way may reset the connection before the code is read.
	if code := fat.CloseCode(); code != 3510 && code != 1009 && code != 0 {
		t.Errorf("closed with %d", code)
	}
	ada.until("left fat")

	// Over WebTransport only the stream is lost.
	wide := n.join(overWT, "wide", room)
	ada.until("joined wide")
	_ = wide.Send(wide.ctx, make([]byte, wire.MaxPacket+1))
	wide.send(mediatest.Audio("still here"))
	ada.until("audio still here from wide")
}

func TestRoomsDoNotMix(t *testing.T) {
	each(t, func(t *testing.T, over way) {
		n := newCluster(t).start()
		here, there := newRoom(), newRoom()
		ada, bob, eve := n.join(over, "ada", here), n.join(over, "bob", here), n.join(over, "eve", there)
		ada.send(mediatest.Audio("here"))
		bob.until("audio here from ada")
		eve.send(mediatest.Audio("there"))
		bob.send(mediatest.Audio("marker"))
		heard := ada.until("audio marker from bob")
		if leaked := append(about(heard, "eve"), about(heard, "from ada")...); len(leaked) > 0 {
			t.Errorf("ada hears %q", leaked)
		}
		if leaked := about(eve.sync(), "audio"); len(leaked) > 0 {
			t.Errorf("eve hears %q", leaked)
		}
	})
}

func TestSmallPacketsThatMayBeLostTravelAsDatagrams(t *testing.T) {
	n := newCluster(t).start()
	room := newRoom()
	ada, bob := n.join(overWT, "ada", room), n.join(overWS, "bob", room)
	for _, c := range []struct {
		kind     callv1.PacketWrapper_PacketType
		size     int
		datagram bool
	}{
		{callv1.PacketWrapper_DIAGNOSTICS, 100, true},
		{callv1.PacketWrapper_DIAGNOSTICS, 2000, false},
		{callv1.PacketWrapper_AES_KEY, 100, false}, // said once, so it must arrive
		{callv1.PacketWrapper_MEDIA, 100, false},
		{callv1.PacketWrapper_REACTION, 100, true},
	} {
		bob.send(mediatest.Wrap(c.kind, bytes.Repeat([]byte{0xff}, c.size)))
		for {
			p := ada.next()
			w := mustParse(t, p.Data)
			if w.PacketType != c.kind || len(w.Data) != c.size {
				continue
			}
			if p.Datagram != c.datagram {
				t.Errorf("%v of %d bytes: datagram %v", c.kind, c.size, p.Datagram)
			}
			break
		}
	}
}

func TestProbeComesBackTheWayItCame(t *testing.T) {
	n := newCluster(t).start()
	ada := n.connect(overWT, "ada", newRoom())
	probe := mediatest.Probe()
	if err := ada.SendDatagram(probe); err != nil {
		t.Fatal(err)
	}
	for {
		if p := ada.next(); bytes.Equal(p.Data, probe) {
			if !p.Datagram {
				t.Error("the echo of a datagram came as a stream")
			}
			break
		}
	}
	if err := ada.SendDatagram([]byte(wire.Ping)); err != nil { // neither answered nor a packet
		t.Fatal(err)
	}
	if heard := ada.sync(); len(about(heard, "malformed")) > 0 {
		t.Errorf("ada hears %q", heard)
	}
}

func TestReservedIdentityIsRefusedWithAReason(t *testing.T) {
	n := newCluster(t).start()
	raw := sign(t, jwt.MapClaims{"sub": wire.SystemUser, "room": newRoom()})
	c, err := n.dial(overWS, "/lobby?token="+url.QueryEscape(raw))
	if err != nil {
		t.Fatal(err)
	}
	p, err := c.Receive(t.Context())
	if err != nil || mediatest.Describe(p.Data, nil) != "ended: Session rejected: Cannot use reserved system user ID" {
		t.Errorf("first packet %x, %v", p.Data, err)
	}
	<-c.Done()
	if c.CloseCode() != 1008 {
		t.Errorf("closed with %d", c.CloseCode())
	}
}
