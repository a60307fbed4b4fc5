package natsrelay_test

import (
	"fmt"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"parley/api/media"
	"parley/api/natsrelay"
	"parley/api/natsrelay/natstest"
)

// packetSize is what fits into one packet of the network.
const packetSize = 1200

// window is how many packets are on their way in the throughput benchmarks: enough to keep
// both ends busy, little enough to drop none.
const window = 1024

// counting is a sink that lets the publisher go on.
type counting chan struct{}

func (c counting) Deliver(media.Delivery) { c <- struct{}{} }
func (c counting) Entered(media.Member)   {}
func (c counting) Left(media.Member)      {}
func (c counting) Told(media.Event)       {}

// BenchmarkHop measures a packet from Publish on one node to Deliver on another, over one
// embedded server and the loopback interface.
func BenchmarkHop(b *testing.B) {
	url := natstest.URL(b)
	x, y := start(b, url, natsrelay.Options{}), start(b, url, natsrelay.Options{})
	room := newRoom()
	arrived := make(counting, window)
	l, err := x.Open(b.Context(), room, make(counting, window))
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	far, err := y.Open(b.Context(), room, arrived)
	if err != nil {
		b.Fatal(err)
	}
	defer far.Close()
	packet := make([]byte, packetSize)
	hop := func() {
		l.Publish(&media.Frame{From: 1, Kind: media.Video, Received: time.Now(), Wire: packet})
	}
	b.Run("captured", func(b *testing.B) { throughput(b, hop, arrived) })
	b.Run("captured one at a time", func(b *testing.B) { latency(b, hop, arrived) })

	// The same without JetStream, and without the stamp: what the parts cost.
	in, out := natstest.Dial(b, url, nats.NoEcho()), natstest.Dial(b, url, nats.NoEcho())
	if _, err := in.Subscribe("bench.>", func(*nats.Msg) { arrived <- struct{}{} }); err != nil {
		b.Fatal(err)
	}
	if err := in.Flush(); err != nil {
		b.Fatal(err)
	}
	for _, variant := range []struct {
		name   string
		header nats.Header
	}{
		{"core with header", nats.Header{"Parley": {"node-ABCDEFGHIJKL.mh8x0001"}}},
		{"core", nil},
	} {
		m := &nats.Msg{Subject: "bench." + string(room) + "." + strconv.Itoa(1), Header: variant.header, Data: packet}
		publish := func() {
			if err := out.PublishMsg(m); err != nil {
				b.Fatal(err)
			}
		}
		b.Run(variant.name, func(b *testing.B) { throughput(b, publish, arrived) })
		b.Run(variant.name+" one at a time", func(b *testing.B) { latency(b, publish, arrived) })
	}
}

// throughput sends as fast as packets arrive. It reports processor time, server included,
// beside time on the clock, which depends on what else the machine does.
func throughput(b *testing.B, send func(), arrived counting) {
	b.SetBytes(packetSize)
	b.ReportAllocs()
	before := processor()
	defer func() { b.ReportMetric(float64(processor()-before)/float64(b.N), "cpu-ns/op") }()
	ahead := 0
	for b.Loop() {
		if ahead == window {
			<-arrived
			ahead--
		}
		send()
		ahead++
	}
	for range ahead {
		<-arrived
	}
}

// processor returns the processor time this process took.
func processor() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// latency sends each packet after the one before arrived.
func latency(b *testing.B, send func(), arrived counting) {
	var took []time.Duration
	for b.Loop() {
		sent := time.Now()
		send()
		<-arrived
		took = append(took, time.Since(sent))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Nanoseconds()), "p50-ns")
	b.ReportMetric(float64(took[len(took)*99/100].Nanoseconds()), "p99-ns")
}

func BenchmarkAnnounce(b *testing.B) {
	n := start(b, natstest.URL(b), natsrelay.Options{})
	l, err := n.Open(b.Context(), newRoom(), make(counting))
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	for b.Loop() {
		m := member(1)
		if err := l.Announce(b.Context(), m); err != nil {
			b.Fatal(err)
		}
		if _, err := l.Withdraw(b.Context(), m); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	n := start(b, natstest.URL(b), natsrelay.Options{})
	room := newRoom()
	for b.Loop() {
		l, err := n.Open(b.Context(), room, make(counting))
		if err != nil {
			b.Fatal(err)
		}
		l.Close()
	}
}

// BenchmarkAppend measures an event from Append to the log until the sinks of this node and of
// another one are told, with one writer and with one on either node.
func BenchmarkAppend(b *testing.B) {
	url := natstest.URL(b)
	nodes := []node{start(b, url, natsrelay.Options{}), start(b, url, natsrelay.Options{})}
	for writers := 1; writers <= len(nodes); writers++ {
		b.Run(fmt.Sprintf("%d writers", writers), func(b *testing.B) {
			room := newRoom()
			var wg sync.WaitGroup
			for i, n := range nodes {
				l, err := n.Open(b.Context(), room, make(counting, window))
				if err != nil {
					b.Fatal(err)
				}
				defer l.Close()
				if i >= writers {
					continue
				}
				wg.Go(func() {
					for range b.N {
						if err := l.Append(b.Context(), media.NewEvent([]byte("event")), nil); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
		})
	}
}
