package rooms_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"parley/api/media/mediatest"
	"parley/api/rooms"
)

func line(who, text string) string {
	user, _, _ := strings.Cut(who, "/")
	return fmt.Sprintf("line from %s, called %s: %s", who, strings.ToUpper(user[:1])+user[1:], text)
}

func TestEverybodyReadsWhatIsWritten(t *testing.T) {
	inWorld(t, func(w *world) {
		a, b := w.node("a"), w.node("b")
		ada, bob := a.join("ada"), b.join("bob")
		outside, trying := b.connect("eve", observer), b.connect("cyd")
		outside.greeted()
		trying.greeted()
		ada.hears()
		ada.Send(mediatest.Chat(" hello\x00\u202e\nall ", "1"))
		bob.Send(mediatest.Chat("hi", "1"))
		for _, p := range []*person{ada, bob} {
			p.expect(line("ada", "hello\nall"), line("bob", "hi"))
		}
		outside.expect() // but the numbers, which hears checks
		trying.expect()
		// Who comes reads what was written, on any node; what follows comes once.
		trying.Send(mediatest.Heartbeat())
		trying.expect("past "+line("ada", "hello\nall"), "past "+line("bob", "hi"))
		ada.Send(mediatest.Chat("welcome", "2"))
		trying.expect(line("ada", "welcome"))
		outside.expect("joined cyd")
	})
}

func TestLinesThatAreRefused(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node("a")
		ada, bob := n.join("ada"), n.join("bob")
		ada.hears()
		for _, bad := range [][]byte{
			mediatest.Chat("", "x"), mediatest.Chat(" \x01\n", "x"), mediatest.Chat(strings.Repeat("é", 2001), "x"),
		} {
			ada.Send(bad)
			ada.expect("refused: BAD_TEXT x")
		}
		for _, bad := range [][]byte{mediatest.Chat("x", ""), mediatest.Chat("x", strings.Repeat("r", 65)), mediatest.Chat(strings.Repeat("x", 10_000), "x")} {
			ada.Send(bad)
			ada.expect("refused: BAD_TEXT ")
		}
		ada.Send(mediatest.Chat(strings.Repeat("é", 2000), "long"))
		ada.expect(line("ada", strings.Repeat("é", 2000)))
		for i := range 5 {
			ada.Send(mediatest.Chat("spam", fmt.Sprint(i)))
		}
		if got := ada.hears(); got[len(got)-1] != "refused: TOO_FAST 4" || len(got) != 5 {
			t.Errorf("spam is answered %q", got)
		}
		mediatest.Advance(t, 2*time.Second)
		ada.Send(mediatest.Chat("again", "y"))
		ada.expect(line("ada", "again"))
		if got := bob.hears(); len(got) != 6 {
			t.Errorf("bob reads %d lines", len(got))
		}
	})
}

func TestOperatorsSwitchTalkingOff(t *testing.T) {
	inWorld(t, func(w *world) {
		var rules rooms.Rules
		n := w.ruled("a", &rules)
		ada, bob := n.join("ada"), n.join("bob")
		ada.hears()
		rules = rooms.Rules{NoChat: true, NoReactions: true}
		n.hub.Refresh()
		for _, p := range []*person{ada, bob} {
			p.expect("MEETING_SETTINGS_UPDATED")
		}
		ada.Send(mediatest.Chat("psst", "1"))
		ada.Send(mediatest.Reaction("heart"))
		ada.expect("refused: SWITCHED_OFF 1")
		bob.expect()
		rules = rooms.Rules{}
		n.hub.Refresh()
		ada.hears()
		bob.hears()
		ada.Send(mediatest.Chat("psst", "2"))
		ada.Send(mediatest.Reaction("heart"))
		bob.expect(line("ada", "psst"), "REACTION from ada")
	})
}

func TestReactionsAreLimited(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node("a")
		ada, bob := n.join("ada"), n.join("bob")
		ada.hears()
		for range 50 {
			ada.Peer.Send(mediatest.Reaction("heart"))
		}
		synctest.Wait()
		if n := len(bob.hears()); n != 10 {
			t.Errorf("%d reactions at once, want 10", n)
		}
	})
}

// An end that nobody declared may be followed by a return; a meeting that begins anew knows
// nothing of the one before.
func TestWhatIsWrittenBelongsToAMeeting(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node("a")
		ada := n.join("ada")
		ada.Send(mediatest.Chat("first", "1"))
		ada.Leave()
		mediatest.Advance(t, time.Minute)
		bob := n.connect("bob")
		bob.greeted()
		bob.Send(mediatest.Heartbeat())
		if got := bob.hears(); slices.ContainsFunc(got, func(s string) bool { return strings.Contains(s, "first") }) {
			t.Errorf("bob reads %q", got)
		}
		bob.Send(mediatest.Chat("second", "1"))
		bob.expect(line("bob", "second"))
		eve := n.connect("eve")
		eve.greeted()
		eve.Send(mediatest.Heartbeat())
		eve.expect("past " + line("bob", "second"))
	})
}

func TestHistoryIsBounded(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node("a")
		ada := n.join("ada")
		for i := range 250 {
			ada.Send(mediatest.Chat(fmt.Sprint(i), fmt.Sprint(i)))
			mediatest.Advance(t, time.Second)
		}
		bob := n.connect("bob")
		bob.greeted()
		bob.Send(mediatest.Heartbeat())
		got := bob.hears()
		if len(got) != 200 || got[0] != "past "+line("ada", "50") || got[199] != "past "+line("ada", "249") {
			t.Errorf("%d lines, from %q", len(got), got[:min(1, len(got))])
		}
	})
}

// Who lost the connection reads what was written meanwhile, as news.
func TestWhoComesBackReadsWhatItMissed(t *testing.T) {
	inWorld(t, func(w *world) {
		a, b := w.node("a"), w.node("b")
		ada, bob := a.join("ada"), b.join("bob/1", instance("x"))
		bob.hears()
		bob.Vanish()
		synctest.Wait()
		ada.Send(mediatest.Chat("missed", "1"))
		again := a.connect("bob/2", instance("x"), after(bob.at))
		again.at = bob.at
		if got := again.greeted(); !slices.Contains(got, line("ada", "missed")) {
			t.Errorf("bob reads %q", got)
		}
	})
}
