package lobby

import (
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"parley/api/media"
	"parley/api/token"
)

// When somebody's token was signed says whether it is older than the deletion of a meeting.
func TestWhenATokenWasSigned(t *testing.T) {
	l, _ := newLobby(t, secret)
	l.TTL = 10 * time.Minute
	now := time.Now().Truncate(time.Second)
	foreign := func(observer bool, expires time.Time) string {
		raw, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
			"sub": "ada", "room": "standup", "room_join": !observer, "is_host": false, "display_name": "Ada", "observer": observer,
			"exp": expires.Unix(), "iss": token.Issuer,
		}).SignedString([]byte(secret))
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	for what, c := range map[string]struct {
		target string
		want   time.Time
	}{
		"ours":                    {"/lobby?token=" + mint(t, secret, ada, time.Hour), now},
		"another's":               {"/lobby?token=" + foreign(false, now.Add(time.Minute)), now.Add(-9 * time.Minute)},
		"another's, for watching": {"/lobby?token=" + foreign(true, now.Add(time.Minute)), now.Add(time.Minute - token.ObserverTTL)},
		"none":                    {"/lobby/ada/standup", time.Time{}},
	} {
		p, err := l.Admit(ask(t, media.WebSocket, c.target))
		if off := p.Issued.Sub(c.want).Abs(); err != nil || off > 2*time.Second {
			t.Errorf("%s: %v, want %v, %v", what, p.Issued, c.want, err)
		}
	}
}
