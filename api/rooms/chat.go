package rooms

import (
	"context"
	"slices"
	"time"

	"golang.org/x/time/rate"
	"google.golang.org/protobuf/proto"

	"parley/api/media"
	"parley/api/wire"
	callv1 "parley/protobuf/call/v1"
)

const (
	// chatEvery and chatBurst bound the lines of one session: faster than people type.
	chatEvery = time.Second
	chatBurst = 5
	// reactionsEvery and reactionsBurst bound its reactions: a finger that does not rest.
	reactionsEvery = time.Second / 3
	reactionsBurst = 10
	// chatHistory is how many lines a newcomer is told.
	chatHistory = 200
)

// talker bounds what one session says. Only its read goroutine uses it.
type talker struct{ chat, reactions *rate.Limiter }

// allow reports whether l, which is made when it is first needed, has room for one more.
func allow(l **rate.Limiter, every time.Duration, burst int, now time.Time) bool {
	if *l == nil {
		*l = rate.NewLimiter(rate.Every(every), burst)
	}
	return (*l).AllowN(now, 1)
}

// mayReact reports whether a reaction of s goes to the room.
func (s *Session) mayReact(now time.Time) bool {
	r := s.room
	r.mu.Lock()
	off := r.rules.NoReactions
	r.mu.Unlock()
	return !off && allow(&s.talker.reactions, reactionsEvery, reactionsBurst, now)
}

// say takes a line of chat, or tells the client of s why not.
func (s *Session) say(data []byte, now time.Time) {
	r := s.room
	r.mu.Lock()
	off, name := r.rules.NoChat, s.peer.DisplayName
	if p := r.local[s.id]; p != nil {
		name = p.DisplayName // as it is by now
	}
	r.mu.Unlock()
	line, ok := wire.ReadChat(data)
	why := callv1.ChatMessage_NONE
	switch {
	case !ok:
		why = callv1.ChatMessage_BAD_TEXT
	case off:
		why = callv1.ChatMessage_SWITCHED_OFF
	case !allow(&s.talker.chat, chatEvery, chatBurst, now):
		why = callv1.ChatMessage_TOO_FAST
	}
	if why != callv1.ChatMessage_NONE {
		s.out.Push(control(wire.ChatRefused(line.Ref, why)))
		return
	}
	line.SentAtMs, line.DisplayName = uint64(now.UnixMilli()), []byte(name)
	r.event(wire.ChatLine(s.peer.User, uint64(s.id), line), 0)
}

// lineOf returns the line of chat in a packet and its envelope, nil when it is something else.
func lineOf(packet []byte) (*callv1.PacketWrapper, *callv1.ChatMessage) {
	w, line := new(callv1.PacketWrapper), new(callv1.ChatMessage)
	if proto.Unmarshal(packet, w) != nil || w.PacketType != callv1.PacketWrapper_CHAT || proto.Unmarshal(w.Data, line) != nil {
		return nil, nil
	}
	return w, line
}

// numberedLine returns the packet of a line of chat with its place in the log, for those who
// were there or, past, for those who were not.
func numberedLine(e media.Event, past bool) []byte {
	w, line := lineOf(e.Wire)
	line.EventEpoch, line.EventNumber, line.Past = e.Epoch, e.Number, past
	return wire.ChatLine(string(w.UserId), w.SessionId, line)
}

// reads reports whether s is told what people write.
func (s *Session) reads() bool { return !s.peer.Observer && s.active.Load() }

// remember keeps a line for those who come later.
func (g *eventLog) remember(e media.Event) {
	if len(g.chat) >= chatHistory {
		g.chat = slices.Delete(g.chat, 0, 1)
	}
	g.chat = append(g.chat, e)
}

// begin forgets what was written in an earlier meeting of the room, here and in the log; r.mu
// is held.
func (r *Room) begin(started uint64) {
	if n := len(r.log.chat); n == 0 || sentAt(r.log.chat[n-1]) >= started {
		return
	}
	r.log.chat, r.log.recent = nil, nil
	r.agenda.add(func(ctx context.Context) {
		l := r.link.Load()
		if l == nil {
			return
		}
		ctx, cancel := context.WithTimeout(ctx, r.patience())
		defer cancel()
		if err := (*l).Forget(ctx); err != nil { // it goes by itself, after a day
			r.warn("an earlier meeting is not forgotten", "err", err)
		}
	})
}

// sentAt returns when a line was written, in Unix ms.
func sentAt(e media.Event) uint64 {
	_, line := lineOf(e.Wire)
	return line.SentAtMs
}

// recount tells s, which has just become active, what was written since its meeting began;
// r.mu is held.
func (r *Room) recount(s *Session) {
	for _, e := range r.log.chat {
		if sentAt(e) >= s.since {
			s.out.Push(control(numberedLine(e, true)))
		}
	}
}
