// Package calls tells the engine of telemetry what happens in calls.
//
// Each connection of a participant is a session of telemetry, and so is the node itself. The
// packet path says what begins and ends ([media.Watcher], [media.Reporter]), without waiting:
// one goroutine makes events of it. What flows is not told but looked at every few seconds.
//
// Participants are named by a hash with a key that the nodes share, so that what somebody
// looks at says who did the same before but not who that is. Who a session belongs to comes
// from its connection, never from what its client says.
package calls

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"parley/api/fault"
	"parley/api/media"
	"parley/api/rooms"
	"parley/api/telemetry"
	"parley/api/telemetry/catalogue"
)

const (
	// waiting is how many things to tell may wait.
	waiting = 8192

	// lookTime is the time between two looks at what flows.
	lookTime = 5 * time.Second

	// returnTime is how long it is remembered why a connection ended: longer than any room
	// waits for somebody to come back.
	returnTime = 30 * time.Second

	// subscribeTime is how long the first picture of a source may take that sends others.
	subscribeTime = 5 * time.Second

	// silentTime is after how long without a packet a source is taken for switched off.
	silentTime = 4 * time.Second
)

// Options are what a Recorder is made of. All are required but Region, Busy and Next; Ingest, Key and
// Next may be set later, but before Run and before anybody connects.
type Options struct {
	Ingest telemetry.Ingest
	Log    *slog.Logger
	Key    []byte // of the hash that names participants
	Server string // identity of the node as a source
	Region string

	// Busy returns for how long the node had more to do than it can since it began. May be nil.
	Busy func() time.Duration

	// Next is told everything as well. May be nil.
	Next media.Reporter
}

// Recorder makes telemetry of what it is told. It implements [media.Reporter] and
// [media.Watcher].
type Recorder struct {
	Options
	todo  chan func()
	lost  atomic.Uint64 // things that there was no room for
	kinds map[string]*catalogue.Kind

	// Used by Run alone.
	hub    *rooms.Hub
	server *speaker
	calls  map[media.SessionID]*call
	rooms  map[media.RoomID]*room
	away   map[media.SessionID]absence
	links  map[string]*link // to what the node needs
	totals rooms.Count
	looked time.Time
	used   float64  // processor seconds
	strain struct { // what was last said of
		at   time.Time
		busy time.Duration
	}

	// Of the event that is being written.
	found   catalogue.Found
	samples []telemetry.Sample
	body    []byte
}

var (
	_ media.Reporter = (*Recorder)(nil)
	_ media.Watcher  = (*Recorder)(nil)
)

// New returns a Recorder. What it is told before Run waits.
func New(o Options) *Recorder {
	r := &Recorder{
		Options: o, todo: make(chan func(), waiting), kinds: map[string]*catalogue.Kind{},
		calls: map[media.SessionID]*call{}, rooms: map[media.RoomID]*room{}, away: map[media.SessionID]absence{}, links: map[string]*link{},
	}
	for _, k := range catalogue.Call().Kinds {
		r.kinds[k.Name] = k
	}
	return r
}

// Run makes events until ctx ends, and then of what is left.
func (r *Recorder) Run(ctx context.Context, hub *rooms.Hub) error {
	r.hub, r.looked = hub, time.Now()
	r.server = r.begin(ctx, telemetry.Source{Catalogue: "call", Identity: "server " + r.Server, Labels: map[string]string{"region": r.Region, "server": r.Server, "processors": strconv.Itoa(runtime.GOMAXPROCS(0))}})
	tick := time.NewTicker(lookTime)
	defer tick.Stop()
	sample := time.NewTicker(sampleTime)
	defer sample.Stop()
	for {
		select {
		case do := <-r.todo:
			do()
		case <-tick.C:
			r.look()
		case now := <-sample.C:
			r.sample(now)
		case <-ctx.Done():
			r.finish()
			return nil
		}
	}
}

// Flush waits until an event was made of everything that the Recorder was told before, and of
// what was counted until then. What is sampled is not.
func (r *Recorder) Flush(ctx context.Context) error {
	done := make(chan struct{})
	select {
	case r.todo <- func() { r.look(); close(done) }:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (r *Recorder) finish() {
	for {
		select {
		case do := <-r.todo:
			do()
			continue
		default:
		}
		break
	}
	for _, c := range r.calls {
		c.feed.End("the node stopped")
	}
	r.server.feed.End("the node stopped")
}

// tell has do run by Run; it never blocks.
func (r *Recorder) tell(do func()) {
	select {
	case r.todo <- do:
	default:
		r.lost.Add(1)
	}
}

// speaker is a session of telemetry that numbers its events.
type speaker struct {
	recorder *Recorder
	feed     telemetry.Feed
	next     uint64
}

// begin returns a speaker; one that nobody hears when there are too many.
func (r *Recorder) begin(ctx context.Context, source telemetry.Source) *speaker {
	feed, err := r.Ingest.Begin(ctx, source)
	if err != nil {
		r.Log.Warn("a session without telemetry", "err", err)
		feed = unheard{}
	}
	return &speaker{recorder: r, feed: feed}
}

// say records an event and returns its number.
func (s *speaker) say(name string, at time.Time, fields map[string]any) uint64 {
	seq := s.next
	s.next++
	r := s.recorder
	k := r.kinds[name]
	var err error
	if r.body, err = k.Encode(r.body[:0], catalogue.Params{}, fields); err == nil {
		err = k.Scan(catalogue.Params{}, r.body, &r.found)
	}
	if err != nil { // a field beyond its limits
		r.Log.Error("an event of a call cannot be written", "kind", name, "err", err)
		s.feed.Lost(telemetry.Undecodable, seq, 1)
		return seq
	}
	hot := k.Hot(&r.found, r.samples)
	r.samples = hot.Samples
	s.feed.Record(telemetry.Record{
		Catalogue: "call", Kind: k.Number, Seq: seq, At: at, Link: r.found.Link, Linked: r.found.Linked, Hot: hot, Raw: r.body,
	})
	return seq
}

// unheard is the feed of a session that was refused.
type unheard struct{}

func (unheard) ID() telemetry.SessionID              { return 0 }
func (unheard) Record(telemetry.Record)              {}
func (unheard) Lost(telemetry.Cause, uint64, uint64) {}
func (unheard) End(string)                           {}

// Participant returns the name of a user in telemetry.
func (r *Recorder) Participant(user string) string {
	h := hmac.New(sha256.New, r.Key)
	h.Write([]byte(user))
	return hex.EncodeToString(h.Sum(nil)[:12])
}

// lose records that the next n events of s never came to be.
func (s *speaker) lose(n uint64, now time.Time) {
	first := s.next
	s.say("Dropped", now, map[string]any{"last_timestamp": uint64(now.UnixMicro()), "num": n})
	s.next = first + n // it stands for all of them
	s.feed.Lost(telemetry.SourceDropped, first, n)
}

func (r *Recorder) source(room media.RoomID, user string, over media.Transport, labels map[string]string) telemetry.Source {
	labels["transport"], labels["server"], labels["region"] = string(over), r.Server, r.Region
	return telemetry.Source{Catalogue: "call", Identity: r.Participant(user), Scope: string(room), Labels: labels}
}

// code is a code as catalogues have it.
func code(c fault.Code) string { return cut(string(c), 32) }

// cut returns valid UTF-8 of at most so many bytes.
func cut(s string, most int) string {
	return strings.ToValidUTF8(s[:min(len(s), most)], "")
}

func milliseconds(d time.Duration) uint64 {
	return uint64(min(max(d.Milliseconds(), 0), 1<<32-1))
}

func decimal(id media.SessionID) string { return strconv.FormatUint(uint64(id), 10) }
