package management_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"parley/api/management"
	"parley/api/meeting"
)

// Who is present follows connections, not requests alone.
func TestPresenceFollowsSessions(t *testing.T) {
	h := newHouse(t, management.Settings{WaitingRoom: open})
	h.ask("ada", "r")
	h.ask("bob", "r")
	h.connect("ada", "r")
	tab, phone := h.connect("bob", "r"), h.connect("bob", "r")
	for _, c := range []struct {
		what string
		do   func()
		want int
	}{
		{"both are inside", func() {}, 2},
		{"the tab closes", func() { h.disconnect(tab, false) }, 2},
		{"the phone is gone too", func() { h.disconnect(phone, false) }, 1},
		{"it comes back", func() { h.enter(phone, time.Now()) }, 2},
		{"again, which changes nothing", func() { h.enter(phone, time.Now()) }, 2},
	} {
		c.do()
		if got := h.get("r"); got.Present != c.want || got.State != management.Active {
			t.Errorf("%s: %d present in %+v, want %d", c.what, got.Present, got, c.want)
		}
	}
	// A departure that is recorded late does not undo that they asked since.
	before := time.Now()
	h.ask("bob", "r")
	if _, err := h.store.Exit(t.Context(), phone, before, false); err != nil {
		t.Fatal(err)
	}
	if got := h.get("r"); got.Present != 2 {
		t.Errorf("after a late departure: %d present", got.Present)
	}
}

func TestConnectionsDoNotChangeWhoOwnsOrWhatIsOver(t *testing.T) {
	h := newHouse(t, management.Settings{WaitingRoom: open})
	ctx := t.Context()
	state := func(room string, want management.State) management.Meeting {
		t.Helper()
		got := h.get(room)
		if got.Owner != "ada" || got.State != want {
			t.Errorf("%s: %s, owned by %q, want %s", room, got.State, got.Owner, want)
		}
		return got
	}
	late := func(user, room string) meeting.Attendance {
		return meeting.Attendance{Session: rand.Uint64(), Room: room, User: user, Node: "node-a", Transport: "websocket"}
	}
	t.Run("the first who comes back is not the owner", func(t *testing.T) {
		h.ask("ada", "back")
		h.ask("bob", "back")
		h.disconnect(h.connect("ada", "back"), false)
		if got := state("back", management.Ended); got.EndedBy != "" || got.Present != 0 {
			t.Errorf("after the last connection: %+v", got)
		}
		if started := h.enter(late("bob", "back"), time.Now()); started.Creator != "ada" || !started.First {
			t.Errorf("bob is told %+v", started)
		}
		state("back", management.Active)
	})
	t.Run("a declared end holds", func(t *testing.T) {
		h.ask("ada", "over")
		h.ask("bob", "over")
		before := time.Now()
		if _, err := h.End(ctx, caller("ada"), "over"); err != nil {
			t.Fatal(err)
		}
		for _, at := range []time.Time{before, time.Now()} {
			if started := h.enter(late("bob", "over"), at); started.Creator != "ada" {
				t.Errorf("bob is told %+v", started)
			}
			if got := state("over", management.Ended); got.EndedBy != "ada" {
				t.Errorf("%+v", got)
			}
		}
	})
	t.Run("a deletion holds", func(t *testing.T) {
		h.ask("ada", "gone")
		h.ask("bob", "gone")
		bob := h.connect("bob", "gone")
		before := time.Now()
		if err := h.Delete(ctx, caller("ada"), "gone"); err != nil {
			t.Fatal(err)
		}
		h.enter(late("ada", "gone"), before)
		h.enter(bob, before)
		_, _, err := h.Get(ctx, caller("ada"), "gone")
		want(t, "a deleted meeting", err, management.MeetingNotFound)
		// Another meeting took the room before everybody of the old one has gone.
		if _, err := h.Create(ctx, caller("ada"), management.Draft{Room: "gone"}); err != nil {
			t.Fatal(err)
		}
		h.exec(`update sessions set left_at = now() where room_id = 'gone' and user_id = 'ada'`)
		h.exec(`update session_participants set left_at = now() where room_id = 'gone' and user_id = 'ada'`)
		h.disconnect(bob, false)
		state("gone", management.Idle)
	})
}

// Where people are admitted, the meeting itself says whether it ends with its host.
func TestMeetingEndsWithTheConnectionOfItsLastHost(t *testing.T) {
	h := newHouse(t, management.Settings{WaitingRoom: open})
	ctx := t.Context()
	yes := true
	for _, option := range []bool{true, false} {
		for _, operator := range []bool{true, false} {
			room := fmt.Sprintf("r-%v-%v", option, operator)
			if _, err := h.Create(ctx, caller("ada"), management.Draft{Room: room, Patch: management.Patch{EndOnHostLeave: &option}}); err != nil {
				t.Fatal(err)
			}
			h.ask("ada", room)
			h.ask("bob", room)
			ada := h.connect("ada", room)
			h.connect("bob", room)
			if ended := h.disconnect(ada, operator); ended.Over != option {
				t.Errorf("option %v, operator %v: %+v", option, operator, ended)
			}
			if got := h.get(room); (got.State == management.Ended) != option || (got.Present == 0) != option {
				t.Errorf("option %v, operator %v: %+v", option, operator, got)
			}
		}
	}

	if _, err := h.Create(ctx, caller("ada"), management.Draft{Room: "two", Patch: management.Patch{EndOnHostLeave: &yes}}); err != nil {
		t.Fatal(err)
	}
	h.ask("ada", "two")
	h.ask("bob", "two")
	h.ask("cyd", "two")
	ada, bob := h.connect("ada", "two"), h.connect("bob", "two")
	h.connect("cyd", "two")
	if err := h.GrantHost(ctx, caller("ada"), "two", "bob", false); err != nil {
		t.Fatal(err)
	}
	if ended := h.disconnect(ada, true); ended.Over {
		t.Errorf("another host is there: %+v", ended)
	}
	if ended := h.disconnect(bob, true); !ended.Over || ended.Message == "" {
		t.Errorf("the last host is gone: %+v", ended)
	}
	// Others cannot go on without a host, who can.
	if a := h.ask("cyd", "two"); a.Status != management.WaitingForMeeting {
		t.Errorf("cyd comes back: %+v", a)
	}
	want(t, "cyd's token", h.Entry(ctx, "two", "cyd", false, time.Now()), management.MeetingNotActive)
	if a := h.ask("bob", "two"); a.Status != management.Admitted || a.Meeting.State != management.Active {
		t.Errorf("bob comes back: %+v", a)
	}
	if a := h.ask("cyd", "two"); a.Status != management.Admitted {
		t.Errorf("cyd comes back after bob: %+v", a)
	}
}

// Connections and requests change the same rows; the database would tell of those who waited
// for each other.
func TestConnectionsAndRequestsDoNotWaitForEachOther(t *testing.T) {
	h := newHouse(t, management.Settings{WaitingRoom: open})
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	const people, turns = 8, 25
	rooms := []string{"r0", "r1"}
	for _, room := range rooms {
		h.ask("ada", room)
	}
	on, off := true, false
	var wg sync.WaitGroup
	for i := range people {
		user := fmt.Sprint("user-", i)
		wg.Go(func() {
			for n := range turns {
				room := rooms[(i+n)%len(rooms)]
				a := meeting.Attendance{Session: rand.Uint64(), Room: room, User: user, Node: "node-a", Transport: "websocket"}
				_, err := h.Join(ctx, caller(user), room, management.Request{})
				check(t, "join", err)
				_, err = h.store.Enter(ctx, a, time.Now())
				check(t, "enter", err)
				_, err = h.store.Exit(ctx, a, time.Now(), n%2 == 0)
				check(t, "exit", err)
				if n%5 == 0 {
					_, err = h.Leave(ctx, caller(user), room)
					check(t, "leave", err)
				}
			}
		})
	}
	wg.Go(func() {
		for n := range turns {
			room, user := rooms[n%len(rooms)], fmt.Sprint("user-", n%people)
			_, err := h.Change(ctx, caller("ada"), room, management.Patch{WaitingRoom: &on})
			check(t, "change", err)
			_, err = h.AdmitAll(ctx, management.Caller{User: "root", Admin: true}, room)
			check(t, "admit", err)
			check(t, "kick", h.Kick(ctx, caller("ada"), room, user, false))
			_, err = h.Change(ctx, caller("ada"), room, management.Patch{WaitingRoom: &off})
			check(t, "change", err)
			_, err = h.End(ctx, caller("ada"), room)
			check(t, "end", err)
			_, err = h.Join(ctx, caller("ada"), room, management.Request{})
			check(t, "the owner joins", err)
		}
	})
	wg.Wait()
	if n := value[int](h, `select deadlocks from pg_stat_database where datname = current_database()`); n != 0 {
		t.Errorf("%d deadlocks", n)
	}
	for _, room := range rooms {
		if got := h.get(room); got.Owner != "ada" {
			t.Errorf("%s is owned by %s", room, got.Owner)
		}
		if n := value[int](h, `select count(*) from session_participants where left_at is null and room_id = $1`, room); n != 0 {
			t.Errorf("%d participants of %s are left open", n, room)
		}
	}
}

// check accepts refusals: with everything at once some act comes too late.
func check(t *testing.T, what string, err error) {
	t.Helper()
	if err != nil && !refused(err) {
		t.Errorf("%s: %v", what, err)
	}
}
