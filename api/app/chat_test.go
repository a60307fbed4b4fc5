package app_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"parley/api/media/mediatest"
)

func TestChatCrossesNodesAndOutlivesThem(t *testing.T) {
	c := newCluster(t)
	managed := []string{"meeting_management=true", "waiting_room_default=false"}
	a, b := c.start(managed...), c.start(managed...)
	room := newRoom()
	ada, bob := a.inside(overWS, "ada", room), b.inside(overWT, "bob", room)
	ada.until("joined bob")
	ada.send(mediatest.Chat("hello", "1"))
	bob.until("line from ada, called ada: hello")
	bob.send(mediatest.Chat("hi", "1"))
	ada.until("line from bob, called bob: hi")
	// A node that knew nothing of the room tells who comes there, after the others are gone.
	d := c.start(managed...)
	if err := b.stop(); err != nil {
		t.Error(err)
	}
	ada.until("left bob")
	cyd := d.comes("cyd", room)
	cyd.until("past line from bob, called bob: hi")
	ada.until("joined cyd")
	_, _ = ada.Close(), cyd.Close()
	eventually(c, 0, activeCount, room)

	// The next meeting in the room knows nothing of it.
	a.ask("ada", "POST", "/"+room+"/end", "")
	again := a.comes("ada", room)
	if heard := again.sync(); len(about(heard, "line")) > 0 {
		t.Errorf("ada reads %q", heard)
	}
	again.send(mediatest.Chat("anybody here", "1"))
	again.until("line from ada, called ada: anybody here")
	dan := d.comes("dan", room)
	if heard := dan.until("past line from ada, called ada: anybody here"); len(about(heard, "line")) > 0 {
		t.Errorf("dan reads %q", heard)
	}
}

func TestChatIsOffWhereTheFlagSaysSo(t *testing.T) {
	c := newCluster(t)
	a, b := c.start(), c.start()
	room := newRoom()
	ada, bob := a.join(overWS, "ada", room), b.join(overWS, "bob", room)
	ada.until("joined bob")
	for _, f := range []string{"chat", "reactions"} {
		asAdmin[any](a, "PUT", "flags/"+f, `{"value":false,"room":"`+room+`"}`)
		ada.until("MEETING_SETTINGS_UPDATED")
		bob.until("MEETING_SETTINGS_UPDATED")
	}
	bob.send(mediatest.Chat("psst", "1"))
	bob.until("refused: SWITCHED_OFF 1")
	bob.send(mediatest.Reaction("heart"))
	bob.send(mediatest.Audio("marker"))
	if heard := ada.until("audio marker from bob"); slices.ContainsFunc(heard, func(s string) bool { return strings.Contains(s, "REACTION") || strings.Contains(s, "psst") }) {
		t.Errorf("ada hears %q", heard)
	}
}

// comes lets somebody in and reads nothing yet.
func (n *node) comes(name, room string) *guest {
	n.t.Helper()
	raw, _ := n.ask(name, "POST", "/"+room+"/join", "")["room_token"].(string)
	g := n.enter(overWS, name, "/lobby?token="+url.QueryEscape(raw))
	g.send(mediatest.Heartbeat())
	return g
}
