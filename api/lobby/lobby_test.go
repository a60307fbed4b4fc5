package lobby

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"parley/api/fault"
	"parley/api/flags"
	"parley/api/media"
	"parley/api/token"
	"parley/api/wire"
)

const secret = "test-secret-for-unit-tests"

// ended is the id of a session that was ended by signing out.
const ended = "ended-session"

func newLobby(t testing.TB, withSecret string) (*Lobby, *flags.Registry) {
	t.Helper()
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	reg, err := flags.New(func(string) string { return "" }, log)
	if err != nil {
		t.Fatal(err)
	}
	return New(Options{
		Tokens: token.New(withSecret), Flags: reg, Log: log, TTL: time.Hour,
		SignedOut: func(session string) bool { return session == ended },
	}), reg
}

func mint(t testing.TB, by string, r token.Room, ttl time.Duration) string {
	t.Helper()
	raw, err := token.New(by).MintRoom(r, ttl)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// ask makes a request as a client of the transport does.
func ask(t testing.TB, transport media.Transport, target string) *http.Request {
	t.Helper()
	u, err := url.Parse("https://parley.test" + target)
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.URL = u
	if transport == media.WebTransport {
		r.Method, r.Proto = http.MethodConnect, "webtransport"
	}
	return r
}

var ada = token.Room{User: "ada@test.com", Room: "standup", DisplayName: "Ada"}

func TestAnswersInTheirOrder(t *testing.T) {
	good := mint(t, secret, ada, time.Minute)
	expired := mint(t, secret, ada, -2*time.Minute)
	forged := mint(t, "another secret", ada, time.Minute)

	signedOut := ada
	signedOut.Session = ended
	signedOutWaiting := signedOut
	signedOutWaiting.Observer = true
	const (
		gone      = "This endpoint is deprecated. Use GET /lobby?token=<JWT> instead."
		badPath   = "Invalid user_id or room format"
		noToken   = "room access token is required: GET /lobby?token=<JWT>"
		notFound  = "no such endpoint: GET /lobby?token=<JWT>"
		misconfig = "Server misconfigured"
	)
	ws, wt := []media.Transport{media.WebSocket}, []media.Transport{media.WebTransport}
	both := []media.Transport{media.WebSocket, media.WebTransport}
	for _, c := range []struct {
		what     string
		on       []media.Transport
		target   string
		managed  bool
		noSecret bool
		status   int
		message  string
	}{
		{"no token", both, "/lobby", false, false, 400, noToken},
		{"no token, managed", both, "/lobby", true, false, 400, noToken},
		{"no token and no secret", both, "/lobby", false, true, 400, noToken},
		{"no secret", both, "/lobby?token=" + good, false, true, 500, misconfig},
		{"no secret and a bad token", both, "/lobby?token=x", false, true, 500, misconfig},
		{"empty token", both, "/lobby?token=", false, false, 403, token.Suspicious},
		{"garbage", both, "/lobby?token=not.a.jwt", false, false, 403, token.Suspicious},
		{"expired", both, "/lobby?token=" + expired, false, false, 401, "token has expired"},
		{"signed out", both, "/lobby?token=" + mint(t, secret, signedOut, time.Minute), true, false, 401, "you have signed out"},
		{"signed out, waiting", both, "/lobby?token=" + mint(t, secret, signedOutWaiting, time.Minute), false, false, 401, "you have signed out"},
		{"signed out and expired", both, "/lobby?token=" + mint(t, secret, signedOut, -2*time.Minute), false, false, 401, "token has expired"},
		{"signed out and forged", both, "/lobby?token=" + mint(t, "another secret", signedOut, time.Minute), false, false, 403, token.Suspicious},
		{"wrong secret", both, "/lobby?token=" + forged, false, false, 403, token.Suspicious},
		{"wrong secret, managed", both, "/lobby?token=" + forged, true, false, 403, token.Suspicious},
		{"path while managed", both, "/lobby/ada/standup", true, false, 410, gone},
		{"bad path while managed", both, "/lobby/a.b/standup", true, false, 410, gone},
		{"path with token while managed", ws, "/lobby/ada/standup?token=" + good, true, false, 410, gone},
		{"bad user", both, "/lobby/a.b/standup", false, false, 400, badPath},
		{"bad room", both, "/lobby/ada/a%3Eb", false, false, 400, badPath},
		{"both bad", both, "/lobby/a*b/c*d", false, false, 400, badPath},
		{"slash inside a segment", both, "/lobby/ada/a%2Fb", false, false, 400, badPath},
		{"plus is no space", both, "/lobby/ada/a+b", false, false, 400, badPath},
		{"not ASCII", both, "/lobby/ada/caf%C3%A9", false, false, 400, badPath},
		{"user too long", both, "/lobby/" + strings.Repeat("u", wire.MaxUser+1) + "/r", false, false, 400, badPath},
		{"room too long", both, "/lobby/ada/" + strings.Repeat("r", token.MaxRoom+1), false, false, 400, badPath},
		{"user only", both, "/lobby/ada", false, false, 404, notFound},
		{"too deep", both, "/lobby/ada/standup/more", false, false, 404, notFound},
		{"empty user", ws, "/lobby//standup", false, false, 404, notFound},
		{"another place", both, "/elsewhere?token=" + good, false, false, 404, notFound},
		{"the root", both, "/", false, false, 404, notFound},
		{"bad token beats the path", wt, "/lobby/ada/standup?token=x", false, false, 403, token.Suspicious},
	} {
		for _, transport := range c.on {
			t.Run(string(transport)+" "+c.what, func(t *testing.T) {
				with := secret
				if c.noSecret {
					with = ""
				}
				l, reg := newLobby(t, with)
				flags.Override(t, reg, flags.MeetingManagement, c.managed)
				_, err := l.Admit(ask(t, transport, c.target))
				e, ok := errors.AsType[*fault.Error](err)
				if !ok {
					t.Fatalf("admitted, or no fault: %v", err)
				}
				if got := fault.Codes[e.Code].HTTP; got != c.status || e.Message != c.message {
					t.Errorf("got %d %q, want %d %q", got, e.Message, c.status, c.message)
				}
			})
		}
	}
}

func TestAdmitted(t *testing.T) {
	host := ada
	host.Host = true
	waiting := token.Room{User: "bob", Room: "standup", DisplayName: "Bob", Observer: true}
	guest := token.Room{User: "guest:1", Room: "standup", Guest: true}
	byToken := media.Peer{Room: "standup", User: "ada@test.com", DisplayName: "Ada"}
	byPath := media.Peer{Room: "stand_up", User: "a_da", DisplayName: "a_da"}
	ws, wt := []media.Transport{media.WebSocket}, []media.Transport{media.WebTransport}
	both := []media.Transport{media.WebSocket, media.WebTransport}

	withInstance := byToken
	withInstance.Instance = "5f1e8a52-8f0b-4d3c-9a26-6a3d3f1c0b11"
	withSession, sessionPeer := ada, byToken
	withSession.Session, sessionPeer.SignIn = "another-session", "another-session"
	hostPeer := byToken
	hostPeer.Host = true
	comingBack := byToken
	comingBack.After = media.Position{Epoch: "MFRGG", Number: 17}
	for _, c := range []struct {
		what    string
		on      []media.Transport
		target  string
		managed bool
		want    media.Peer
	}{
		{"token", both, "/lobby?token=" + mint(t, secret, ada, time.Minute), false, byToken},
		{"token, managed", both, "/lobby?token=" + mint(t, secret, ada, time.Minute), true, byToken},
		{"within the leeway", both, "/lobby?token=" + mint(t, secret, ada, -30*time.Second), true, byToken},
		{"made with a session", both, "/lobby?token=" + mint(t, secret, withSession, time.Minute), true, sessionPeer},
		{"host", both, "/lobby?token=" + mint(t, secret, host, time.Minute), true, hostPeer},
		{"instance", both, "/lobby?instance_id=" + withInstance.Instance + "&token=" + mint(t, secret, ada, time.Minute), true, withInstance},
		{"events", both, "/lobby?events_after=MFRGG.17&token=" + mint(t, secret, ada, time.Minute), true, comingBack},
		{"observer", both, "/lobby?token=" + mint(t, secret, waiting, time.Minute), true, media.Peer{Room: "standup", User: "bob", DisplayName: "Bob", Observer: true}},
		{"guest without name", both, "/lobby?token=" + mint(t, secret, guest, time.Minute), true, media.Peer{Room: "standup", User: "guest:1", DisplayName: "guest:1", Guest: true}},
		{"path", both, "/lobby/a%20da/stand%20up", false, byPath},
		{"path with token", ws, "/lobby/a_da/stand_up?token=" + mint(t, secret, ada, time.Minute), false, byPath},
		{"path with token", wt, "/lobby/a_da/stand_up?token=" + mint(t, secret, ada, time.Minute), false, byToken},
		{"path with token, managed", wt, "/lobby/a_da/stand_up?token=" + mint(t, secret, ada, time.Minute), true, byToken},
		{"deep path with token", wt, "/lobby/x/y/z?token=" + mint(t, secret, ada, time.Minute), true, byToken},
		{"doubled slashes", wt, "//lobby//a_da//stand_up/", false, byPath},
		{"longest path", both, "/lobby/" + strings.Repeat("u", wire.MaxUser) + "/" + strings.Repeat("r", token.MaxRoom), false, media.Peer{
			Room: media.RoomID(strings.Repeat("r", token.MaxRoom)),
			User: strings.Repeat("u", wire.MaxUser), DisplayName: strings.Repeat("u", wire.MaxUser),
		}},
	} {
		for _, transport := range c.on {
			t.Run(string(transport)+" "+c.what, func(t *testing.T) {
				l, reg := newLobby(t, secret)
				flags.Override(t, reg, flags.MeetingManagement, c.managed)
				got, err := l.Admit(ask(t, transport, c.target))
				if err != nil {
					t.Fatal(err)
				}
				got.Issued = time.Time{} // see TestWhenATokenWasSigned
				if got != c.want {
					t.Errorf("got %+v, want %+v", got, c.want)
				}
			})
		}
	}
}

func TestReservedIdentityIsLeftToTheHub(t *testing.T) {
	l, _ := newLobby(t, secret)
	raw := mint(t, secret, token.Room{User: wire.SystemUser, Room: "standup"}, time.Minute)
	p, err := l.Admit(ask(t, media.WebSocket, "/lobby?token="+raw))
	if err != nil || p.User != wire.SystemUser {
		t.Errorf("got %+v, %v", p, err)
	}
}

func TestPathEndpointsCanBeForced(t *testing.T) {
	l, reg := newLobby(t, secret)
	flags.Override(t, reg, flags.MeetingManagement, true)
	if err := reg.Set("path_endpoints", "open-house", "on"); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Admit(ask(t, media.WebSocket, "/lobby/ada/open-house")); err != nil {
		t.Errorf("a room that is open: %v", err)
	}
	if _, err := l.Admit(ask(t, media.WebSocket, "/lobby/ada/standup")); fault.CodeOf(err) != fault.Gone {
		t.Errorf("another room: %v", err)
	}
	flags.Override(t, reg, flags.MeetingManagement, false)
	flags.Override(t, reg, flags.PathEndpoints, "off")
	if _, err := l.Admit(ask(t, media.WebTransport, "/lobby/ada/standup")); fault.CodeOf(err) != fault.Gone {
		t.Errorf("switched off: %v", err)
	}
}

func TestTransportsCanBeSwitchedOff(t *testing.T) {
	l, reg := newLobby(t, secret)
	raw := mint(t, secret, ada, time.Minute)
	flags.Override(t, reg, flags.Transports, "websocket")
	if _, err := l.Admit(ask(t, media.WebSocket, "/lobby?token="+raw)); err != nil {
		t.Error(err)
	}
	if _, err := l.Admit(ask(t, media.WebTransport, "/lobby?token="+raw)); fault.CodeOf(err) != fault.Forbidden {
		t.Errorf("got %v", err)
	}
}

func TestWhatAClientDeclaresIsBounded(t *testing.T) {
	l, _ := newLobby(t, secret)
	raw := mint(t, secret, ada, time.Minute)
	for what, instance := range map[string]string{"too long": strings.Repeat("x", MaxInstance+1), "no text": "%ff%fe"} {
		_, err := l.Admit(ask(t, media.WebSocket, "/lobby?token="+raw+"&instance_id="+instance))
		if fault.CodeOf(err) != fault.BadRequest {
			t.Errorf("%s: %v", what, err)
		}
	}
	long := ada
	long.DisplayName = strings.Repeat("é", 200) + "\x00"
	p, err := l.Admit(ask(t, media.WebSocket, "/lobby?token="+mint(t, secret, long, time.Minute)))
	if err != nil {
		t.Fatal(err)
	}
	if len(p.DisplayName) != 254 || !utf8.ValidString(p.DisplayName) {
		t.Errorf("name of %d bytes", len(p.DisplayName))
	}
}

func TestTheLogLearnsWhyButNotTheToken(t *testing.T) {
	var logged bytes.Buffer
	l, _ := newLobby(t, secret)
	l.Log = slog.New(slog.NewTextHandler(&logged, nil))
	raw := mint(t, "another secret", ada, time.Minute)
	if _, err := l.Admit(ask(t, media.WebTransport, "/lobby?token="+raw)); err == nil {
		t.Fatal("admitted")
	}
	line := logged.String()
	if strings.Contains(line, raw) || strings.Contains(line, raw[strings.LastIndex(raw, ".")+1:]) {
		t.Errorf("the token is in the log: %s", line)
	}
	if !strings.Contains(line, "level=WARN") || !strings.Contains(line, "signature") || !strings.Contains(line, "webtransport") {
		t.Errorf("the log says too little: %s", line)
	}
}

// FuzzAdmit looks for panics and for a peer that breaks the promises of media.Peer.
func FuzzAdmit(f *testing.F) {
	f.Add("/lobby/ada/standup", "instance_id=x", false)
	f.Add("/lobby", "token=x", true)
	f.Add("//lobby/%20/%00", "", true)
	f.Add("/lobby/ada/standup", "events_after=A.1", false)
	f.Add("/lobby/a%2/b", "%zz", false)
	l, _ := newLobby(f, secret)
	l.Log = slog.New(slog.DiscardHandler)
	f.Fuzz(func(t *testing.T, path, query string, webTransport bool) {
		u := &url.URL{Path: path, RawPath: path, RawQuery: query}
		r := &http.Request{Method: http.MethodGet, URL: u}
		if webTransport {
			r.Method = http.MethodConnect
		}
		p, err := l.Admit(r)
		if err != nil {
			return
		}
		if !token.ValidRoom(string(p.Room)) || p.User == "" || len(p.User) > wire.MaxUser || len(p.Instance) > MaxInstance || len(p.After.Epoch) > media.MaxPosition {
			t.Errorf("admitted %+v", p)
		}
	})
}
