package management

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/alexedwards/argon2id"
	"golang.org/x/time/rate"
)

// argon holds the parameters of OWASP's first choice for argon2id with 19 MiB.
var argon = &argon2id.Params{Memory: 19 << 10, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32}

const (
	// maxHashing bounds memory and CPU for passwords: 19 MiB and about 20 ms each.
	maxHashing = 2

	// Somebody who mistypes gets five tries at once and one every ten seconds; many callers
	// together get one a second for the same meeting. Only wrong passwords count.
	callerTries, callerEvery = 5, 10 * time.Second
	roomTries, roomEvery     = 50, time.Second

	// limiterLife is how long a limiter that nobody used is kept: full again by then.
	limiterLife = 5 * time.Minute
)

// passwords hashes and compares, a few at a time, and counts who tries.
type passwords struct {
	slots chan struct{}

	mu    sync.Mutex
	tries map[string]*tries
	swept time.Time
}

type tries struct {
	*rate.Limiter
	used time.Time
}

func newPasswords() *passwords {
	return &passwords{slots: make(chan struct{}, maxHashing), tries: map[string]*tries{}}
}

// enter waits for a slot.
func (p *passwords) enter(ctx context.Context) (leave func(), err error) {
	select {
	case p.slots <- struct{}{}:
		return func() { <-p.slots }, nil
	case <-ctx.Done():
		return nil, refuse(Overloaded, "Too many passwords are being checked. Try again.")
	}
}

// hash returns the PHC string of password, "" for "".
func (p *passwords) hash(ctx context.Context, password string) (string, error) {
	if password == "" {
		return "", nil
	}
	leave, err := p.enter(ctx)
	if err != nil {
		return "", err
	}
	defer leave()
	hash, err := argon2id.CreateHash(password, argon)
	if err != nil {
		return "", fmt.Errorf("hash a password: %w", err)
	}
	return hash, nil
}

// check compares in constant time, and fails with [PasswordRequired], [WrongPassword],
// [TooManyAttempts] or [Overloaded].
func (p *passwords) check(ctx context.Context, room, user, password, hash string) error {
	if hash == "" {
		return nil
	}
	if password == "" {
		return refuse(PasswordRequired, "This meeting needs a password")
	}
	if err := checkPassword(password); err != nil {
		return refuse(WrongPassword, "That is not the password of this meeting")
	}
	caller := p.limiter(room+"\x00"+user, callerTries, callerEvery)
	everybody := p.limiter(room, roomTries, roomEvery)
	if caller.Tokens() < 1 || everybody.Tokens() < 1 {
		return refuse(TooManyAttempts, "Too many attempts. Wait a moment and try again.")
	}
	leave, err := p.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	same, err := argon2id.ComparePasswordAndHash(password, hash)
	switch {
	case err != nil:
		return fmt.Errorf("compare a password: %w", err)
	case !same:
		caller.Allow()
		everybody.Allow()
		return refuse(WrongPassword, "That is not the password of this meeting")
	}
	return nil
}

// limiter returns the limiter called key.
func (p *passwords) limiter(key string, burst int, every time.Duration) *rate.Limiter {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if now.Sub(p.swept) > limiterLife {
		p.swept = now
		for k, t := range p.tries {
			if now.Sub(t.used) > limiterLife {
				delete(p.tries, k)
			}
		}
	}
	t := p.tries[key]
	if t == nil {
		t = &tries{Limiter: rate.NewLimiter(rate.Every(every), burst)}
		p.tries[key] = t
	}
	t.used = now
	return t.Limiter
}
