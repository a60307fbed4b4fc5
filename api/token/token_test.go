package token

import (
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"parley/api/fault"

	"github.com/golang-jwt/jwt/v5"
)

const secret = "test-secret-for-unit-tests"

// foreign is the payload of a room token as other backends of the family make it: no typ.
func foreign() jwt.MapClaims {
	return jwt.MapClaims{
		"sub": "alice@test.com", "room": "room-1", "room_join": true, "is_host": false,
		"display_name": "Alice", "observer": false,
		"exp": time.Now().Add(10 * time.Minute).Unix(), "iss": Issuer,
	}
}

// with returns claims with some replaced; nil removes one.
func with(claims jwt.MapClaims, pairs ...any) jwt.MapClaims {
	claims = maps.Clone(claims)
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] == nil {
			delete(claims, pairs[i].(string))
		} else {
			claims[pairs[i].(string)] = pairs[i+1]
		}
	}
	return claims
}

func sign(t testing.TB, method jwt.SigningMethod, key any, claims jwt.Claims) string {
	t.Helper()
	raw, err := jwt.NewWithClaims(method, claims).SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func hs256(t testing.TB, claims jwt.MapClaims) string {
	t.Helper()
	return sign(t, jwt.SigningMethodHS256, []byte(secret), claims)
}

func wantCode(t *testing.T, err error, code fault.Code, message string) {
	t.Helper()
	e, ok := errors.AsType[*fault.Error](err)
	if !ok {
		t.Fatalf("error %v is not a fault", err)
	}
	if e.Code != code || e.Message != message {
		t.Errorf("got %s %q, want %s %q", e.Code, e.Message, code, message)
	}
}

func TestForeignTokenIsAccepted(t *testing.T) {
	r, err := New(secret).CheckRoom(hs256(t, foreign()))
	if err != nil {
		t.Fatal(err)
	}
	if r.User != "alice@test.com" || r.Room != "room-1" || r.DisplayName != "Alice" || r.Observer || r.Host || r.Guest {
		t.Errorf("got %+v", r)
	}
}

func TestClaimsThatMayVary(t *testing.T) {
	for what, claims := range map[string]jwt.MapClaims{
		"observer absent":              with(foreign(), "observer", nil),
		"observer that may not join":   with(foreign(), "observer", true, "room_join", false),
		"observer that may also join":  with(foreign(), "observer", true),
		"unknown claims":               with(foreign(), "end_on_host_leave", true, "kid", 3),
		"guest":                        with(foreign(), "is_guest", true),
		"expired within the leeway":    with(foreign(), "exp", time.Now().Add(-30*time.Second).Unix()),
		"not yet valid, never checked": with(foreign(), "nbf", time.Now().Add(time.Hour).Unix()),
		"all characters of a room":     with(foreign(), "room", "My_Room-123"),
		"longest room":                 with(foreign(), "room", strings.Repeat("r", MaxRoom)),
		"longest user":                 with(foreign(), "sub", strings.Repeat("u", 255)),
		"any characters in the user":   with(foreign(), "sub", "a.b*c>d é@x"),
		"empty display name":           with(foreign(), "display_name", ""),
		"for joining":                  with(foreign(), "typ", "room"),
		"for observing":                with(foreign(), "typ", "observer", "observer", true, "room_join", false),
	} {
		r, err := New(secret).CheckRoom(hs256(t, claims))
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		if wanted, _ := claims["observer"].(bool); r.Observer != wanted {
			t.Errorf("%s: observer %v", what, r.Observer)
		}
		if wanted, _ := claims["is_guest"].(bool); r.Guest != wanted {
			t.Errorf("%s: guest %v", what, r.Guest)
		}
	}
}

func TestRefusedTokens(t *testing.T) {
	now := time.Now()
	cases := map[string]struct {
		raw     string
		code    fault.Code
		message string
	}{
		"expired":                      {hs256(t, with(foreign(), "exp", now.Add(-120*time.Second).Unix())), fault.Expired, "token has expired"},
		"expired long ago":             {hs256(t, with(foreign(), "exp", -5)), fault.Expired, "token has expired"},
		"expired and another issuer":   {hs256(t, with(foreign(), "exp", 1, "iss", "x")), fault.Expired, "token has expired"},
		"neither joins nor observes":   {hs256(t, with(foreign(), "room_join", false)), fault.Forbidden, "access denied"},
		"bad room before access":       {hs256(t, with(foreign(), "room_join", false, "room", "a.b")), fault.Invalid, Suspicious},
		"wrong secret":                 {sign(t, jwt.SigningMethodHS256, []byte("wrong-secret"), foreign()), fault.Invalid, Suspicious},
		"wrong secret and expired":     {sign(t, jwt.SigningMethodHS256, []byte("wrong-secret"), with(foreign(), "exp", 1)), fault.Invalid, Suspicious},
		"another HMAC":                 {sign(t, jwt.SigningMethodHS512, []byte(secret), foreign()), fault.Invalid, Suspicious},
		"no signature":                 {sign(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, foreign()), fault.Invalid, Suspicious},
		"garbage":                      {"not.a.jwt", fault.Invalid, Suspicious},
		"empty":                        {"", fault.Invalid, Suspicious},
		"too long":                     {strings.Repeat("a", MaxToken+1), fault.Invalid, Suspicious},
		"wrong issuer":                 {hs256(t, with(foreign(), "iss", "somebody-else")), fault.Invalid, Suspicious},
		"audience":                     {hs256(t, with(foreign(), "aud", "parley")), fault.Invalid, Suspicious},
		"audience list":                {hs256(t, with(foreign(), "aud", []string{})), fault.Invalid, Suspicious},
		"room with dots":               {hs256(t, with(foreign(), "room", "room.sub.topic")), fault.Invalid, Suspicious},
		"room with star":               {hs256(t, with(foreign(), "room", "room-*")), fault.Invalid, Suspicious},
		"room with greater-than":       {hs256(t, with(foreign(), "room", "room->")), fault.Invalid, Suspicious},
		"room with space":              {hs256(t, with(foreign(), "room", "room name")), fault.Invalid, Suspicious},
		"room with a line end":         {hs256(t, with(foreign(), "room", "room\n")), fault.Invalid, Suspicious},
		"empty room":                   {hs256(t, with(foreign(), "room", "")), fault.Invalid, Suspicious},
		"room too long":                {hs256(t, with(foreign(), "room", strings.Repeat("r", MaxRoom+1))), fault.Invalid, Suspicious},
		"user too long":                {hs256(t, with(foreign(), "sub", strings.Repeat("u", 256))), fault.Invalid, Suspicious},
		"empty user":                   {hs256(t, with(foreign(), "sub", "")), fault.Invalid, Suspicious},
		"user no database can hold":    {hs256(t, with(foreign(), "sub", "a\x00b")), fault.Invalid, Suspicious},
		"claim of another type":        {hs256(t, with(foreign(), "is_host", "yes")), fault.Invalid, Suspicious},
		"expiry that is no whole":      {hs256(t, with(foreign(), "exp", 1e12+0.5)), fault.Invalid, Suspicious},
		"for observing, joins":         {hs256(t, with(foreign(), "typ", "observer")), fault.Invalid, Suspicious},
		"for joining, observes":        {hs256(t, with(foreign(), "typ", "room", "observer", true)), fault.Invalid, Suspicious},
		"for a session":                {hs256(t, with(foreign(), "typ", "session")), fault.Invalid, Suspicious},
		"for something we do not know": {hs256(t, with(foreign(), "typ", "admin")), fault.Invalid, Suspicious},
	}
	for _, claim := range []string{"sub", "room", "room_join", "is_host", "display_name", "exp", "iss"} {
		c := cases["garbage"]
		c.raw = hs256(t, with(foreign(), claim, nil))
		cases["without "+claim] = c
	}
	for what, c := range cases {
		t.Run(what, func(t *testing.T) {
			_, err := New(secret).CheckRoom(c.raw)
			wantCode(t, err, c.code, c.message)
		})
	}
}

func TestWithoutSecretNothingWorks(t *testing.T) {
	a := New("")
	unsigned := sign(t, jwt.SigningMethodHS256, []byte{}, foreign())
	_, err := a.CheckRoom(unsigned)
	wantCode(t, err, fault.Misconfig, "Server misconfigured")
	_, err = a.CheckSession(unsigned)
	wantCode(t, err, fault.Misconfig, "Server misconfigured")
	_, err = a.MintSession(Session{User: "u"}, time.Minute)
	wantCode(t, err, fault.Misconfig, "Server misconfigured")
	_, err = a.MintRoom(Room{User: "u", Room: "r"}, time.Minute)
	wantCode(t, err, fault.Misconfig, "Server misconfigured")
}

func TestRoomTokenExpiresAfterItsLifeAndTheLeeway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := New(secret)
		raw, err := a.MintRoom(Room{User: "ada", Room: "standup", DisplayName: "Ada", Host: true}, 60*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		r, err := a.CheckRoom(raw)
		if err != nil {
			t.Fatal(err)
		}
		if wanted := time.Now().Add(time.Minute).Unix(); r.Expires.Unix() != wanted || !r.Host || r.Observer {
			t.Errorf("got %+v, expiry wanted %d", r, wanted)
		}
		advance(60*time.Second + Leeway)
		if _, err := a.CheckRoom(raw); err != nil {
			t.Errorf("at the end of the leeway: %v", err)
		}
		advance(time.Second)
		_, err = a.CheckRoom(raw)
		wantCode(t, err, fault.Expired, "token has expired")
	})
}

// advance moves the clock of the enclosing synctest bubble.
func advance(d time.Duration) { <-time.After(d) }

func TestClaimsAsOthersReadThem(t *testing.T) {
	a := New(secret)
	raw, err := a.MintRoom(Room{User: "user@test.com", Room: "room-42", DisplayName: "Alice", Host: true}, 15*time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	got := payload(t, raw)
	exp, _ := got["exp"].(float64)
	if left := time.Until(time.Unix(int64(exp), 0)); left < 14*time.Minute || left > 15*time.Minute {
		t.Errorf("expires in %v", left)
	}
	delete(got, "exp")
	if iat, _ := got["iat"].(float64); time.Since(time.Unix(int64(iat), 0)) > time.Minute {
		t.Errorf("issued at %v", got["iat"])
	}
	delete(got, "iat")
	wantJSON(t, got, `{"display_name":"Alice","is_host":true,"iss":"videocall-meeting-backend","observer":false,"room":"room-42","room_join":true,"sub":"user@test.com","typ":"room"}`)

	raw, err = a.MintRoom(Room{User: "u", Room: "r", DisplayName: "U", Host: true, Observer: true}, ObserverTTL)
	if err != nil {
		t.Fatal(err)
	}
	got = payload(t, raw)
	delete(got, "exp")
	delete(got, "iat")
	wantJSON(t, got, `{"display_name":"U","is_host":false,"iss":"videocall-meeting-backend","observer":true,"room":"r","room_join":false,"sub":"u","typ":"observer"}`)

	header, _, err := jwt.NewParser().ParseUnverified(raw, jwt.MapClaims{})
	if err != nil {
		t.Fatal(err)
	}
	wantJSON(t, header.Header, `{"alg":"HS256","typ":"JWT"}`)
}

func payload(t *testing.T, raw string) jwt.MapClaims {
	t.Helper()
	claims := jwt.MapClaims{}
	if _, _, err := jwt.NewParser().ParseUnverified(raw, claims); err != nil {
		t.Fatal(err)
	}
	return claims
}

func wantJSON(t *testing.T, v any, want string) {
	t.Helper()
	got, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestTokensAreGoodForOneUse(t *testing.T) {
	a := New(secret)
	roomToken, err := a.MintRoom(Room{User: "u", Room: "r"}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.CheckSession(roomToken); err == nil {
		t.Error("a room token opens a session")
	}
	sessionToken, err := a.MintSession(Session{User: "u", Name: "U"}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.CheckRoom(sessionToken); err == nil {
		t.Error("a session token opens a room")
	}
}

func TestMintRefusesWhatCheckWould(t *testing.T) {
	a := New(secret)
	for _, r := range []Room{{User: "", Room: "r"}, {User: "u", Room: ""}, {User: "u", Room: "a.b"}, {User: strings.Repeat("u", 256), Room: "r"}} {
		if raw, err := a.MintRoom(r, time.Minute); err == nil {
			t.Errorf("%+v was signed: %s", r, raw)
		}
	}
	if raw, err := a.MintSession(Session{}, time.Minute); err == nil {
		t.Errorf("a session of nobody was signed: %s", raw)
	}
}

func TestWhyStaysInTheLog(t *testing.T) {
	_, err := New(secret).CheckRoom(hs256(t, with(foreign(), "room", "evil.>")))
	if !strings.Contains(err.Error(), "evil.>") {
		t.Errorf("the log does not learn why: %v", err)
	}
	if message := fault.From(err).Message; strings.Contains(message, "evil") {
		t.Errorf("the client learns why: %s", message)
	}
}

// FuzzCheck looks for panics, and for anything unsigned that is let in.
func FuzzCheck(f *testing.F) {
	f.Add("")
	f.Add("not.a.jwt")
	f.Add(sign(f, jwt.SigningMethodHS256, []byte("other"), foreign()))
	f.Add(sign(f, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, foreign()))
	a := New("a secret that no input is signed with")
	f.Fuzz(func(t *testing.T, raw string) {
		if r, err := a.CheckRoom(raw); err == nil {
			t.Errorf("let in %+v", r)
		}
		if s, err := a.CheckSession(raw); err == nil {
			t.Errorf("let in %+v", s)
		}
	})
}

// FuzzClaims signs any payload: whatever is let in keeps the promises of Room.
func FuzzClaims(f *testing.F) {
	for _, claims := range []jwt.MapClaims{foreign(), with(foreign(), "room", "a.b"), with(foreign(), "observer", true), with(foreign(), "sub", 3)} {
		seed, err := json.Marshal(claims)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(seed)
	}
	a := New(secret)
	f.Fuzz(func(t *testing.T, claims []byte) {
		raw := &jwt.Token{Method: jwt.SigningMethodHS256, Header: map[string]any{"alg": "HS256"}, Claims: rawClaims{claims: claims}}
		signedToken, err := raw.SignedString([]byte(secret))
		if err != nil {
			return // not JSON
		}
		r, err := a.CheckRoom(signedToken)
		if err != nil {
			return
		}
		if !ValidRoom(r.Room) || !validUser(r.User) || (r.Observer && r.Host) || time.Since(r.Expires) > Leeway+time.Second {
			t.Errorf("let in %+v", r)
		}
	})
}

// rawClaims is a payload as it is.
type rawClaims struct {
	signed
	claims []byte
}

func (r rawClaims) MarshalJSON() ([]byte, error) { return r.claims, nil }

func BenchmarkCheckRoom(b *testing.B) {
	a := New(secret)
	raw, err := a.MintRoom(Room{User: "ada", Room: "standup", DisplayName: "Ada"}, time.Hour)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := a.CheckRoom(raw); err != nil {
			b.Fatal(err)
		}
	}
}
