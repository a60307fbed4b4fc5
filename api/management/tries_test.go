package management

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexedwards/argon2id"

	"parley/api/media/mediatest"
)

// cheap returns a hash that is compared in no time.
func cheap(t *testing.T, password string) string {
	t.Helper()
	hash, err := argon2id.CreateHash(password, &argon2id.Params{Memory: 8, Iterations: 1, Parallelism: 1, SaltLength: 8, KeyLength: 16})
	if err != nil {
		t.Fatal(err)
	}
	return hash
}

// code is what check answers, "" for the right password.
func code(t *testing.T, err error) Code {
	t.Helper()
	if err == nil {
		return ""
	}
	r, ok := errors.AsType[*Refusal](err)
	if !ok {
		t.Fatal(err)
	}
	return r.Code
}

type door struct {
	*passwords
	t    *testing.T
	hash string
}

func newDoor(t *testing.T) *door { return &door{newPasswords(), t, cheap(t, "right")} }

func (d *door) expect(g guesser, password string, want Code) {
	d.t.Helper()
	if got := code(d.t, d.check(d.t.Context(), g, password, d.hash)); got != want {
		d.t.Errorf("%+v says %q: %q, want %q", g, password, got, want)
	}
}

func TestOnlyWrongPasswordsCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, bob := newDoor(t), guesser{room: "r", user: "bob"}
		for range 20 {
			d.expect(bob, "right", "")
			d.expect(bob, "", PasswordRequired)
			d.expect(bob, string(make([]byte, MaxPassword+1)), WrongPassword) // nobody's password
		}
		for range ownTries.burst {
			d.expect(bob, "wrong", WrongPassword)
		}
		d.expect(bob, "right", TooManyAttempts)
		d.expect(guesser{room: "r", user: "cyd"}, "right", "")
		d.expect(guesser{room: "another", user: "bob"}, "right", "")
		mediatest.Advance(t, ownTries.every-time.Nanosecond)
		d.expect(bob, "right", TooManyAttempts)
		mediatest.Advance(t, time.Nanosecond)
		d.expect(bob, "wrong", WrongPassword)
		d.expect(bob, "right", TooManyAttempts)
		mediatest.Advance(t, ownTries.every)
		d.expect(bob, "right", "")
	})
}

// Whatever others guess, those who know the password get in, but for newcomers without an
// account while guests guess.
func TestGuessersKeepNobodyElseOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoor(t)
		who := func(n int, guest bool) guesser {
			return guesser{room: "r", user: fmt.Sprint("eve-", n, guest), guest: guest}
		}
		for n := range roomTries.burst {
			d.expect(who(n, true), "wrong", WrongPassword)
		}
		d.expect(who(1000, true), "wrong", TooManyAttempts)
		d.expect(who(1001, true), "right", TooManyAttempts) // documented
		d.expect(guesser{room: "r", user: "gil", guest: true, known: true}, "right", "")
		d.expect(guesser{room: "r", user: "bob"}, "right", "")
		mediatest.Advance(t, roomTries.every)
		d.expect(who(1001, true), "right", "")
		d.expect(who(1002, true), "wrong", WrongPassword)
		d.expect(who(1003, true), "wrong", TooManyAttempts)

		// Guessers with an account have one try each when all are used up, and then wait.
		for n := range roomTries.burst {
			d.expect(who(n, false), "wrong", WrongPassword)
		}
		d.expect(who(1000, false), "wrong", WrongPassword)
		d.expect(who(1000, false), "wrong", TooManyAttempts)
		d.expect(guesser{room: "r", user: "bob"}, "right", "")
		d.expect(guesser{room: "r", user: "bob"}, "wrong", WrongPassword)
		d.expect(guesser{room: "r", user: "bob"}, "right", TooManyAttempts) // mistyped while others guess
		d.expect(guesser{room: "r", user: "amy", known: true}, "wrong", WrongPassword)
		d.expect(guesser{room: "r", user: "amy", known: true}, "right", "")
		mediatest.Advance(t, ownTries.every)
		d.expect(guesser{room: "r", user: "bob"}, "right", "")
	})
}

// Guesses at once are as many as one after another.
func TestParallelGuessesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoor(t)
		var mu sync.Mutex
		got := map[Code]int{}
		var wg sync.WaitGroup
		for range 200 {
			wg.Go(func() {
				c := code(t, d.check(t.Context(), guesser{room: "r", user: "eve"}, "wrong", d.hash))
				mu.Lock()
				defer mu.Unlock()
				got[c]++
			})
		}
		wg.Wait()
		if got[WrongPassword] != ownTries.burst || got[TooManyAttempts] != 200-ownTries.burst {
			t.Errorf("%v, want %d compared", got, ownTries.burst)
		}
		if len(d.tries.being) != 0 {
			t.Errorf("%v are still tried", d.tries.being)
		}
	})
}

func TestFewAreHashedAndAFewMoreWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoor(t)
		var busy []func()
		for range maxHashing {
			leave, err := d.enter(t.Context(), false)
			if err != nil {
				t.Fatal(err)
			}
			busy = append(busy, leave)
		}
		impatient, cancel := context.WithCancel(t.Context())
		var mu sync.Mutex
		got := map[Code]int{}
		var wg sync.WaitGroup
		for n := range maxQueued {
			ctx := t.Context()
			if n%4 == 0 {
				ctx = impatient
			}
			wg.Go(func() {
				c := code(t, d.check(ctx, guesser{room: "r", user: fmt.Sprint(n)}, "right", d.hash))
				mu.Lock()
				defer mu.Unlock()
				got[c]++
			})
		}
		synctest.Wait() // all are in the queue
		d.expect(guesser{room: "r", user: "guest", guest: true}, "right", Overloaded)
		d.expect(guesser{room: "r", user: "late"}, "right", Overloaded)
		cancel()
		synctest.Wait() // a quarter gave up
		if len(d.queue) != maxHashing+maxQueued*3/4 || got[Overloaded] != maxQueued/4 || got[""] != 0 {
			t.Errorf("%d in the queue, answered %v", len(d.queue), got)
		}
		for _, leave := range busy {
			leave()
		}
		wg.Wait()
		if len(d.queue) != 0 || len(d.slots) != 0 || got[""] != maxQueued*3/4 {
			t.Errorf("%d in the queue, %d busy, answered %v", len(d.queue), len(d.slots), got)
		}
	})
}

func TestWrongPasswordsAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s tries
		for n := range 1000 {
			s.wrong(guesser{room: "r", user: fmt.Sprint(n), guest: true})
			asks := guesser{room: "r", user: fmt.Sprint("asks-", n), guest: n%2 == 0}
			if s.begin(asks) {
				s.end(asks, false)
			}
		}
		if len(s.until) != 1001 || len(s.being) != 0 {
			t.Errorf("%d remembered", len(s.until))
		}
		mediatest.Advance(t, roomTries.refill()+time.Second)
		s.wrong(guesser{room: "r", user: "eve"})
		if len(s.until) != 2 {
			t.Errorf("%d remembered for ever", len(s.until))
		}
	})
}

// What hashes others made, as the reference does, are understood.
func TestHashesAreComparedAsTheySay(t *testing.T) {
	p := newPasswords()
	hash, err := p.hash(t.Context(), "s3cret")
	if err != nil {
		t.Fatal(err)
	}
	params, _, _, err := argon2id.DecodeHash(hash)
	if err != nil || params.Memory < 19<<10 || params.Iterations < 2 {
		t.Errorf("%+v, %v", params, err)
	}
	if err := p.check(t.Context(), guesser{room: "r", user: "bob"}, "s3cret", hash); err != nil {
		t.Error(err)
	}
	if again, err := p.hash(t.Context(), "s3cret"); err != nil || again == hash {
		t.Error("no salt:", err)
	}
	if err := p.check(t.Context(), guesser{room: "r", user: "bob"}, "s3cret", "$2b$12$x"); err == nil || is(err, WrongPassword) {
		t.Error("a hash of another kind:", err)
	}
}

func BenchmarkPassword(b *testing.B) {
	p := newPasswords()
	hash, err := p.hash(b.Context(), "s3cret")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := p.check(b.Context(), guesser{room: "r", user: "bob"}, "s3cret", hash); err != nil {
			b.Fatal(err)
		}
	}
}
