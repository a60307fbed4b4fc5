package rest

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestPaceOfOnePerson(t *testing.T) {
	var s steps
	p, now := pace{"renames", 5, 12 * time.Second}, time.Now()
	take := func(user string, want time.Duration) {
		t.Helper()
		if got := s.take(p, user, now); got != want {
			t.Errorf("%s waits %v, want %v", user, got, want)
		}
	}
	for range 5 {
		take("ada", 0)
	}
	take("ada", 12*time.Second)
	take("ada", 12*time.Second) // to try costs nothing
	take("bob", 0)
	if wait := s.take(pace{"acts", 1, time.Second}, "ada", now); wait != 0 {
		t.Errorf("something else waits %v", wait)
	}
	now = now.Add(11 * time.Second)
	take("ada", time.Second)
	now = now.Add(time.Second)
	take("ada", 0)
	take("ada", 12*time.Second)
	now = now.Add(10 * time.Minute)
	for range 5 {
		take("ada", 0)
	}
	take("ada", 12*time.Second)
	if n := len(s.until); n != 1 {
		t.Errorf("%d people are remembered, want 1", n)
	}
}

// What everybody in a room notices cannot be done all the time.
func TestSpamIsRefused(t *testing.T) {
	for _, c := range []struct {
		pace               pace
		method, path, body string
	}{
		{renames, "PUT", "/display-name", `{"display_name":"Ada %d"}`},
		{changes, "PATCH", "", `{"waiting_room_enabled":false}`},
		{hostActs, "POST", "/mute-all", ""},
	} {
		t.Run(c.pace.name, func(t *testing.T) {
			w := newWorld(t)
			id := w.running("")
			for i := range c.pace.burst {
				w.ask("ada", c.method, "/"+id+c.path, strings.Replace(c.body, "%d", fmt.Sprint(i), 1), 200)
			}
			w.refused("ada", c.method, "/"+id+c.path, c.body, 429, "TOO_MANY_REQUESTS")
		})
	}
}
