package meeting

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"time"

	"parley/api/fault"
)

const (
	// DefaultPatience is how long Enter, Exit and Running wait for the database before they
	// answer without it: somebody looks at a spinner meanwhile.
	DefaultPatience = 1500 * time.Millisecond

	// maxID is the longest room or user, in bytes; the columns hold as many characters.
	maxID = 255

	// systemUser is the identity that marks packets made by the server, wire.SystemUser.
	systemUser = "system-&^%$#@!"
)

// Options are what a Ledger works with.
type Options struct {
	Store Store
	Log   *slog.Logger
	Node  string // this process, as in [Attendance]

	// Enabled says whether meetings of a room are recorded. It is asked on every call and
	// does not block.
	Enabled func(room string) bool

	// EndOnHostLeave says whether the meeting of a room ends when its creator leaves. The
	// same holds for it.
	EndOnHostLeave func(room string) bool

	// Patience bounds the wait for the database; 0 means [DefaultPatience].
	Patience time.Duration

	// MaxPending is how many writes wait for the database before those are given up of people who came
	// and left in the meantime; 0 means [DefaultMaxPending]. Of others eight times as many wait.
	MaxPending int
}

// Ledger records who enters and leaves. Its methods may be called from any goroutine.
type Ledger struct {
	store    Store
	log      *slog.Logger
	node     string
	enabled  func(room string) bool
	endWith  func(room string) bool
	patience time.Duration
	writes   *backlog
}

// New returns a Ledger. Nothing is written until [Ledger.Run] runs.
func New(o Options) *Ledger {
	return &Ledger{
		store:    o.Store,
		log:      o.Log,
		node:     o.Node,
		enabled:  o.Enabled,
		endWith:  o.EndOnHostLeave,
		patience: cmp.Or(o.Patience, DefaultPatience),
		writes:   newBacklog(o.Store, o.Log, cmp.Or(o.MaxPending, DefaultMaxPending)),
	}
}

// Run writes what Enter and Exit ask for until ctx ends. What is not written by then is
// lost: call [Ledger.Leave] before. Call Run once.
func (l *Ledger) Run(ctx context.Context) {
	var beside sync.WaitGroup
	beside.Go(func() { l.stayAlive(ctx) })
	l.writes.run(ctx)
	beside.Wait()
}

// Flush returns when everything asked for before the call is written or given up, or with
// the cause of ctx when that ends first.
func (l *Ledger) Flush(ctx context.Context) error { return l.writes.flush(ctx) }

// Pending returns how many writes wait for the database.
func (l *Ledger) Pending() int {
	l.writes.mu.Lock()
	defer l.writes.mu.Unlock()
	return l.writes.pending
}

// GivenUp returns how many writes were given up so far: spared of those who came and left while the
// database did not answer, lost of others.
func (l *Ledger) GivenUp() (spared, lost uint64) {
	l.writes.mu.Lock()
	defer l.writes.mu.Unlock()
	return l.writes.trouble.spared, l.writes.trouble.lost
}

// Enter records that a session entered its room and returns what to tell it. Where meetings
// are not recorded that is a meeting of its own which starts now. Enter blocks for at most
// its patience; after that, or when ctx ends, the answer is a guess and the record is written
// later, so each Enter without error needs its Exit. To enter a session that is there again
// mends its record, if others closed it because they took this node for dead.
//
// It refuses the identity of the server with code reserved, and a room or user that no
// database row can hold with bad_request.
func (l *Ledger) Enter(ctx context.Context, a Attendance) (Started, error) {
	if a.User == systemUser {
		return Started{}, fault.New(fault.Reserved, "Cannot use reserved system user ID")
	}
	for _, id := range []string{a.Room, a.User} {
		if id == "" || len(id) > maxID || clean(id) != id {
			return Started{}, fault.New(fault.BadRequest, "room and user must be texts of 1 to %d bytes", maxID)
		}
	}
	a.DisplayName, a.Instance = clean(a.DisplayName), clean(a.Instance)
	if !l.enabled(a.Room) {
		return Started{At: now(), Creator: a.User, First: true}, nil
	}
	w := l.writes.add(&write{Attendance: a, at: now()})
	w.await(ctx, l.patience)
	return l.writes.started(w), nil
}

// Exit records that a session left and returns what that means. It blocks for at most
// its patience; when the database does not answer, the meeting is assumed to continue and the
// record is written later. For a session that did not enter it does nothing.
func (l *Ledger) Exit(ctx context.Context, a Attendance) Ended {
	enabled := l.enabled(a.Room)
	// A session that entered while meetings were recorded has to leave on record too.
	if !enabled && !l.writes.present(a) {
		return Ended{}
	}
	w := l.writes.add(&write{Attendance: a, at: now(), exit: true, endWithHost: enabled && l.endWith(a.Room)})
	w.await(ctx, l.patience)
	if !enabled {
		return Ended{}
	}
	return l.writes.ended(w)
}

// Running returns the running meeting of a room; false when there is none, when meetings are
// not recorded there, or when neither the database knows in time nor this node.
func (l *Ledger) Running(ctx context.Context, room string) (Started, bool) {
	if !l.enabled(room) {
		return Started{}, false
	}
	ctx, cancel := context.WithTimeout(ctx, l.patience)
	defer cancel()
	m, err := l.store.Meeting(ctx, room)
	switch {
	case err == nil:
		return Started{At: m.Started, Creator: m.Creator}, m.State == Active
	case errors.Is(err, ErrNoMeeting):
		return Started{}, false
	}
	return l.writes.remembered(room)
}

// Count returns the number of participants in a room on all nodes, 0 where meetings are not
// recorded.
func (l *Ledger) Count(ctx context.Context, room string) (int, error) {
	if !l.enabled(room) {
		return 0, nil
	}
	return l.store.ActiveCount(ctx, room)
}

// IsHost reports whether user created the meeting of room. Where meetings are not recorded
// nobody did.
func (l *Ledger) IsHost(ctx context.Context, room, user string) (bool, error) {
	if !l.enabled(room) {
		return false, nil
	}
	m, err := l.store.Meeting(ctx, room)
	if errors.Is(err, ErrNoMeeting) {
		return false, nil
	}
	return err == nil && m.Creator == user, err
}

// clean makes s a text that every database column takes: valid UTF-8 without zero bytes.
func clean(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "")
}

// now is in the precision of the database, so that a guess equals what is stored later.
func now() time.Time { return time.Now().Truncate(time.Microsecond) }
