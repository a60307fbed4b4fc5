package management

import (
	"context"
	"fmt"

	"github.com/alexedwards/argon2id"
)

// argon holds the parameters of OWASP's first choice for argon2id with 19 MiB.
var argon = &argon2id.Params{Memory: 19 << 10, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32}

const (
	// maxHashing bounds memory and CPU for passwords: 19 MiB and about 25 ms each.
	maxHashing = 2

	// maxQueued is how many wait for their turn at most, some seconds' worth. Guests, who can
	// be as many as somebody likes, leave half of it to others.
	maxQueued = 512
)

// passwords hashes and compares, a few at a time, and counts who tries.
type passwords struct {
	queue chan struct{} // everybody who hashes or waits to
	slots chan struct{}
	tries tries
}

func newPasswords() *passwords {
	return &passwords{queue: make(chan struct{}, maxHashing+maxQueued), slots: make(chan struct{}, maxHashing)}
}

// enter waits for a slot, in the order of the calls.
func (p *passwords) enter(ctx context.Context, guest bool) (leave func(), err error) {
	busy := refuse(Overloaded, "Too many passwords are being checked. Try again.")
	if guest && len(p.queue) >= maxHashing+maxQueued/2 {
		return nil, busy
	}
	select {
	case p.queue <- struct{}{}:
	default:
		return nil, busy
	}
	select {
	case p.slots <- struct{}{}:
		return func() { <-p.slots; <-p.queue }, nil
	case <-ctx.Done():
		<-p.queue
		return nil, busy
	}
}

// hash returns the PHC string of password, "" for "".
func (p *passwords) hash(ctx context.Context, password string) (string, error) {
	if password == "" {
		return "", nil
	}
	leave, err := p.enter(ctx, false)
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
func (p *passwords) check(ctx context.Context, g guesser, password, hash string) error {
	if hash == "" {
		return nil
	}
	if password == "" {
		return refuse(PasswordRequired, "This meeting needs a password")
	}
	if err := checkPassword(password); err != nil {
		return refuse(WrongPassword, "That is not the password of this meeting")
	}
	tooMany := refuse(TooManyAttempts, "Too many attempts. Wait a moment and try again.")
	if !p.tries.begin(g) {
		return tooMany
	}
	wrong := false
	defer func() { p.tries.end(g, wrong) }()
	leave, err := p.enter(ctx, g.guest)
	if err != nil {
		return err
	}
	defer leave()
	if !p.tries.still(g) {
		return tooMany
	}
	same, err := argon2id.ComparePasswordAndHash(password, hash)
	if err != nil {
		return fmt.Errorf("compare a password: %w", err)
	}
	if wrong = !same; wrong {
		return refuse(WrongPassword, "That is not the password of this meeting")
	}
	return nil
}
