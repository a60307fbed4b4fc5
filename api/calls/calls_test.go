package calls_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"strings"
	"sync"
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
	"parley/api/telemetry/catalogue"
	healthv1 "parley/protobuf/health/v1"
)

func TestMain(m *testing.M) { postgrestest.Main(m) }

// page keeps what it is told, in one list for all sessions. The engine itself, with a
// database, is tested where it is.
type page struct {
	t     *testing.T
	mu    sync.Mutex
	lines []line
	ended map[string]string
	lossy bool // that events are lost is no error
	lost  uint64
}

// line is one event.
type line struct {
	source telemetry.Source
	name   string
	record telemetry.Record
	fields map[string]any
}

// diary is the feed of one session.
type diary struct {
	*page
	source telemetry.Source
}

func (p *page) Begin(_ context.Context, s telemetry.Source) (telemetry.Feed, error) {
	return diary{p, s}, nil
}

func (d diary) ID() telemetry.SessionID { return 1 }

func (d diary) Record(r telemetry.Record) {
	d.mu.Lock()
	defer d.mu.Unlock()
	k := catalogue.Call().Kind(0, r.Kind)
	text, err := k.AppendJSON(nil, catalogue.Params{}, r.Raw, catalogue.Style{})
	if err != nil {
		d.t.Errorf("%s: %v", k.Name, err)
	}
	fields := map[string]any{}
	if err := json.Unmarshal(text, &fields); err != nil {
		d.t.Error(err)
	}
	d.lines = append(d.lines, line{d.source, k.Name, r, fields})
}

func (d diary) Lost(cause telemetry.Cause, _, n uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.lost += n; !d.lossy {
		d.t.Errorf("%d events are lost: %s", n, cause)
	}
}

func (d diary) End(reason string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ended[d.source.Labels["session"]] = reason
}

// world is a recorder and what it wrote.
type world struct {
	*calls.Recorder
	page *page
	hub  *rooms.Hub
	stop func()
}

func newWorld(t *testing.T) *world {
	t.Helper()
	p := &page{t: t, ended: map[string]string{}}
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	w := &world{calls.New(calls.Options{Ingest: p, Log: log, Key: []byte("key"), Server: "s"}), p, nil, nil}
	w.hub = rooms.NewHub(rooms.Options{Node: "n", Relay: mediatest.NewLocal("n"), Ledger: &mediatest.Ledger{}, Reporter: w, Watcher: w, Log: log})
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var running sync.WaitGroup
	running.Go(func() { _ = w.Run(ctx, w.hub) })
	w.stop = sync.OnceFunc(func() { cancel(); running.Wait() })
	t.Cleanup(w.stop)
	return w
}

// names returns the events of a participant's room in their order, without those given.
func (w *world) names(t *testing.T, without ...string) string {
	t.Helper()
	if err := w.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.page.mu.Lock()
	defer w.page.mu.Unlock()
	var all []string
	for _, l := range w.page.lines {
		if !slices.Contains(without, l.name) {
			all = append(all, l.name)
		}
	}
	return strings.Join(all, " ")
}

func (w *world) last(t *testing.T, name string) line {
	t.Helper()
	if err := w.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.page.mu.Lock()
	defer w.page.mu.Unlock()
	for _, l := range slices.Backward(w.page.lines) {
		if l.name == name {
			return l
		}
	}
	t.Fatalf("no %s in %+v", name, w.page.lines)
	return line{}
}

func stats(id media.SessionID, user string) media.SessionStats {
	return media.SessionStats{
		Member: media.Member{Session: id, Room: "room", User: user, Transport: media.WebSocket, Joined: time.Now()},
		Begun:  time.Now().Add(-100 * time.Millisecond),
	}
}

func TestConnectionsFromBeginToEnd(t *testing.T) {
	w := newWorld(t)
	a := stats(1, "ada")
	w.Connected(a)
	w.Sends(1, media.Audio)
	w.Active(1)
	w.Active(1)
	w.Sends(1, media.Control)
	a.End = fault.Slow
	w.Disconnected(a)
	w.Disconnected(a)
	want := "RoomOpened ConnectingIn ConnectedIn PublishStarted JoinStarted Joined PublishStopped Left Disconnected RoomClosed"
	if got := w.names(t, "ServerStatus"); !sameWords(got, want) {
		t.Errorf("%s\n%s", got, want)
	}
	if l := w.last(t, "Joined"); l.fields["took_ms"].(float64) < 100 || l.record.Link != 3 || l.source.Scope != "room" || strings.Contains(l.source.Identity, "ada") {
		t.Errorf("%+v", l)
	}
	if l := w.last(t, "Left"); l.fields["code"] != "slow" {
		t.Errorf("%+v", l)
	}
	if w.page.ended["1"] != "slow" {
		t.Errorf("ended: %v", w.page.ended)
	}
	a.Session, a.Reconnection, a.Replaces = 2, true, 1
	w.Connected(a)
	if l := w.last(t, "ReconnectStarted"); l.fields["code"] != "slow" {
		t.Errorf("%+v", l)
	}
	if l := w.last(t, "Restored"); !l.record.Linked {
		t.Errorf("%+v", l)
	}
	w.stop()
	if w.page.ended["2"] == "" {
		t.Error("the session does not end with the node")
	}
}

// sameWords compares without regard to where the node speaks between.
func sameWords(a, b string) bool {
	x, y := strings.Fields(a), strings.Fields(b)
	slices.Sort(x)
	slices.Sort(y)
	return slices.Equal(x, y)
}

// More is told than there is room for before anybody takes it in.
func TestWhatWasNotTakenInIsDropped(t *testing.T) {
	p := &page{t: t, ended: map[string]string{}, lossy: true}
	r := calls.New(calls.Options{Ingest: p, Log: slog.New(slog.DiscardHandler), Key: []byte("key"), Server: "s"})
	for range 10_000 {
		r.Admitted("room", "nobody")
	}
	hub := rooms.NewHub(rooms.Options{Node: "n", Relay: mediatest.NewLocal("n"), Ledger: &mediatest.Ledger{}, Reporter: r, Watcher: r, Log: slog.New(slog.DiscardHandler)})
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = r.Run(ctx, hub) })
	defer running.Wait()
	defer cancel()
	w := &world{Recorder: r, page: p}
	l := w.last(t, "Dropped")
	if n := l.fields["num"].(float64); n < 1_000 || p.lost != uint64(n) {
		t.Errorf("%v are dropped, %d in the ledger", n, p.lost)
	}
	if next := w.last(t, "ServerStatus"); next.record.Seq < l.record.Seq+uint64(l.fields["num"].(float64)) {
		t.Errorf("%d follows %d", next.record.Seq, l.record.Seq)
	}
}

func TestAttemptsThatFail(t *testing.T) {
	w := newWorld(t)
	w.Refused("room", "ada", media.WebTransport, time.Now(), fault.GoingAway)
	if l := w.last(t, "JoinFailed"); l.source.Scope != "room" || !l.record.Linked {
		t.Errorf("%+v", l)
	}
	w.Refused("", "", media.WebSocket, time.Now(), fault.Expired)
	if l := w.last(t, "TransportRefused"); l.source.Scope != "" || l.fields["code"] != "expired" || l.fields["transport"] != "websocket" {
		t.Errorf("%+v", l)
	}
}

func TestFramesThatReachSomebody(t *testing.T) {
	w := newWorld(t)
	w.Connected(stats(1, "ada"))
	w.Connected(stats(2, "bob"))
	w.Reached(2, 1, media.Video) // before bob takes part
	w.Active(2)
	w.Sends(1, media.Video)
	for range 2 {
		w.Reached(2, 1, media.Video)
		w.Reached(2, 1, media.Audio)
	}
	w.KeyframeAsked(1, media.Video)
	w.KeyframeCame(1, media.Video, 2)
	w.KeyframeCame(1, media.Video, 1)
	want := "SubscribeStarted FirstFrame SubscribeStarted FirstFrame KeyFrameRequested KeyFrameDelivered"
	if got := w.names(t, "ServerStatus", "RoomOpened", "ConnectingIn", "ConnectedIn", "JoinStarted", "Joined", "PublishStarted"); got != want {
		t.Errorf("%s", got)
	}
	first := w.last(t, "FirstFrame")
	if first.source.Identity != w.last(t, "Joined").source.Identity || first.fields["sender"] != w.last(t, "KeyFrameRequested").source.Identity {
		t.Errorf("%+v", first)
	}
}

func report(t *testing.T, w *world, p *healthv1.HealthPacket) {
	t.Helper()
	b, err := proto.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	w.Health(b)
}

func TestReportsOfClients(t *testing.T) {
	w := newWorld(t)
	w.Connected(stats(1, "ada"))
	w.Connected(stats(2, "bob"))
	say := func(fps, concealment float64) {
		report(t, w, &healthv1.HealthPacket{
			SessionId: "2", TimestampMs: 1 << 63, ActiveServerRttMs: -1,
			PeerStats: map[string]*healthv1.PeerStats{"1": {
				CanSee: true, CanListen: true, AudioEnabled: true, VideoEnabled: true, AudioConcealmentPct: concealment,
				VideoStats: &healthv1.VideoStats{FpsReceived: fps, FramesDecoded: 100},
			}},
		})
	}
	say(30, 1)
	say(30, 1) // good is what is expected
	say(0, 60)
	say(30, 1) // one bad report may be chance for the quality, though not for the picture
	say(3, 5)
	say(3, 5)
	say(3, 5)
	var changes []string
	w.last(t, "HealthSample")
	for _, l := range w.page.lines {
		switch l.name {
		case "PeerQualityChanged":
			changes = append(changes, l.fields["media"].(string)+" "+l.fields["quality"].(string))
		case "Freeze", "AudioGap":
			changes = append(changes, l.name)
		case "HealthSample":
			if l.fields["claimed_at"] != 0.0 || l.fields["rtt_ms"] != 0.0 {
				t.Errorf("%+v", l.fields)
			}
		}
	}
	if want := []string{"Freeze", "AudioGap", "audio fair", "video poor"}; !slices.Equal(changes, want) {
		t.Errorf("%v", changes)
	}
	// Older clients report what their buffers did.
	report(t, w, &healthv1.HealthPacket{SessionId: "2", PeerStats: map[string]*healthv1.PeerStats{"ada": {
		AudioEnabled: true, NeteqStats: &healthv1.NetEqStats{Network: &healthv1.NetEqNetwork{OperationCounters: &healthv1.NetEqOperationCounters{NormalPerSec: 75, ExpandPerSec: 25}}},
	}}})
	if l := w.last(t, "HealthSample"); l.fields["concealment"].(map[string]any)["worst"] != 25.0 {
		t.Errorf("%+v", l.fields)
	}
	report(t, w, &healthv1.HealthPacket{SessionId: "99"})
	w.Health([]byte("\xff\xff"))
	if l := w.last(t, "HealthSample"); l.fields["peers"] != 1.0 {
		t.Errorf("%+v", l.fields)
	}
}

func TestReportsAreKeptOfEachPeer(t *testing.T) {
	w := newWorld(t)
	w.Connected(stats(1, "ada"))
	w.Connected(stats(2, "bob"))
	fps, latency, bytes, errors := uint32(24), 12.5, uint64(1<<63), uint64(3)
	peers := map[string]*healthv1.PeerStats{
		"1": {AudioEnabled: true, VideoEnabled: true, AudioConcealmentPct: 4, AvgDecodeLatencyMs: &latency, VideoStats: &healthv1.VideoStats{FpsReceived: 9, FramesDecoded: 1 << 60}},
	}
	for i := range 70 {
		peers["peer "+strings.Repeat("x", i+1)] = &healthv1.PeerStats{}
	}
	report(t, w, &healthv1.HealthPacket{
		SessionId: "2", ActiveServerRttMs: 33, ReportingVideoEnabled: true, IsTabVisible: true, PeerStats: peers,
		EncoderOutputFps: &fps, SendQueueBytes: &bytes, CameraEncoderErrorsGeneric: &errors,
	})
	own := w.last(t, "ClientSample").fields
	if own["rtt_ms"] != 33.0 || own["encoder_fps"] != 24.0 || own["encode_ms"] != nil || own["queue_bytes"] != float64(1<<53-1) || own["encoder_errors"] != 3.0 || own["video_on"] != true {
		t.Errorf("%+v", own)
	}
	l := w.last(t, "ReceptionSample")
	all := l.fields["peers"].([]any)
	if len(all) != 64 || l.fields["left_out"] != 7.0 {
		t.Fatalf("%d, %v left out", len(all), l.fields["left_out"])
	}
	worst := all[0].(map[string]any)
	w.Active(1)
	if worst["sender"] != w.last(t, "Joined").source.Identity || worst["fps"] != 9.0 || worst["decode_ms"] != 12.5 || worst["decoder_errors"] != nil || worst["decoded"] != float64(1<<53-1) {
		t.Errorf("%+v", worst)
	}
}
