//go:build unix

package mediatest

import (
	"bytes"
	"context"
	"fmt"
	"syscall"
	"testing"
	"time"

	"parley/api/media"
)

// BenchmarkWrite measures what it costs to write sound, packets that fill one of the network, and small
// pictures to conns, one at a time and in batches; no picture is a datagram. Besides the time it reports
// the processor time of the whole process for one packet: on a busy machine only that means something.
// open returns a connection with a far end that takes everything.
func BenchmarkWrite(b *testing.B, datagram bool, open func(b *testing.B) media.Conn) {
	sizes := []int{160, 1200, 4000}
	if datagram {
		sizes = sizes[:2]
	}
	for _, size := range sizes {
		for _, batch := range []int{1, 16, 64} {
			b.Run(fmt.Sprintf("size=%d/batch=%d", size, batch), func(b *testing.B) {
				conn := open(b)
				frames := make([]*media.Frame, batch)
				for i := range frames {
					frames[i] = &media.Frame{Kind: media.Audio, Wire: bytes.Repeat([]byte{8}, size), Datagram: datagram}
				}
				b.SetBytes(int64(size))
				b.ReportAllocs()
				n, before := 0, cpuTime(b)
				for b.Loop() {
					if n++; n%batch != 0 {
						continue
					}
					if err := conn.Write(context.Background(), frames); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(cpuTime(b)-before)/float64(n), "cpu-ns/op")
			})
		}
	}
}

// cpuTime returns the processor time that this process has used.
func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
