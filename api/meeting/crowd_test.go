package meeting_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"parley/api/meeting"
	"parley/api/postgres/postgrestest"
)

// A hundred people come and go at once on two nodes: one starts the meeting, one ends it.
func TestCrowdJoinsAndLeavesAtOnce(t *testing.T) {
	url := postgrestest.URL(t)
	nodes := []*office{openOn(t, url, "node-a", patience, 0), openOn(t, url, "node-b", patience, 0)}
	const people = 100
	var first, over atomic.Int32
	sessions := make([]meeting.Attendance, people)
	started := make([]meeting.Started, people)
	everybody := func(do func(i int, o *office)) {
		var wg sync.WaitGroup
		for i := range people {
			wg.Go(func() { do(i, nodes[i%len(nodes)]) })
		}
		wg.Wait()
	}
	everybody(func(i int, o *office) {
		sessions[i], started[i] = o.join("room", fmt.Sprint("user", i))
		if started[i].First {
			first.Add(1)
		}
	})
	check(t, "first", first.Load(), 1)
	nodes[0].participants("room", people)
	m := nodes[0].meeting("room")
	for i, s := range started {
		if s.Creator != m.Creator || !s.At.Equal(m.Started) {
			t.Errorf("user%d was told %+v, recorded is %+v", i, s, m)
		}
	}
	everybody(func(i int, o *office) {
		if o.exit(sessions[i]).Over {
			over.Add(1)
		}
	})
	check(t, "over", over.Load(), 1)
	nodes[0].participants("room", 0)
	check(t, "state", nodes[0].meeting("room").State, meeting.Over)
}

// Sessions of a node that died leave once, however many nodes notice.
func TestLostNode(t *testing.T) {
	url := postgrestest.URL(t)
	a, b, lost := openOn(t, url, "node-a", patience, 0), openOn(t, url, "node-b", patience, 0), openOn(t, url, "lost", patience, 0)
	for _, o := range []*office{a, b, lost} {
		o.endHost.Store(true)
	}
	for i := range 20 {
		lost.join(fmt.Sprint("alone", i), "alice")
	}
	lost.join("hosted", "alice")
	a.join("hosted", "bob")
	a.join("mixed", "bob")
	lost.join("mixed", "alice")
	lost.join("mixed", "bob") // his other session

	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var wg sync.WaitGroup
	over := make([][]meeting.RoomEnded, 2)
	for i, o := range []*office{a, b} {
		wg.Go(func() {
			var err error
			if over[i], err = o.NodeLost(ctx, "lost"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	all := slices.Concat(over...)
	check(t, "meetings that ended", len(all), 21)
	host := slices.IndexFunc(all, func(e meeting.RoomEnded) bool { return e.Room == "hosted" })
	if host < 0 || all[host].Message != meeting.HostEnded {
		t.Errorf("hosted: %+v", all)
	}
	a.participants("mixed", 1)
	again, err := a.NodeLost(ctx, "lost")
	if err != nil || len(again) != 0 {
		t.Errorf("second time: %+v, %v", again, err)
	}
}

// A node that was cut off and comes back takes up its meetings where they were.
func TestNodeTakenForDeadMendsItsRecords(t *testing.T) {
	url := postgrestest.URL(t)
	a, b := openOn(t, url, "node-a", patience, 0), openOn(t, url, "node-b", patience, 0)
	alice, _ := a.join("mixed", "alice")
	bob, _ := b.join("mixed", "bob")
	own, told := b.join("own", "bob")
	guest, _ := b.join("own", "carol")
	anew, _ := b.join("anew", "bob")

	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if over, err := a.NodeLost(ctx, "node-b"); err != nil || len(over) != 2 {
		t.Fatalf("lost: %+v, %v", over, err)
	}
	_, dora := a.join("anew", "dora") // somebody cannot wait
	for _, session := range []meeting.Attendance{guest, own, bob, anew, own} {
		b.enter(session)
	}
	for room, creator := range map[string]string{"mixed": "alice", "own": "bob", "anew": "dora"} {
		a.participants(room, 2)
		if m := a.meeting(room); m.Creator != creator || m.State != meeting.Active || !m.Ended.IsZero() {
			t.Errorf("%s: %+v", room, m)
		}
	}
	check(t, "own began", a.meeting("own").Started.Equal(told.At), true)
	check(t, "anew began", a.meeting("anew").Started.Equal(dora.At), true)
	check(t, "alice leaves", a.exit(alice), meeting.Ended{})
	check(t, "bob leaves", b.exit(bob), meeting.Ended{Over: true})
}

func TestReconcileClosesWhatDeadNodesLeftOpen(t *testing.T) {
	url := postgrestest.URL(t)
	a, dead := openOn(t, url, "node-a", patience, 0), openOn(t, url, "dead", patience, 0)
	a.join("kept", "alice")
	dead.join("left", "alice")
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	over, _, err := a.Reconcile(ctx, []string{"node-a", "node-b"})
	if err != nil || len(over) != 1 || over[0].Room != "left" {
		t.Errorf("got %+v, %v", over, err)
	}
	a.participants("kept", 1)
	a.participants("left", 0)
	if over, _, err := a.Reconcile(ctx, nil); err != nil || len(over) != 1 {
		t.Errorf("with no node alive: %+v, %v", over, err)
	}
}

// model is what the ledger has to do, without a database.
type model struct {
	open    []meeting.Attendance
	active  map[string]bool
	exists  bool
	over    bool
	creator string
	run     int            // counts how often the meeting began
	runs    map[uint64]int // in which session entered first
}

func (m *model) enter(a meeting.Attendance) (first bool) {
	m.open = append(m.open, a)
	m.active[a.User] = true
	first = len(m.active) == 1
	run, isBack := m.runs[a.Session]
	switch {
	case !m.exists || first && m.over && !(isBack && run == m.run):
		m.exists, m.over, m.creator = true, false, a.User
		m.run++
	case first:
		m.over = false
	}
	if !isBack {
		m.runs[a.Session] = m.run
	}
	return first
}

func (m *model) exit(a meeting.Attendance, endWithHost bool) meeting.Ended {
	before := len(m.open)
	m.open = slices.DeleteFunc(m.open, func(o meeting.Attendance) bool { return o.Session == a.Session })
	elsewhere := slices.ContainsFunc(m.open, func(o meeting.Attendance) bool { return o.User == a.User })
	if len(m.open) == before || elsewhere || !m.active[a.User] {
		return meeting.Ended{}
	}
	delete(m.active, a.User)
	switch {
	case len(m.active) == 0:
		m.over = true
		return meeting.Ended{Over: true}
	case endWithHost && a.User == m.creator && !m.over:
		m.over = true
		clear(m.active)
		return meeting.Ended{Over: true, Message: meeting.HostEnded}
	}
	return meeting.Ended{}
}

func TestLedgerBehavesLikeItsModel(t *testing.T) {
	url := postgrestest.URL(t)
	nodes := []*office{openOn(t, url, "node-a", patience, 0), openOn(t, url, "node-b", patience, 0)}
	rooms := 0
	rapid.Check(t, func(r *rapid.T) {
		rooms++
		room := fmt.Sprint("room", rooms)
		m := &model{active: map[string]bool{}, runs: map[uint64]int{}}
		var gone []meeting.Attendance
		var start time.Time
		at := func() *office { return rapid.SampledFrom(nodes).Draw(r, "node") }
		enter := func(r *rapid.T, o *office, a meeting.Attendance) {
			before := m.run
			want := m.enter(a)
			got := o.enter(a)
			if anew := m.run != before; got.First != want || got.Creator != m.creator || anew != !got.At.Equal(start) {
				r.Fatalf("%s was told %+v, want first %v, creator %s, new %v (was %v)", a.User, got, want, m.creator, anew, start)
			}
			start = got.At
		}
		r.Repeat(map[string]func(*rapid.T){
			"enter": func(r *rapid.T) {
				o := at()
				enter(r, o, o.session(room, rapid.SampledFrom([]string{"alice", "bob", "charlie"}).Draw(r, "user")))
			},
			"come back": func(r *rapid.T) {
				if len(gone) == 0 {
					r.Skip()
				}
				i := rapid.IntRange(0, len(gone)-1).Draw(r, "session")
				a := gone[i]
				gone = slices.Delete(gone, i, i+1)
				enter(r, at(), a)
			},
			"enter again": func(r *rapid.T) {
				if len(m.open) == 0 {
					r.Skip()
				}
				a := rapid.SampledFrom(m.open).Draw(r, "session")
				if got := at().enter(a); got.First != (len(m.active) == 1) || got.Creator != m.creator {
					r.Fatalf("%s was told %+v", a.User, got)
				}
			},
			"exit": func(r *rapid.T) {
				if len(m.open) == 0 {
					r.Skip()
				}
				a := rapid.SampledFrom(m.open).Draw(r, "session")
				o, endWithHost := at(), rapid.Bool().Draw(r, "end with host")
				o.endHost.Store(endWithHost)
				want := m.exit(a, endWithHost)
				if got := o.exit(a); got != want {
					r.Fatalf("%s left: got %+v, want %+v", a.User, got, want)
				}
				gone = append(gone, a)
			},
			"exit again": func(r *rapid.T) {
				if len(gone) == 0 {
					r.Skip()
				}
				want := meeting.Ended{}
				if got := at().exit(rapid.SampledFrom(gone).Draw(r, "session")); got != want {
					r.Fatalf("left again: got %+v, want %+v", got, want)
				}
			},
			"": func(r *rapid.T) {
				n, err := nodes[0].store.ActiveCount(t.Context(), room)
				if err != nil || n != len(m.active) {
					r.Fatalf("participants: got %d, %v, want %d", n, err, len(m.active))
				}
				if !m.exists {
					return
				}
				row := nodes[0].meeting(room)
				if (row.State == meeting.Over) != m.over || row.Ended.IsZero() == m.over || row.Creator != m.creator {
					r.Fatalf("row %+v, want over %v, creator %s", row, m.over, m.creator)
				}
			},
		})
	})
}

// What many do at once is written together; a record that no database takes costs the others
// nothing.
func TestOneRejectedRecordAmongMany(t *testing.T) {
	o := open(t)
	const people = 100
	var wg sync.WaitGroup
	for i := range people {
		a := o.session("room", fmt.Sprint("user", i))
		if i%40 == 20 {
			a.Transport = "\x00" // no text of a database
		}
		wg.Go(func() { o.enter(a) })
	}
	wg.Wait()
	o.flush()
	o.participants("room", people-2)
	check(t, "pending", o.Pending(), 0)
}
