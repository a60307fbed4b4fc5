package rooms_test

import (
	"fmt"
	"testing"
	"time"

	"parley/api/media"
	"parley/api/rooms"
)

// BenchmarkQueue is one packet into a queue and out of it again, alone and in batches.
func BenchmarkQueue(b *testing.B) {
	for _, kind := range []media.Kind{media.Audio, media.Video} {
		for _, n := range []int{1, 16} {
			b.Run(fmt.Sprintf("%v/batch=%d", kind, n), func(b *testing.B) {
				q := rooms.NewQueue(rooms.DefaultQueueLimits())
				f := &media.Frame{From: 1, Kind: kind, Key: true, Wire: make([]byte, 1200)}
				batch := make([]*media.Frame, 0, n)
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					f.Received = time.Now()
					q.Push(f)
					if i%n != n-1 {
						continue
					}
					if _, err := q.Pop(batch); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
