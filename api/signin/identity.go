package signin

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"strings"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"parley/api/wire"
)

// claims are what a provider says of a person.
type claims struct {
	Email    string `json:"email"`
	Verified *bool  `json:"email_verified"` // most say so, some do not
	Name     string `json:"name"`
	Given    string `json:"given_name"`
	Family   string `json:"family_name"`
}

// refused is why somebody whom the provider knows is not let in.
type refused struct{ notice notice }

func (r *refused) Error() string { return r.notice.Title }

// Exchanged is what a code was good for.
type Exchanged struct {
	User, Name           string
	IDToken, AccessToken string // as the provider made them; they are not stored
}

// Exchange trades a code of the provider for who signed in. The verifier is that of PKCE, and
// the nonce that which the ID token has to have; "" asks for none. It blocks until the
// provider answered.
func (s *SignIn) Exchange(ctx context.Context, code, verifier, nonce string) (Exchanged, error) {
	ctx, cancel := context.WithTimeout(oidc.ClientContext(ctx, s.client), exchange)
	defer cancel()
	p, err := s.provider(ctx)
	if err != nil {
		return Exchanged{}, err
	}
	if code == "" {
		return Exchanged{}, errors.New("the provider sent neither a code nor an error")
	}
	tokens, err := p.oauth.Exchange(ctx, code, oauth2.VerifierOption(verifier))
	if err != nil {
		return Exchanged{}, fmt.Errorf("exchange the code: %w", err)
	}
	raw, _ := tokens.Extra("id_token").(string)
	if raw == "" {
		return Exchanged{}, errors.New("the provider sent no ID token")
	}
	id, err := p.verifier.Verify(ctx, raw)
	if err != nil {
		return Exchanged{}, fmt.Errorf("check the ID token: %w", err)
	}
	if nonce != "" && subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(nonce)) != 1 {
		return Exchanged{}, errors.New("check the ID token: it was made for another sign-in (nonce)")
	}
	user, name, err := s.whose(ctx, p, id, tokens)
	return Exchanged{user, name, raw, tokens.AccessToken}, err
}

// whose returns who a token is about. What it lacks is asked for with access, unless that is nil.
func (s *SignIn) whose(ctx context.Context, p *provider, id *oidc.IDToken, access *oauth2.Token) (user, name string, err error) {
	var c claims
	if err := id.Claims(&c); err != nil {
		return "", "", fmt.Errorf("read the ID token: %w", err)
	}
	if c.Email == "" && access != nil && p.UserInfoEndpoint() != "" {
		if err := s.ask(ctx, p, access, id.Subject, &c); err != nil {
			return "", "", err
		}
	}
	return c.identity()
}

// ask completes c from the UserInfo endpoint.
func (s *SignIn) ask(ctx context.Context, p *provider, tokens *oauth2.Token, subject string, c *claims) error {
	info, err := p.UserInfo(ctx, oauth2.StaticTokenSource(tokens))
	if err != nil {
		return fmt.Errorf("ask who signed in: %w", err)
	}
	if info.Subject != subject { // OpenID Connect Core 5.3.2
		return errors.New("ask who signed in: the answer is about somebody else")
	}
	more := *c
	if err := info.Claims(&more); err != nil {
		return fmt.Errorf("ask who signed in: %w", err)
	}
	*c = more
	return nil
}

// identity returns who c is about: people are known by their address.
func (c claims) identity() (user, name string, err error) {
	user = strings.TrimSpace(c.Email)
	switch {
	case user == "":
		return "", "", &refused{noEmail}
	case c.Verified != nil && !*c.Verified:
		return "", "", &refused{unverified}
	case len(user) > wire.MaxUser, !strings.Contains(user, "@"), strings.ContainsFunc(user, func(r rune) bool { return r <= ' ' || r == 0x7f }):
		return "", "", &refused{noEmail}
	}
	for _, name := range []string{c.Name, c.Given + " " + c.Family, user} {
		if name = strings.Join(strings.Fields(name), " "); name != "" {
			return user, name, nil
		}
	}
	return user, user, nil
}
