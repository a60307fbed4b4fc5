package rooms_test

import (
	"testing"

	"parley/api/rooms"
	"parley/api/wire"
	callv1 "parley/protobuf/call/v1"
)

// ingested is a packet as a transport hands it over, with room for the stamp.
func ingested() []byte {
	p := picture(callv1.MediaPacket_VIDEO, "key", 1200)
	return append(make([]byte, 0, len(p)+wire.StampRoom), p...)
}

func TestIngestAllocatesTheFrameAlone(t *testing.T) {
	for what, rules := range map[string]rooms.Rules{
		"free": {}, "capped": {Kbit: 1_000_000}, "screens off": {NoScreens: true}, "dropped": {Encrypted: true},
		"flooding": {Session: rooms.Budget{Packets: 1}}, "crowded": {Room: rooms.Budget{Packets: 1}},
	} {
		c := rooms.NewCrowd(20)
		c.Rule(rules)
		p := ingested()
		for range 100 { // until nothing has to grow
			c.Ingest(p)
			c.Drain()
		}
		const packets = 20 // a mean is rounded down, so one run is of many
		want := 1.0 * packets
		if what == "dropped" || what == "flooding" || what == "crowded" {
			want = 0
		}
		if n := testing.AllocsPerRun(10, func() {
			for range packets {
				c.Ingest(p)
				c.Drain()
			}
		}); n != want {
			t.Errorf("%s: %v allocations for %d packets, want %v", what, n, packets, want)
		}
	}
}

// BenchmarkIngest is one packet from its connection to ten queues.
func BenchmarkIngest(b *testing.B) {
	for _, c := range []struct {
		name  string
		rules rooms.Rules
	}{{"free", rooms.Rules{}}, {"capped", rooms.Rules{Kbit: 90_000_000}}, {"refused", rooms.Rules{Encrypted: true}}} {
		b.Run(c.name, func(b *testing.B) {
			crowd := rooms.NewCrowd(10)
			c.rules.Session = rooms.Budget{Packets: 1_000_000_000, Kbit: 1_000_000_000}
			c.rules.Room = c.rules.Session
			crowd.Rule(c.rules)
			p := ingested()
			b.ReportAllocs()
			for b.Loop() {
				crowd.Ingest(p)
				crowd.Drain()
			}
		})
	}
}
