package app

import (
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/api/config"
	"parley/api/flags"
	"parley/api/rooms"
)

func newFlags(t *testing.T) *flags.Registry {
	reg, err := flags.New(func(string) string { return "" }, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return reg
}

// What a flag bounds is what its name says: no two of them are taken for each other.
func TestBudgetsOfRoomsAreThoseOfTheFlags(t *testing.T) {
	reg := newFlags(t)
	for i, f := range []flags.Flag[int]{
		flags.SessionPacketBudget, flags.SessionKbitBudget, flags.BusyPacketBudget, flags.BusyKbitBudget,
		flags.RoomPacketBudget, flags.RoomKbitBudget, flags.RoomBitrateCap, flags.Crowd,
	} {
		flags.Override(t, reg, f, 1001+i)
	}
	n := &node{Options: Options{Flags: reg}}
	want := rooms.Rules{
		Session: rooms.Budget{Packets: 1001, Kbit: 1002}, Busy: rooms.Budget{Packets: 1003, Kbit: 1004},
		Room: rooms.Budget{Packets: 1005, Kbit: 1006}, Kbit: 1007, Crowd: 1008,
	}
	if diff := cmp.Diff(want, n.rules("room")); diff != "" {
		t.Error(diff)
	}
}

// What a flag lets people do is what its name says.
func TestWhatPeopleMayDoIsWhatFlagsSay(t *testing.T) {
	for _, tc := range []struct {
		flag flags.Flag[bool]
		then func(*rooms.Rules) // what is different
	}{
		{flags.ScreenShare, func(r *rooms.Rules) { r.NoScreens = !r.NoScreens }},
		{flags.Chat, func(r *rooms.Rules) { r.NoChat = !r.NoChat }},
		{flags.Reactions, func(r *rooms.Rules) { r.NoReactions = !r.NoReactions }},
		{flags.E2EERequired, func(r *rooms.Rules) { r.Encrypted, r.NoChat = !r.Encrypted, true }},
	} {
		t.Run(tc.flag.Name(), func(t *testing.T) {
			reg := newFlags(t)
			n := &node{Options: Options{Flags: reg}}
			want := n.rules("room")
			flags.Override(t, reg, tc.flag, !tc.flag.Get(reg))
			tc.then(&want)
			if diff := cmp.Diff(want, n.rules("room")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Media wait for others before NATS for as long as sound may anywhere.
func TestWindowOfTheRelayIsThatOfSound(t *testing.T) {
	n := &node{Options: Options{Config: &config.Common{Node: config.Node{BatchWindow: 20 * time.Millisecond, SoundWindow: 10 * time.Millisecond}}}, stores: &stores{}}
	if got := n.relayOptions().Window; got != 10*time.Millisecond {
		t.Errorf("media wait %v", got)
	}
}
