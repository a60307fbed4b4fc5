package rooms

import (
	"context"
	"time"

	"parley/api/fault"
	"parley/api/media"
	"parley/api/wire"
	callv1 "parley/protobuf/call/v1"
)

// ingest does with one packet of the peer what its class asks for. It blocks only for the one
// that makes the session known.
func (s *Session) ingest(ctx context.Context, p media.Packet, now time.Time) {
	info := wire.Classify(p.Data)
	if !s.active.Load() && s.isEncryptedProbe(&info, len(p.Data), now) {
		info.Class = wire.RTT
	}
	if kind := kindIn(&info); s.in.count(kind, len(p.Data)) == 1 {
		s.room.hub.watcher.Sends(s.id, kind)
	}
	if !s.affords(&info, len(p.Data), now) {
		return
	}
	if info.Class == wire.RTT && len(p.Data) > maxProbe {
		info.Class = wire.Malformed
	}
	s.room.hub.came(p.Data)
	switch info.Class {
	case wire.RTT:
		s.out.Push(&media.Frame{Kind: media.Control, To: s.id, Datagram: p.Datagram, Received: now, Wire: p.Data})
		s.revive(now)
		return
	case wire.Forged:
		s.room.hub.counters.Forged.Add(1)
		s.misbehave(forged, now)
		return
	case wire.Malformed:
		s.room.hub.counters.Malformed.Add(1)
		s.misbehave(malformed, now)
		return
	case wire.Health:
		s.health(info.Data, now)
	}
	if s.peer.Observer {
		return
	}
	if !s.active.Load() {
		aside(func() { s.room.activate(ctx, s) })
	}
	switch info.Class {
	case wire.KeyframeRequest:
		if s.keyframes.allow(&info, now) {
			s.room.hub.counters.KeyframesForwarded.Add(1)
			s.forward(&info, p.Data, now)
		} else {
			s.room.hub.counters.KeyframesLimited.Add(1)
		}
	case wire.MediaFrame:
		if s.admits(&info, len(p.Data), now) {
			s.forward(&info, p.Data, now)
		}
	case wire.Preference:
		if s.consider(ctx, now, len(info.Data)) == nil {
			s.prefer(&info, p.Stream)
		}
	case wire.Chat:
		s.say(info.Data, now)
	case wire.Message:
		if info.Type == callv1.PacketWrapper_REACTION && !s.mayReact(now) {
			return
		}
		if info.Beat {
			s.hasty.Store(s.rhythm.hasty(now, s.hasty.Load()))
		}
		if info.Heartbeat != nil {
			s.heartbeat(info.Heartbeat, now)
		}
		s.forward(&info, p.Data, now)
	}
}

// forward stamps a packet and hands it to the room here and on the other nodes.
func (s *Session) forward(info *wire.Info, packet []byte, now time.Time) {
	f := newFrame(s.id, info, wire.Stamp(packet, uint64(s.id), s.peer.User), now)
	if f.Key && f.Kind.IsPicture() && s.due[f.Kind-firstPicture].Load() > 0 {
		s.room.hub.watcher.KeyframeCame(s.id, f.Kind, s.due[f.Kind-firstPicture].Swap(0))
	}
	if f.Kind.HasLayers() {
		s.room.noteLayer(&s.flows, f)
	}
	switch {
	case info.Class == wire.KeyframeRequest:
		s.room.routeKeyframeRequest(f, info)
	case info.Beat:
		s.room.beat(&s.pulse, f, info.Heartbeat)
	default:
		s.room.fanout(f)
	}
	s.room.publish(f)
}

// electionTime is how long a client of the shared contract may take to choose between its
// connections: three seconds and two extensions of one, and a little more.
const electionTime = 6 * time.Second

// maxProbe bounds RTT probes, which are echoed and never dropped: those of clients have some
// hundred bytes.
const maxProbe = 64 << 10

// maxEncryptedProbe bounds the ciphertext of an RTT probe: an identity of up to 255 bytes,
// a timestamp, padding and the envelope.
const maxEncryptedProbe = 640

// isEncryptedProbe recognises the RTT probes of clients that encrypt everything and mark
// nothing: while such a client chooses a connection it sends nothing else. Only the client
// can decrypt the echo and take the time; without it, it finds no server.
func (s *Session) isEncryptedProbe(info *wire.Info, size int, now time.Time) bool {
	return info.Class == wire.MediaFrame && info.Opaque && size <= maxEncryptedProbe &&
		len(info.Data) > 0 && len(info.Data)%aesBlock == 0 && now.Sub(s.joined) < electionTime
}

const aesBlock = 16 // bytes; AES-CBC ciphertext is a multiple of it

func (s *Session) health(packet []byte, now time.Time) {
	b, err := wire.RewriteHealth(packet, uint64(s.id), string(s.room.id), s.peer.User)
	if err != nil {
		s.room.hub.counters.BadHealth.Add(1)
		s.misbehave(badHealth, now)
		return
	}
	s.room.hub.reporter.Health(b)
}

// What clients must not send, as a [media.Watcher] is told.
const (
	forged    fault.Code = "forged"
	malformed fault.Code = "malformed"
	badHealth fault.Code = "bad_health"
)

// misbehaviorEvery is how often the watcher is told that one session misbehaves.
const misbehaviorEvery = 5 * time.Second

// misbehave tells the watcher that the client of s sent what it must not. Only the read
// goroutine of s calls it.
func (s *Session) misbehave(code fault.Code, now time.Time) {
	if now.UnixNano()-s.misbehaved >= int64(misbehaviorEvery) {
		s.misbehaved = now.UnixNano()
		s.room.hub.watcher.Misbehaved(s.id, code)
	}
}

// askedForKeyframe notes that s was asked for a keyframe.
func (s *Session) askedForKeyframe(kind media.Kind) {
	if s.due[kind-firstPicture].Add(1) == 1 {
		s.room.hub.watcher.KeyframeAsked(s.id, kind)
	}
}

// newFrame builds the frame of a packet that goes to a room.
func newFrame(from media.SessionID, info *wire.Info, packet []byte, now time.Time) *media.Frame {
	return &media.Frame{
		From: from, Kind: kindOf(info), Layer: info.Layer, Layers: 1 << info.Layer,
		Key: info.Key, Opaque: info.Opaque, Unknown: info.Unknown,
		Datagram: info.Unreliable() && len(packet) <= wire.MaxDatagram,
		Received: now, Wire: packet,
	}
}

func kindOf(info *wire.Info) media.Kind {
	if info.Class != wire.MediaFrame {
		return media.Data
	}
	return kindOfStream(info.Stream)
}

// kindIn is the kind that a packet of a client is counted as.
func kindIn(info *wire.Info) media.Kind {
	switch info.Class {
	case wire.MediaFrame:
		return kindOfStream(info.Stream)
	case wire.Message, wire.Chat, wire.KeyframeRequest:
		return media.Data
	}
	return media.Control
}

func kindOfStream(stream wire.Stream) media.Kind {
	switch stream {
	case wire.Audio:
		return media.Audio
	case wire.Screen:
		return media.Screen
	default:
		return media.Video
	}
}

func streamOf(kind media.Kind) wire.Stream {
	if kind == media.Screen {
		return wire.Screen
	}
	return wire.Video
}
