package meeting_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/api/embedded"
	"parley/api/meeting"
	"parley/api/postgres"
	"parley/api/postgres/postgrestest"
)

// cluster is a database server that the test stops and starts.
type cluster struct {
	t   *testing.T
	dir string
	pg  *embedded.Postgres
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{t: t, dir: t.TempDir()}
	c.start()
	t.Cleanup(func() { c.pg.Close() })
	if err := postgres.Migrate(t.Context(), c.pg.URL()); err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *cluster) start() {
	c.t.Helper()
	var err error
	c.pg, err = embedded.StartPostgres(c.t.Context(), embedded.PostgresOptions{
		Dir: c.dir, Log: logger(io.Discard), Throwaway: true,
	})
	if err != nil {
		c.t.Fatal(err)
	}
}

func (c *cluster) stop() {
	c.t.Helper()
	if err := c.pg.Close(); err != nil {
		c.t.Fatal(err)
	}
}

func TestDatabaseStoppedAndBack(t *testing.T) {
	c := newCluster(t)
	o := openOn(t, c.pg.URL(), "node-a", patience, 0)
	alice, told := o.join("known", "alice")
	gone, _ := o.join("known", "gone")

	c.stop()
	_, bob := o.join("known", "bob")
	check(t, "bob is told of the meeting that is remembered", bob, meeting.Started{At: told.At, Creator: "alice"})
	if running, ok := o.Running(t.Context(), "known"); !ok || running.Creator != "alice" {
		t.Errorf("running: %+v, %v", running, ok)
	}
	check(t, "somebody leaves", o.exit(gone), meeting.Ended{})
	_, dora := o.join("new", "dora")
	if !dora.First || dora.Creator != "dora" {
		t.Errorf("dora was told %+v", dora)
	}
	_, eve := o.join("new", "eve")
	check(t, "eve is told the same", eve, meeting.Started{At: dora.At, Creator: "dora", Guess: true})
	brief, _ := o.join("brief", "frank")
	o.exit(brief)

	c.start()
	o.flush()
	o.participants("known", 2)
	o.participants("new", 2)
	if m := o.meeting("new"); !m.Started.Equal(dora.At) || m.Creator != "dora" {
		t.Errorf("dora was told %+v, recorded is %+v", dora, m)
	}
	check(t, "brief meeting", o.meeting("brief").State, meeting.Over)
	check(t, "alice leaves", o.exit(alice), meeting.Ended{})
}

// With no place left, who came and went in the meantime is forgotten; who stays never is.
func TestLongOutageForgetsThoseWhoLeftAgain(t *testing.T) {
	const place, people = 12, 30
	c := newCluster(t)
	o := openOn(t, c.pg.URL(), "node-a", patience, place)
	var before []meeting.Attendance
	for i := range people {
		a, _ := o.join("before", fmt.Sprint("user", i))
		before = append(before, a)
	}
	o.flush()
	c.stop()
	for _, a := range before[1:] { // who was there leaves on record
		o.exit(a)
	}
	var stayed []meeting.Attendance
	for i := range people {
		a, _ := o.join(fmt.Sprint("stays", i), "alice")
		stayed = append(stayed, a)
		brief, _ := o.join(fmt.Sprint("brief", i), "bob")
		o.exit(brief)
	}
	spared, lost := o.GivenUp()
	if spared < people || lost != 0 {
		t.Errorf("gave up %d of those who left and %d of others", spared, lost)
	}
	c.start()
	o.flush()
	o.participants("before", 1)
	for _, a := range stayed {
		o.participants(a.Room, 1)
	}
	for i := range people {
		o.participants(fmt.Sprint("brief", i), 0)
	}
	o.noMeeting("brief0")
	check(t, "whoever stayed leaves", o.exit(stayed[0]), meeting.Ended{Over: true})
	if again, _ := o.GivenUp(); again != spared {
		t.Errorf("gave up %d more", again-spared)
	}
}

// Everybody is thrown out and comes back while the database hangs, more than there is place for.
func TestStormOnADatabaseThatHangs(t *testing.T) {
	const people, rooms = 300, 7
	url := postgrestest.URL(t)
	o := openOn(t, url, "node-a", time.Millisecond, people)
	var there []meeting.Attendance
	for i := range people {
		a, _ := o.join(fmt.Sprint("room", i%rooms), fmt.Sprint("user", i))
		there = append(there, a)
	}
	o.flush()
	tx := begin(t, url, "lock table sessions in access exclusive mode")
	for i, a := range there {
		back, _ := o.join(a.Room, a.User)
		o.exit(a)
		there[i] = back
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	o.flush()
	if _, lost := o.GivenUp(); lost != 0 {
		t.Errorf("%d records are lost", lost)
	}
	recorded, err := o.store.OpenOn(t.Context(), "node-a")
	if err != nil {
		t.Fatal(err)
	}
	open := make(map[uint64]bool)
	for _, a := range recorded {
		open[a.Session] = true
	}
	for _, a := range there {
		if !open[a.Session] {
			t.Errorf("%s in %s is not on record", a.User, a.Room)
		}
	}
	check(t, "sessions on record", len(recorded), people)
	for i := range rooms {
		o.participants(fmt.Sprint("room", i), (people-i+rooms-1)/rooms)
	}
}

// There is an end to it, and all that was given up is counted.
func TestOutageThatNothingBearsIsCounted(t *testing.T) {
	const place, people = 2, 20
	c := newCluster(t)
	o := openOn(t, c.pg.URL(), "node-a", patience, place)
	c.stop()
	for i := range people {
		o.join(fmt.Sprint("room", i), "alice")
	}
	waiting := o.Pending()
	spared, lost := o.GivenUp()
	if waiting != 8*place || spared != 0 || lost != uint64(people-waiting) {
		t.Errorf("%d wait, gave up %d of those who left and %d of others", waiting, spared, lost)
	}
	c.start()
	o.flush()
	for i := range waiting {
		o.participants(fmt.Sprint("room", i), 1)
	}
}

// begin starts a transaction that blocks others by what sql locks.
func begin(t *testing.T, url, sql string) pgx.Tx {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	tx, err := conn.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
	return tx
}

func TestSilentDatabaseDelaysNobodyForLong(t *testing.T) {
	url := postgrestest.URL(t)
	o := openOn(t, url, "node-a", 0, 0)
	gone, _ := o.join("room", "gone")
	o.flush()
	tx := begin(t, url, "lock table sessions in access exclusive mode")

	start := time.Now()
	_, started := o.join("room", "alice")
	check(t, "answer", started.Creator, "gone")
	check(t, "answer to an exit", o.exit(gone), meeting.Ended{})
	const slack = patience / 4 // for a busy machine; the database is silent for longer
	if took := time.Since(start); took > 2*(meeting.DefaultPatience+slack) {
		t.Errorf("entering and leaving took %v", took)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := o.Enter(cancelled, o.session("room", "bob")); err != nil {
		t.Errorf("whoever gives up is told %v", err)
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	o.flush()
	o.participants("room", 2)
}

// A room whose meeting somebody holds on to does not keep others waiting.
func TestRoomsDoNotWaitForEachOther(t *testing.T) {
	url := postgrestest.URL(t)
	o := openOn(t, url, "node-a", patience, 0)
	alice, _ := o.join("held", "alice")
	o.exit(alice)
	tx := begin(t, url, "select from meetings where room_id = 'held' for update")

	ctx, giveUp := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if _, err := o.Enter(ctx, o.session("held", "bob")); err != nil {
			t.Error(err)
		}
	}()
	for i := range 20 {
		o.join(fmt.Sprint("free", i), "alice")
	}
	select {
	case <-done:
		t.Error("the meeting was not held")
	default:
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	<-done
	giveUp()
	o.participants("held", 1)
}

// A record that the database will never take does not hold up the next.
func TestUnacceptableRecordIsDropped(t *testing.T) {
	url := postgrestest.URL(t)
	tx := begin(t, url, "alter table sessions add check (user_id <> 'mallory')")
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	o := openOn(t, url, "node-a", patience, 0)
	mallory, _ := o.join("room", "mallory")
	_, started := o.join("room", "alice")
	check(t, "creator", started.Creator, "alice")
	check(t, "mallory leaves", o.exit(mallory), meeting.Ended{})
}

// What is not written when the process ends is told to the operator.
func TestEndOfRunTellsWhatIsLost(t *testing.T) {
	var said bytes.Buffer
	store, err := postgres.Open(t.Context(), "postgres://nobody@127.0.0.1:1/none", logger(io.Discard))
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	yes := func(string) bool { return true }
	l := meeting.New(meeting.Options{Store: store, Log: logger(&said), Enabled: yes, EndOnHostLeave: yes, Patience: patience})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); l.Run(ctx) }()
	if _, err := l.Enter(ctx, meeting.Attendance{Session: 1, Room: "room", User: "alice"}); err != nil {
		t.Fatal(err)
	}
	cancel()
	<-done
	if !bytes.Contains(said.Bytes(), []byte("lost")) {
		t.Errorf("log:\n%s", said.String())
	}
	if err := l.Flush(ctx); err == nil {
		t.Error("Flush says that all is written")
	}
}
