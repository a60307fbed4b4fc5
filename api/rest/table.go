package rest

import (
	"net/http"
	"reflect"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"parley/api/management"
	"parley/api/observe"
)

// newTable lists everything but pages.
func (a *API) newTable() []route {
	var table []route
	add := func(group string, routes []route) {
		for _, r := range routes {
			r.group = group
			table = append(table, r)
		}
	}
	add("Meetings", a.meetingTable())
	add("Participants", a.participantTable())
	add("Guests", a.guestTable())
	add("Hosts", a.hostTable())
	add("Sign-in", a.signInTable())
	if a.Admin.Registry != nil {
		add("Admins", a.adminTable())
	}
	if a.Telemetry.Engine != nil {
		add("Telemetry", a.telemetryTable())
	}
	add("TART", a.tartTable())
	add("Node", a.nodeTable())
	return table
}

const meetings = "/api/v1/meetings"

func (a *API) meetingTable() []route {
	words := text("q", "A part of the id or of the owner's name, in any case.")
	return []route{
		ask(a, signedIn, "POST "+meetings, "Create a meeting", a.create,
			management.InvalidMeetingID, management.TooManyAttendees, management.InvalidInput, management.MeetingExists, management.Overloaded).
			created().noting("The caller owns it. It begins when the owner joins."),
		ask(a, signedIn, "GET "+meetings, "One's own meetings", a.listOwn).
			asking(number("limit", ownSize.usual, ownSize.most), offset(), words).noting("The newest first."),
		ask(a, signedIn, "GET "+meetings+"/joined", "Meetings one was in", a.feed(management.Joined, joinedSize)).
			asking(number("limit", joinedSize.usual, joinedSize.most), offset(), words).noting("The latest first."),
		ask(a, signedIn, "GET "+meetings+"/feed", "Meetings one owns or was in", a.feed(management.Feed, feedSize)).
			asking(number("limit", feedSize.usual, feedSize.most), offset(), words).noting("Running ones first, then by latest activity."),
		{
			pattern: "GET " + meetings + "/feed/stream", summary: "Be told when that list changes", auth: signedIn,
			status: http.StatusOK, produces: "text/event-stream", bare: true, serve: a.feedStream,
			codes:  []management.Code{tooManyStreams},
			remark: "Server-sent events called feed-changed, with {\"reason\": \"refresh\", \"meeting_id\": …}. A comment every 15 seconds keeps the stream open.",
		},
		ask(a, signedIn, "GET "+meetings+"/{id}", "A meeting", a.get, management.MeetingNotFound),
		ask(a, signedIn, "PATCH "+meetings+"/{id}", "Change options", paced(a, changes, a.change), tooManyRequests,
			management.MeetingNotFound, management.NotOwner, management.TooManyAttendees, management.InvalidInput, management.Overloaded).
			noting("For the owner and hosts, also while it runs."),
		ask(a, signedIn, "DELETE "+meetings+"/{id}", "Delete a meeting", a.delete, management.MeetingNotFound, management.NotOwner).
			noting("It ends for everybody."),
		ask(a, signedIn, "POST "+meetings+"/{id}/end", "End a meeting for everybody", a.end, management.MeetingNotFound, management.NotOwner).
			noting("Doing it again changes nothing. The owner begins it anew by joining."),
	}
}

// mayNotCome are the codes of those who are not let in.
var mayNotCome = []management.Code{
	management.InvalidMeetingID, management.InvalidInput, management.PasswordRequired, management.WrongPassword,
	management.TooManyAttempts, management.NotInvited, management.MeetingLocked, management.MeetingFull, management.Banned,
	management.Overloaded,
}

func (a *API) participantTable() []route {
	absent := []management.Code{management.MeetingNotFound, management.NotInMeeting}
	return []route{
		ask(a, signedIn, "POST "+meetings+"/{id}/join", "Ask to come in", a.join, mayNotCome...).
			noting("A meeting that does not exist is created for the caller. The status says whether one is in (with a room token), " +
				"waits to be let in, or waits for the meeting to begin (with an observer token)."),
		ask(a, signedIn, "POST "+meetings+"/{id}/leave", "Leave for good", a.leave, absent...),
		ask(a, signedIn, "GET "+meetings+"/{id}/status", "Where one stands", a.status, append(absent, management.MeetingNotActive)...),
		ask(a, signedIn, "PUT "+meetings+"/{id}/display-name", "Be called something else", paced(a, renames, a.rename),
			append(absent, tooManyRequests, management.InvalidInput, management.NotHost, management.ParticipantNotFound)...),
		ask(a, signedIn, "GET "+meetings+"/{id}/participants", "Who is inside", a.participants, absent...).
			noting("For those who are, the owner and admins."),
	}
}

func (a *API) guestTable() []route {
	return []route{
		ask(a, anybody, "GET "+meetings+"/{id}/guest-info", "Whether people without an account may come", a.guestInfo),
		ask(a, anybody, "POST "+meetings+"/{id}/join-guest", "Ask to come in without an account", a.joinGuest,
			append(mayNotCome, management.GuestsNotAllowed)...),
		ask(a, guest, "POST "+meetings+"/{id}/leave-guest", "Leave for good", a.leave, management.MeetingNotFound, management.NotInMeeting),
		ask(a, guest, "GET "+meetings+"/{id}/guest-status", "Where one stands", a.status,
			management.MeetingNotFound, management.NotInMeeting, management.MeetingNotActive),
	}
}

func (a *API) hostTable() []route {
	post := func(path string) string { return "POST " + meetings + "/{id}/" + path }
	waits := []management.Code{management.MeetingNotFound, management.NotHost, management.ParticipantNotFound, management.InvalidInput}
	act := append(waits, management.BadRequest)
	all := []management.Code{management.MeetingNotFound, management.NotHost}
	pacedAct, pacedAll := append(slices.Clone(act), tooManyRequests), append(slices.Clone(all), tooManyRequests)
	return []route{
		ask(a, signedIn, "GET "+meetings+"/{id}/waiting", "Who waits", a.waiting, all...).
			noting("For hosts; for everybody inside when admitted_can_admit is set. The same holds for letting people in and turning them away."),
		ask(a, signedIn, post("admit"), "Let somebody in", a.admit, append(waits, management.MeetingFull)...),
		ask(a, signedIn, post("admit-all"), "Let everybody in", a.admitAll, append(all, management.MeetingFull)...),
		ask(a, signedIn, post("reject"), "Turn somebody away", a.reject, waits...),
		ask(a, signedIn, post("kick"), "Remove somebody", a.kick, act...),
		ask(a, signedIn, post("unban"), "Lift a ban", a.unban, act...),
		ask(a, signedIn, post("transfer-host"), "Hand the host role over", paced(a, hostActs, a.grantHost(true)), pacedAct...),
		ask(a, signedIn, post("grant-host"), "Share the host role", paced(a, hostActs, a.grantHost(false)), pacedAct...),
		ask(a, signedIn, post("revoke-host"), "Take the host role away", paced(a, hostActs, a.revokeHost), pacedAct...),
		ask(a, signedIn, post("mute"), "Switch somebody's microphone off", paced(a, hostActs, a.silence(management.Mute)), pacedAct...),
		ask(a, signedIn, post("mute-all"), "Switch everybody else's microphone off", paced(a, hostActs, a.silenceAll(management.Mute)), pacedAll...),
		ask(a, signedIn, post("disable-video"), "Switch somebody's camera off", paced(a, hostActs, a.silence(management.CameraOff)), pacedAct...),
		ask(a, signedIn, post("disable-video-all"), "Switch everybody else's camera off", paced(a, hostActs, a.silenceAll(management.CameraOff)), pacedAll...),
		ask(a, signedIn, post("stop-screen-share"), "Stop somebody's sharing of a screen", paced(a, hostActs, a.silence(management.StopScreenShare)), pacedAct...),
		ask(a, signedIn, post("lower-hand"), "Lower somebody's hand", paced(a, hostActs, a.silence(management.LowerHand)), pacedAct...),
		ask(a, signedIn, post("lower-hands"), "Lower everybody else's hand", paced(a, hostActs, a.silenceAll(management.LowerHand)), pacedAll...),
	}
}

// signOutPath ends a session.
const signOutPath = "/logout"

func (a *API) signInTable() []route {
	signOut := func(method string) route {
		r := open(method+" "+signOutPath, "Sign out", nil, a.signOut).
			noting("Ends the session of the cookie, and that of the bearer token, on all nodes, with the room tokens that were made with it " +
				"and the connections that were opened with those. Whoever browses here is sent to the start page.")
		r.codes = []management.Code{unavailable, crossOrigin}
		return r
	}
	check := open("GET /session", "Whether one is signed in", nil, a.checkSession)
	check.auth = signedIn
	table := []route{
		check,
		ask(a, signedIn, "GET /profile", "Who one is", a.profile),
		signOut(http.MethodGet), signOut(http.MethodPost),
	}
	provider := ask(a, anybody, "GET /api/v1/oauth/provider-config", "Which provider people sign in with", a.providerConfig, unavailable)
	table = append(table, provider)
	if a.SignIn != nil {
		login := open("GET /login", "Sign in", nil, a.SignIn.Begin).producing("text/html").
			noting("Leads to the provider, and from there to the path or allowed address in returnTo.")
		login.status, login.query = http.StatusFound, []*huma.Param{text("returnTo", "Where to go afterwards.")}
		callback := open("GET /login/callback", "Come back from the provider", nil, a.SignIn.Finish).producing("text/html").
			noting("Sets the session cookie. Only the browser that began can finish, within ten minutes.")
		callback.status = http.StatusFound
		callback.query = []*huma.Param{
			text("state", "As it was sent to the provider."), text("code", "To exchange for who signed in."), text("error", "Why nobody did."),
		}
		frame := open("GET /logout/frontchannel", "Signed out at the provider", nil, a.signedOutElsewhere).
			noting("Providers open this in a frame. The browser forgets the session cookie.")
		frame.query = []*huma.Param{text("iss", "The issuer of the provider."), text("sid", "The session there; it is not looked at.")}
		frame.codes = []management.Code{management.InvalidInput, unavailable}
		table = append(table, login, callback, frame,
			ask(a, anybody, "POST /api/v1/oauth/exchange", "Trade a code of the provider for who signed in", a.exchange, management.InvalidInput, unauthorizedCode).
				noting("For clients that began at the provider by themselves. ID tokens of the provider are bearer tokens here, "+
					"and so are access tokens (JWT) for the audience that the operator has named."),
			ask(a, signedIn, "POST /api/v1/user/register", "Be on record as somebody who signed in", a.register),
		)
	}
	if a.DemoSignIn {
		table = append(table, ask(a, anybody, "POST /login/demo", "Sign in with a name", a.demoSignIn, invalidName).
			noting("Only where it is allowed, as in development."))
	}
	return table
}

func (a *API) nodeTable() []route {
	return []route{
		open("GET /version", "What runs here", reflect.TypeFor[observe.Build](), a.version),
		open("GET /api/v1/versions", "What runs in this installation", reflect.TypeFor[versionsResult](), a.versions).
			noting("This node first, then the services that the operator has listed, as far as they answer."),
		open("GET /client-config.json", "What the page has to know", reflect.TypeFor[ClientConfig](), a.clientConfig),
		open("GET /healthz", "Whether the process lives", nil, a.healthy).producing("text/plain"),
		open("GET /readyz", "Whether it takes new clients", nil, a.ready).producing("text/plain").
			noting("503 with the reason when it does not."),
	}
}

// text, number and offset describe what may be in a query.
func text(name, doc string) *huma.Param {
	return &huma.Param{Name: name, In: "query", Description: doc, Schema: &huma.Schema{Type: huma.TypeString}}
}

func number(name string, usual, most int) *huma.Param {
	least, greatest := 1.0, float64(most)
	return &huma.Param{Name: name, In: "query", Description: "What is out of range counts as the nearest that is not.", Schema: &huma.Schema{
		Type: huma.TypeInteger, Default: usual, Minimum: &least, Maximum: &greatest,
	}}
}

func offset() *huma.Param {
	least := 0.0
	return &huma.Param{Name: "offset", In: "query", Description: "How many to skip.", Schema: &huma.Schema{
		Type: huma.TypeInteger, Default: 0, Minimum: &least,
	}}
}
