package meeting_test

import (
	"context"
	"errors"
	"flag"
	"io"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"parley/api/fault"
	"parley/api/meeting"
	"parley/api/postgres"
	"parley/api/postgres/postgrestest"
	"parley/api/wire"
)

// patience bounds every wait; it is only reached when something is broken.
const patience = 2 * time.Minute

func TestMain(m *testing.M) {
	// The model is compared on a real database, step by step; the command line may ask for more.
	if err := flag.Set("rapid.checks", "40"); err != nil {
		panic(err)
	}
	postgrestest.Main(m)
}

// office is a node's ledger on a database of the test's own.
type office struct {
	*meeting.Ledger
	store   *postgres.Store
	t       *testing.T
	node    string
	off     atomic.Bool // meetings are not recorded
	endHost atomic.Bool // a meeting ends with its host
}

func open(t *testing.T) *office { return openOn(t, postgrestest.URL(t), "node-a", patience, 0) }

func openOn(t *testing.T, url, node string, wait time.Duration, maxPending int) *office {
	t.Helper()
	log := logger(t.Output())
	store, err := postgres.Open(t.Context(), url, log)
	if err != nil {
		t.Fatal(err)
	}
	o := &office{store: store, t: t, node: node}
	o.Ledger = meeting.New(meeting.Options{
		Store: store, Log: log, Node: node, Patience: wait, MaxPending: maxPending,
		Enabled:        func(string) bool { return !o.off.Load() },
		EndOnHostLeave: func(string) bool { return o.endHost.Load() },
	})
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { o.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		wg.Wait()
		store.Close()
	})
	return o
}

func logger(out io.Writer) *slog.Logger {
	return slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// session returns a new session of user in room on the node of o.
func (o *office) session(room, user string) meeting.Attendance {
	return meeting.Attendance{
		Session: rand.Uint64(), Room: room, User: user, DisplayName: "The " + user,
		Node: o.node, Transport: "websocket", Instance: "tab",
	}
}

func (o *office) enter(a meeting.Attendance) meeting.Started {
	o.t.Helper()
	started, err := o.Enter(o.t.Context(), a)
	if err != nil {
		o.t.Fatal(err)
	}
	return started
}

// join enters a new session of user.
func (o *office) join(room, user string) (meeting.Attendance, meeting.Started) {
	o.t.Helper()
	a := o.session(room, user)
	return a, o.enter(a)
}

func (o *office) exit(a meeting.Attendance) meeting.Ended {
	return o.Exit(o.t.Context(), a)
}

func (o *office) flush() {
	o.t.Helper()
	ctx, cancel := context.WithTimeout(o.t.Context(), patience)
	defer cancel()
	if err := o.Flush(ctx); err != nil {
		o.t.Fatal(err)
	}
}

// participants checks how many are in room by the database.
func (o *office) participants(room string, want int) {
	o.t.Helper()
	got, err := o.store.ActiveCount(o.t.Context(), room)
	if err != nil {
		o.t.Fatal(err)
	}
	if got != want {
		o.t.Errorf("participants in %s: got %d, want %d", room, got, want)
	}
}

// meeting returns the row of room.
func (o *office) meeting(room string) meeting.Meeting {
	o.t.Helper()
	m, err := o.store.Meeting(o.t.Context(), room)
	if err != nil {
		o.t.Fatal(err)
	}
	return m
}

func (o *office) noMeeting(room string) {
	o.t.Helper()
	if m, err := o.store.Meeting(o.t.Context(), room); !errors.Is(err, meeting.ErrNoMeeting) {
		o.t.Errorf("meeting %s: got %+v, %v", room, m, err)
	}
}

func check[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestFirstUserCreatesMeeting(t *testing.T) {
	o := open(t)
	o.participants("room", 0)
	before := time.Now().Add(-time.Second)
	_, started := o.join("room", "alice")
	if !started.First || started.Creator != "alice" || started.At.Before(before) {
		t.Errorf("alice was told %+v", started)
	}
	o.participants("room", 1)
	m := o.meeting("room")
	check(t, "row", m, meeting.Meeting{Room: "room", Started: m.Started, Creator: "alice", State: meeting.Active})
	check(t, "start", started.At.Equal(m.Started), true)
}

func TestOthersCanJoinMeeting(t *testing.T) {
	o := open(t)
	_, first := o.join("room", "alice")
	for i, user := range []string{"bob", "charlie"} {
		_, started := o.join("room", user)
		if started.First || !started.At.Equal(first.At) {
			t.Errorf("%s was told %+v, alice %+v", user, started, first)
		}
		o.participants("room", i+2)
	}
}

func TestJoiningUserIsToldTheCreator(t *testing.T) {
	o := open(t)
	for _, user := range []string{"alice", "bob", "charlie"} {
		if _, started := o.join("room", user); started.Creator != "alice" {
			t.Errorf("%s was told of creator %q", user, started.Creator)
		}
	}
}

func TestEveryoneLeavingEndsMeeting(t *testing.T) {
	o := open(t)
	alice, _ := o.join("room", "alice")
	bob, _ := o.join("room", "bob")
	charlie, _ := o.join("room", "charlie")
	check(t, "charlie leaves", o.exit(charlie), meeting.Ended{})
	check(t, "bob leaves", o.exit(bob), meeting.Ended{})
	check(t, "still running", o.meeting("room").State, meeting.Active)
	check(t, "alice leaves", o.exit(alice), meeting.Ended{Over: true})
	if m := o.meeting("room"); m.State != meeting.Over || m.Ended.Before(m.Started) {
		t.Errorf("after the last left: %+v", m)
	}
}

func TestHostLeavingEndsMeeting(t *testing.T) {
	o := open(t)
	o.endHost.Store(true)
	alice, _ := o.join("room", "alice")
	bob, _ := o.join("room", "bob")
	for user, want := range map[string]bool{"alice": true, "bob": false} {
		host, err := o.IsHost(t.Context(), "room", user)
		if err != nil || host != want {
			t.Errorf("%s is host: %v, %v", user, host, err)
		}
	}
	o.join("room", "charlie")
	check(t, "alice leaves", o.exit(alice), meeting.Ended{Over: true, Message: "The host has ended the meeting"})
	o.participants("room", 0)
	check(t, "state", o.meeting("room").State, meeting.Over)
	check(t, "bob leaves afterwards", o.exit(bob), meeting.Ended{})
}

func TestHostLeavingEndsNothingUnlessAskedFor(t *testing.T) {
	o := open(t)
	alice, _ := o.join("room", "alice")
	o.join("room", "bob")
	check(t, "alice leaves", o.exit(alice), meeting.Ended{})
	check(t, "state", o.meeting("room").State, meeting.Active)
}

func TestMultipleRoomsAreIsolated(t *testing.T) {
	o := open(t)
	o.endHost.Store(true)
	o.join("one", "alice")
	bob, _ := o.join("one", "bob")
	o.join("two", "alice")
	o.participants("one", 2)
	o.participants("two", 1)
	check(t, "bob leaves", o.exit(bob), meeting.Ended{})
	o.participants("two", 1)
}

func TestSystemUserRejected(t *testing.T) {
	o := open(t)
	for _, off := range []bool{false, true} {
		o.off.Store(off)
		_, err := o.Enter(t.Context(), o.session("room", wire.SystemUser))
		if f := fault.From(err); f == nil || f.Code != fault.Reserved || f.Message != "Cannot use reserved system user ID" {
			t.Errorf("got %v", err)
		}
	}
	o.noMeeting("room")
	o.participants("room", 0)
}

func TestUnfitNamesAreRefusedOrMended(t *testing.T) {
	o := open(t)
	for _, id := range []string{"", string(make([]byte, 3)), "a\xffb", string(make([]rune, 256))} {
		if _, err := o.Enter(t.Context(), o.session("room", id)); fault.CodeOf(err) != fault.BadRequest {
			t.Errorf("user %q: %v", id, err)
		}
		if _, err := o.Enter(t.Context(), o.session(id, "alice")); fault.CodeOf(err) != fault.BadRequest {
			t.Errorf("room %q: %v", id, err)
		}
	}
	a := o.session("room", "alice")
	a.DisplayName = "A\x00l\xffi"
	o.enter(a)
	stored, err := o.store.OpenOn(t.Context(), o.node)
	if err != nil || len(stored) != 1 || stored[0].DisplayName != "Al\uFFFDi" {
		t.Errorf("stored %+v, %v", stored, err)
	}
}

func TestFeatureFlagOffStartSessionReturnsDefaults(t *testing.T) {
	o := open(t)
	o.off.Store(true)
	before := time.Now().Add(-time.Second)
	_, started := o.join("room", "bob")
	if !started.First || started.Creator != "bob" || started.At.Before(before) {
		t.Errorf("bob was told %+v", started)
	}
	if m, ok := o.Running(t.Context(), "room"); ok {
		t.Errorf("running: %+v", m)
	}
	o.noMeeting("room")
	o.participants("room", 0)
}

func TestFeatureFlagOffEndSessionReturnsNoop(t *testing.T) {
	o := open(t)
	o.off.Store(true)
	bob, _ := o.join("room", "bob")
	check(t, "bob leaves", o.exit(bob), meeting.Ended{})
	if n, err := o.Count(t.Context(), "room"); n != 0 || err != nil {
		t.Errorf("count: %d, %v", n, err)
	}
}

func TestFeatureFlagOnNormalBehavior(t *testing.T) {
	o := open(t)
	alice, _ := o.join("room", "alice")
	if n, err := o.Count(t.Context(), "room"); n != 1 || err != nil {
		t.Errorf("count: %d, %v", n, err)
	}
	running, ok := o.Running(t.Context(), "room")
	if m := o.meeting("room"); !ok || running.Creator != "alice" || !running.At.Equal(m.Started) {
		t.Errorf("running: %+v, %v", running, ok)
	}
	check(t, "alice leaves", o.exit(alice), meeting.Ended{Over: true})
	if m, ok := o.Running(t.Context(), "room"); ok {
		t.Errorf("running after the end: %+v", m)
	}
}

func TestFeatureFlagOffIsHostReturnsFalse(t *testing.T) {
	o := open(t)
	o.join("room", "alice")
	o.off.Store(true)
	if host, err := o.IsHost(t.Context(), "room", "alice"); host || err != nil {
		t.Errorf("host: %v, %v", host, err)
	}
}

// Who entered on record leaves on record, but ends nothing once the flag is off.
func TestFlagSwitchedOffDuringMeeting(t *testing.T) {
	o := open(t)
	o.endHost.Store(true)
	alice, _ := o.join("room", "alice")
	o.join("room", "bob")
	o.off.Store(true)
	check(t, "alice leaves", o.exit(alice), meeting.Ended{})
	o.flush()
	o.participants("room", 1)
}

func TestParticipantStaysUntilTheLastSessionLeaves(t *testing.T) {
	o := open(t)
	o.endHost.Store(true)
	phone, _ := o.join("room", "alice")
	laptop, started := o.join("room", "alice")
	if !started.First {
		t.Error("alice's second session was told that others are there")
	}
	o.join("room", "bob")
	o.participants("room", 2)
	check(t, "phone leaves", o.exit(phone), meeting.Ended{})
	check(t, "laptop leaves", o.exit(laptop), meeting.Ended{Over: true, Message: meeting.HostEnded})
}

func TestRepeatedEnterAndExitChangeNothing(t *testing.T) {
	o := open(t)
	alice, first := o.join("room", "alice")
	check(t, "second Enter", o.enter(alice), first)
	bob, _ := o.join("room", "bob")
	check(t, "bob leaves", o.exit(bob), meeting.Ended{})
	check(t, "bob leaves again", o.exit(bob), meeting.Ended{})
	check(t, "somebody unknown leaves", o.exit(o.session("room", "mallory")), meeting.Ended{})
}

func TestMeetingStartsAnewAfterItsEnd(t *testing.T) {
	o := open(t)
	alice, first := o.join("room", "alice")
	o.exit(alice)
	_, second := o.join("room", "bob")
	if !second.First || second.Creator != "bob" || !second.At.After(first.At) {
		t.Errorf("bob was told %+v, alice %+v before", second, first)
	}
	check(t, "state", o.meeting("room"), meeting.Meeting{Room: "room", Started: o.meeting("room").Started, Creator: "bob", State: meeting.Active})
}

// A meeting that was set up beforehand keeps its creator and start; one that was deleted
// gives its room free.
func TestMeetingSetUpBeforehandKeepsItsCreator(t *testing.T) {
	url := postgrestest.URL(t)
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	_, err = conn.Exec(t.Context(), `insert into meetings (room_id, started_at, creator_id, deleted_at)
		values ('room', '2020-01-01', 'zoe', '2020-01-02'), ('room', '2026-01-01', 'alice', null)`)
	if err != nil {
		t.Fatal(err)
	}
	o := openOn(t, url, "node-a", patience, 0)
	_, started := o.join("room", "bob")
	if want := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC); started.Creator != "alice" || !started.At.Equal(want) {
		t.Errorf("bob was told %+v", started)
	}
	check(t, "state", o.meeting("room").State, meeting.Active)
	if _, err := conn.Exec(t.Context(), "update meetings set deleted_at = now() where room_id = 'room'"); err != nil {
		t.Fatal(err)
	}
	if _, again := o.join("room", "charlie"); again.Creator != "charlie" {
		t.Errorf("charlie was told %+v", again)
	}
}
