package lossy_test

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/api/client"
	"parley/api/lossy/cable"
	"parley/api/lossy/cable/cabletest"
	"parley/api/rooms"
	callv1 "parley/protobuf/call/v1"
)

// Of a phase of BenchmarkOthers.
const (
	phaseLength = 2 * time.Second
	phaseSettle = time.Second // until what the one before left is gone
	phaseTick   = 20 * time.Millisecond
)

// ages collects how old packets are that arrive at some people.
type ages struct {
	mu  sync.Mutex
	all []time.Duration
}

func (a *ages) add(d time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.all = append(a.all, d)
}

// take returns the 99th percentile, in milliseconds, and begins anew.
func (a *ages) take() float64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	defer func() { a.all = a.all[:0] }()
	if len(a.all) == 0 {
		return 0
	}
	slices.Sort(a.all)
	return float64(a.all[len(a.all)*99/100]) / 1e6
}

// BenchmarkOthers compares how late packets are at those with a good path while one in ten loses some,
// or one does not read, or both, with how late they are while nothing is wrong: with the same people,
// by turns. Who sends does so over what the others have.
// How two phases compare in which nothing is wrong says how much is noise.
func BenchmarkOthers(b *testing.B) {
	for _, over := range ways {
		b.Run(strings.ReplaceAll(string(over), ", ", "/"), func(b *testing.B) { benchmarkOthers(b, over) })
	}
}

func benchmarkOthers(b *testing.B, over way) {
	laid := cabletest.Lay(b)
	n, near, far := nodeAt(b, laid, rooms.DefaultQueueLimits())
	var heard ages
	began := time.Now()
	well := near
	well.On = func(p client.Packet) {
		if _, m, err := client.Parse(p.Data); err == nil && m != nil && m.Timestamp > 0 {
			heard.add(time.Since(began) - time.Duration(m.Timestamp*float64(time.Second)))
		}
	}
	ada := n.join(b, over, "ada", near)
	for range 18 {
		n.join(b, over, "well", well)
	}
	for range 2 {
		n.join(b, over, "lossy", far)
	}
	stuck := n.join(b, over, "stuck", smallWindows(near))

	var sound, picture uint64
	phase := func() float64 {
		tick := time.NewTicker(phaseTick)
		defer tick.Stop()
		for at := time.Duration(0); at < phaseSettle+phaseLength; at += phaseTick {
			<-tick.C
			if at == phaseSettle {
				heard.take()
			}
			send := func(packet []byte) {
				if err := ada.Send(b.Context(), packet); err != nil {
					b.Fatal(err)
				}
			}
			sound++
			send(stamped(callv1.MediaPacket_AUDIO, sound, false, soundBytes, began))
			if sound%2 == 0 {
				picture++
				size := deltaBytes
				if picture%25 == 1 {
					size = 4 * keyBytes
				}
				send(stamped(callv1.MediaPacket_VIDEO, picture, picture%25 == 1, size, began))
			}
		}
		return heard.take()
	}
	var good, lossy, both, noise, stalled []float64
	for b.Loop() {
		good = append(good, phase())
		cabletest.Spoil(b, laid, cable.Trouble{Loss: .05, Delay: 10 * time.Millisecond})
		lossy = append(lossy, phase())
		stuck.reading.Lock()
		both = append(both, phase())
		stuck.reading.Unlock()
		cabletest.Spoil(b, laid, cable.Trouble{})
		noise = append(noise, phase())
		stuck.reading.Lock()
		stalled = append(stalled, phase())
		stuck.reading.Unlock()
	}
	b.Logf("p99 in ms: good %.2f, 10%% lose 5%% %.2f, one stalls besides %.2f, good %.2f, one stalls %.2f", good, lossy, both, noise, stalled)
	base := median(slices.Concat(good, noise))
	b.ReportMetric(base, "p99-ms")
	b.ReportMetric(median(lossy)/base, "x-lossy")
	b.ReportMetric(median(stalled)/base, "x-stalled")
	b.ReportMetric(median(both)/base, "x-both")
	b.ReportMetric(median(noise)/median(good), "x-noise")
}

func median(of []float64) float64 {
	of = slices.Sorted(slices.Values(of))
	if n := len(of); n%2 == 0 {
		return (of[n/2-1] + of[n/2]) / 2
	}
	return of[len(of)/2]
}
