package rooms

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"parley/api/media"
	"parley/api/wire"
	callv1 "parley/protobuf/call/v1"
)

// recentEvents is how many events a room remembers for those who come back.
const recentEvents = 256

// eventLog is what the sessions of this node were told of the log of their room.
type eventLog struct {
	at     media.Position
	recent []media.Event // up to at, without a gap
	chat   []media.Event // the last lines that were written

	// known are the sessions that everybody here knows to be in the room, in the order they
	// came. A newcomer is told of them, so that what follows in the log fits.
	known map[media.SessionID]*known
	order int // counts up in known

	// owed are sessions that are in the log, while those here were told that they are gone.
	// lost are sessions that presence says are gone, since when; zero when nobody but the
	// survivors can say so.
	owed map[media.SessionID]struct{}
	lost map[media.SessionID]time.Time

	saying map[string]*saying // what this node appends, by ID
	unsaid []*saying          // told here alone, to be appended when the log is in reach
}

// known is somebody whose coming was told.
type known struct {
	wire.Participant
	order  int
	logged bool // the log says so; else it was out of reach
}

// saying is an event on its way to the log.
type saying struct {
	media.Event
	content *callv1.MeetingPacket // empty of a line of chat
	chat    bool
	except  media.SessionID // is not told, because it knows
	early   bool            // the sessions here were told, for want of the log
	said    bool            // an attempt was made
}

func newEventLog() eventLog {
	return eventLog{
		known: make(map[media.SessionID]*known), saying: make(map[string]*saying),
		owed: make(map[media.SessionID]struct{}), lost: make(map[media.SessionID]time.Time),
	}
}

func newSaying(packet []byte, except media.SessionID) *saying {
	content, chat := eventOf(packet)
	return &saying{Event: media.NewEvent(packet), content: content, chat: chat, except: except}
}

// eventOf returns what the packet of an event says of the meeting; nothing if it is a line of
// chat, nil if it is no event.
func eventOf(packet []byte) (content *callv1.MeetingPacket, chat bool) {
	info := wire.Classify(packet)
	m := new(callv1.MeetingPacket)
	switch {
	case info.Type == callv1.PacketWrapper_CHAT:
		return m, true
	case info.Type != callv1.PacketWrapper_MEETING || proto.Unmarshal(info.Data, m) != nil:
		return nil, false
	}
	return m, false
}

// add makes somebody known; false when they were.
func (g *eventLog) add(p wire.Participant, logged bool) bool {
	id := media.SessionID(p.Session)
	if k := g.known[id]; k != nil {
		k.logged = k.logged || logged
		return false
	}
	g.order++
	g.known[id] = &known{Participant: p, order: g.order, logged: logged}
	return true
}

// wanted reports whether e says something of comings and goings that the log does not. All
// else is always wanted.
func (g *eventLog) wanted(e *callv1.MeetingPacket) bool {
	k := g.known[media.SessionID(e.SessionId)]
	switch e.EventType {
	case callv1.MeetingPacket_PARTICIPANT_JOINED, callv1.MeetingPacket_SESSION_REPLACED:
		return k == nil || !k.logged
	case callv1.MeetingPacket_PARTICIPANT_LEFT:
		_, owed := g.owed[media.SessionID(e.SessionId)]
		return k != nil || owed
	}
	return true
}

// comesOrGoes reports whether e is about comings and goings.
func comesOrGoes(e *callv1.MeetingPacket) bool {
	switch e.EventType {
	case callv1.MeetingPacket_PARTICIPANT_JOINED, callv1.MeetingPacket_PARTICIPANT_LEFT, callv1.MeetingPacket_SESSION_REPLACED:
		return true
	}
	return false
}

// note takes over what e says of comings and goings. It reports whether that is news to the
// sessions here.
func (g *eventLog) note(e *callv1.MeetingPacket, logged bool) (news bool) {
	id := media.SessionID(e.SessionId)
	switch e.EventType {
	case callv1.MeetingPacket_PARTICIPANT_JOINED:
		return g.add(participantOf(e), logged)
	case callv1.MeetingPacket_SESSION_REPLACED:
		old := media.SessionID(e.ReplacedSessionId)
		g.remove(old, logged)
		return g.add(participantOf(e), logged)
	case callv1.MeetingPacket_PARTICIPANT_LEFT:
		return g.remove(id, logged)
	}
	return true
}

// remove makes somebody unknown; false when they were.
func (g *eventLog) remove(id media.SessionID, logged bool) bool {
	k := g.known[id]
	delete(g.known, id)
	delete(g.lost, id)
	if logged {
		delete(g.owed, id)
	} else if k != nil && k.logged {
		g.owed[id] = struct{}{}
	}
	return k != nil
}

func participantOf(e *callv1.MeetingPacket) wire.Participant {
	return wire.Participant{Session: e.SessionId, User: string(e.TargetUserId), DisplayName: string(e.DisplayName), Guest: e.IsGuest}
}

// roster returns who is known, in the order they came.
func (g *eventLog) roster() []*known {
	return slices.SortedFunc(maps.Values(g.known), func(a, b *known) int { return cmp.Compare(a.order, b.order) })
}

// append remembers e as the latest event.
func (g *eventLog) append(e media.Event) {
	if e.Epoch != g.at.Epoch || e.Number != g.at.Number+1 {
		g.recent = nil
	}
	g.at = e.Position
	if len(g.recent) >= recentEvents {
		g.recent = slices.Delete(g.recent, 0, 1)
	}
	g.recent = append(g.recent, e)
	if _, chat := eventOf(e.Wire); chat {
		g.remember(e)
	}
}

// began returns when the meeting began and by whom, unless that was too long ago.
func (g *eventLog) began() (at time.Time, creator string, ok bool) {
	for _, e := range slices.Backward(g.recent) {
		switch content, _ := eventOf(e.Wire); content.GetEventType() {
		case callv1.MeetingPacket_MEETING_ENDED:
			return time.Time{}, "", false
		case callv1.MeetingPacket_MEETING_STARTED:
			return time.UnixMilli(int64(content.StartTimeMs)), string(content.CreatorId), true
		}
	}
	return time.Time{}, "", false
}

// since returns the events after p, oldest first; false when it does not know them all.
func (g *eventLog) since(p media.Position) ([]media.Event, bool) {
	if p.Epoch != g.at.Epoch || p.Number > g.at.Number {
		return nil, false
	}
	missed := int(g.at.Number - p.Number)
	if missed > len(g.recent) {
		return nil, false
	}
	return g.recent[len(g.recent)-missed:], true
}
