package telemetry_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/api/postgres/postgrestest"
	"parley/api/telemetry"
	"parley/api/telemetry/archive"
)

// cable is the way to the database, and can be cut.
type cable struct {
	t      *testing.T
	server string
	addr   string

	mu       sync.Mutex
	listener net.Listener
	conns    map[net.Conn]bool
	work     sync.WaitGroup
}

// newCable returns a cable and the address of the database by it.
func newCable(t *testing.T, address string) (*cable, string) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	c := &cable{t: t, server: u.Host, addr: "127.0.0.1:0"}
	c.mend()
	c.addr = c.listener.Addr().String()
	t.Cleanup(c.cut)
	u.Host = c.addr
	return c, u.String()
}

// mend lets connections through again.
func (c *cable) mend() {
	c.t.Helper()
	l, err := net.Listen("tcp", c.addr)
	if err != nil {
		c.t.Fatal(err)
	}
	c.mu.Lock()
	c.listener, c.conns = l, map[net.Conn]bool{}
	c.mu.Unlock()
	c.work.Go(func() {
		for {
			from, err := l.Accept()
			if err != nil {
				return
			}
			to, err := net.Dial("tcp", c.server)
			if err != nil || !c.keep(from, to) {
				from.Close()
				continue
			}
			c.work.Go(func() { _, _ = io.Copy(to, from); to.Close(); from.Close() })
			c.work.Go(func() { _, _ = io.Copy(from, to); to.Close(); from.Close() })
		}
	})
}

func (c *cable) keep(from, to net.Conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conns == nil {
		to.Close()
		return false
	}
	c.conns[from], c.conns[to] = true, true
	return true
}

// cut ends all connections and refuses others.
func (c *cable) cut() {
	c.mu.Lock()
	c.listener.Close()
	for conn := range c.conns {
		conn.Close()
	}
	c.conns = nil
	c.mu.Unlock()
	c.work.Wait()
}

func TestNothingIsLostWhileTheDatabaseIsAway(t *testing.T) {
	address := postgrestest.URL(t)
	cable, through := newCable(t, address)
	w := worldAt(t, through)
	feed := w.begin("patient")
	n := uint64(0)
	send := func(count int) {
		for range count {
			feed.Record(telemetry.Record{Kind: kindMeta, Seq: n, At: time.Now(), Raw: []byte("something")})
			n++
		}
	}
	send(3000)
	var sender sync.WaitGroup
	sender.Go(func() { send(20_000) }) // while it is cut
	cable.cut()
	sender.Wait()
	late := w.begin("late")
	late.Lost(telemetry.SourceDropped, 0, 3)
	late.End("gone before anybody knew")

	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := w.engine.Flush(ctx); err == nil || ctx.Err() != nil {
		t.Errorf("flush without a database: %v", err)
	}
	cable.mend()
	w.flush()
	events := w.events(feed.ID())
	if len(events) != 23_000 {
		t.Errorf("%d events", len(events))
	}
	for i, e := range events {
		if e.Seq != uint64(i) {
			t.Fatalf("event %d has number %d", i, e.Seq)
		}
	}
	if lost := w.lost(feed.ID()); len(lost) > 0 {
		t.Errorf("lost: %v", lost)
	}
	if lost := w.lost(late.ID()); lost[telemetry.SourceDropped] != 3 {
		t.Errorf("lost: %v", lost)
	}
	if s := w.session(late.ID()); s.Reason != "gone before anybody knew" {
		t.Errorf("%+v", s)
	}
}

func TestLongOutageTakesNoMoreThanItsRoomAndIsAccountedFor(t *testing.T) {
	address := postgrestest.URL(t)
	cable, through := newCable(t, address)
	dir := t.TempDir()
	const room = 1 << 20
	w := worldAt(t, through, func(o *telemetry.Options) { o.MaxBytes, o.SpillDir = room, dir })
	feed := w.begin("steadfast")
	w.flush()
	cable.cut()
	const all = 30_000
	body := bytes.Repeat([]byte("x"), 100)
	for n := range uint64(all) {
		feed.Record(telemetry.Record{Kind: []uint16{kindSample, kindMeta, kindDone, kindFailed}[n%4], Seq: n, At: time.Now(), Raw: body})
	}
	w.begin("the last that has room").End("soon")
	for {
		if _, err := w.engine.Begin(t.Context(), telemetry.Source{Catalogue: "plain", Identity: "late", Labels: map[string]string{"x": strings.Repeat("x", 1000)}}); err != nil {
			if !errors.Is(err, telemetry.ErrNoRoom) {
				t.Error(err)
			}
			break
		}
	}
	// No more than one more file for each shard, and what ends when there is no room.
	if _, waiting := w.engine.Waiting(); waiting > room+4<<10 {
		t.Errorf("%d bytes wait", waiting)
	}
	files, _ := filepath.Glob(filepath.Join(dir, "*"))
	if len(files) > 3 {
		t.Errorf("spilled: %v", files)
	}
	cable.mend()
	w.flush()
	stored, lost := uint64(len(w.events(feed.ID()))), w.lost(feed.ID())
	if stored == 0 || stored+lost[telemetry.QueueFull] != all || len(lost) != 1 {
		t.Errorf("%d are stored, and %v in the ledger", stored, lost)
	}
	if n := w.count("select count(*) from telemetry_losses"); n > 2 {
		t.Errorf("%d lines in the ledger of one outage", n)
	}
}

// childEnv makes this test binary the process that is killed: it has the address of the
// database, and spillEnv the directory.
const (
	childEnv = "PARLEY_TELEMETRY_TEST_CHILD"
	spillEnv = "PARLEY_TELEMETRY_TEST_SPILL"
)

const (
	beforeCut = 2500
	afterCut  = 12_000 // more than one file
	noRoom    = 1000
)

// child stores some events, says so, waits until it is told that the database is away, sends
// more, says so, and waits to be killed.
func child() error {
	ctx := context.Background()
	store, err := archive.Open(ctx, os.Getenv(childEnv))
	if err != nil {
		return err
	}
	e, err := telemetry.New(telemetry.Options{
		Store: store, Catalogues: []telemetry.Catalogue{plain{}}, SpillDir: os.Getenv(spillEnv),
		MaxEvents: afterCut * 10 / 9, // of which these may fill nine tenths
		Log:       slog.New(slog.NewTextHandler(os.Stderr, nil)),
	})
	if err != nil {
		return err
	}
	go e.Run(ctx) // until the process dies
	feed, err := e.Begin(ctx, telemetry.Source{Catalogue: "plain", Identity: "victim", Labels: map[string]string{"a": "b"}})
	if err != nil {
		return err
	}
	body := []byte(strings.Repeat("x", 500))
	for n := range uint64(beforeCut) {
		feed.Record(telemetry.Record{Kind: kindMeta, Seq: n, At: time.Now(), Raw: body, Hot: measured(n, telemetry.Hot{Subject: []byte("s"), Number: telemetry.Of(n)})})
	}
	if err := e.Flush(ctx); err != nil {
		return err
	}
	fmt.Println(int64(feed.ID()))
	if _, err := fmt.Scanln(new(string)); err != nil {
		return err
	}
	for n := range uint64(afterCut + noRoom) {
		feed.Record(telemetry.Record{Kind: kindMeta, Seq: beforeCut + n, At: time.Now(), Raw: body, Link: n, Linked: true, Hot: measured(beforeCut+n, telemetry.Hot{})})
	}
	feed.Lost(telemetry.RateLimited, beforeCut+afterCut+noRoom, 12)
	fmt.Println("done")
	select {}
}

// measured adds what is counted of event n.
func measured(n uint64, h telemetry.Hot) telemetry.Hot {
	h.Dimension = []string{"red", "green"}[n%2]
	h.Samples = []telemetry.Sample{{Measure: "size", Value: float64(n)}}
	return h
}

// countsAreRight checks roll-ups of n events that were measured.
func countsAreRight(t *testing.T, w *world, n uint64) {
	t.Helper()
	for measure, sum := range map[string]float64{"": 0, "size": float64(n * (n - 1) / 2)} {
		points, err := w.archive.Rollups(t.Context(), archive.RollupQuery{Catalogue: "plain", Kinds: []uint16{kindMeta}, Measures: []string{measure}})
		if err != nil {
			t.Fatal(err)
		}
		var count, histogram uint64
		var total float64
		for _, p := range points {
			count, total, histogram = count+p.Count, total+p.Sum, histogram+p.Histogram.Count()
			if p.Count != n/2 {
				t.Errorf("%q: %d are %s", measure, p.Count, p.Dimension)
			}
		}
		if count != n || total != sum || measure != "" && histogram != n {
			t.Errorf("%q: %d are counted, %v, %d in the histogram", measure, count, total, histogram)
		}
	}
	points, err := w.archive.Rollups(t.Context(), archive.RollupQuery{Catalogue: "plain", BySource: true})
	if err != nil || len(points) != 1 || points[0].Count != n || points[0].Source != "victim" {
		t.Errorf("by source: %+v, %v", points, err)
	}
}

func TestKilledProcessLosesNothingItSpilled(t *testing.T) {
	address := postgrestest.URL(t)
	cable, through := newCable(t, address)
	dir := filepath.Join(t.TempDir(), "spill")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	victim := exec.CommandContext(t.Context(), self)
	victim.Env = append(os.Environ(), childEnv+"="+through, spillEnv+"="+dir)
	victim.Stderr = t.Output()
	in, err := victim.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := victim.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := victim.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	if !lines.Scan() {
		t.Fatal("the child said nothing")
	}
	var id telemetry.SessionID
	if _, err := fmt.Sscan(lines.Text(), &id); err != nil {
		t.Fatal(err)
	}
	cable.cut()
	fmt.Fprintln(in, "cut")
	if !lines.Scan() || lines.Text() != "done" {
		t.Fatalf("the child said %q", lines.Text())
	}
	if err := victim.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = victim.Wait() // killed
	died := time.Now()

	files, _ := filepath.Glob(filepath.Join(dir, "*"))
	if len(files) < 2 {
		t.Fatalf("%d files", len(files))
	}
	// As if it had died while it wrote.
	last, err := os.ReadFile(files[len(files)-1])
	if err != nil {
		t.Fatal(err)
	}
	end := len(bytes.TrimRight(last, "\x00"))
	copy(last[end:], "\x20\x00\x00\x00")
	if err := os.WriteFile(files[len(files)-1], last, 0o600); err != nil {
		t.Fatal(err)
	}

	kept := filepath.Join(t.TempDir(), "again")
	if err := os.CopyFS(kept, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	w := worldAt(t, address, func(o *telemetry.Options) { o.SpillDir = dir })
	w.flush()
	countsAreRight(t, w, beforeCut+afterCut)
	events := w.events(id)
	if len(events) != beforeCut+afterCut {
		t.Errorf("%d events", len(events))
	}
	for i, e := range events {
		if e.Seq != uint64(i) || len(e.Body) != 500 {
			t.Fatalf("event %d has number %d and %d bytes", i, e.Seq, len(e.Body))
		}
	}
	if e := events[0]; string(e.Subject) != "s" || e.Has != telemetry.HasNumber {
		t.Errorf("first: %+v", e.Row)
	}
	if e := events[beforeCut+1]; e.Link != 1 || e.Has != telemetry.HasLink {
		t.Errorf("linked: %+v", e.Row)
	}
	if lost := w.lost(id); lost[telemetry.RateLimited] != 12 || lost[telemetry.QueueFull] != noRoom || len(lost) != 2 {
		t.Errorf("ledger: %v", lost)
	}
	if s := w.session(id); s.Ended.Before(time.UnixMicro(events[len(events)-1].Received)) || s.Ended.After(died) ||
		s.Labels["a"] != "b" || s.Events != beforeCut+afterCut+noRoom || s.Reason != "the process of the server died" {
		t.Errorf("session: %+v", s)
	}
	if files, _ := filepath.Glob(filepath.Join(dir, "*")); len(files) > 0 {
		t.Errorf("left: %v", files)
	}

	// As if that one had been killed before it could remove the files.
	again := worldAt(t, address, func(o *telemetry.Options) { o.SpillDir = kept })
	again.flush()
	countsAreRight(t, again, beforeCut+afterCut)
	if n := len(again.events(id)); n != beforeCut+afterCut {
		t.Errorf("the second time there are %d events", n)
	}
}

func TestNothingIsLeftInTheSpillDirectoryAfterAStop(t *testing.T) {
	dir := t.TempDir()
	w := newWorld(t, func(o *telemetry.Options) { o.SpillDir = dir })
	feed := w.begin("tidy")
	for n := range uint64(100) {
		feed.Record(telemetry.Record{Kind: kindMeta, Seq: n, At: time.Now(), Raw: []byte("x")})
	}
	feed.End("over")
	if files, _ := filepath.Glob(filepath.Join(dir, "*")); len(files) == 0 {
		t.Error("nothing was spilled")
	}
	if err := w.stop(); err != nil {
		t.Fatal(err)
	}
	if files, _ := filepath.Glob(filepath.Join(dir, "*")); len(files) > 0 {
		t.Errorf("left: %v", files)
	}
	if n := len(w.events(feed.ID())); n != 100 {
		t.Errorf("%d events", n)
	}
}

// Who looks for what an engine left that died does not look for what nobody has.
func TestOnlyEnginesWithFilesLeaveSomething(t *testing.T) {
	t.Parallel()
	url := postgrestest.URL(t)
	with := worldAt(t, url, func(o *telemetry.Options) { o.SpillDir = t.TempDir() })
	without := worldAt(t, url)
	finished := func(want ...int64) {
		t.Helper()
		got, err := without.archive.Finished(t.Context(), []int64{with.engine.ID(), without.engine.ID()})
		slices.Sort(got)
		slices.Sort(want)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%d are finished, want %d; %v", got, want, err)
		}
	}
	with.flush()
	without.flush()
	finished(without.engine.ID())
	if err := with.stop(); err != nil {
		t.Fatal(err)
	}
	finished(with.engine.ID(), without.engine.ID())
}
