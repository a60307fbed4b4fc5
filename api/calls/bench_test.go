package calls_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"parley/api/calls"
	"parley/api/fault"
	"parley/api/media"
	"parley/api/media/mediatest"
	"parley/api/postgres/postgrestest"
	"parley/api/rooms"
	"parley/api/telemetry"
	"parley/api/telemetry/archive"
	"parley/api/telemetry/catalogue"
	"parley/api/wire"
	callv1 "parley/protobuf/call/v1"
	healthv1 "parley/protobuf/health/v1"
)

const (
	benchPeople = 20
	benchVideo  = 30 // packets per second of each
	benchAudio  = 50

	benchSeconds = 5 // from report to report
	benchSamples = 3 // in that time, of two and a half
)

// pit is a connection whose packets go to the other end of a TCP connection, where nobody looks
// at them; media is counted. In a call packets come one by one, so each is written by itself:
// the least that a WebSocket costs.
type pit struct {
	net.Conn
	in      chan []byte
	arrived *arrivals
	inside  chan struct{} // closed when the room knows it
	closed  chan struct{}
	enter   sync.Once
	close   sync.Once
}

// arrivals counts what was delivered until there is as much as is waited for.
type arrivals struct {
	count  atomic.Int64
	target int64
	done   chan struct{}
}

func (p *pit) Read(ctx context.Context) (media.Packet, error) {
	select {
	case data := <-p.in:
		return media.Packet{Data: append(make([]byte, 0, len(data)+wire.StampRoom), data...)}, nil
	case <-p.closed:
		return media.Packet{}, fault.New(fault.Bye, "closed")
	case <-ctx.Done():
		return media.Packet{}, context.Cause(ctx)
	}
}

func (p *pit) Write(_ context.Context, frames []*media.Frame) error {
	p.enter.Do(func() { close(p.inside) })
	n := int64(0)
	for _, f := range frames {
		if f.Kind == media.Audio || f.Kind == media.Video {
			n++
		}
	}
	for _, f := range frames {
		if _, err := p.Conn.Write(f.Wire); err != nil {
			return err
		}
	}
	if p.arrived.count.Add(n) == p.arrived.target && n > 0 {
		p.arrived.done <- struct{}{}
	}
	return nil
}

// Close implements media.Conn.
func (p *pit) Close(fault.Code) error {
	p.close.Do(func() { close(p.closed) })
	return p.Conn.Close()
}

// Transport implements media.Conn.
func (p *pit) Transport() media.Transport { return media.WebSocket }

// nobody hears what a hub reports.
type nobody struct{}

func (nobody) Connected(media.SessionStats)    {}
func (nobody) Traffic(media.SessionStats)      {}
func (nobody) Disconnected(media.SessionStats) {}
func (nobody) Health([]byte)                   {}

// benchRoom is a room in which everybody sends to everybody.
type benchRoom struct {
	b       *testing.B
	conns   []*pit
	arrived arrivals
	report  []byte
	video   []byte
	audio   []byte
}

// sink returns a connection to somebody who reads and forgets.
func sink(b *testing.B, reading *sync.WaitGroup) net.Conn {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	far, err := l.Accept()
	if err != nil {
		b.Fatal(err)
	}
	reading.Go(func() {
		defer far.Close()
		buffer := make([]byte, 1<<20)
		for err := error(nil); err == nil; {
			_, err = far.Read(buffer)
		}
	})
	return conn
}

func newBenchRoom(b *testing.B, ctx context.Context, hub *rooms.Hub, serving *sync.WaitGroup) *benchRoom {
	r := &benchRoom{
		b: b, arrived: arrivals{done: make(chan struct{}, 1)},
		video: mediatest.VideoKey(strings.Repeat("v", 1000)), audio: mediatest.Audio(strings.Repeat("a", 80)),
	}
	stats := map[string]*healthv1.PeerStats{}
	for i := range benchPeople {
		p := &pit{Conn: sink(b, serving), in: make(chan []byte, 256), arrived: &r.arrived, inside: make(chan struct{}), closed: make(chan struct{})}
		r.conns = append(r.conns, p)
		serving.Go(func() {
			_ = hub.Serve(ctx, p, &media.Peer{Room: "room", User: fmt.Sprint(i), DisplayName: "x", Instance: fmt.Sprint(i)})
		})
		stats[fmt.Sprint(i)] = &healthv1.PeerStats{
			AudioEnabled: true, VideoEnabled: true, VideoStats: &healthv1.VideoStats{FpsReceived: 30, FramesDecoded: 1000},
			NeteqStats: &healthv1.NetEqStats{Network: &healthv1.NetEqNetwork{OperationCounters: &healthv1.NetEqOperationCounters{NormalPerSec: 50}}},
		}
	}
	delete(stats, "0")
	data, err := proto.Marshal(&healthv1.HealthPacket{PeerStats: stats, IsTabVisible: true})
	if err != nil {
		b.Fatal(err)
	}
	r.report = mediatest.Wrap(callv1.PacketWrapper_HEALTH, data)
	for _, c := range r.conns {
		<-c.inside
	}
	for _, c := range r.conns {
		c.in <- mediatest.Heartbeat()
	}
	r.round(r.video) // everybody is active, every stream has begun
	r.round(r.audio)
	return r
}

// round has everybody send a packet, and waits until all of them have arrived.
func (r *benchRoom) round(packet []byte) {
	r.arrived.count.Store(0)
	r.arrived.target = benchPeople * (benchPeople - 1)
	for _, c := range r.conns {
		c.in <- packet
	}
	select {
	case <-r.arrived.done:
	case <-time.After(time.Minute):
		r.b.Fatalf("%d of %d packets arrive", r.arrived.count.Load(), r.arrived.target)
	}
}

// reports has everybody report, and returns when all of it was looked at.
func (r *benchRoom) reports() {
	for _, c := range r.conns {
		c.in <- r.report
	}
	r.round(r.audio)
}

// cpu returns what the process used of processors.
func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u) // it does not fail
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkCostOfTelemetry measures five seconds of a call of twenty, on a hub that nobody
// watches and on one whose events, samples and reports are stored in a database: what a delivered
// packet costs of processors without and with telemetry, by how much that is more, and how
// much of that is beside the packets. The two take turns packet by packet, and in who is first, so
// that whatever else the machine does costs both the same.
func BenchmarkCostOfTelemetry(b *testing.B) {
	log := slog.New(slog.DiscardHandler)
	store, err := archive.Open(b.Context(), postgrestest.URL(b))
	if err != nil {
		b.Fatal(err)
	}
	defer store.Close()
	engine, err := telemetry.New(telemetry.Options{Store: store, Catalogues: []telemetry.Catalogue{catalogue.Call().ForEngine()}, Log: log, SpillDir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	var serving, recording, storing sync.WaitGroup
	storing.Go(func() { _ = engine.Run(ctx) })
	defer storing.Wait()
	recorder := calls.New(calls.Options{Ingest: engine, Log: log, Key: []byte("key"), Server: "s"})
	hub := func(node media.NodeID, r media.Reporter, w media.Watcher) *rooms.Hub {
		return rooms.NewHub(rooms.Options{Node: node, Relay: mediatest.NewLocal(node), Ledger: &mediatest.Ledger{}, Reporter: r, Watcher: w, Log: log, Grace: time.Millisecond})
	}
	on, off := hub("on", recorder, recorder), hub("off", nobody{}, nil)
	recording.Go(func() { _ = recorder.Run(ctx, on) })
	defer recording.Wait()
	defer serving.Wait()
	defer cancel()
	with, without := newBenchRoom(b, ctx, on, &serving), newBenchRoom(b, ctx, off, &serving)
	if err := recorder.Sample(ctx); err != nil {
		b.Fatal(err)
	}
	var costs, reports [2]time.Duration // of packets and of what is beside them, without and with
	spent := func(to *time.Duration, do func()) {
		before := cpu()
		do()
		*to += cpu() - before
	}
	for b.Loop() {
		spent(&reports[0], without.reports)
		spent(&reports[1], func() {
			with.reports()
			for range benchSamples {
				if err := recorder.Sample(ctx); err != nil {
					b.Fatal(err)
				}
			}
			if err := recorder.Flush(ctx); err != nil {
				b.Fatal(err)
			}
			if err := engine.Flush(ctx); err != nil {
				b.Fatal(err)
			}
		})
		for i := 1; i < benchSeconds*(benchVideo+benchAudio); i++ {
			of := func(r *benchRoom) []byte {
				if i%(benchVideo+benchAudio) < benchVideo {
					return r.video
				}
				return r.audio
			}
			rooms := []*benchRoom{without, with}
			for turn := range rooms {
				which := (i + turn) % 2
				spent(&costs[which], func() { rooms[which].round(of(rooms[which])) })
			}
		}
	}
	packets := float64(b.N) * benchPeople * (benchPeople - 1) * benchSeconds * (benchVideo + benchAudio)
	plain, watched := float64(costs[0]+reports[0]), float64(costs[1]+reports[1])
	b.ReportMetric(plain/packets, "off-ns/packet")
	b.ReportMetric(watched/packets, "on-ns/packet")
	b.ReportMetric(100*(watched/plain-1), "%more")
	b.ReportMetric(100*float64(reports[1]-reports[0])/plain, "%beside")
}
