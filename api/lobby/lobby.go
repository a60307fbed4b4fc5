// Package lobby decides who may open a media connection, for both transports alike.
//
// There are two ways in. /lobby?token=<JWT> takes identity and room from a verified token.
// /lobby/{user}/{room} believes the path; it is closed while meetings are managed, see
// [flags.PathsOpen]. Over WebSocket the path decides which way it is; over WebTransport a
// token does, whatever the path says after /lobby.
package lobby

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"parley/api/fault"
	"parley/api/flags"
	"parley/api/media"
	"parley/api/observe"
	"parley/api/token"
	"parley/api/trace"
	"parley/api/wire"
)

const (
	// MaxInstance is the longest instance_id, in bytes: clients send a UUID.
	MaxInstance = 64

	// maxDisplayName is the longest name for people, in bytes; what a token has beyond it is
	// cut off. The database column holds as many.
	maxDisplayName = 255
)

// Options is what a Lobby goes by. All are required.
type Options struct {
	Tokens *token.Authority
	Flags  *flags.Registry
	Log    *slog.Logger

	// TTL is what room tokens of other backends, which do not say when they were signed, are
	// taken to have been made for.
	TTL time.Duration
	// SignedOut reports whether the session with an id was ended. It does not block.
	SignedOut func(session string) bool
}

// Lobby admits or refuses requests for a media connection.
type Lobby struct{ Options }

// New returns a Lobby.
func New(o Options) *Lobby { return &Lobby{o} }

// Admit returns who r belongs to, or a *[fault.Error] whose status and message are the
// answer. It looks at nothing but URL and method, and at who signed out; it does not block, and must come before the
// handshake: a stranger with a bad token learns that first. The reserved identity is let
// through; the hub refuses it with the packets that clients expect.
func (l *Lobby) Admit(r *http.Request) (media.Peer, error) {
	transport := media.WebSocket
	if r.Method == http.MethodConnect {
		transport = media.WebTransport
	}
	p, err := l.admit(r.Context(), r.URL, transport)
	if err != nil {
		l.note(r, transport, err)
		return media.Peer{}, err
	}
	return p, nil
}

// note writes why somebody is refused, without the URL: the token is in it.
func (l *Lobby) note(r *http.Request, transport media.Transport, err error) {
	level := slog.LevelInfo
	switch fault.CodeOf(err) {
	case fault.Invalid:
		level = slog.LevelWarn
	case fault.Misconfig:
		level = slog.LevelError
	}
	l.Log.Log(r.Context(), level, "connection refused",
		observe.KeyTransport, transport, observe.KeyRemote, r.RemoteAddr, observe.KeyErr, err)
}

func (l *Lobby) admit(ctx context.Context, u *url.URL, transport media.Transport) (media.Peer, error) {
	query := u.Query()
	segments, err := split(u, transport)
	if err != nil {
		return media.Peer{}, err
	}
	var p media.Peer
	if byToken(segments, query, transport) {
		p, err = l.fromToken(ctx, query)
	} else {
		p, err = l.fromPath(segments)
	}
	if err != nil {
		return media.Peer{}, err
	}
	if allowed := flags.Transports.For(l.Flags, string(p.Room)); allowed != "all" && allowed != string(transport) {
		return media.Peer{}, fault.New(fault.Forbidden, "%s connections are switched off", transport)
	}
	p.Instance = strings.Clone(query.Get("instance_id")) // it is kept, and not the request with it
	if len(p.Instance) > MaxInstance || !utf8.ValidString(p.Instance) {
		return media.Peer{}, fault.New(fault.BadRequest, "instance_id must be text of at most %d bytes", MaxInstance)
	}
	if after := query.Get("events_after"); after != "" {
		var ok bool
		if p.After, ok = media.ParsePosition(after); !ok {
			return media.Peer{}, fault.New(fault.BadRequest, "events_after must be event_epoch and event_number of the last event that arrived, with a dot between")
		}
	}
	return p, nil
}

// split returns the decoded path segments after /lobby.
func split(u *url.URL, transport media.Transport) ([]string, error) {
	var segments []string
	for s := range strings.SplitSeq(strings.TrimPrefix(u.EscapedPath(), "/"), "/") {
		if s == "" && transport == media.WebTransport {
			continue // its clients may double or trail slashes
		}
		decoded, err := url.PathUnescape(s)
		if err != nil {
			return nil, errBadPath
		}
		segments = append(segments, decoded)
	}
	if len(segments) == 0 || segments[0] != "lobby" {
		return nil, errNotFound
	}
	return segments[1:], nil
}

func byToken(segments []string, query url.Values, transport media.Transport) bool {
	return len(segments) == 0 || transport == media.WebTransport && query.Has("token")
}

func (l *Lobby) fromToken(ctx context.Context, query url.Values) (media.Peer, error) {
	if !query.Has("token") {
		return media.Peer{}, errNoToken
	}
	_, step := trace.Step(ctx, "check token")
	t, err := l.Tokens.CheckRoom(query.Get("token"))
	step.End(err)
	if err != nil {
		return media.Peer{}, err
	}
	if l.SignedOut(t.Session) {
		return media.Peer{}, errSignedOut
	}
	return media.Peer{
		Room: media.RoomID(t.Room), User: t.User, DisplayName: displayName(t.DisplayName, t.User),
		Host: t.Host, Guest: t.Guest, Observer: t.Observer, Issued: l.issued(t), SignIn: t.Session,
	}, nil
}

// issued returns when t was signed, as far as can be known.
func (l *Lobby) issued(t token.Room) time.Time {
	switch {
	case !t.Issued.IsZero():
		return t.Issued
	case t.Observer:
		return t.Expires.Add(-token.ObserverTTL)
	}
	return t.Expires.Add(-l.TTL)
}

var idPattern = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

func (l *Lobby) fromPath(segments []string) (media.Peer, error) {
	if len(segments) != 2 || segments[0] == "" || segments[1] == "" {
		return media.Peer{}, errNotFound
	}
	user, room := strings.ReplaceAll(segments[0], " ", "_"), strings.ReplaceAll(segments[1], " ", "_")
	// Whether this way is open comes before whether the names are good, and may depend on the
	// room; a name that no room can have finds no value of its own.
	if !flags.PathsOpen(l.Flags, room) {
		return media.Peer{}, errClosed
	}
	if !idPattern.MatchString(user) || len(user) > wire.MaxUser || !token.ValidRoom(room) {
		return media.Peer{}, errBadPath
	}
	room, user = strings.Clone(room), strings.Clone(user) // they are kept, and not the request with them
	return media.Peer{Room: media.RoomID(room), User: user, DisplayName: user}, nil
}

// The refusals that do not come from a token. The messages are those existing clients know.
var (
	errSignedOut = fault.New(fault.SignedOut, "you have signed out")

	errNoToken  = fault.New(fault.BadRequest, "room access token is required: GET /lobby?token=<JWT>")
	errClosed   = fault.New(fault.Gone, "This endpoint is deprecated. Use GET /lobby?token=<JWT> instead.")
	errBadPath  = fault.New(fault.BadRequest, "Invalid user_id or room format")
	errNotFound = fault.New(fault.NotFound, "no such endpoint: GET /lobby?token=<JWT>")
)

// displayName makes a name storable: no NUL, no broken UTF-8, bounded, never empty.
func displayName(name, user string) string {
	name = strings.ReplaceAll(name, "\x00", "")
	if len(name) > maxDisplayName {
		cut := maxDisplayName
		for !utf8.RuneStart(name[cut]) {
			cut--
		}
		name = name[:cut]
	}
	if name == "" {
		return user
	}
	return name
}
