package management_test

import (
	"context"
	"errors"
	"flag"
	"log/slog"
	"sync"
	"testing"
	"time"

	"parley/api/management"
	"parley/api/postgres"
	"parley/api/postgres/postgrestest"
)

func TestMain(m *testing.M) {
	// Each step is compared with the database; the command line may ask for more.
	for name, value := range map[string]string{"rapid.checks": "100", "rapid.steps": "150", "rapid.nofailfile": "true"} {
		if err := flag.Set(name, value); err != nil {
			panic(err)
		}
	}
	postgrestest.Main(m)
}

// recorder is told what would happen to connected people.
type recorder struct {
	mu     sync.Mutex
	events []management.Event
	gone   []string
}

func (r *recorder) Tell(_ context.Context, _ string, e management.Event) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
	return nil
}

func (r *recorder) Remove(_ context.Context, _, user string, _ management.Code) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.gone = append(r.gone, user)
	return nil
}

func (r *recorder) Changed(context.Context, string) error { return nil }

// told reports whether people heard of an act about target, and forgets it.
func (r *recorder) told(act management.Act, target string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, e := range r.events {
		if e.Act == act && e.Target == target {
			r.events = append(r.events[:i], r.events[i+1:]...)
			return true
		}
	}
	return false
}

func (r *recorder) removed(user string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, u := range r.gone {
		if u == user {
			r.gone = append(r.gone[:i], r.gone[i+1:]...)
			return true
		}
	}
	return false
}

func newMeetings(t *testing.T, s management.Settings) (*management.Meetings, *recorder) {
	t.Helper()
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	store, err := postgres.Open(t.Context(), postgrestest.URL(t), log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	rooms := &recorder{}
	return management.New(store, rooms, s, log), rooms
}

func caller(user string) management.Caller { return management.Caller{User: user} }

func join(t *testing.T, m *management.Meetings, user, room string) management.Answer {
	t.Helper()
	a, err := m.Join(t.Context(), caller(user), room, management.Request{DisplayName: user})
	if err != nil {
		t.Fatalf("%s joins: %v", user, err)
	}
	return a
}

func want(t *testing.T, what string, err error, code management.Code) {
	t.Helper()
	r, ok := errors.AsType[*management.Refusal](err)
	if !ok || r.Code != code {
		t.Errorf("%s: %v, want %s", what, err, code)
	}
}

func refused(err error) bool {
	_, ok := errors.AsType[*management.Refusal](err)
	return ok
}

func TestWaitingRoom(t *testing.T) {
	m, rooms := newMeetings(t, management.Settings{})
	ctx := t.Context()
	host := join(t, m, "ada", "r1")
	if host.Status != management.Admitted || !host.Host || host.Meeting.State != management.Active {
		t.Fatalf("the creator: %+v", host)
	}
	for _, who := range []string{"bob", "cyd", "dan"} {
		if a := join(t, m, who, "r1"); a.Status != management.Waiting {
			t.Fatalf("%s: %+v", who, a)
		}
	}
	_, err := m.Admit(ctx, caller("bob"), "r1", "cyd")
	want(t, "somebody who waits lets in", err, management.NotHost)
	if p, err := m.Admit(ctx, caller("ada"), "r1", "bob"); err != nil || p.Status != management.Admitted || p.Admitted.IsZero() {
		t.Fatal(p, err)
	}
	if !rooms.told(management.LetIn, "bob") {
		t.Error("bob is not told")
	}
	if p, err := m.Reject(ctx, caller("ada"), "r1", "cyd"); err != nil || p.Status != management.Rejected {
		t.Fatal(p, err)
	}
	if !rooms.told(management.TurnedAway, "cyd") || !rooms.removed("cyd") {
		t.Error("cyd is not turned away")
	}
	waiting, err := m.Waiting(ctx, caller("ada"), "r1")
	if err != nil || len(waiting) != 1 || waiting[0].User != "dan" {
		t.Error(waiting, err)
	}
	off := false
	if _, err := m.Change(ctx, caller("ada"), "r1", management.Patch{WaitingRoom: &off}); err != nil {
		t.Fatal(err)
	}
	if a, err := m.Status(ctx, caller("dan"), "r1"); err != nil || a.Status != management.Admitted {
		t.Error(a, err)
	}
	if a := join(t, m, "cyd", "r1"); a.Status != management.Waiting {
		t.Errorf("who was rejected gets in by asking again: %+v", a)
	}
	if a := join(t, m, "bob", "r1"); a.Status != management.Admitted {
		t.Errorf("a reload puts somebody out: %+v", a)
	}
	if all, err := m.Participants(ctx, caller("bob"), "r1"); err != nil || len(all) != 3 {
		t.Error(all, err)
	}
}

func TestKickedPeopleStayOut(t *testing.T) {
	m, rooms := newMeetings(t, management.Settings{WaitingRoom: func(string) bool { return false }})
	ctx := t.Context()
	join(t, m, "ada", "r2")
	join(t, m, "bob", "r2")
	want(t, "bob removes the owner", m.Kick(ctx, caller("bob"), "r2", "ada", false), management.NotHost)
	if err := m.Kick(ctx, caller("ada"), "r2", "bob", false); err != nil {
		t.Fatal(err)
	}
	if !rooms.told(management.KickedOut, "bob") || !rooms.removed("bob") {
		t.Error("bob stays connected")
	}
	want(t, "bob's token", m.Entry(ctx, "r2", "bob", false, time.Now()), management.Removed)
	if a := join(t, m, "bob", "r2"); a.Status != management.Waiting {
		t.Errorf("bob asks again: %+v", a)
	}
	if err := m.Kick(ctx, caller("ada"), "r2", "bob", true); err != nil {
		t.Fatal(err)
	}
	_, err := m.Join(ctx, caller("bob"), "r2", management.Request{})
	want(t, "bob asks once more", err, management.Banned)
	if err := m.Unban(ctx, caller("ada"), "r2", "bob"); err != nil {
		t.Fatal(err)
	}
	join(t, m, "bob", "r2")
}

func TestPasswords(t *testing.T) {
	m, _ := newMeetings(t, management.Settings{WaitingRoom: func(string) bool { return false }})
	ctx := t.Context()
	if _, err := m.Create(ctx, caller("ada"), management.Draft{Room: "r3", Password: "s3cret"}); err != nil {
		t.Fatal(err)
	}
	join(t, m, "ada", "r3")
	_, err := m.Join(ctx, caller("bob"), "r3", management.Request{})
	want(t, "none", err, management.PasswordRequired)
	_, err = m.Join(ctx, caller("bob"), "r3", management.Request{Password: "S3cret"})
	want(t, "a wrong one", err, management.WrongPassword)
	if a, err := m.Join(ctx, caller("bob"), "r3", management.Request{Password: "s3cret"}); err != nil || a.Status != management.Admitted {
		t.Error(a, err)
	}
	if a := join(t, m, "bob", "r3"); a.Status != management.Admitted {
		t.Errorf("a reload asks for the password: %+v", a)
	}
	for range 5 {
		_, err = m.Join(ctx, caller("eve"), "r3", management.Request{Password: "guess"})
	}
	want(t, "the fifth guess", err, management.WrongPassword)
	_, err = m.Join(ctx, caller("eve"), "r3", management.Request{Password: "s3cret"})
	want(t, "the sixth", err, management.TooManyAttempts)
}

// Where operators allow it nobody waits for a host who is away, unless somebody has to let them in.
func TestOthersStartMeetings(t *testing.T) {
	m, rooms := newMeetings(t, management.Settings{
		WaitingRoom: func(string) bool { return false }, Guests: always, StartWithoutHost: func(room string) bool { return room != "r6" },
	})
	ctx := t.Context()
	yes := true
	for _, room := range []string{"r5", "r6", "r7"} {
		draft := management.Draft{Room: room, Patch: management.Patch{AllowGuests: &yes}}
		if room == "r7" {
			draft.WaitingRoom = &yes
		}
		if _, err := m.Create(ctx, caller("ada"), draft); err != nil {
			t.Fatal(err)
		}
	}
	for room, why := range map[string]string{"r6": "operators do not allow it", "r7": "it has a waiting room"} {
		if a := join(t, m, "bob", room); a.Status != management.WaitingForMeeting {
			t.Errorf("%s: %s", why, a.Status)
		}
	}
	guest, err := management.NewGuest("")
	if err != nil {
		t.Fatal(err)
	}
	if a, err := m.Join(ctx, guest, "r5", management.Request{DisplayName: "Guest"}); err != nil || a.Status != management.WaitingForMeeting {
		t.Errorf("a guest starts: %s, %v", a.Status, err)
	}
	if a := join(t, m, "bob", "r5"); a.Status != management.Admitted || a.Host || a.Meeting.State != management.Active || a.Meeting.Owner != "ada" {
		t.Errorf("starts: %+v", a)
	}
	if !rooms.told(management.Activated, "") {
		t.Error("who waits for the meeting is not told")
	}

	// It is over when the last has left, and others may start it again.
	if _, err := m.Leave(ctx, caller("bob"), "r5"); err != nil {
		t.Fatal(err)
	}
	if a := join(t, m, "cyd", "r5"); a.Status != management.Admitted || a.Meeting.State != management.Active {
		t.Errorf("starts it again: %+v", a)
	}
	if _, err := m.Change(ctx, caller("ada"), "r5", management.Patch{EndOnHostLeave: &yes}); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Leave(ctx, caller("cyd"), "r5"); err != nil {
		t.Fatal(err)
	}
	if a := join(t, m, "bob", "r5"); a.Status != management.WaitingForMeeting {
		t.Errorf("a meeting that ends with its host is started by others: %s", a.Status)
	}
}

func TestEndHoldsUntilTheOwnerComesBack(t *testing.T) {
	m, rooms := newMeetings(t, management.Settings{WaitingRoom: func(string) bool { return false }})
	ctx := t.Context()
	issued := time.Now()
	join(t, m, "ada", "r4")
	join(t, m, "bob", "r4")
	ended, err := m.End(ctx, caller("ada"), "r4")
	if err != nil || ended.State != management.Ended || ended.Ended.IsZero() || ended.Present != 0 {
		t.Fatal(ended, err)
	}
	if !rooms.told(management.Over, "") || !rooms.removed("") {
		t.Error("the room is not closed")
	}
	again, err := m.End(ctx, caller("ada"), "r4")
	if err != nil || !again.Ended.Equal(ended.Ended) || rooms.told(management.Over, "") {
		t.Error("ended twice:", again, err)
	}
	_, err = m.Status(ctx, caller("bob"), "r4")
	want(t, "status", err, management.MeetingNotActive)
	if a := join(t, m, "bob", "r4"); a.Status != management.WaitingForMeeting {
		t.Errorf("bob joins: %+v", a)
	}
	if a := join(t, m, "ada", "r4"); a.Status != management.Admitted || a.Meeting.State != management.Active || !a.Meeting.Ended.IsZero() {
		t.Errorf("ada joins: %+v", a)
	}
	if err := m.Delete(ctx, caller("ada"), "r4"); err != nil {
		t.Fatal(err)
	}
	want(t, "a token of before", m.Entry(ctx, "r4", "bob", false, issued), management.MeetingNotActive)
	_, _, err = m.Get(ctx, caller("ada"), "r4")
	want(t, "a deleted meeting", err, management.MeetingNotFound)
}

func TestHostRole(t *testing.T) {
	m, rooms := newMeetings(t, management.Settings{WaitingRoom: func(string) bool { return false }})
	ctx := t.Context()
	join(t, m, "ada", "r5")
	join(t, m, "bob", "r5")
	if err := m.GrantHost(ctx, caller("ada"), "r5", "bob", true); err != nil {
		t.Fatal(err)
	}
	if !rooms.told(management.HostGranted, "bob") || !rooms.told(management.HostRevoked, "ada") {
		t.Error("the room is not told")
	}
	want(t, "who was host", m.Silence(ctx, caller("ada"), "r5", "", management.Mute), management.NotHost)
	if err := m.Silence(ctx, caller("bob"), "r5", "", management.Mute); err != nil || !rooms.told(management.Mute, "") {
		t.Error(err)
	}
	want(t, "the last host", m.RevokeHost(ctx, caller("bob"), "r5", "bob"), management.BadRequest)
}

func TestGuestsAreTold(t *testing.T) {
	allowed := true
	h := newHouse(t, management.Settings{Guests: func(string) bool { return allowed }})
	yes := true
	for room, p := range map[string]management.Patch{"open": {AllowGuests: &yes}, "closed": {}} {
		if _, err := h.Create(t.Context(), caller("ada"), management.Draft{Room: room, Patch: p}); err != nil {
			t.Fatal(err)
		}
	}
	if m, err := h.ForGuests(t.Context(), "open"); err != nil || m.Room != "open" {
		t.Error(m, err)
	}
	for _, room := range []string{"closed", "none"} {
		_, err := h.ForGuests(t.Context(), room)
		want(t, room, err, management.GuestsNotAllowed)
	}
	allowed = false
	_, err := h.ForGuests(t.Context(), "open")
	want(t, "an operator who wants no guests", err, management.GuestsNotAllowed)
	guest, err := management.NewGuest("")
	if err != nil {
		t.Fatal(err)
	}
	_, err = h.Create(t.Context(), guest, management.Draft{})
	want(t, "a guest sets up a meeting", err, management.GuestsNotAllowed)
}
