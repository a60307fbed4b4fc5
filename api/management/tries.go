package management

import (
	"sync"
	"time"
)

// Somebody who mistypes a password gets five tries at once and one every ten seconds. What
// many callers try together is bounded by one a second for each meeting, once for people with
// an account and once for guests, whose identities cost nothing. Only wrong passwords count,
// on each node for itself.
//
// So that nobody who guesses keeps others out, the bound of many does not hold for those who
// were let into the meeting before, nor for people with an account whose own tries are all
// there again. Newcomers without an account may have to wait while guests guess.
var (
	ownTries  = allowance{5, 10 * time.Second}
	roomTries = allowance{50, time.Second}
)

// allowance is how many wrong passwords are free, and how often another is.
type allowance struct {
	burst int
	every time.Duration
}

// refill is how long it takes until nothing is left of what was wrong.
func (a allowance) refill() time.Duration { return time.Duration(a.burst) * a.every }

// guesser is somebody who tries a password.
type guesser struct {
	room, user string
	guest      bool
	known      bool // was let into the meeting before
}

func (g guesser) own() tryKey { return tryKey{room: g.room, user: g.user} }
func (g guesser) all() tryKey { return tryKey{room: g.room, guests: g.guest} }

// tryKey is whose wrong passwords are counted: of one user in a room, of all with an account
// or of all guests there.
type tryKey struct {
	room, user string
	guests     bool
}

// tries counts wrong passwords. The zero value has seen none.
type tries struct {
	mu    sync.Mutex
	until map[tryKey]time.Time // when nothing is left of what was wrong
	being map[tryKey]int       // tried at the moment, by each user
	swept time.Time
}

// begin reports whether g may try a password now. If so, end has to follow.
func (t *tries) begin(g guesser) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.allow(g) {
		return false
	}
	if t.being == nil {
		t.being = map[tryKey]int{}
	}
	t.being[g.own()]++
	return true
}

// still reports whether g, who has begun, may go on after others were wrong.
func (t *tries) still(g guesser) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.being[g.own()]--
	defer func() { t.being[g.own()]++ }()
	return t.allow(g)
}

// end counts what g tried, if it was wrong.
func (t *tries) end(g guesser, wrong bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.being[g.own()]--; t.being[g.own()] == 0 {
		delete(t.being, g.own())
	}
	if wrong {
		t.wrong(g)
	}
}

// allow takes what g tries at the moment for wrong.
func (t *tries) allow(g guesser) bool {
	now := time.Now()
	own, all := t.left(g.own(), ownTries, now)-t.being[g.own()], t.left(g.all(), roomTries, now)
	return own >= 1 && (all >= 1 || g.known || !g.guest && own == ownTries.burst)
}

func (t *tries) wrong(g guesser) {
	now := time.Now()
	if t.until == nil {
		t.until = map[tryKey]time.Time{}
	}
	if now.Sub(t.swept) > roomTries.refill() {
		t.swept = now
		for k, until := range t.until {
			if !until.After(now) {
				delete(t.until, k)
			}
		}
	}
	for k, a := range map[tryKey]allowance{g.own(): ownTries, g.all(): roomTries} {
		from := t.until[k]
		if from.Before(now) {
			from = now
		}
		if until := from.Add(a.every); !until.After(now.Add(a.refill())) {
			t.until[k] = until
		}
	}
}

// left is how many wrong passwords are free at once.
func (t *tries) left(k tryKey, a allowance, now time.Time) int {
	due := t.until[k].Sub(now)
	if due <= 0 {
		return a.burst
	}
	return a.burst - int((due+a.every-1)/a.every)
}
