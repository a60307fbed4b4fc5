package management_test

import (
	"fmt"
	"testing"
	"time"

	"parley/api/management"
)

// Of thousands at once the same is said as of each alone.
func TestAgainst(t *testing.T) {
	h := newHouse(t, management.Settings{WaitingRoom: open})
	for _, room := range []string{"against-on", "against-gone", "against-over"} {
		join(t, h.Meetings, "ada", room)
		join(t, h.Meetings, "bob", room)
		join(t, h.Meetings, "eve", room)
	}
	err := h.Kick(t.Context(), caller("ada"), "against-on", "eve", true)
	if err == nil {
		err = h.Delete(t.Context(), caller("ada"), "against-gone")
	}
	if err == nil {
		_, err = h.End(t.Context(), caller("ada"), "against-over")
	}
	if err != nil {
		t.Fatal(err)
	}
	var all []management.Connected
	for len(all) < 1_100 { // more than are looked at in one query
		for _, room := range []string{"against-on", "against-gone", "against-over", "against-never"} {
			for _, user := range []string{"ada", "bob", "eve", "nobody"} {
				for _, observer := range []bool{false, true} {
					for _, since := range []time.Time{longAgo(), time.Now()} {
						all = append(all, management.Connected{Room: room, User: user, Observer: observer, Since: since})
					}
				}
			}
		}
	}
	refused, err := h.Against(t.Context(), all)
	if err != nil {
		t.Fatal(err)
	}
	stay := 0
	for i, c := range all {
		want, got := "", ""
		if err := h.Entry(t.Context(), c.Room, c.User, c.Observer, c.Since); err != nil {
			want = err.Error()
		}
		if refused[i] != nil {
			got = refused[i].Error()
		}
		if got != want {
			t.Errorf("%+v: %q, but alone %q", c, got, want)
		}
		if got == "" {
			stay++
		}
	}
	if stay == 0 || stay == len(all) {
		t.Errorf("%d of %d may stay", stay, len(all))
	}
}

// BenchmarkAgainst compares a thousand people in a hundred rooms with the record.
func BenchmarkAgainst(b *testing.B) {
	h := newHouse(b, management.Settings{WaitingRoom: open})
	var all []management.Connected
	for i := range 100 {
		room := fmt.Sprint("against-", i)
		for j := range 10 {
			user := fmt.Sprint("user-", j)
			if _, err := h.Join(b.Context(), caller(user), room, management.Request{}); err != nil {
				b.Fatal(err)
			}
			all = append(all, management.Connected{Room: room, User: user, Since: time.Now()})
		}
	}
	b.Run("each", func(b *testing.B) {
		for b.Loop() {
			for _, c := range all {
				if err := h.Entry(b.Context(), c.Room, c.User, c.Observer, c.Since); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
	b.Run("all", func(b *testing.B) {
		for b.Loop() {
			if refused, err := h.Against(b.Context(), all); err != nil || len(refused) > 0 {
				b.Fatal(refused, err)
			}
		}
	})
}
