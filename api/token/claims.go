package token

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"regexp"
	"strings"
	"time"

	"parley/api/fault"

	"github.com/golang-jwt/jwt/v5"
)

// sessionClaims is the payload of a session token we sign.
type sessionClaims struct {
	signed
	ID      string `json:"jti"`
	Subject string `json:"sub"`
	Name    string `json:"name"`
	Admin   bool   `json:"admin,omitempty"`
	Expires int64  `json:"exp"`
	Issued  int64  `json:"iat"`
	Issuer  string `json:"iss"`
	Use     use    `json:"typ"`
}

// roomClaims is the payload of a room or observer token we sign.
type roomClaims struct {
	signed
	Subject     string `json:"sub"`
	Room        string `json:"room"`
	RoomJoin    bool   `json:"room_join"`
	Host        bool   `json:"is_host"`
	Guest       bool   `json:"is_guest,omitempty"`
	DisplayName string `json:"display_name"`
	Observer    bool   `json:"observer"`
	Expires     int64  `json:"exp"`
	Issued      int64  `json:"iat"`
	Issuer      string `json:"iss"`
	Session     string `json:"sid,omitempty"`
	Use         use    `json:"typ"`
}

// presented holds the claims that every token somebody shows must have. Pointers tell a
// missing claim from an empty one.
type presented struct {
	signed
	Subject  *string         `json:"sub"`
	Expires  *int64          `json:"exp"` // Unix seconds
	Issuer   *string         `json:"iss"`
	Audience json.RawMessage `json:"aud"`
	Use      use             `json:"typ"` // "" in tokens of others
}

// parse verifies the signature of raw and decodes its claims into c, without judging them.
func (a *Authority) parse(raw string, c jwt.Claims) error {
	if len(a.secret) == 0 {
		return misconfigured()
	}
	if len(raw) > MaxToken {
		return invalid("%d bytes are no token", len(raw))
	}
	secret := func(*jwt.Token) (any, error) { return a.secret, nil }
	if _, err := parser.ParseWithClaims(raw, c, secret); err != nil {
		return invalid("%w", err)
	}
	return nil
}

// parser leaves judging the claims to check: it has to agree, to the second and in the order
// of its answers, with the other servers that accept the same tokens.
var parser = jwt.NewParser(jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}), jwt.WithoutClaimsValidation())

// check judges the claims that all tokens share.
func (p *presented) check(expected use) error {
	switch {
	case p.Subject == nil || p.Expires == nil || p.Issuer == nil:
		return invalid("a claim is missing")
	case *p.Expires < time.Now().Add(-Leeway).Unix():
		return fault.New(fault.Expired, "token has expired")
	case *p.Issuer != Issuer:
		return invalid("issuer is %.100q", *p.Issuer)
	case p.Audience != nil:
		return invalid("the token is for an audience")
	case p.Use != "" && p.Use != expected:
		return invalid("this is a %.20q token, not one for a %s", p.Use, expected)
	case !validUser(*p.Subject):
		return invalid("an identity of %d bytes", len(*p.Subject))
	}
	return nil
}

// idPattern is what an id of a session looks like, whoever made it.
var idPattern = regexp.MustCompile(`^[A-Za-z0-9_:-]{1,64}$`)

// idOf returns claim if it can be the id of a session, "" otherwise. In tokens of other makes
// it may be anything.
func idOf(claim any) string {
	if id, ok := claim.(string); ok && idPattern.MatchString(id) {
		return id
	}
	return ""
}

// Fingerprint is the id of a session whose token, which was checked, has none of ours. The
// signature is left out: the same one can be spelled in several ways, for its last character
// has bits that mean nothing.
func Fingerprint(raw string) string {
	signed := raw[:max(0, strings.LastIndexByte(raw, '.'))]
	sum := sha256.Sum256([]byte(signed))
	return "sha256:" + base64.RawURLEncoding.EncodeToString(sum[:])
}

// Foreign reports whether raw looks like a token that others signed, with a key of theirs. It
// proves nothing.
func Foreign(raw string) bool {
	if len(raw) > MaxToken {
		return false
	}
	t, _, err := parser.ParseUnverified(raw, jwt.MapClaims{})
	return err == nil && t.Method.Alg() != jwt.SigningMethodHS256.Alg()
}

// signed makes a struct acceptable to package jwt, whose own checks are not used.
type signed struct{}

func (signed) GetExpirationTime() (*jwt.NumericDate, error) { return nil, nil }
func (signed) GetIssuedAt() (*jwt.NumericDate, error)       { return nil, nil }
func (signed) GetNotBefore() (*jwt.NumericDate, error)      { return nil, nil }
func (signed) GetIssuer() (string, error)                   { return "", nil }
func (signed) GetSubject() (string, error)                  { return "", nil }
func (signed) GetAudience() (jwt.ClaimStrings, error)       { return nil, nil }
