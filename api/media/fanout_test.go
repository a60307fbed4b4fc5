package media_test

import (
	"fmt"
	"testing"
	"time"

	"parley/api/media"
)

func fanoutFrame(size int) *media.Frame {
	return &media.Frame{From: 1, Kind: media.Video, Key: true, Received: time.Now(), Wire: make([]byte, size)}
}

func TestFanoutDoesNotAllocate(t *testing.T) {
	c := media.NewCrowd(20)
	f := fanoutFrame(1200)
	c.Fanout(f)
	c.Drain()
	if n := testing.AllocsPerRun(200, func() {
		c.Fanout(f)
		f.Received = time.Now()
		c.Drain()
	}); n != 0 {
		t.Errorf("%v allocations per frame, want 0", n)
	}
}

// BenchmarkFanout is one packet to n receivers, through their queues.
func BenchmarkFanout(b *testing.B) {
	for _, n := range []int{1, 10, 100, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			c := media.NewCrowd(n)
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
