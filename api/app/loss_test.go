package app_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"parley/api/embedded"
	"parley/api/media/mediatest"
	"parley/api/natsrelay/natstest"
)

// What people decided is in PostgreSQL: NATS may forget everything. Those who are in a call
// stay, also while it is away, and what happens afterwards reaches them in a new epoch.
func TestNothingDecidedIsLostWithNATS(t *testing.T) {
	c := newCluster(t)
	dir := t.TempDir()
	server := serveNATS(t, dir)
	c.nats = server.URL()
	managed := []string{"meeting_management=true", "waiting_room_default=true"}
	a, b := c.start(managed...), c.start(managed...)
	room := newRoom()
	ada := a.inside(overWS, "ada", room)
	for _, user := range []string{"bob", "cyd", "eve"} {
		b.ask(user, "POST", "/"+room+"/join", "")
	}
	for _, user := range []string{"bob", "cyd"} {
		a.ask("ada", "POST", "/"+room+"/admit", `{"user_id":"`+user+`"}`)
	}
	cyd := b.inside(overWS, "cyd", room)
	ada.until("joined cyd")
	a.ask("ada", "POST", "/"+room+"/kick", `{"user_id":"bob","ban":true}`)
	a.ask("ada", "POST", "/"+room+"/grant-host", `{"user_id":"cyd"}`)
	a.ask("ada", "PATCH", "/"+room, `{"locked":true}`)

	server.Close()
	a.ask("ada", "PATCH", "/"+room, `{"admitted_can_admit":true}`) // NATS is not asked
	if err := os.RemoveAll(filepath.Join(dir, "jetstream")); err != nil {
		t.Fatal(err)
	}
	serveNATS(t, dir)
	// The nodes know each other again when media crosses.
	for arrived := false; !arrived; {
		ada.send(mediatest.Audio("are you there"))
		arrived = len(about(cyd.sync(), "are you there")) > 0
	}

	if code := b.refused("bob", "POST", "/"+room+"/join", ""); code != "BANNED" {
		t.Errorf("bob is answered %s", code)
	}
	if code := b.refused("dan", "POST", "/"+room+"/join", ""); code != "MEETING_LOCKED" {
		t.Errorf("dan is answered %s", code)
	}
	if got := b.ask("eve", "GET", "/"+room+"/status", ""); got["status"] != "waiting" {
		t.Errorf("eve is %v", got["status"])
	}
	b.ask("cyd", "POST", "/"+room+"/admit", `{"user_id":"eve"}`) // cyd is a host
	b.inside(overWS, "eve", room)
	ada.until("joined eve")
	if heard := ada.sync(); len(about(heard, "left")) > 0 {
		t.Errorf("ada hears %q", heard)
	}
	if !strings.HasSuffix(ada.events[len(ada.events)-1], " joined eve") {
		t.Errorf("the last event has no number: %q", ada.events)
	}
}

// serveNATS runs a server on the data in dir.
func serveNATS(t *testing.T, dir string) *embedded.NATS {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	n, err := embedded.StartNATS(ctx, embedded.NATSOptions{Dir: dir, Log: natstest.Log(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Close)
	return n
}
