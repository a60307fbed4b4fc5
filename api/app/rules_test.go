package app

import (
	"log/slog"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/api/flags"
	"parley/api/rooms"
)

// What a flag bounds is what its name says: no two of them are taken for each other.
func TestBudgetsOfRoomsAreThoseOfTheFlags(t *testing.T) {
	reg, err := flags.New(func(string) string { return "" }, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
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
