package rooms_test

import (
	"fmt"
	"testing"
	"time"

	"parley/api/media"
	"parley/api/rooms"
)

func fanoutFrame(size int) *media.Frame {
	return &media.Frame{From: 1, Kind: media.Video, Key: true, Received: time.Now(), Wire: make([]byte, size)}
}

func TestFanoutDoesNotAllocate(t *testing.T) {
	for kind := range media.Kinds() {
		t.Run(kind.String(), func(t *testing.T) {
			c := rooms.NewCrowd(20)
			f := fanoutFrame(1200)
			f.Kind = kind
			c.Fanout(f)
			c.Drain()
			delivered := 0
			if n := testing.AllocsPerRun(10, func() {
				for range 20 { // a mean is rounded down, so one run is of many
					f.Received = time.Now()
					c.Fanout(f)
					delivered += c.Drain()
				}
			}); n != 0 || delivered != 11*20*20 {
				t.Errorf("%v allocations for 20 frames, want 0; %d were delivered", n, delivered)
			}
		})
	}
}

// layered is a frame of a camera with three layers.
func layered(layer uint32, size int) *media.Frame {
	f := fanoutFrame(size)
	f.Layer, f.Layers = layer, 0b111
	return f
}

func TestSelectingDoesNotAllocate(t *testing.T) {
	c := rooms.NewCrowd(20)
	c.Prefer(1, 20)
	frames := []*media.Frame{layered(0, 300), layered(1, 600), layered(2, 1200)}
	round := func() (delivered int) {
		for _, f := range frames {
			f.Received = time.Now()
			c.Fanout(f)
		}
		return c.Drain()
	}
	round()
	if n := round(); n != 20 {
		t.Errorf("%d frames were delivered to 20 receivers of one layer each", n)
	}
	if n := testing.AllocsPerRun(10, func() {
		for range 20 {
			round()
		}
	}); n != 0 {
		t.Errorf("%v allocations for 60 frames, want 0", n)
	}
}

// BenchmarkFanoutOfLayers is a camera with three layers to n receivers: all of them, or the
// middle one to those who said so and show 20 others as well. Costs are per frame that is
// offered, delivered or not.
func BenchmarkFanoutOfLayers(b *testing.B) {
	for _, selected := range []bool{false, true} {
		for _, n := range []int{10, 100, 1000} {
			b.Run(fmt.Sprintf("selected=%v/%d", selected, n), func(b *testing.B) {
				c := rooms.NewCrowd(n)
				c.Instances()
				if selected {
					c.Prefer(1, 20)
				}
				frames := []*media.Frame{layered(0, 300), layered(1, 600), layered(2, 1200)}
				delivered := 0
				b.ReportAllocs()
				for b.Loop() {
					for _, f := range frames {
						f.Received = time.Now()
						c.Fanout(f)
					}
					delivered += c.Drain()
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(3*n*b.N), "ns/offer")
				b.ReportMetric(float64(delivered)/float64(n*b.N), "frames/receiver")
			})
		}
	}
}

// BenchmarkFanout is one packet to n receivers, through their queues.
func BenchmarkFanout(b *testing.B) {
	for _, n := range []int{1, 10, 100, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			c := rooms.NewCrowd(n)
			f := fanoutFrame(1200)
			delivered := 0
			b.ReportAllocs()
			for b.Loop() {
				f.Received = time.Now()
				c.Fanout(f)
				delivered += c.Drain()
			}
			if delivered == 0 {
				b.Fatal("nothing was delivered")
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(delivered), "ns/delivery")
		})
	}
}

// All receivers get the packet itself.
func TestReceiversShareOnePacket(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node("a")
		ada, bob, cyd := n.join("ada"), n.join("bob"), n.join("cyd")
		for _, p := range []*person{ada, bob, cyd} {
			p.hears()
		}
		ada.Send(ingested())
		first, second := bob.Receive().Wire, cyd.Receive().Wire
		if &first[0] != &second[0] {
			t.Error("a packet was copied on its way to two receivers")
		}
	})
}
