// Package signin lets people in with an account of an OpenID provider: the authorization code
// flow with PKCE (S256), state and nonce.
//
// A sign-in has two halves, maybe on two nodes. What the second has to know of the first is in
// a cookie, encrypted with a key that all nodes derive from the same secret: so only the
// browser that began can finish, for ten minutes, and no table fills with sign-ins that nobody
// finished. The tokens of the provider are used once and not stored.
//
// The provider is looked up when it is first needed, not at start: a node serves calls while
// the provider is away.
package signin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"parley/api/cookie"
	"parley/api/token"
)

const (
	// exchange bounds everything that is asked of the provider for one request.
	exchange = 10 * time.Second
	// maxAnswer bounds an answer of the provider, in bytes; usual ones have a few KiB.
	maxAnswer = 1 << 20
)

// Options are what a sign-in is made of. ClientID, RedirectURL, Tokens, SessionTTL, Secret and
// Log are required, and either Issuer or the three addresses of endpoints.
type Options struct {
	Issuer      string // found through discovery
	AuthURL     string // these four win over discovery
	TokenURL    string
	JWKSURL     string
	UserInfoURL string

	ClientID     string
	ClientSecret string // "" for a public client
	Audience     string // of access tokens that are for us, see Bearer; "" for none
	RedirectURL  string // of /login/callback, as the provider knows it
	Scopes       []string

	// AfterLogin is where people go who did not say where to, and what relative addresses
	// are appended to. "" is "/".
	AfterLogin string
	// Allowed are further addresses whose origins people may return to.
	Allowed []string

	Tokens     *token.Authority
	SessionTTL time.Duration
	Cookie     cookie.Session
	Secret     string // encrypts the cookie between the halves; the same on all nodes
	Users      Users  // may be nil
	Log        *slog.Logger
}

// Users keeps who has signed in.
type Users interface {
	// SignedIn records that somebody did. It blocks for one statement.
	SignedIn(ctx context.Context, user, name string) error
}

// SignIn answers /login and /login/callback.
type SignIn struct {
	Options
	returns   returns
	sealer    sealer
	client    *http.Client
	mu        sync.Mutex
	found     *provider // nil until the provider answered
	failure   error     // of the last look-up
	failedAt  time.Time
	lookingUp chan struct{} // closed when the look-up in progress ends; nil without one
	known     known
}

// provider is what is known of the other side.
type provider struct {
	*oidc.Provider
	oauth    oauth2.Config
	verifier *oidc.IDTokenVerifier // of ID tokens
	access   *oidc.IDTokenVerifier // of access tokens, nil when none are taken
}

// New returns a SignIn. It fails when an address is none.
func New(o Options) (*SignIn, error) {
	if o.AfterLogin == "" {
		o.AfterLogin = "/"
	}
	if len(o.Scopes) == 0 {
		o.Scopes = []string{oidc.ScopeOpenID, "email", "profile"}
	}
	r, err := newReturns(o.AfterLogin, o.Allowed)
	if err != nil {
		return nil, err
	}
	s, err := newSealer(o.Secret)
	if err != nil {
		return nil, err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DisableKeepAlives = true // a sign-in is rare; nothing is left open
	return &SignIn{Options: o, returns: r, sealer: s, client: &http.Client{Timeout: exchange, Transport: bounded{transport}}}, nil
}

// bounded cuts answers that are too long.
type bounded struct{ http.RoundTripper }

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := b.RoundTripper.RoundTrip(r)
	if err == nil {
		answer.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(answer.Body, maxAnswer), answer.Body}
	}
	return answer, err
}

// retryAfter is how long after a look-up that failed the next is made.
const retryAfter = 2 * time.Second

// provider returns the other side, which it looks up when need be. Of many who ask at once one
// does; all get the answer.
func (s *SignIn) provider(ctx context.Context) (*provider, error) {
	s.mu.Lock()
	if s.found != nil || s.failure != nil && time.Since(s.failedAt) < retryAfter {
		defer s.mu.Unlock()
		return s.found, s.failure
	}
	if wait := s.lookingUp; wait != nil {
		s.mu.Unlock()
		select {
		case <-wait:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.found, s.failure
	}
	done := make(chan struct{})
	s.lookingUp = done
	s.mu.Unlock()

	p, err := s.lookUp(context.WithoutCancel(ctx)) // whoever gives up, others wait as well
	s.mu.Lock()
	defer s.mu.Unlock()
	s.found, s.failure, s.failedAt, s.lookingUp = p, err, time.Now(), nil
	close(done)
	return p, err
}

func (s *SignIn) lookUp(ctx context.Context) (*provider, error) {
	ctx, cancel := context.WithTimeout(oidc.ClientContext(ctx, s.client), exchange)
	defer cancel()
	c := oidc.ProviderConfig{IssuerURL: s.Issuer}
	if s.Issuer != "" {
		found, err := oidc.NewProvider(ctx, s.Issuer)
		if err != nil {
			return nil, fmt.Errorf("look up the provider: %w", err)
		}
		var more struct {
			JWKSURL string `json:"jwks_uri"`
		}
		if err := found.Claims(&more); err != nil {
			return nil, fmt.Errorf("look up the provider: %w", err)
		}
		c.AuthURL, c.TokenURL = found.Endpoint().AuthURL, found.Endpoint().TokenURL
		c.UserInfoURL, c.JWKSURL = found.UserInfoEndpoint(), more.JWKSURL
	}
	for _, u := range []struct {
		to   *string
		from string
	}{{&c.AuthURL, s.AuthURL}, {&c.TokenURL, s.TokenURL}, {&c.JWKSURL, s.JWKSURL}, {&c.UserInfoURL, s.UserInfoURL}} {
		if u.from != "" {
			*u.to = u.from
		}
	}
	if c.AuthURL == "" || c.TokenURL == "" || c.JWKSURL == "" {
		return nil, errors.New("look up the provider: it names no authorization endpoint, token endpoint or keys")
	}
	p := &provider{Provider: c.NewProvider(ctx)}
	p.oauth = oauth2.Config{
		ClientID: s.ClientID, ClientSecret: s.ClientSecret, RedirectURL: s.RedirectURL, Scopes: s.Scopes,
		Endpoint: oauth2.Endpoint{AuthURL: c.AuthURL, TokenURL: c.TokenURL},
	}
	p.verifier = s.verifierFor(ctx, p, c.JWKSURL, s.ClientID)
	if s.Audience != "" {
		p.access = s.verifierFor(ctx, p, c.JWKSURL, s.Audience)
	}
	return p, nil
}

// verifierFor returns what checks tokens for an audience.
func (s *SignIn) verifierFor(ctx context.Context, p *provider, keys, audience string) *oidc.IDTokenVerifier {
	client := *s.client
	client.Transport = &fresh{RoundTripper: s.client.Transport, of: keys}
	return p.VerifierContext(oidc.ClientContext(context.WithoutCancel(ctx), &client), &oidc.Config{
		ClientID: audience, SkipIssuerCheck: s.Issuer == "",
		// Asymmetric alone: a client secret is no key.
		SupportedSigningAlgs: []string{oidc.RS256, oidc.RS384, oidc.RS512, oidc.ES256, oidc.ES384, oidc.ES512, oidc.PS256, oidc.PS384, oidc.PS512, oidc.EdDSA},
	})
}

// Public is what a page may know of the provider.
type Public struct {
	AuthURL, TokenURL, ClientID, Scopes, Issuer string
}

// Public returns that. It blocks until the provider was looked up once.
func (s *SignIn) Public(ctx context.Context) (Public, error) {
	p, err := s.provider(ctx)
	if err != nil {
		return Public{}, err
	}
	return Public{p.oauth.Endpoint.AuthURL, p.oauth.Endpoint.TokenURL, s.ClientID, strings.Join(s.Scopes, " "), s.Issuer}, nil
}

// Begin answers GET /login: it sends the browser to the provider, and remembers in it where to
// return.
func (s *SignIn) Begin(w http.ResponseWriter, r *http.Request) {
	noStore(w)
	p, err := s.provider(r.Context())
	if err != nil {
		s.Log.Error("sign-in without its provider", "err", err)
		s.page(w, r, http.StatusServiceUnavailable, providerAway)
		return
	}
	a := newAttempt(s.returns.accept(r.URL.Query().Get("returnTo")))
	http.SetCookie(w, s.sealer.seal(a, s.Cookie.Secure))
	to := p.oauth.AuthCodeURL(a.State, oidc.Nonce(a.Nonce), oauth2.S256ChallengeOption(a.Verifier),
		oauth2.SetAuthURLParam("prompt", "select_account"))
	w.Header().Set("Location", to)
	w.WriteHeader(http.StatusFound)
}

// Finish answers GET /login/callback, to which the provider sends the browser back.
func (s *SignIn) Finish(w http.ResponseWriter, r *http.Request) {
	noStore(w)
	q := r.URL.Query()
	a, err := s.sealer.open(r, q.Get("state"))
	if err != nil {
		s.Log.Warn("sign-in not finished", "err", err)
		s.page(w, r, http.StatusBadRequest, stranger)
		return
	}
	s.sealer.clear(w, a.State, s.Cookie.Secure)
	if code := q.Get("error"); code != "" {
		s.Log.Info("the provider refused a sign-in", "code", cut(code), "description", cut(q.Get("error_description")))
		s.page(w, r, http.StatusForbidden, refusal(code, q.Get("error_description")).from(a))
		return
	}
	by, err := s.Exchange(r.Context(), q.Get("code"), a.Verifier, a.Nonce)
	if err != nil {
		s.fail(w, r, a, err)
		return
	}
	raw, err := s.Tokens.MintSession(token.Session{User: by.User, Name: by.Name}, s.SessionTTL)
	if err != nil {
		s.fail(w, r, a, err)
		return
	}
	s.Register(r.Context(), by.User, by.Name)
	s.Cookie.Set(w, raw, s.SessionTTL)
	w.Header().Set("Location", s.returns.address(a.ReturnTo))
	w.WriteHeader(http.StatusFound)
}

// Register records that somebody signed in. It blocks for one statement; without one they are
// who they are.
func (s *SignIn) Register(ctx context.Context, user, name string) {
	if s.Users == nil {
		return
	}
	if err := s.Users.SignedIn(ctx, user, name); err != nil {
		s.Log.Warn("a sign-in is not on record", "err", err)
	}
}

func (s *SignIn) fail(w http.ResponseWriter, r *http.Request, a attempt, err error) {
	n := providerWrong
	status := http.StatusBadGateway
	if special, ok := errors.AsType[*refused](err); ok {
		n, status = special.notice, http.StatusForbidden
	}
	s.Log.Error("sign-in failed", "err", withoutURL(err))
	s.page(w, r, status, n.from(a))
}

// withoutURL returns the cause of an error that names an address: that may hold a code.
func withoutURL(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}

func noStore(w http.ResponseWriter) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer") // addresses here hold codes
}
