package rest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"parley/api/token"
	"parley/api/wire"

	"github.com/google/go-cmp/cmp"
)

func TestDemoSignInToRoomToken(t *testing.T) {
	a := newWorld(t).api
	w := call(a, "POST", "/login/demo", `{"name":"  Ada \t Lovelace\u0000 "}`, "Content-Type", asJSON)
	success, result := decode(t, w)
	if !success || w.Code != http.StatusOK || result["name"] != "Ada Lovelace" {
		t.Fatalf("got %d %s", w.Code, w.Body)
	}
	user, _ := result["user_id"].(string)
	if !regexp.MustCompile(`^ada-lovelace-[a-z0-9]{4}$`).MatchString(user) {
		t.Errorf("identity %q", user)
	}
	if w.Header().Get("Set-Cookie") != "" {
		t.Error("two tabs would be one person")
	}
	auth := "Bearer " + fmt.Sprint(result["token"])

	_, profile := decode(t, call(a, "GET", "/profile", "", "Authorization", auth))
	if diff := cmp.Diff(map[string]any{"user_id": user, "name": "Ada Lovelace"}, profile); diff != "" {
		t.Error(diff)
	}

	before := time.Now().Unix()
	w = call(a, "POST", "/api/v1/meetings/standup/join", `{"display_name":" Ada "}`, "Authorization", auth, "Content-Type", asJSON)
	success, joined := decode(t, w)
	if !success || w.Code != http.StatusOK {
		t.Fatalf("got %d %s", w.Code, w.Body)
	}
	raw, _ := joined["room_token"].(string)
	r, err := token.New(secret).CheckRoom(raw)
	if err != nil {
		t.Fatal(err)
	}
	if left := time.Until(r.Expires); left > time.Minute || left < 50*time.Second {
		t.Errorf("token lives %v", left)
	}
	session, err := token.New(secret).CheckSession(fmt.Sprint(result["token"]))
	if err != nil {
		t.Fatal(err)
	}
	r.Expires, r.Issued = time.Time{}, time.Time{}
	if want := (token.Room{User: user, Room: "standup", DisplayName: "Ada", Host: true, Session: session.ID}); r != want {
		t.Errorf("token of %+v, want %+v", r, want)
	}
	at, _ := joined["joined_at"].(float64)
	if int64(at) < before || int64(at) > time.Now().Unix() {
		t.Errorf("joined at %v", joined["joined_at"])
	}
	delete(joined, "room_token")
	want := map[string]any{"user_id": user, "display_name": "Ada", "status": "admitted", "is_host": true, "is_owner": true, "is_guest": false, "joined_at": at, "admitted_at": at,
		"host_display_name": "Ada", "host_user_id": user, "waiting_room_enabled": true, "admitted_can_admit": false,
		"end_on_host_leave": false, "allow_guests": false, "recording_allowed_for_all": false, "attendees_only": false, "locked": false,
		"features": map[string]any{"chat": true, "reactions": true, "screen_share": true, "encryption_required": false}}
	if diff := cmp.Diff(want, joined); diff != "" {
		t.Error(diff)
	}
}

func TestNamesForSigningIn(t *testing.T) {
	a := newAPI(t, nil)
	for name, slug := range map[string]string{
		"Ada":                            "ada",
		"Zoë":                            "zoe",
		"李雷":                             "guest",
		"  x  ":                          "x",
		"-- a__b -- c!! ":                "a-b-c",
		strings.Repeat("W", 50):          strings.Repeat("w", 32),
		wire.SystemUser:                  "system",
		"👩\u200d🚀":                       "guest",
		"a\u202eb":                       "ab",
		strings.Repeat("é", maxDemoName): strings.Repeat("e", 32),
	} {
		body, _ := json.Marshal(map[string]string{"name": name})
		_, result := decode(t, call(a, "POST", "/login/demo", string(body), "Content-Type", asJSON))
		user, _ := result["user_id"].(string)
		if !regexp.MustCompile("^" + slug + "-[a-z0-9]{4}$").MatchString(user) {
			t.Errorf("%q became %q", name, user)
		}
	}
	for _, name := range []string{"", "   ", "\u200b\u0007", strings.Repeat("x", maxDemoName+1)} {
		body, _ := json.Marshal(map[string]string{"name": name})
		wantProblem(t, call(a, "POST", "/login/demo", string(body), "Content-Type", asJSON), 400, "INVALID_NAME")
	}
}

func TestSessions(t *testing.T) {
	mint := func(by, user string, ttl time.Duration) string {
		raw, err := token.New(by).MintSession(token.Session{User: user, Name: "Name of " + user}, ttl)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	good, other := mint(secret, "ada", time.Hour), mint(secret, "bob", time.Hour)
	expired, forged := mint(secret, "ada", -2*time.Minute), mint("wrong", "ada", time.Hour)
	room, err := token.New(secret).MintRoom(token.Room{User: "ada", Room: "r"}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	for what, c := range map[string]struct {
		headers []string
		cookie  string // configured name
		user    string // "" is refused
	}{
		"cookie":                            {[]string{"Cookie", "session=" + good}, "session", "ada"},
		"bearer":                            {[]string{"Authorization", "Bearer " + good}, "session", "ada"},
		"cookie beats bearer":               {[]string{"Cookie", "session=" + good, "Authorization", "Bearer " + other}, "session", "ada"},
		"bad cookie beats bearer":           {[]string{"Cookie", "session=" + forged, "Authorization", "Bearer " + good}, "session", ""},
		"odd cookie beats bearer":           {[]string{"Cookie", "session=a\"b", "Authorization", "Bearer " + good}, "session", ""},
		"empty cookie leaves it to bearer":  {[]string{"Cookie", "session=", "Authorization", "Bearer " + good}, "session", "ada"},
		"first cookie that is not empty":    {[]string{"Cookie", "session=; session=" + good}, "session", "ada"},
		"cookie among others":               {[]string{"Cookie", "theme=dark;session=" + good + " ; lang=en"}, "session", "ada"},
		"custom name":                       {[]string{"Cookie", "preview=" + good}, "preview", "ada"},
		"custom name among others":          {[]string{"Cookie", "session=" + other + "; preview=" + good}, "preview", "ada"},
		"default name where another is set": {[]string{"Cookie", "session=" + good}, "preview", ""},
		"another slot":                      {[]string{"Cookie", "preview2=" + good}, "preview", ""},
		"a name that begins alike":          {[]string{"Cookie", "session_id=" + good}, "session", ""},
		"bearer with custom name":           {[]string{"Authorization", "Bearer " + good}, "preview", "ada"},
		"nothing":                           {nil, "session", ""},
		"empty bearer":                      {[]string{"Authorization", "Bearer "}, "session", ""},
		"another scheme":                    {[]string{"Authorization", "Basic " + good}, "session", ""},
		"expired bearer":                    {[]string{"Authorization", "Bearer " + expired}, "session", ""},
		"expired cookie":                    {[]string{"Cookie", "session=" + expired}, "session", ""},
		"wrong secret, bearer":              {[]string{"Authorization", "Bearer " + forged}, "session", ""},
		"wrong secret, cookie":              {[]string{"Cookie", "session=" + forged}, "session", ""},
		"garbage bearer":                    {[]string{"Authorization", "Bearer not.a.jwt"}, "session", ""},
		"garbage cookie":                    {[]string{"Cookie", "session=not.a.jwt"}, "session", ""},
		"room token":                        {[]string{"Authorization", "Bearer " + room}, "session", ""},
	} {
		t.Run(what, func(t *testing.T) {
			a := newAPI(t, func(o *Options) { o.Cookie.Name = c.cookie })
			w := call(a, "GET", "/profile", "", c.headers...)
			if c.user == "" {
				result := wantProblem(t, w, 401, "UNAUTHORIZED")
				if result["message"] != "Authentication required." {
					t.Errorf("message %q", result["message"])
				}
				return
			}
			if _, result := decode(t, w); result["user_id"] != c.user || result["name"] != "Name of "+c.user {
				t.Errorf("got %d %s", w.Code, w.Body)
			}
		})
	}
	w := call(newAPI(t, nil), "GET", "/profile", "", "Cookie", "session="+expired)
	if result := wantProblem(t, w, 401, "UNAUTHORIZED"); result["engineering_error"] != "invalid or expired session" {
		t.Errorf("got %s", w.Body)
	}
	w = call(newAPI(t, func(o *Options) { o.Tokens = token.New("") }), "GET", "/profile", "", "Cookie", "session="+good)
	wantProblem(t, w, 500, "MISCONFIGURED")
}
