package signin

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"golang.org/x/oauth2"
)

const (
	// attemptLife is how long a person may take at the provider.
	attemptLife = 10 * time.Minute
	// attemptCookie begins the names of cookies; the beginning of the state follows, so that
	// two tabs can sign in at once.
	attemptCookie = "parley_login_"
	attemptPath   = "/login"
	// maxAttempt is the longest cookie that is looked at, in bytes. Browsers take 4 KiB.
	maxAttempt = 4 << 10
)

// attempt is what the second half of a sign-in knows of the first.
type attempt struct {
	State    string    `json:"s"`
	Nonce    string    `json:"n"`
	Verifier string    `json:"v"` // of PKCE
	ReturnTo string    `json:"r,omitempty"`
	Until    time.Time `json:"u"`
}

func newAttempt(returnTo string) attempt {
	return attempt{rand.Text(), rand.Text(), oauth2.GenerateVerifier(), returnTo, time.Now().Add(attemptLife)}
}

// sealer puts attempts into cookies that only nodes with the same secret can read or write.
type sealer struct{ cipher.AEAD }

func newSealer(secret string) (sealer, error) {
	if secret == "" {
		return sealer{}, errors.New("sign-in: there is no secret to encrypt with")
	}
	key, err := hkdf.Key(sha256.New, []byte(secret), nil, "parley sign-in", 32)
	if err != nil {
		return sealer{}, fmt.Errorf("sign-in: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return sealer{}, fmt.Errorf("sign-in: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	return sealer{aead}, err
}

func cookieOf(state string) string { return attemptCookie + state[:min(8, len(state))] }

// seal returns the cookie of a.
func (s sealer) seal(a attempt, secure bool) *http.Cookie {
	plain, _ := json.Marshal(a) // strings and a time
	return &http.Cookie{
		Name: cookieOf(a.State), Value: base64.RawURLEncoding.EncodeToString(s.Seal(nil, nil, plain, []byte(attemptCookie))),
		Path: attemptPath, MaxAge: int(attemptLife / time.Second), HttpOnly: true, Secure: secure, SameSite: http.SameSiteLaxMode,
	}
}

var errStranger = errors.New("this browser did not begin this sign-in, or too long ago")

// open returns the attempt that the browser of r began with that state.
func (s sealer) open(r *http.Request, state string) (a attempt, err error) {
	if state == "" || !isText(state) {
		return a, errStranger
	}
	c, err := r.Cookie(cookieOf(state))
	if err != nil || len(c.Value) > maxAttempt {
		return a, errStranger
	}
	sealed, err := base64.RawURLEncoding.DecodeString(c.Value)
	if err != nil {
		return a, errStranger
	}
	plain, err := s.Open(nil, nil, sealed, []byte(attemptCookie))
	if err != nil || json.Unmarshal(plain, &a) != nil || a.State != state || time.Now().After(a.Until) {
		return attempt{}, errStranger
	}
	return a, nil
}

// isText reports whether state is of the alphabet of ours, so that it can be part of the name
// of a cookie.
func isText(state string) bool {
	for _, c := range []byte(state) {
		if (c < 'A' || c > 'Z') && (c < '2' || c > '7') {
			return false
		}
	}
	return true
}

// clear makes the browser forget the attempt of a state: it is good for one use.
func (s sealer) clear(w http.ResponseWriter, state string, secure bool) {
	http.SetCookie(w, &http.Cookie{
		Name: cookieOf(state), Path: attemptPath, MaxAge: -1, HttpOnly: true, Secure: secure, SameSite: http.SameSiteLaxMode,
	})
}
