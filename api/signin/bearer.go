package signin

import (
	"context"
	"errors"
	"sync"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"parley/api/fault"
	"parley/api/token"
)

// Bearer returns whose token of the provider raw is, for clients that sign people in by
// themselves: an ID token for our client id, or an access token (JWT) for our audience. An ID
// token has to name the mail address; with an access token the provider is asked for it. The
// session lasts as long as the token and makes nobody an admin. It fails with [fault.Expired]
// for a token that was good once, [fault.Forbidden] for somebody without a mail address, [fault.Unavailable] when the provider cannot be asked, and [fault.Invalid] for
// everything else. It blocks when the provider has to be asked for its keys or for the person.
func (s *SignIn) Bearer(ctx context.Context, raw string) (token.Session, error) {
	if len(raw) > token.MaxToken {
		return token.Session{}, fault.New(fault.Invalid, "this is no token")
	}
	session := token.Fingerprint(raw)
	ctx, cancel := context.WithTimeout(oidc.ClientContext(ctx, s.client), exchange)
	defer cancel()
	p, err := s.provider(ctx)
	if err != nil {
		return token.Session{}, away(err)
	}
	id, access, err := p.verify(ctx, raw)
	if err != nil {
		return token.Session{}, err
	}
	if by, ok := s.known.get(session); ok {
		return by, nil
	}
	user, name, err := s.whose(ctx, p, id, access)
	if special, ok := errors.AsType[*refused](err); ok {
		return token.Session{}, fault.Wrap(err, fault.Forbidden, "%s", special.notice.Title)
	}
	if err != nil {
		return token.Session{}, away(err)
	}
	by := token.Session{ID: session, User: user, Name: name, Expires: id.Expiry}
	s.known.keep(by)
	return by, nil
}

func away(err error) error {
	return fault.Wrap(withoutURL(err), fault.Unavailable, "The provider that people sign in with does not answer. Try again later.")
}

// verify checks raw as a token for one of our audiences. With an access token one may ask whose it is.
func (p *provider) verify(ctx context.Context, raw string) (id *oidc.IDToken, access *oauth2.Token, err error) {
	id, err = p.verifier.Verify(ctx, raw)
	_, old := errors.AsType[*oidc.TokenExpiredError](err)
	if err != nil && !old && p.access != nil {
		if id, err = p.access.Verify(ctx, raw); err == nil {
			return id, &oauth2.Token{AccessToken: raw}, nil
		}
		_, old = errors.AsType[*oidc.TokenExpiredError](err)
	}
	if old {
		return nil, nil, fault.Wrap(err, fault.Expired, "token has expired")
	}
	if err != nil {
		return nil, nil, fault.Wrap(err, fault.Invalid, "this is no token of the provider for this installation")
	}
	return id, nil, nil
}

// maxKnown is how many people are remembered who are not named in their tokens: so many are
// asked for at most, again and again, by whoever has more tokens.
const maxKnown = 4096

// known remembers whose tokens are, so that nobody is asked for twice. The zero value knows nobody.
type known struct {
	mu  sync.Mutex
	all map[string]token.Session
}

func (k *known) get(session string) (token.Session, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	by, ok := k.all[session]
	return by, ok
}

func (k *known) keep(by token.Session) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.all) >= maxKnown {
		k.all = nil
	}
	if k.all == nil {
		k.all = make(map[string]token.Session)
	}
	k.all[by.ID] = by
}
