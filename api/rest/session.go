package rest

import (
	"context"
	"net/http"
	"strings"
	"time"

	"parley/api/fault"
	"parley/api/token"
)

// SignOuts knows which sessions were ended.
type SignOuts interface {
	// Has reports whether a session was ended. It does not block.
	Has(session string) bool

	// End ends a session that would be good until expires, on every node. When it fails it
	// may be good still.
	End(ctx context.Context, session string, expires time.Time) error
}

// profileResult says who somebody is.
type profileResult struct {
	User string `json:"user_id"`
	Name string `json:"name"`

	Admin bool `json:"is_admin,omitempty"` // of the installation
}

func (a *API) profile(r request, _ nothing) (profileResult, error) {
	return profileResult{r.by.User, r.by.Name, r.by.Admin}, nil
}

// session returns who sent r: by the session cookie or, only without one, by bearer token.
func (a *API) session(r *http.Request) (token.Session, error) {
	raw := a.Cookie.Value(r)
	if raw == "" {
		raw = bearerOf(r)
	}
	if raw == "" {
		return token.Session{}, unauthorized("")
	}
	s, err := a.whose(r.Context(), raw)
	switch fault.CodeOf(err) {
	case fault.Expired, fault.Invalid:
		return token.Session{}, unauthorized("invalid or expired session")
	}
	if err == nil && a.SignOuts.Has(s.ID) {
		return token.Session{}, unauthorized("the session was ended by signing out")
	}
	return s, err
}

// whose returns the session of a token, which is one of ours or of the provider.
func (a *API) whose(ctx context.Context, raw string) (token.Session, error) {
	s, err := a.Tokens.CheckSession(raw)
	if a.SignIn != nil && fault.CodeOf(err) == fault.Invalid && token.Foreign(raw) {
		return a.SignIn.Bearer(ctx, raw)
	}
	return s, err
}

// bearerOf returns the bearer token of r, or "".
func bearerOf(r *http.Request) string {
	raw, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return ""
	}
	return strings.TrimSpace(raw)
}

// checkSession answers that somebody is signed in, with nothing more.
func (a *API) checkSession(w http.ResponseWriter, r *http.Request) {
	if _, _, err := a.identify(r, signedIn); err != nil {
		a.fail(w, r, err)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)
}

// signOut ends the sessions that r shows, by cookie and by bearer token, and makes the browser
// forget the cookie. Whoever has none is signed out already.
func (a *API) signOut(w http.ResponseWriter, r *http.Request) {
	a.Cookie.Clear(w) // whatever becomes of the rest
	ended := false
	for _, raw := range []string{a.Cookie.Value(r), bearerOf(r)} {
		s, err := a.whose(r.Context(), raw)
		if err != nil {
			continue // opens nothing
		}
		if err := a.SignOuts.End(r.Context(), s.ID, s.Expires.Add(token.Leeway)); err != nil {
			a.fail(w, r, fault.Wrap(err, fault.Unavailable, "This browser has forgotten the session, but whoever has a copy of it is still signed in: it could not be put on record. Try again later."))
			return
		}
		ended = true
	}
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	if ended && r.Header.Get("Sec-Fetch-Mode") == "navigate" { // a person looks, and nothing is to be seen here
		h.Set("Location", "/")
		w.WriteHeader(http.StatusSeeOther)
		return
	}
	w.WriteHeader(http.StatusOK)
}
