package management_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"

	"parley/api/management"
)

// crowdTime bounds what a crowd does; it is only reached when something is broken.
const crowdTime = 2 * time.Minute

// statuses reads what became of everybody in a room.
func (h *house) statuses(room string) map[string]management.Status {
	h.t.Helper()
	rows, _ := h.rows.Query(h.t.Context(), `
		select user_id, status from meeting_participants p join meetings m on m.id = p.meeting_id
		where room_id = $1 and deleted_at is null`, room)
	all := map[string]management.Status{}
	for rows.Next() {
		var user string
		var s management.Status
		if err := rows.Scan(&user, &s); err != nil {
			h.t.Fatal(err)
		}
		if _, twice := all[user]; twice {
			h.t.Errorf("%s has two rows", user)
		}
		all[user] = s
	}
	if rows.Err() != nil {
		h.t.Fatal(rows.Err())
	}
	return all
}

func TestThousandJoinWhileTheWaitingRoomIsToggled(t *testing.T) {
	h := newHouse(t, management.Settings{})
	ctx, cancel := context.WithTimeout(t.Context(), crowdTime)
	defer cancel()
	const people = 1000
	h.ask("ada", "crowd")
	type joiner struct {
		user   string
		answer management.Status
		done   time.Time
	}
	all := make([]joiner, people)
	gate, through := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	for i := range all {
		j := &all[i]
		j.user = fmt.Sprintf("user-%d", i)
		wg.Go(func() {
			<-gate
			a, err := h.Join(ctx, caller(j.user), "crowd", management.Request{})
			if err != nil {
				t.Errorf("%s: %v", j.user, err)
			}
			j.answer, j.done = a.Status, time.Now()
		})
	}
	var lastOff time.Time // when it was asked for
	var toggler sync.WaitGroup
	toggler.Go(func() {
		<-gate
		for on := false; ; on = !on {
			select {
			case <-through:
				if on { // so that the crowd ends with a waiting room
					return
				}
			default:
			}
			if !on {
				lastOff = time.Now()
			}
			if _, err := h.Change(ctx, caller("ada"), "crowd", management.Patch{WaitingRoom: &on}); err != nil {
				t.Errorf("toggle: %v", err)
				return
			}
		}
	})
	close(gate)
	wg.Wait()
	close(through)
	toggler.Wait()

	rows := h.statuses("crowd")
	if len(rows) != people+1 {
		t.Errorf("%d rows of %d people", len(rows), people+1)
	}
	waited := 0
	for _, j := range all {
		status := rows[j.user]
		switch {
		case j.answer == management.Admitted && status != management.Admitted:
			t.Errorf("%s was admitted and is %s", j.user, status)
		case j.answer == management.Waiting && status == management.Waiting && j.done.Before(lastOff):
			t.Errorf("%s waits since before the waiting room was switched off", j.user)
		case j.answer == management.Waiting && status == management.Admitted:
			waited++
			if !h.rooms.told(management.LetIn, j.user) {
				t.Errorf("nobody tells %s, who is let in", j.user)
			}
		case j.answer != management.Admitted && j.answer != management.Waiting:
			t.Errorf("%s was answered %q", j.user, j.answer)
		}
		if a, err := h.Status(ctx, caller(j.user), "crowd"); err != nil || a.Status != status {
			t.Errorf("%s is told %s, %v, and is %s", j.user, a.Status, err, status)
		}
		inside, outside := h.Entry(ctx, "crowd", j.user, false, j.done), h.Entry(ctx, "crowd", j.user, true, j.done)
		if (inside == nil) != (status == management.Admitted) || outside != nil {
			t.Errorf("%s is %s and may enter: %v, may wait: %v", j.user, status, inside, outside)
		}
	}
	t.Logf("%d waited until the waiting room was switched off", waited)
	off := false
	m, err := h.Change(ctx, caller("ada"), "crowd", management.Patch{WaitingRoom: &off})
	if err != nil || m.Present != people+1 || m.Waiting != 0 {
		t.Errorf("in the end: %d present, %d waiting, %v", m.Present, m.Waiting, err)
	}
}

func TestFirstJoinsAtOnceMakeOneOwner(t *testing.T) {
	h := newHouse(t, management.Settings{})
	ctx, cancel := context.WithTimeout(t.Context(), crowdTime)
	defer cancel()
	for room := range 5 {
		room := fmt.Sprintf("new-%d", room)
		answers := make([]management.Answer, 60)
		var wg sync.WaitGroup
		for i := range answers {
			wg.Go(func() {
				var err error
				if answers[i], err = h.Join(ctx, caller(fmt.Sprintf("user-%d", i)), room, management.Request{}); err != nil {
					t.Errorf("join: %v", err)
				}
			})
		}
		wg.Wait()
		owners := 0
		for _, a := range answers {
			switch {
			case a.Host && a.Status == management.Admitted && a.Meeting.Owner == a.User:
				owners++
			case a.Host || a.Status != management.Waiting && a.Status != management.WaitingForMeeting:
				t.Errorf("%s: %s, host %v", a.User, a.Status, a.Host)
			}
		}
		m := h.get(room)
		if owners != 1 || m.State != management.Active || m.Present != 1 {
			t.Errorf("%d owners of %+v", owners, m)
		}
	}
}

// Who is banned stays out, however a ban, requests and admissions come together; who was
// removed is inside only after being let in again.
func TestRemovalsAmongJoinsAndAdmissions(t *testing.T) {
	h := newHouse(t, management.Settings{})
	ctx, cancel := context.WithTimeout(t.Context(), crowdTime)
	defer cancel()
	const people = 120
	h.ask("ada", "r")
	type fate struct{ kicked, admitted, admittedAll bool }
	fates := make([]fate, people)
	user := func(i int) string { return fmt.Sprintf("user-%d", i) }
	forGood := func(i int) bool { return i%2 == 0 }
	for i := range people {
		h.ask(user(i), "r")
	}
	var wg sync.WaitGroup
	for i := range people {
		f := &fates[i]
		wg.Go(func() {
			_, err := h.Join(ctx, caller(user(i)), "r", management.Request{})
			check(t, "join", err)
		})
		wg.Go(func() {
			err := h.Kick(ctx, caller("ada"), "r", user(i), forGood(i))
			check(t, "kick", err)
			f.kicked = err == nil
		})
		wg.Go(func() {
			_, err := h.Admit(ctx, caller("ada"), "r", user(i))
			check(t, "admit", err)
			f.admitted = err == nil
		})
		if i%20 == 0 {
			wg.Go(func() {
				all, err := h.AdmitAll(ctx, caller("ada"), "r")
				check(t, "admit all", err)
				for _, p := range all {
					var n int
					if _, err := fmt.Sscanf(p.User, "user-%d", &n); err == nil {
						h.rooms.mu.Lock()
						fates[n].admittedAll = true
						h.rooms.mu.Unlock()
					}
				}
			})
		}
	}
	wg.Wait()
	for who, status := range h.statuses("r") {
		if who == "ada" {
			continue
		}
		var i int
		if _, err := fmt.Sscanf(who, "user-%d", &i); err != nil {
			t.Fatal(err)
		}
		f := fates[i]
		entry := h.Entry(ctx, "r", who, false, time.Now())
		switch {
		case !f.kicked:
			t.Errorf("%s could not be removed", who)
		case forGood(i) && status != management.Kicked:
			t.Errorf("%s is banned and %s", who, status)
		case status == management.Admitted && !f.admitted && !f.admittedAll:
			t.Errorf("%s was removed and is inside", who)
		}
		if (entry == nil) != (status == management.Admitted) {
			t.Errorf("%s is %s and may enter: %v", who, status, entry)
		}
	}
	if m := h.get("r"); m.Present != value[int](h, `select count(*) from meeting_participants where status = 'admitted' and left_at is null`) ||
		m.Waiting != value[int](h, `select count(*) from meeting_participants where status = 'waiting'`) {
		t.Errorf("counts: %+v", m)
	}
}

// A room is either there or new to somebody who joins; that it is deleted meanwhile is no
// reason to turn them away.
func TestJoinsWhileMeetingsAreDeleted(t *testing.T) {
	h := newHouse(t, management.Settings{WaitingRoom: open})
	ctx, cancel := context.WithTimeout(t.Context(), crowdTime)
	defer cancel()
	const people, turns = 8, 12
	var wg sync.WaitGroup
	for i := range people {
		wg.Go(func() {
			for range turns {
				a, err := h.Join(ctx, caller(fmt.Sprintf("user-%d", i)), "r", management.Request{})
				if err != nil {
					t.Errorf("join: %v", err)
				}
				if a.Host {
					check(t, "delete", h.Delete(ctx, caller(a.User), "r"))
				}
			}
		})
	}
	wg.Wait()
	if n := value[int](h, `select count(*) from meetings where deleted_at is null and creator_id is null`); n != 0 {
		t.Errorf("%d meetings of nobody", n)
	}
}

// Two hundred who know the password get in at once while somebody guesses, as guests and with
// an account; those who guess get no more tries for coming all together.
func TestManyJoinWithThePasswordWhileOthersGuess(t *testing.T) {
	h := newHouse(t, management.Settings{WaitingRoom: open, Guests: always})
	ctx, cancel := context.WithTimeout(t.Context(), crowdTime)
	defer cancel()
	yes := true
	draft := management.Draft{Room: "r", Password: "s3cret", Patch: management.Patch{AllowGuests: &yes}}
	if _, err := h.Create(ctx, caller("ada"), draft); err != nil {
		t.Fatal(err)
	}
	h.ask("ada", "r")
	// What a hash of ours costs is the benchmark's concern.
	cheap, err := argon2id.CreateHash("s3cret", &argon2id.Params{Memory: 64, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32})
	if err != nil {
		t.Fatal(err)
	}
	h.exec(`update meetings set password_hash = $1`, cheap)
	const people, guesses = 200, 100
	var wg sync.WaitGroup
	var mu sync.Mutex
	wrong := map[string]int{}
	for i := range people {
		wg.Go(func() {
			a, err := h.Join(ctx, caller(fmt.Sprintf("user-%d", i)), "r", management.Request{Password: "s3cret"})
			if err != nil || a.Status != management.Admitted {
				t.Errorf("user %d: %s, %v", i, a.Status, err)
			}
		})
	}
	for _, user := range []string{"eve", management.GuestPrefix + "11111111-1111-4111-8111-111111111111"} {
		for range guesses {
			wg.Go(func() {
				_, err := h.Join(ctx, management.Caller{User: user, Guest: user != "eve"}, "r", management.Request{Password: "guess"})
				check(t, "guess", err)
				if r, ok := errors.AsType[*management.Refusal](err); ok && r.Code == management.WrongPassword {
					mu.Lock()
					defer mu.Unlock()
					wrong[user]++
				}
			})
		}
	}
	start := time.Now()
	wg.Wait()
	took := time.Since(start)
	for user, n := range wrong {
		if most := 5 + int(took/(10*time.Second)); n > most {
			t.Errorf("%s guessed %d times in %v", user, n, took)
		}
	}
	if m := h.get("r"); m.Present != people+1 {
		t.Errorf("%d inside", m.Present)
	}
}
