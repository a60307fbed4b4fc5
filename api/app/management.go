package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"parley/api/fault"
	"parley/api/flags"
	"parley/api/management"
	"parley/api/media"
	"parley/api/observe"
	"parley/api/rest"
	"parley/api/rooms"
	"parley/api/wire"
)

// openManagement applies the rules of meetings with what operators decided.
func (n *node) openManagement() {
	n.management = management.New(n.stores.store, reach{n}, management.Settings{
		WaitingRoom:      func(room string) bool { return flags.WaitingRoomDefault.For(n.Flags, room) },
		StartWithoutHost: func(room string) bool { return flags.StartWithoutHost.For(n.Flags, room) },
		EndOnHostLeave:   func(room string) bool { return flags.EndOnHostLeave.For(n.Flags, room) },
		Guests:           func(room string) bool { return flags.Guests.For(n.Flags, room) },
		PasswordRequired: func(room string) bool { return flags.PasswordRequired.For(n.Flags, room) },
		MaxParticipants:  func(room string) int { return flags.MaxParticipants.For(n.Flags, room) },
	}, n.Log.With("part", "management"))
}

// reach makes decisions happen where people are connected.
type reach struct{ node *node }

var _ management.Rooms = reach{}

// Tell implements management.Rooms.
func (r reach) Tell(ctx context.Context, room string, e management.Event) error {
	ctx, cancel := context.WithTimeout(ctx, tellTime)
	defer cancel()
	id := media.RoomID(room)
	switch e.Act {
	case management.Renamed:
		if err := r.act(ctx, media.Act{Room: id, User: e.Target, Name: e.Name}); err != nil {
			return err
		}
	case management.Mute:
		return r.silence(ctx, room, e, wire.Audio)
	case management.CameraOff:
		return r.silence(ctx, room, e, wire.Video)
	case management.StopScreenShare:
		return r.silence(ctx, room, e, wire.Screen)
	case management.HostGranted, management.HostRevoked:
		granted := e.Act == management.HostGranted
		if err := r.act(ctx, media.Act{Room: id, User: e.Target, Host: &granted}); err != nil {
			return err
		}
	}
	return r.say(ctx, room, e)
}

// say delivers the event.
func (r reach) say(ctx context.Context, room string, e management.Event) error {
	packet, err := packetOf(room, e)
	if err != nil {
		return err
	}
	return r.node.hub.Tell(ctx, media.RoomID(room), packet)
}

// silence lets nothing more through of a source, and asks for it to be switched off. Nodes
// that do not hear the former are told by the latter, later.
func (r reach) silence(ctx context.Context, room string, e management.Event, source wire.Stream) error {
	a := media.Act{Room: media.RoomID(room), User: e.Target, Silence: wire.SourcesOf(source), Asked: time.Now()}
	if e.Target == "" {
		a.Except = e.Actor
	}
	return errors.Join(r.act(ctx, a), r.say(ctx, room, e))
}

// Remove implements management.Rooms.
func (r reach) Remove(ctx context.Context, room, user string, why management.Code) error {
	ctx, cancel := context.WithTimeout(ctx, tellTime)
	defer cancel()
	a := media.Act{Room: media.RoomID(room), User: user, Remove: fault.Removed, Message: "you are no longer in this meeting"}
	switch why {
	case management.MeetingNotActive:
		a.Remove, a.Message = fault.Ended, "the meeting is over"
		a.Farewell = wire.MeetingEnded(room, management.HostEnded)
	case management.Removed:
		a.Farewell = wire.ParticipantKicked(room, user)
	case management.Denied:
		a.Farewell = wire.ParticipantRejected(room, user)
	}
	return r.act(ctx, a)
}

// Changed implements management.Rooms.
func (r reach) Changed(ctx context.Context, room string) error {
	return r.node.announceChange(ctx, room)
}

// announceChange says on all nodes that lists with the meeting of room are stale. It does not
// block.
func (n *node) announceChange(ctx context.Context, room string) error {
	n.news.add(room)
	return n.relay.Act(ctx, media.Act{Room: media.RoomID(room), Changed: true})
}

// attended says so when somebody came or went, where that is on record.
func (n *node) attended(ctx context.Context, room string) {
	if !flags.MeetingManagement.For(n.Flags, room) {
		return
	}
	if err := n.announceChange(ctx, room); err != nil {
		n.Log.Debug("tell of a changed meeting", observe.KeyRoom, room, observe.KeyErr, err)
	}
}

// spread tells those who watch until ctx ends.
func (n *node) spread(ctx context.Context) error {
	n.news.run(ctx, n.management.Stale)
	return nil
}

// tellTime bounds telling the other nodes.
const tellTime = 2 * time.Second

// act applies a on every node.
func (r reach) act(ctx context.Context, a media.Act) error {
	r.node.hub.Apply(a)
	return r.node.relay.Act(ctx, a)
}

// acted applies an act of another node.
func (n *node) acted(a media.Act) {
	if a.Changed {
		n.news.add(string(a.Room))
		return
	}
	n.hub.Apply(a)
}

// packetOf is what clients are told of e.
func packetOf(room string, e management.Event) ([]byte, error) {
	switch e.Act {
	case management.Activated:
		return wire.MeetingActivated(room), nil
	case management.Over:
		return wire.MeetingEnded(room, e.Message), nil
	case management.LetIn:
		return wire.ParticipantAdmitted(room, e.Target), nil
	case management.TurnedAway:
		return wire.ParticipantRejected(room, e.Target), nil
	case management.WaitingChanged:
		return wire.WaitingRoomUpdated(room), nil
	case management.OptionsChanged:
		return wire.SettingsUpdated(room), nil
	case management.Mute:
		return wire.HostMute(room, e.Target, e.Actor), nil
	case management.CameraOff:
		return wire.HostDisableVideo(room, e.Target, e.Actor), nil
	case management.StopScreenShare:
		return wire.HostStopScreen(room, e.Target, e.Actor), nil
	case management.LowerHand:
		return wire.HostLowerHand(room, e.Target, e.Actor), nil
	case management.KickedOut:
		return wire.ParticipantKicked(room, e.Target), nil
	case management.HostGranted:
		return wire.HostGranted(room, e.Target, e.Actor), nil
	case management.HostRevoked:
		return wire.HostRevoked(room, e.Target, e.Actor), nil
	case management.Renamed:
		return wire.DisplayNameChanged(room, e.Target, e.Name), nil
	}
	return nil, fmt.Errorf("no packet for act %q", e.Act)
}

// entry asks the record whether somebody with a good token may be connected now, and as what:
// the token may be older than their role. People come first: without a database the token is
// enough.
func (n *node) entry(ctx context.Context, m media.Member, observer bool) (host bool, err error) {
	if n.signOuts.Has(m.SignIn) { // since the token was looked at
		return false, fault.New(fault.SignedOut, "you have signed out")
	}
	who, refused, err := n.verdict(ctx, string(m.Room), m.User, observer, m.Issued)
	switch {
	case refused != nil:
		return false, refused
	case err != nil:
		if unsaid, say := n.unseen.Say(time.Now(), unseenEvery); say {
			n.Log.Warn("let somebody in unseen", observe.KeyRoom, string(m.Room), observe.KeyErr, err, "unsaid", unsaid)
		}
		return m.Host, nil
	case who == nil || m.Issued.IsZero(): // without a token a name is nothing but a name
		return m.Host, nil
	}
	return who.Host, nil
}

// rules is what operators decided about the media of a room.
func (n *node) rules(room media.RoomID) rooms.Rules {
	encrypted := flags.E2EERequired.For(n.Flags, string(room))
	return rooms.Rules{
		NoScreens:   !flags.ScreenShare.For(n.Flags, string(room)),
		Encrypted:   encrypted,
		NoChat:      !flags.Chat.For(n.Flags, string(room)) || encrypted, // what people write is not
		NoReactions: !flags.Reactions.For(n.Flags, string(room)),
		Kbit:        flags.RoomBitrateCap.For(n.Flags, string(room)),
		Crowd:       flags.Crowd.For(n.Flags, string(room)),
		Session: rooms.Budget{
			Packets: flags.SessionPacketBudget.For(n.Flags, string(room)), Kbit: flags.SessionKbitBudget.For(n.Flags, string(room)),
		},
		Busy: rooms.Budget{
			Packets: flags.BusyPacketBudget.For(n.Flags, string(room)), Kbit: flags.BusyKbitBudget.For(n.Flags, string(room)),
		},
		Room: rooms.Budget{
			Packets: flags.RoomPacketBudget.For(n.Flags, string(room)), Kbit: flags.RoomKbitBudget.For(n.Flags, string(room)),
		},
	}
}

// features is what operators let people do in a room.
func (n *node) features(room string) rest.Features {
	r := n.rules(media.RoomID(room))
	return rest.Features{Chat: !r.NoChat, Reactions: !r.NoReactions, ScreenShare: !r.NoScreens, Encryption: r.Encrypted}
}

// refresh lets rooms go by what operators decide until ctx ends.
func (n *node) refresh(ctx context.Context) error {
	for {
		changed := n.Flags.Changed()
		n.hub.Refresh()
		select {
		case <-changed:
		case <-ctx.Done():
			return nil
		}
	}
}

// verdict returns what is on record of somebody, or nil; why they may not be connected, or nil;
// and why the record does not answer.
func (n *node) verdict(ctx context.Context, room, user string, observer bool, issued time.Time) (*management.Participant, *fault.Error, error) {
	if issued.IsZero() {
		issued = time.Now()
	}
	ctx, cancel := context.WithTimeout(ctx, entryTime)
	defer cancel()
	who, err := n.management.Entrant(ctx, room, user, observer, issued)
	refusal, refused := errors.AsType[*management.Refusal](err)
	switch {
	case refused && refusal.Code == management.MeetingNotActive:
		return nil, fault.New(fault.Ended, "%s", refusal.Message), nil
	case refused:
		return nil, fault.New(fault.Removed, "%s", refusal.Message), nil
	}
	return who, nil, err
}

const (
	// entryTime is how long somebody who comes in waits for the record.
	entryTime = 1500 * time.Millisecond

	// unseenEvery is how often it is said that the record does not answer.
	unseenEvery = 5 * time.Second

	// enforceEvery is how often connections are compared with the record: a node that was
	// cut off did not hear of a removal.
	enforceEvery = 10 * time.Second
)

// enforce ends connections that are against the record until ctx ends: now and then, and when
// NATS is back, for what others did meanwhile was not heard here.
func (n *node) enforce(ctx context.Context) error {
	tick := time.NewTicker(enforceEvery)
	defer tick.Stop()
	back := n.stores.conn.StatusChanged(nats.CONNECTED)
	for {
		select {
		case <-tick.C:
		case _, ok := <-back:
			if !ok { // closed with the connection
				back = nil
				continue
			}
		case <-ctx.Done():
			return nil
		}
		n.compare(ctx)
	}
}

// compare compares every connection with the record, as long as that answers.
func (n *node) compare(ctx context.Context) {
	all := n.hub.Connected()
	asked := make([]management.Connected, len(all))
	for i, c := range all {
		since := c.Issued
		if since.IsZero() {
			since = time.Now()
		}
		asked[i] = management.Connected{Room: string(c.Room), User: c.User, Observer: c.Observer, Since: since}
	}
	refused, err := n.management.Against(ctx, asked)
	if err != nil {
		if ctx.Err() == nil {
			n.Log.Warn("connections are not compared with the record", observe.KeyErr, err)
		}
		return
	}
	for i := range refused {
		n.enforceOn(ctx, &all[i])
	}
}

// enforceOn ends a connection that was against the record, if it still is: who was let in meanwhile stays.
func (n *node) enforceOn(ctx context.Context, c *rooms.Connected) {
	_, refused, err := n.verdict(ctx, string(c.Room), c.User, c.Observer, c.Issued)
	if err != nil || refused == nil {
		return
	}
	n.Log.Info("connection against the record", observe.KeyRoom, string(c.Room), observe.KeyUser, c.User, observe.KeyCode, string(refused.Code))
	n.hub.Apply(media.Act{Room: c.Room, User: c.User, Remove: refused.Code, Message: refused.Message})
}
