package wire_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"parley/api/wire"
	callv1 "parley/protobuf/call/v1"
	healthv1 "parley/protobuf/health/v1"
)

func TestVectors(t *testing.T) {
	for _, v := range vectors(t) {
		if got := marshal(t, v.message); !bytes.Equal(got, v.bytes) {
			t.Errorf("%s: encodes to %x, golden %x", v.name, got, v.bytes)
		}
		back := v.message.ProtoReflect().New().Interface()
		if err := proto.Unmarshal(v.bytes, back); err != nil || !proto.Equal(back, v.message) {
			t.Errorf("%s: decodes to %v, %v", v.name, back, err)
		}
		if w, ok := v.message.(*callv1.PacketWrapper); ok {
			checkScan(t, v.bytes, w)
		}
	}
}

// checkScan compares the view of b with the unmarshalled message.
func checkScan(t *testing.T, b []byte, w *callv1.PacketWrapper) {
	t.Helper()
	p, err := wire.Scan(b)
	if err != nil {
		t.Fatalf("%x: %v", b, err)
	}
	if p.Type != w.GetPacketType() || p.MediaKind != w.GetMediaKind() || p.Layer != w.GetSimulcastLayerId() ||
		p.SessionID != w.GetSessionId() || p.Keyframe != w.GetKeyframe() || p.RTTProbe != w.GetRttProbe() ||
		!bytes.Equal(p.UserID, w.GetUserId()) || !bytes.Equal(p.Data, w.GetData()) {
		t.Errorf("%x: scanned %+v, want %v", b, p, w)
	}
}

func TestStampOverridesWhatAClientClaims(t *testing.T) {
	for _, v := range vectors(t) {
		claimed, ok := v.message.(*callv1.PacketWrapper)
		if !ok {
			continue
		}
		stamped := wire.Stamp(bytes.Clone(v.bytes), 77, "carol")
		want := proto.Clone(claimed).(*callv1.PacketWrapper)
		want.UserId, want.SessionId = []byte("carol"), 77
		var got callv1.PacketWrapper
		if err := proto.Unmarshal(stamped, &got); err != nil || !proto.Equal(&got, want) {
			t.Errorf("%s: stamped packet reads %v, %v", v.name, &got, err)
		}
		checkScan(t, stamped, want)
	}
}

func TestStampKeepsUnknownFields(t *testing.T) {
	b := protowire.AppendTag(nil, 55, protowire.BytesType)
	b = protowire.AppendString(b, "from the future")
	var got callv1.PacketWrapper
	if err := proto.Unmarshal(wire.Stamp(b, 1, "ada"), &got); err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(got.ProtoReflect().GetUnknown(), []byte("from the future")) {
		t.Error("unknown field is gone")
	}
}

func TestStampDoesNotAllocate(t *testing.T) {
	for _, size := range []int{0, 160, 1200} {
		packet := proto.Clone(&callv1.PacketWrapper{
			PacketType: callv1.PacketWrapper_MEDIA, Data: make([]byte, size), MediaKind: callv1.PacketWrapper_AUDIO,
		})
		b, _ := proto.Marshal(packet)
		buf := append(make([]byte, 0, len(b)+wire.StampRoom), b...)
		user := strings.Repeat("u", wire.MaxUser)
		if n := testing.AllocsPerRun(100, func() {
			_ = wire.Classify(buf)
			_ = wire.Stamp(buf, 1<<64-1, user)
		}); n != 0 {
			t.Errorf("%d bytes: %v allocations", size, n)
		}
	}
}

func TestClassify(t *testing.T) {
	want := map[string]string{
		"empty":               "Message",
		"connection":          "Message",
		"session_assigned":    "Forged",
		"video_key":           "Media video key",
		"video_delta":         "Media video",
		"audio":               "Media audio key",
		"screen":              "Media screen key",
		"heartbeat":           "Message",
		"rtt":                 "RTT",
		"keyframe_request":    "KeyframeRequest screen of bob/42",
		"encrypted_keyframe":  "Media video key layer 2",
		"encrypted_rtt_probe": "RTT",
		"opaque":              "Media video opaque",
		"congestion":          "Forged",
		"reaction":            "Message",
		"viewport":            "Preference",
		"layer_preference":    "Preference",
		"layer_hint":          "Forged",
		"identity_not_utf8":   "Message",
		"meeting_started":     "Forged",
		"participant_joined":  "Forged",
		"session_replaced":    "Forged",
		"caught_up":           "Forged",
		"chat":                "Chat",
	}
	for _, v := range vectors(t) {
		if _, ok := v.message.(*callv1.PacketWrapper); !ok {
			continue
		}
		if got := describe(wire.Classify(v.bytes)); got != want[v.name] {
			t.Errorf("%s: %q, want %q", v.name, got, want[v.name])
		}
	}
	for name, b := range map[string][]byte{
		"truncated": {0x0a}, "garbage": {0xff, 0xfe, 0xfd}, "field zero": {0x00, 0x01}, "bad wire type": {0x0f},
		"length beyond the end": {0x1a, 0x7f, 0x01}, "huge length": {0x1a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
	} {
		if got := wire.Classify(b).Class; got != wire.Malformed {
			t.Errorf("%s: class %v, want Malformed", name, got)
		}
	}
}

func describe(i wire.Info) string {
	classes := map[wire.Class]string{
		wire.Malformed: "Malformed", wire.Forged: "Forged", wire.RTT: "RTT", wire.KeyframeRequest: "KeyframeRequest",
		wire.Health: "Health", wire.Preference: "Preference", wire.MediaFrame: "Media", wire.Message: "Message", wire.Chat: "Chat",
	}
	s := classes[i.Class]
	s += map[wire.Stream]string{wire.Audio: " audio", wire.Video: " video", wire.Screen: " screen"}[i.Stream]
	if i.Key {
		s += " key"
	}
	if i.Opaque {
		s += " opaque"
	}
	if i.Layer > 0 {
		s += fmt.Sprintf(" layer %d", i.Layer)
	}
	if i.Class == wire.KeyframeRequest {
		s += fmt.Sprintf(" of %s/%d", i.Target, i.TargetSession)
	}
	return s
}

// What parsers read differently is refused: it could say one thing to the server and another
// to its receivers.
func TestAmbiguousPacketsAreMalformed(t *testing.T) {
	meeting := marshal(t, &callv1.PacketWrapper{PacketType: callv1.PacketWrapper_MEETING, UserId: []byte(wire.SystemUser), Data: []byte("x")})
	wide := protowire.AppendString(protowire.AppendVarint(nil, 1<<32|2<<3|2), "mallory")
	for name, b := range map[string][]byte{
		"tag beyond 32 bits":            wide,
		"group":                         append(bytes.Clone(meeting), 0x93, 0x03, 0x94, 0x03),
		"group closed by another":       append(bytes.Clone(meeting), 0x93, 0x03, 0x9c, 0x03),
		"packet type as bytes":          append([]byte{0x0a, 0x07}, bytes.Repeat([]byte{7}, 7)...),
		"user as varint":                append(bytes.Clone(meeting), 0x10, 0x09),
		"session as fixed64":            append(bytes.Clone(meeting), 0x21, 1, 2, 3, 4, 5, 6, 7, 8),
		"keyframe as bytes":             append(bytes.Clone(meeting), 0xa2, 0x06, 0x00),
		"layer that no encoder has":     append(bytes.Clone(meeting), 0x28, 0x08),
		"truncated in an unknown field": append(bytes.Clone(meeting), 0xba, 0x06, 0x05),
	} {
		if got := wire.Classify(b).Class; got != wire.Malformed {
			t.Errorf("%s: class %v, want Malformed", name, got)
		}
	}
	long := marshal(t, &callv1.MediaPacket{MediaType: callv1.MediaPacket_KEYFRAME_REQUEST, UserId: make([]byte, 256)})
	if got := wire.Classify(marshal(t, &callv1.PacketWrapper{PacketType: callv1.PacketWrapper_MEDIA, Data: long})).Class; got != wire.Malformed {
		t.Errorf("keyframe request for a name nobody has: class %v", got)
	}
}

func TestUnreliable(t *testing.T) {
	reliable := map[callv1.PacketWrapper_PacketType]bool{
		callv1.PacketWrapper_MEDIA: true, callv1.PacketWrapper_MEETING: true,
		callv1.PacketWrapper_SESSION_ASSIGNED: true, callv1.PacketWrapper_RSA_PUB_KEY: true,
		callv1.PacketWrapper_AES_KEY: true, callv1.PacketWrapper_CHAT: true,
	}
	for n := range callv1.PacketWrapper_PacketType_name {
		kind := callv1.PacketWrapper_PacketType(n)
		b, _ := proto.Marshal(&callv1.PacketWrapper{PacketType: kind})
		info := wire.Classify(b)
		if info.Unreliable() == reliable[kind] {
			t.Errorf("%v: unreliable %v", kind, info.Unreliable())
		}
	}
}

func TestParticipantEventsMirrorEachOther(t *testing.T) {
	p := wire.Participant{Session: 42, User: "bob", DisplayName: "Bob", Guest: true}
	for _, c := range []struct {
		packet  []byte
		event   callv1.MeetingPacket_MeetingEventType
		message string
	}{
		{wire.ParticipantJoined("standup", p), callv1.MeetingPacket_PARTICIPANT_JOINED, "bob has joined the meeting"},
		{wire.ParticipantLeft("standup", p), callv1.MeetingPacket_PARTICIPANT_LEFT, "bob has left the meeting"},
		{wire.SessionReplaced("standup", p, 41), callv1.MeetingPacket_SESSION_REPLACED, "bob has reconnected"},
	} {
		w, m := meetingPacket(t, c.packet)
		if string(w.UserId) != wire.SystemUser || w.SessionId != 0 || w.PacketType != callv1.PacketWrapper_MEETING {
			t.Errorf("%v: wrapper %v", c.event, w)
		}
		if m.EventType != c.event || m.RoomId != "standup" || string(m.TargetUserId) != "bob" || m.SessionId != 42 ||
			string(m.DisplayName) != "Bob" || !m.IsGuest || m.Message != c.message || m.RoomToken != "" {
			t.Errorf("%v: %v", c.event, m)
		}
	}
}

func TestMeetingStartedAndEnded(t *testing.T) {
	started := time.UnixMilli(1_760_000_000_123)
	if _, m := meetingPacket(t, wire.MeetingStarted("standup", started, "ada")); m.StartTimeMs != 1_760_000_000_123 ||
		string(m.CreatorId) != "ada" || m.EventType != callv1.MeetingPacket_MEETING_STARTED {
		t.Errorf("started: %v", m)
	}
	if _, m := meetingPacket(t, wire.MeetingEnded("standup", "over")); m.Message != "over" ||
		m.EventType != callv1.MeetingPacket_MEETING_ENDED {
		t.Errorf("ended: %v", m)
	}
}

func TestEventsSurviveIdentitiesThatAreNotUTF8(t *testing.T) {
	_, m := meetingPacket(t, wire.ParticipantJoined("standup", wire.Participant{User: "\xff\xfe"}))
	if string(m.TargetUserId) != "\xff\xfe" {
		t.Errorf("target %q", m.TargetUserId)
	}
}

func meetingPacket(t *testing.T, b []byte) (*callv1.PacketWrapper, *callv1.MeetingPacket) {
	t.Helper()
	var w callv1.PacketWrapper
	var m callv1.MeetingPacket
	if err := proto.Unmarshal(b, &w); err != nil {
		t.Fatal(err)
	}
	if err := proto.Unmarshal(w.Data, &m); err != nil {
		t.Fatal(err)
	}
	return &w, &m
}

func TestKeyframeRequestForReadsAsAClientsOwn(t *testing.T) {
	b := wire.KeyframeRequestFor(wire.Participant{Session: 7, User: "ada"}, "bob", 42, wire.Screen, 2)
	info := wire.Classify(b)
	if got := describe(info); got != "KeyframeRequest screen layer 2 of bob/42" {
		t.Errorf("%q", got)
	}
}

func TestRewriteHealthTakesIdentityFromTheConnection(t *testing.T) {
	claimed, _ := proto.Marshal(&healthv1.HealthPacket{
		SessionId: "1", MeetingId: "elsewhere", ReportingUserId: []byte("mallory"),
		ActiveServerUrl: "wss://example.org/lobby?token=secret", ActiveServerType: "websocket",
	})
	b, err := wire.RewriteHealth(claimed, 42, "standup", "ada")
	if err != nil {
		t.Fatal(err)
	}
	var h healthv1.HealthPacket
	if err := proto.Unmarshal(b, &h); err != nil {
		t.Fatal(err)
	}
	if h.SessionId != "42" || h.MeetingId != "standup" || string(h.ReportingUserId) != "ada" ||
		h.ActiveServerUrl != "wss://example.org/lobby" || h.ActiveServerType != "websocket" {
		t.Errorf("%v", &h)
	}
	for _, bad := range [][]byte{{0x0f}, append([]byte{0x0a, 0xff, 0xff, 0x03}, make([]byte, 1<<16-1)...)} {
		if _, err := wire.RewriteHealth(bad, 1, "r", "u"); err == nil {
			t.Errorf("%d bytes are taken for a health packet", len(bad))
		}
	}
}

func FuzzScan(f *testing.F) {
	for _, v := range vectors(f) {
		f.Add(v.bytes)
	}
	f.Add([]byte{0xff, 0xfe, 0xfd})
	f.Fuzz(func(t *testing.T, b []byte) {
		var w callv1.PacketWrapper
		p, err := wire.Scan(b)
		if perr := (proto.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(b, &w); perr == nil {
			// A packet of the contract that a client of ours could have made is never refused.
			if again, merr := proto.Marshal(&w); err != nil && merr == nil && bytes.Equal(again, b) {
				t.Fatalf("a packet that parses is refused: %x", b)
			}
			if err == nil && (!bytes.Equal(p.UserID, w.UserId) || p.SessionID != w.SessionId || p.Type != w.PacketType) {
				t.Fatalf("%x: scanned %+v, want %v", b, p, &w)
			}
		}
		if err != nil {
			return
		}
		stamped := wire.Stamp(bytes.Clone(b), 9, "ada")
		again, err := wire.Scan(stamped)
		if err != nil || again.SessionID != 9 || string(again.UserID) != "ada" || !bytes.Equal(again.Data, p.Data) {
			t.Fatalf("%x: stamped %+v, %v", b, again, err)
		}
		var s callv1.PacketWrapper
		if proto.Unmarshal(stamped, &s) == nil && (s.SessionId != 9 || string(s.UserId) != "ada") {
			t.Fatalf("%x: stamp does not win: %v", b, &s)
		}
	})
}

func FuzzClassify(f *testing.F) {
	for _, v := range vectors(f) {
		f.Add(v.bytes)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		info := wire.Classify(b)
		if info.Key && info.Class != wire.MediaFrame || info.Class == wire.MediaFrame && info.Stream == wire.NoStream {
			t.Fatalf("%x: %+v", b, info)
		}
	})
}

func FuzzScanMedia(f *testing.F) {
	for _, v := range vectors(f) {
		if w, ok := v.message.(*callv1.PacketWrapper); ok {
			f.Add(w.Data)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var want callv1.MediaPacket
		m, err := wire.ScanMedia(b)
		if err == nil && proto.Unmarshal(b, &want) == nil &&
			(m.Type != want.MediaType || !bytes.Equal(m.UserID, want.UserId) || string(m.FrameType) != want.FrameType ||
				m.TargetSession != want.TargetSessionId) {
			t.Fatalf("%x: scanned %+v, want %v", b, m, &want)
		}
	})
}

func BenchmarkClassifyAndStamp(b *testing.B) {
	for _, size := range []int{160, 1200} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			inner, _ := proto.Marshal(&callv1.MediaPacket{
				MediaType: callv1.MediaPacket_VIDEO, UserId: []byte("ada"), FrameType: "delta", Data: make([]byte, size),
				VideoMetadata: &callv1.VideoMetadata{Sequence: 7, Codec: callv1.VideoCodec_VP9_PROFILE0_LEVEL10_8BIT},
			})
			packet, _ := proto.Marshal(&callv1.PacketWrapper{
				PacketType: callv1.PacketWrapper_MEDIA, UserId: []byte("ada"), Data: inner,
			})
			packet = append(make([]byte, 0, len(packet)+wire.StampRoom), packet...)
			b.ReportAllocs()
			for b.Loop() {
				_ = wire.Classify(packet)
				_ = wire.Stamp(packet, 1<<63, "ada")
			}
		})
	}
}
