package rest

import (
	"crypto/rand"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"parley/api/token"

	"golang.org/x/text/unicode/norm"
)

const (
	// maxDemoName is the longest name to sign in with, in characters.
	maxDemoName = 50
	// maxSlug bounds the readable part of an identity made from a name, in bytes.
	maxSlug = 32
)

// demoResult is a sign-in by name.
type demoResult struct {
	User  string `json:"user_id"`
	Name  string `json:"name"`
	Token string `json:"token"`
}

type demoRequest struct {
	Name string `json:"name" minLength:"1" maxLength:"50"`
}

// demoSignIn makes up an identity for a name. The page keeps the token per tab, so that two
// tabs are two people; there is no cookie.
func (a *API) demoSignIn(_ request, in demoRequest) (demoResult, error) {
	name := cleanName(in.Name)
	if n := utf8.RuneCountInString(name); n < 1 || n > maxDemoName {
		return demoResult{}, &problem{status: http.StatusBadRequest, code: string(invalidName), message: "A name has 1 to 50 characters.", field: "name"}
	}
	s := token.Session{User: identity(name), Name: name}
	for a.isAdmin(s) { // who an admin is has to be proved
		s.User = identity(name)
	}
	raw, err := a.Tokens.MintSession(s, a.SessionTTL)
	return demoResult{s.User, s.Name, raw}, err
}

// cleanName trims a name, makes every run of white space one space and removes what is not
// for people to see, such as control characters and marks that turn text around.
func cleanName(name string) string {
	const nonJoiner, joiner = '\u200c', '\u200d' // of Persian, and inside of emoji
	name = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case r == nonJoiner || r == joiner:
			return r
		case unicode.IsControl(r) || unicode.Is(unicode.Cf, r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(name, ""))
	return strings.Join(strings.Fields(name), " ")
}

// identity makes an identity from a name: readable, and different for every call. It holds
// [a-z0-9-] alone, so it is never the reserved one.
func identity(name string) string {
	var slug strings.Builder
	for _, r := range norm.NFKD.String(strings.ToLower(name)) {
		if slug.Len() >= maxSlug {
			break
		}
		switch {
		case 'a' <= r && r <= 'z', '0' <= r && r <= '9':
			slug.WriteRune(r)
		case (r == ' ' || r == '-' || r == '_') && slug.Len() > 0 && !strings.HasSuffix(slug.String(), "-"):
			slug.WriteByte('-')
		}
	}
	readable := strings.TrimSuffix(slug.String(), "-")
	if readable == "" {
		readable = "guest" // of a script that has no letters here
	}
	return readable + "-" + suffix()
}

// suffix returns four random characters of [a-z0-9].
func suffix() string {
	const alphabet = "abcdefghijklmnopqrstuvwxyz0123456789"
	var b [4]byte
	_, _ = rand.Read(b[:]) // never fails
	for i := range b {
		b[i] = alphabet[int(b[i])%len(alphabet)] // the slight bias does not matter: no secret
	}
	return string(b[:])
}
