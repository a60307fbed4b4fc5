// Package token signs and checks the tokens that let people in.
//
// A session token says who somebody is and opens the REST API. A room token lets them into
// one room. An observer token lets them wait in front of it: they hear meeting events, never
// media. All are JWTs signed with HS256 and one secret, with the claims and the issuer that
// clients and backends of the same family know; tokens of theirs are accepted.
//
// Because the three share secret and issuer, ours also say what they are for (claim typ), and
// are accepted for nothing else. Others are told apart by the claims they must have.
//
// A session has an id (claim jti), and the tokens for rooms that are made with it carry that
// (claim sid), so that they can end together. A session token of another backend has none; a
// hash of it takes the place. Whether a session was ended is for others to know.
package token

import (
	"crypto/rand"
	"fmt"
	"regexp"
	"strings"
	"time"

	"parley/api/fault"
	"parley/api/wire"

	"github.com/golang-jwt/jwt/v5"
)

const (
	// Issuer is in every token, and no token of another issuer is accepted.
	Issuer = "videocall-meeting-backend"

	// Leeway is how long a token is accepted after it expired: clocks of servers differ.
	Leeway = 60 * time.Second

	// ObserverTTL is the life of an observer token: people wait long for a host.
	ObserverTTL = 30 * time.Minute

	// MaxToken is the longest token that is looked at, in bytes. Ours are below 1 KiB.
	MaxToken = 8 << 10

	// MaxRoom is the longest name of a room, in bytes; the database column holds as many.
	MaxRoom = 255
)

// Suspicious is all that a client is told about a token that was never good.
const Suspicious = "We detected unusual activity from your browser. This incident has been logged."

// use is what a token is for.
type use string

const (
	session  use = "session"
	room     use = "room"
	observer use = "observer"
)

// Session is who somebody is.
type Session struct {
	ID      string // of the token, 1 to 64 bytes; made when it is signed
	User    string // identity, 1 to wire.MaxUser bytes
	Name    string // for people
	Admin   bool   // may do everything on this installation
	Expires time.Time
}

// Room is the right to be in one room.
type Room struct {
	User        string // identity, 1 to wire.MaxUser bytes
	Room        string // as [ValidRoom] demands
	DisplayName string
	Host        bool
	Guest       bool
	Observer    bool   // may only wait and hear meeting events
	Session     string // id of the session it was made with; "" of guests and of other backends
	Expires     time.Time
	Issued      time.Time // zero when the token does not say
}

// Authority signs and checks tokens with one secret. It is immutable.
type Authority struct{ secret []byte }

// New returns an Authority. With an empty secret it signs nothing and lets nobody in: every
// call fails with [fault.Misconfig].
func New(secret string) *Authority { return &Authority{[]byte(secret)} }

var roomPattern = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// ValidRoom reports whether name can be a room: 1 to MaxRoom bytes of [A-Za-z0-9_-].
func ValidRoom(name string) bool { return len(name) <= MaxRoom && roomPattern.MatchString(name) }

func validUser(user string) bool {
	return user != "" && len(user) <= wire.MaxUser && !strings.ContainsRune(user, 0)
}

func misconfigured() error { return fault.New(fault.Misconfig, "Server misconfigured") }

// invalid hides why a token is refused from everybody but the log.
func invalid(why string, args ...any) error {
	return fault.Wrap(fmt.Errorf(why, args...), fault.Invalid, Suspicious)
}

// MintSession signs a session token with a new id, that is good for ttl. ID and Expires of s
// are ignored.
func (a *Authority) MintSession(s Session, ttl time.Duration) (string, error) {
	if !validUser(s.User) {
		return "", fmt.Errorf("sign session token: user must have 1 to %d bytes", wire.MaxUser)
	}
	now := time.Now()
	return a.sign(sessionClaims{
		ID: rand.Text(), Subject: s.User, Name: s.Name, Admin: s.Admin, Issuer: Issuer, Use: session,
		Issued: now.Unix(), Expires: now.Add(ttl).Unix(),
	})
}

// MintRoom signs a room token that is good for ttl, or an observer token if r says so; that
// one never makes a host. Expires and Issued of r are ignored.
func (a *Authority) MintRoom(r Room, ttl time.Duration) (string, error) {
	switch {
	case !validUser(r.User):
		return "", fmt.Errorf("sign room token: user must have 1 to %d bytes", wire.MaxUser)
	case !ValidRoom(r.Room):
		return "", fmt.Errorf("sign room token: %q cannot be a room", r.Room)
	}
	now := time.Now()
	c := roomClaims{
		Subject: r.User, Room: r.Room, RoomJoin: !r.Observer, Host: r.Host && !r.Observer, Guest: r.Guest,
		DisplayName: r.DisplayName, Observer: r.Observer, Session: r.Session, Issuer: Issuer, Use: room,
		Issued: now.Unix(), Expires: now.Add(ttl).Unix(),
	}
	if r.Observer {
		c.Use = observer
	}
	return a.sign(c)
}

func (a *Authority) sign(c jwt.Claims) (string, error) {
	if len(a.secret) == 0 {
		return "", misconfigured()
	}
	signed, err := jwt.NewWithClaims(jwt.SigningMethodHS256, c).SignedString(a.secret)
	if err != nil {
		return "", fmt.Errorf("sign token: %w", err)
	}
	return signed, nil
}

// CheckSession returns who raw belongs to. It fails with [fault.Misconfig] without a secret,
// [fault.Expired] for a token that was good once, [fault.Invalid] for everything else.
func (a *Authority) CheckSession(raw string) (Session, error) {
	var c struct {
		presented
		Name   *string `json:"name"`
		Issued *int64  `json:"iat"`
		Admin  any     `json:"admin"` // of other makes these may be anything
		ID     any     `json:"jti"`
	}
	if err := a.parse(raw, &c); err != nil {
		return Session{}, err
	}
	if c.Name == nil || c.Issued == nil {
		return Session{}, invalid("a claim is missing")
	}
	if err := c.check(session); err != nil {
		return Session{}, err
	}
	id := idOf(c.ID)
	if id == "" {
		id = Fingerprint(raw)
	}
	return Session{ID: id, User: *c.Subject, Name: *c.Name, Admin: c.Admin == true, Expires: time.Unix(*c.Expires, 0)}, nil
}

// CheckRoom returns what raw allows. It fails with [fault.Misconfig] without a secret,
// [fault.Expired] for a token that was good once, [fault.Forbidden] for one that neither
// joins nor observes, [fault.Invalid] for everything else; only the last is suspicious.
func (a *Authority) CheckRoom(raw string) (Room, error) {
	var c struct {
		presented
		Room        *string `json:"room"`
		RoomJoin    *bool   `json:"room_join"`
		Host        *bool   `json:"is_host"`
		DisplayName *string `json:"display_name"`
		Observer    bool    `json:"observer"`
		Guest       bool    `json:"is_guest"`
		Issued      *int64  `json:"iat"` // absent from tokens of others
		Session     any     `json:"sid"`
	}
	if err := a.parse(raw, &c); err != nil {
		return Room{}, err
	}
	if c.Room == nil || c.RoomJoin == nil || c.Host == nil || c.DisplayName == nil {
		return Room{}, invalid("a claim is missing")
	}
	expected := room
	if c.Observer {
		expected = observer
	}
	if err := c.check(expected); err != nil {
		return Room{}, err
	}
	if !ValidRoom(*c.Room) {
		return Room{}, invalid("%.300q cannot be a room", *c.Room)
	}
	if !*c.RoomJoin && !c.Observer {
		return Room{}, fault.New(fault.Forbidden, "access denied")
	}
	r := Room{
		User: *c.Subject, Room: *c.Room, DisplayName: *c.DisplayName, Host: *c.Host && !c.Observer,
		Guest: c.Guest, Observer: c.Observer, Session: idOf(c.Session), Expires: time.Unix(*c.Expires, 0),
	}
	if c.Issued != nil {
		r.Issued = time.Unix(*c.Issued, 0)
	}
	return r, nil
}
