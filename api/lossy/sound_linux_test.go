package lossy_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"parley/api/client"
	"parley/api/lossy/cable"
	"parley/api/lossy/cable/cabletest"
	"parley/api/rooms"
	callv1 "parley/protobuf/call/v1"
)

// BenchmarkNarrow measures what somebody gets over a WebSocket, where all goes one after the other, whose
// path carries less than half of what is sent: 200 of 510 kbit/s.
func BenchmarkNarrow(b *testing.B) {
	laid := cabletest.Lay(b)
	n, near, far := nodeAt(b, laid, rooms.DefaultQueueLimits())
	began := time.Now()
	var mu sync.Mutex
	var ages []float64 // of sounds, in ms
	seen := 0
	far.On = func(p client.Packet) {
		_, m, err := client.Parse(p.Data)
		if err != nil || m == nil {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		if m.MediaType == callv1.MediaPacket_AUDIO {
			ages = append(ages, 1000*(time.Since(began).Seconds()-m.Timestamp))
		} else {
			seen++
		}
	}
	ada := n.join(b, overWS, "ada", near)
	n.join(b, overWS, "bob", far)
	cabletest.Spoil(b, laid, cable.Trouble{Rate: 200_000, Delay: 20 * time.Millisecond})
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	sounds, pictures := 0, 0
	for b.Loop() { // four seconds
		for i := range 200 {
			<-tick.C
			sounds++
			packets := [][]byte{stamped(callv1.MediaPacket_AUDIO, uint64(sounds), false, 80, began)}
			if i%2 == 0 {
				size := 1_800
				if i == 0 {
					size = 20_000
				}
				pictures++
				packets = append(packets, stamped(callv1.MediaPacket_VIDEO, uint64(pictures), i == 0, size, began))
			}
			for _, p := range packets {
				if err := ada.Send(b.Context(), p); err != nil {
					b.Fatal(err)
				}
			}
		}
	}
	<-time.After(2 * time.Second)
	mu.Lock()
	defer mu.Unlock()
	slices.Sort(ages)
	if len(ages) == 0 {
		b.Fatal("nothing is heard")
	}
	b.ReportMetric(100*float64(len(ages))/float64(sounds), "%heard")
	b.ReportMetric(ages[len(ages)/2], "p50-ms")
	b.ReportMetric(ages[len(ages)*99/100], "p99-ms")
	b.ReportMetric(100*float64(seen)/float64(pictures), "%seen")
	b.ReportMetric(0, "ns/op") // it is the pace
}
