// Package cookie builds and reads the cookie that keeps a person signed in: everybody who
// sets or clears it does so with the same attributes, or browsers would keep two.
package cookie

import (
	"net/http"
	"strings"
	"time"
)

// Session says what the cookie of a session looks like. Its value is a session token.
type Session struct {
	Name   string // letters, digits, _ and -
	Domain string // "" is the host that sets it
	Secure bool   // sent over HTTPS only; browsers take localhost for that
}

// Value returns the value of the cookie that r came with, the first that is not empty, or "".
// It reads the header itself: net/http drops cookies whose values it finds odd, and then a
// bearer token would win.
func (s Session) Value(r *http.Request) string {
	for _, header := range r.Header["Cookie"] { // HTTP/2 and 3 may send one per cookie
		for pair := range strings.SplitSeq(header, ";") {
			if value, ok := strings.CutPrefix(strings.TrimSpace(pair), s.Name+"="); ok {
				if value = strings.TrimSpace(value); value != "" {
					return value
				}
			}
		}
	}
	return ""
}

// Set makes the browser keep token for life, which is cut to whole seconds, at least one.
func (s Session) Set(w http.ResponseWriter, token string, life time.Duration) {
	c := s.attributes()
	c.Value, c.MaxAge = token, max(1, int(life/time.Second))
	http.SetCookie(w, c)
}

// Clear makes the browser forget it.
func (s Session) Clear(w http.ResponseWriter) {
	c := s.attributes()
	c.MaxAge = -1 // Max-Age=0 on the wire
	http.SetCookie(w, c)
}

func (s Session) attributes() *http.Cookie {
	return &http.Cookie{
		Name: s.Name, Path: "/", Domain: s.Domain, Secure: s.Secure, HttpOnly: true,
		SameSite: http.SameSiteLaxMode, // sent when a link leads here, never with a form of another site
	}
}
