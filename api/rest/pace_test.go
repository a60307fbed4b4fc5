package rest

import (
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
		{renames, "PUT", "/display-name", `{"display_name":"Ada"}`},
		{changes, "PATCH", "", `{"waiting_room_enabled":false}`},
		{hostActs, "POST", "/mute-all", ""},
	} {
		t.Run(c.pace.name, func(t *testing.T) {
			w := newWorld(t)
			id := w.running("")
			w.ask("ada", c.method, "/"+id+c.path, c.body, 200)
			// The rest of what she may do at once; a busy machine takes so long that she may do more.
			for later := time.Now().Add(time.Hour); w.api.steps.take(c.pace, "ada", later) == 0; {
			}
			w.refused("ada", c.method, "/"+id+c.path, c.body, 429, "TOO_MANY_REQUESTS")
		})
	}
}
