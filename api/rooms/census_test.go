package rooms_test

import (
	"testing"

	"parley/api/media"
	"parley/api/media/mediatest"
	"parley/api/rooms"
	"parley/api/wire"
)

// What sessions and rooms counted stays in the totals when they are gone.
func TestCensus(t *testing.T) {
	inWorld(t, func(w *world) {
		a, b := w.node("a"), w.node("b")
		ada, bob := a.join("ada"), a.join("bob")
		eve := a.connect("eve", room("lobby"), observer)
		b.join("cyd").Send(mediatest.Audio("from afar"))
		ada.hears()
		bob.hears()
		for range 3 {
			ada.Send(mediatest.Audio("hello"))
		}
		w.silence("ada", "", wire.Audio, a, b)
		ada.Send(mediatest.Audio("ignored"))
		bob.hears()

		c := a.hub.Census()
		want := map[rooms.Group]int{{Transport: media.WebSocket, Standing: rooms.Active}: 2, {Transport: media.WebSocket, Standing: rooms.Observer}: 1}
		if len(c.Sessions) != 2 || c.Sessions[rooms.Group{Transport: media.WebSocket, Standing: rooms.Active}] != 2 {
			t.Errorf("sessions %v, want %v", c.Sessions, want)
		}
		check := func(c rooms.Census) {
			t.Helper()
			in, out, remote := c.Total.In, c.Total.Out, c.Total.Remote
			if in.Packets[media.Audio] != 4 || out.Packets[media.Audio] != 5 || remote.Packets[media.Audio] != 1 {
				t.Errorf("audio in %d, out %d, remote %d", in.Packets[media.Audio], out.Packets[media.Audio], remote.Packets[media.Audio])
			}
			if got := c.Total.Drops[rooms.Silenced][media.Audio]; got != 1 || c.Total.Drops.Total() != got {
				t.Errorf("dropped %v", c.Total.Drops)
			}
			if in.Bytes[media.Audio] == 0 || out.Bytes[media.Audio] < in.Bytes[media.Audio] || in.Packets[media.Control] == 0 {
				t.Errorf("in %v, out %v", in, out)
			}
		}
		check(c)
		if len(c.Rooms) != 2 || len(a.hub.Attendance()) != 3 {
			t.Errorf("rooms %v, sessions %v", c.Rooms, a.hub.Attendance())
		}
		for _, p := range []*person{ada, bob, eve} {
			p.Leave()
			p.gone()
		}
		mediatest.Advance(t, 2*rooms.DefaultGrace)
		if c = a.hub.Census(); len(c.Rooms) != 0 || len(c.Sessions) != 0 {
			t.Errorf("left are %v", c)
		}
		check(c)
	})
}

func TestCausesHaveNames(t *testing.T) {
	seen := map[string]bool{}
	for c := range rooms.Causes() {
		if name := c.String(); name == "" || seen[name] {
			t.Errorf("%d is called %q", c, name)
		} else {
			seen[name] = true
		}
	}
}
