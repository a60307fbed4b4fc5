package token

import (
	"strings"
	"testing"
	"time"

	"parley/api/fault"

	"github.com/golang-jwt/jwt/v5"
)

func TestSessionRoundTrip(t *testing.T) {
	a := New(secret)
	before := time.Now().Unix()
	raw, err := a.MintSession(Session{User: "alice@test.com", Name: "Alice"}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	s, err := a.CheckSession(raw)
	if err != nil {
		t.Fatal(err)
	}
	if s.User != "alice@test.com" || s.Name != "Alice" || s.Expires.Unix() < before+3600 {
		t.Errorf("got %+v", s)
	}
	claims := payload(t, raw)
	if iat, _ := claims["iat"].(float64); int64(iat) < before || int64(iat) > time.Now().Unix() {
		t.Errorf("iat %v", claims["iat"])
	}
	if claims["iss"] != Issuer {
		t.Errorf("issuer %v", claims["iss"])
	}
}

// Every sign-in has an id of its own, which the tokens made with it can carry.
func TestSessionsHaveIDs(t *testing.T) {
	a := New(secret)
	seen := map[string]bool{}
	for range 100 {
		raw, err := a.MintSession(Session{ID: "mine", User: "ada", Name: "Ada"}, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		s, err := a.CheckSession(raw)
		if err != nil || len(s.ID) < 20 || seen[s.ID] || s.ID != payload(t, raw)["jti"] {
			t.Fatalf("id %q, %v", s.ID, err)
		}
		seen[s.ID] = true
		for _, observer := range []bool{false, true} {
			raw, err := a.MintRoom(Room{User: "ada", Room: "r", Observer: observer, Session: s.ID}, time.Minute)
			if err != nil {
				t.Fatal(err)
			}
			if r, err := a.CheckRoom(raw); err != nil || r.Session != s.ID || payload(t, raw)["sid"] != s.ID {
				t.Errorf("room token of session %q: %+v, %v", s.ID, r, err)
			}
		}
	}
}

// Session tokens of other backends have no id, or something else of that name: a hash is as
// good, and the same however the signature is spelled.
func TestForeignSessionsHaveIDs(t *testing.T) {
	a := New(secret)
	plain := jwt.MapClaims{
		"sub": "ada", "name": "Ada", "iss": Issuer, "iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(),
	}
	seen := map[string]any{}
	for _, claim := range []any{nil, "", 7, true, []string{"x"}, "a b", "a\x00", strings.Repeat("x", 65), map[string]string{"jti": "x"}} {
		raw := hs256(t, with(plain, "jti", claim))
		s, err := a.CheckSession(raw)
		if err != nil || !strings.HasPrefix(s.ID, "sha256:") || len(s.ID) > 64 {
			t.Errorf("%v: %+v, %v", claim, s, err)
		}
		if other, has := seen[s.ID]; has {
			t.Errorf("%v and %v are one session", claim, other)
		}
		seen[s.ID] = claim
		accepted := 0
		for _, last := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_" {
			if again, err := a.CheckSession(raw[:len(raw)-1] + string(last)); err == nil {
				accepted++
				if again.ID != s.ID {
					t.Errorf("%v is another session when it ends with %c", claim, last)
				}
			}
		}
		if accepted == 0 {
			t.Error("the token itself is refused")
		}
	}
	if s, err := a.CheckSession(hs256(t, with(plain, "jti", "of-another_make:1"))); err != nil || s.ID != "of-another_make:1" {
		t.Errorf("%+v, %v", s, err)
	}
	for _, claim := range []any{nil, "", 7, "a b", []string{"x"}} {
		if r, err := a.CheckRoom(hs256(t, with(foreign(), "sid", claim))); err != nil || r.Session != "" {
			t.Errorf("%v: %+v, %v", claim, r, err)
		}
	}
}

func TestOnlyTrueMakesAnAdmin(t *testing.T) {
	a := New(secret)
	raw, err := a.MintSession(Session{User: "ada", Name: "Ada", Admin: true}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if s, err := a.CheckSession(raw); err != nil || !s.Admin {
		t.Errorf("%+v, %v", s, err)
	}
	plain := jwt.MapClaims{
		"sub": "ada", "name": "Ada", "iss": Issuer, "iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(),
	}
	for _, claim := range []any{nil, false, "true", 1, []bool{true}, map[string]bool{"admin": true}} {
		s, err := a.CheckSession(hs256(t, with(plain, "admin", claim)))
		if err != nil || s.Admin {
			t.Errorf("%v: %+v, %v", claim, s, err)
		}
	}
	if s, err := a.CheckSession(hs256(t, with(plain, "admin", true))); err != nil || !s.Admin {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestRefusedSessions(t *testing.T) {
	good := jwt.MapClaims{
		"sub": "alice@test.com", "name": "Alice", "iss": Issuer,
		"iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(),
	}
	a := New(secret)
	if _, err := a.CheckSession(hs256(t, good)); err != nil {
		t.Fatalf("a foreign session token: %v", err)
	}
	for what, claims := range map[string]jwt.MapClaims{
		"no sub": with(good, "sub", nil), "no name": with(good, "name", nil), "no iat": with(good, "iat", nil),
		"no exp": with(good, "exp", nil), "no iss": with(good, "iss", nil), "room token": foreign(),
		"typ room": with(good, "typ", "room"), "audience": with(good, "aud", "x"),
	} {
		t.Run(what, func(t *testing.T) {
			_, err := a.CheckSession(hs256(t, claims))
			wantCode(t, err, fault.Invalid, Suspicious)
		})
	}
	_, err := a.CheckSession(hs256(t, with(good, "exp", time.Now().Add(-120*time.Second).Unix())))
	wantCode(t, err, fault.Expired, "token has expired")
	_, err = New("wrong").CheckSession(hs256(t, good))
	wantCode(t, err, fault.Invalid, Suspicious)
}
