package calls_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"

	"google.golang.org/protobuf/proto"

	"parley/api/calls"
	"parley/api/media"
	"parley/api/media/mediatest"
	"parley/api/rooms"
	"parley/api/telemetry"
	healthv1 "parley/protobuf/health/v1"
)

// deaf takes events in and forgets them.
type deaf struct{}

func (deaf) Begin(context.Context, telemetry.Source) (telemetry.Feed, error) { return deaf{}, nil }
func (deaf) ID() telemetry.SessionID                                         { return 1 }
func (deaf) Record(telemetry.Record)                                         {}
func (deaf) Lost(telemetry.Cause, uint64, uint64)                            {}
func (deaf) End(string)                                                      {}

// BenchmarkReport measures what one report about nineteen others costs until events of it are
// taken in, BenchmarkSample what twenty connections do that are sampled.
func BenchmarkReport(b *testing.B) {
	recorder, _ := deafRecorder(b)
	for i := range benchPeople {
		recorder.Connected(stats(media.SessionID(i+1), fmt.Sprint(i)))
	}
	p := &healthv1.HealthPacket{SessionId: "1", IsTabVisible: true, PeerStats: map[string]*healthv1.PeerStats{}}
	for i := range benchPeople {
		p.PeerStats[fmt.Sprint(i+1)] = &healthv1.PeerStats{
			AudioEnabled: true, VideoEnabled: true, VideoStats: &healthv1.VideoStats{FpsReceived: 30, FramesDecoded: 1000},
			NeteqStats: &healthv1.NetEqStats{Network: &healthv1.NetEqNetwork{OperationCounters: &healthv1.NetEqOperationCounters{NormalPerSec: 50}}},
		}
	}
	delete(p.PeerStats, "1")
	data, err := proto.Marshal(p)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		recorder.Health(data)
		if err := recorder.Settle(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSample(b *testing.B) {
	recorder, hub := deafRecorder(b)
	var serving sync.WaitGroup
	ctx, cancel := context.WithCancel(b.Context())
	defer serving.Wait()
	defer cancel()
	newBenchRoom(b, ctx, hub, &serving)
	b.ReportAllocs()
	for b.Loop() {
		if err := recorder.Sample(ctx); err != nil {
			b.Fatal(err)
		}
	}
}

func deafRecorder(b *testing.B) (*calls.Recorder, *rooms.Hub) {
	log := slog.New(slog.DiscardHandler)
	recorder := calls.New(calls.Options{Ingest: deaf{}, Log: log, Key: []byte("key"), Server: "s"})
	hub := rooms.NewHub(rooms.Options{Node: "n", Relay: mediatest.NewLocal("n"), Ledger: &mediatest.Ledger{}, Reporter: recorder, Watcher: recorder, Log: log})
	ctx, cancel := context.WithCancel(b.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = recorder.Run(ctx, hub) })
	b.Cleanup(running.Wait)
	b.Cleanup(cancel)
	return recorder, hub
}
