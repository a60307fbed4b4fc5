package client

import (
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"parley/api/wire"
	callv1 "parley/protobuf/call/v1"
)

func TestOrder(t *testing.T) {
	// "A.3" is an event, "A.3!" one before which nothing is to be waited for, "-" no event.
	for what, c := range map[string]struct{ arrive, due string }{
		"as they were sent":          {"A.1 A.2 - A.3", "A.1 A.2 - A.3"},
		"overtaken":                  {"A.1 A.3 - A.4 A.2 A.5", "A.1 - A.2 A.3 A.4 A.5"},
		"before what it begins with": {"A.8 A.9 A.7! A.10", "A.7! A.8 A.9 A.10"},
		"after a reconnection":       {"A.7! A.9 A.20! A.21", "A.7! A.9 A.20! A.21"},
		"once more":                  {"A.7! A.7 A.8", "A.7! A.7 A.8"},
		"a log that was lost":        {"A.7! B.1 B.2 A.8", "A.7! B.1 B.2 A.8"},
	} {
		var o Order
		var due []string
		for _, text := range strings.Fields(c.arrive) {
			for _, p := range o.Next(Packet{Data: packetOf(t, text)}) {
				due = append(due, textOf(p))
			}
		}
		if got := strings.Join(due, " "); got != c.due {
			t.Errorf("%s: %s becomes %s, want %s", what, c.arrive, got, c.due)
		}
	}
}

func TestOrderWaitsForSoManyOnly(t *testing.T) {
	var o Order
	o.Next(Packet{Data: packetOf(t, "A.1")})
	n := 0
	for i := 3; n == 0 && i < 10*heldMost; i++ {
		n = len(o.Next(Packet{Data: packetOf(t, fmt.Sprintf("A.%d", i))}))
	}
	if n != heldMost+1 {
		t.Errorf("%d events came at once, want %d", n, heldMost+1)
	}
}

func packetOf(t *testing.T, text string) []byte {
	if text == "-" {
		return nil
	}
	m := &callv1.MeetingPacket{EventsSkipped: strings.HasSuffix(text, "!")}
	epoch, number, _ := strings.Cut(strings.TrimSuffix(text, "!"), ".")
	var n uint64
	if _, err := fmt.Sscan(number, &n); err != nil {
		t.Fatal(err)
	}
	return wire.Numbered(m, epoch, n)
}

func textOf(p Packet) string {
	var w callv1.PacketWrapper
	var m callv1.MeetingPacket
	if len(p.Data) == 0 || proto.Unmarshal(p.Data, &w) != nil || proto.Unmarshal(w.Data, &m) != nil {
		return "-"
	}
	return fmt.Sprintf("%s.%d%s", m.EventEpoch, m.EventNumber, map[bool]string{true: "!"}[m.EventsSkipped])
}
