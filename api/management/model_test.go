package management_test

import (
	"parley/api/management"
)

// model is what a room ought to be: the rules once more, without a database, times or locks.
type model struct {
	free    bool // others than the owner may start it
	meeting *modelMeeting
	open    map[string]int  // sessions of each user that have not left
	here    map[string]bool // users that the record of connections has in the room
}

type modelMeeting struct {
	state   management.State
	owner   string
	endedBy string
	late    bool // ended too long ago to come back
	options management.Options
	people  map[string]*modelPerson
}

type modelPerson struct {
	status             management.Status
	host, banned, away bool
}

const ok management.Code = ""

func (m *model) present() (n int) {
	for _, p := range m.meeting.people {
		if p.status == management.Admitted && !p.away {
			n++
		}
	}
	return n
}

func (m *model) otherHosts(user string) bool {
	for who, p := range m.meeting.people {
		if who != user && p.host && p.status == management.Admitted && !p.away {
			return true
		}
	}
	return false
}

func (m *model) inside(user string) bool {
	p := m.meeting.people[user]
	return p != nil && p.status == management.Admitted
}

// runs reports whether user finds the meeting running.
func (m *model) runs(user string) bool {
	g := m.meeting
	if g.state == management.Ended && g.endedBy == "" && !g.late && m.inside(user) {
		return g.people[user].host || !g.options.EndOnHostLeave
	}
	return g.state == management.Active
}

// mayStart reports whether somebody other than the owner may start the meeting.
func (m *model) mayStart(by management.Caller, p *modelPerson) bool {
	g := m.meeting
	waits := p != nil && (p.status == management.Rejected || p.status == management.Kicked || p.status == management.Waiting)
	return m.free && !by.Guest && !g.options.WaitingRoom && !waits &&
		(g.state == management.Idle || g.state == management.Ended && !g.options.EndOnHostLeave)
}

func (m *model) closeAll(except string) {
	for who, p := range m.meeting.people {
		if who != except && (p.status == management.Admitted || p.status == management.Waiting) {
			p.status, p.away = management.Left, true
		}
	}
}

func (m *model) create(by management.Caller) management.Code {
	switch {
	case by.Guest:
		return management.GuestsNotAllowed
	case m.meeting != nil:
		return management.MeetingExists
	}
	m.meeting = &modelMeeting{
		state: management.Idle, owner: by.User, people: map[string]*modelPerson{},
		options: management.Options{WaitingRoom: true},
	}
	return ok
}

func (m *model) join(by management.Caller) (management.Status, management.Code) {
	if by.Guest && (m.meeting == nil || !m.meeting.options.AllowGuests) {
		return "", management.GuestsNotAllowed
	}
	if m.meeting == nil {
		m.create(by)
	}
	g, p := m.meeting, m.meeting.people[by.User]
	if g.owner == by.User && !by.Guest {
		if g.state == management.Ended && g.late {
			m.closeAll(by.User)
		}
		g.state, g.endedBy, g.late = management.Active, "", false
		g.people[by.User] = &modelPerson{status: management.Admitted, host: true}
		return management.Admitted, ok
	}
	inside := m.inside(by.User)
	switch {
	case p != nil && p.banned:
		return "", management.Banned
	case g.options.AttendeesOnly && !inside:
		return "", management.NotInvited
	case g.options.Locked && !inside:
		return "", management.MeetingLocked
	case m.runs(by.User):
	case !m.mayStart(by, p):
		return management.WaitingForMeeting, ok
	case g.state == management.Ended && g.late:
		m.closeAll(by.User)
	}
	g.endedBy = ""
	g.state, g.late = management.Active, false
	if p == nil {
		p = &modelPerson{}
		g.people[by.User] = p
	}
	p.away = false
	switch {
	case inside:
	case g.options.WaitingRoom, p.status == management.Rejected, p.status == management.Kicked, p.status == management.Waiting:
		p.status, p.host = management.Waiting, false
	default:
		p.status, p.host = management.Admitted, false
	}
	return p.status, ok
}

func (m *model) over(by string) {
	m.closeAll("")
	m.meeting.state, m.meeting.endedBy = management.Ended, by
}

func (m *model) leave(by management.Caller) management.Code {
	if m.meeting == nil {
		return management.MeetingNotFound
	}
	g, p := m.meeting, m.meeting.people[by.User]
	if p == nil {
		return management.NotInMeeting
	}
	was := p.status
	if was != management.Admitted && was != management.Waiting {
		return ok
	}
	p.status, p.away = management.Left, true
	if was == management.Admitted && g.state == management.Active &&
		(m.present() == 0 || p.host && g.options.EndOnHostLeave && !m.otherHosts(by.User)) {
		m.over(by.User)
	}
	return ok
}

func (m *model) decide(by management.Caller, user string, s management.Status) management.Code {
	if m.meeting == nil {
		return management.MeetingNotFound
	}
	g := m.meeting
	if !by.Admin && !(m.inside(by.User) && (g.people[by.User].host || g.options.AdmittedCanAdmit)) {
		return management.NotHost
	}
	p := g.people[user]
	if p == nil || p.status != management.Waiting {
		return management.ParticipantNotFound
	}
	p.status, p.away = s, false
	return ok
}

// asHost is what holds for all powers of hosts over a participant.
func (m *model) asHost(by management.Caller, user string) (*modelPerson, management.Code) {
	if m.meeting == nil || m.meeting.state == management.Ended {
		return nil, management.MeetingNotFound
	}
	if !by.Admin && !(m.inside(by.User) && m.meeting.people[by.User].host) {
		return nil, management.NotHost
	}
	p := m.meeting.people[user]
	if p == nil {
		return nil, management.ParticipantNotFound
	}
	return p, ok
}

func (m *model) kick(by management.Caller, user string, ban bool) management.Code {
	if by.User == user {
		return management.BadRequest
	}
	p, code := m.asHost(by, user)
	switch {
	case code != ok:
		return code
	case user == m.meeting.owner && !by.Admin:
		return management.BadRequest
	}
	p.status, p.host, p.away, p.banned = management.Kicked, false, true, p.banned || ban
	return ok
}

func (m *model) unban(by management.Caller, user string) management.Code {
	p, code := m.asHost(by, user)
	if code == ok {
		p.banned = false
	}
	return code
}

func (m *model) grant(by management.Caller, user string, guest, handOver bool) management.Code {
	if by.User == user {
		return management.BadRequest
	}
	p, code := m.asHost(by, user)
	switch {
	case code != ok:
		return code
	case guest, p.status != management.Admitted:
		return management.BadRequest
	}
	p.host = true
	if me := m.meeting.people[by.User]; handOver && me != nil {
		me.host = false
	}
	return ok
}

func (m *model) revoke(by management.Caller, user string) management.Code {
	p, code := m.asHost(by, user)
	switch {
	case code != ok:
		return code
	case !p.host || p.status != management.Admitted:
		return ok
	case user == m.meeting.owner && user != by.User, !m.otherHosts(user):
		return management.BadRequest
	}
	p.host = false
	return ok
}

func (m *model) mayChange(by management.Caller) management.Code {
	switch {
	case m.meeting == nil:
		return management.MeetingNotFound
	case by.Admin, by.User == m.meeting.owner, m.inside(by.User) && m.meeting.people[by.User].host:
		return ok
	}
	return management.NotOwner
}

func (m *model) change(by management.Caller, to management.Options) management.Code {
	if code := m.mayChange(by); code != ok {
		return code
	}
	if m.meeting.options.WaitingRoom && !to.WaitingRoom {
		for _, p := range m.meeting.people {
			if p.status == management.Waiting {
				p.status, p.away = management.Admitted, false
			}
		}
	}
	m.meeting.options = to
	return ok
}

func (m *model) end(by management.Caller) management.Code {
	if code := m.mayChange(by); code != ok {
		return code
	}
	if m.meeting.state != management.Ended || m.meeting.endedBy == "" {
		m.over(by.User)
	}
	return ok
}

func (m *model) remove(by management.Caller) management.Code {
	switch {
	case m.meeting == nil:
		return management.MeetingNotFound
	case !by.Admin && by.User != m.meeting.owner:
		return management.NotOwner
	}
	m.meeting = nil
	return ok
}

// enters is a new session, of somebody inside or of one who slipped through.
func (m *model) enters(user string) {
	m.open[user]++
	m.here[user] = true
	g := m.meeting
	if m.inside(user) {
		g.people[user].away = false
	}
	if len(m.here) > 1 || g.endedBy != "" {
		return
	}
	if g.state == management.Ended && len(g.people) == 0 { // nobody was ever admitted
		g.owner = user
	}
	g.state, g.late = management.Active, false
}

// exits is the end of a session, of a meeting that may be gone; operator is what the
// installation says of a host's departure, before that the session is older than the meeting.
func (m *model) exits(user string, operator, before bool) {
	if m.open[user]--; m.open[user] > 0 || !m.here[user] {
		return
	}
	delete(m.here, user)
	g := m.meeting
	if g == nil {
		return
	}
	p := g.people[user]
	if p != nil && p.status == management.Admitted {
		p.away = true
	}
	hostGone := operator && g.owner == user
	if len(g.people) > 0 {
		hostGone = g.options.EndOnHostLeave && m.inside(user) && p.host && !m.otherHosts(user)
	}
	if len(m.here) > 0 && !(hostGone && g.state == management.Active) {
		return
	}
	clear(m.here)
	for _, p := range g.people {
		if p.status == management.Admitted {
			p.away = true
		}
	}
	if g.state == management.Active || g.state == management.Idle && !before {
		g.state, g.late = management.Ended, false
	}
}
