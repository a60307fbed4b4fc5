package flags

// Bounds of numbers that operators may set.
const (
	// MaxParticipantsLimit is far beyond what a meeting of this kind can hold.
	MaxParticipantsLimit = 100_000

	// MaxRoomBitrate is 100 Gbit/s, in kbit/s: what no node has.
	MaxRoomBitrate = 100_000_000

	// MaxPacketBudget is ten times what a node reads.
	MaxPacketBudget = 10_000_000
)

// The flags of Parley. A value that is set for a room holds for the meeting of that name.
var (
	// MeetingManagement lets the server own meetings: they are recorded, and a token is the
	// only way in.
	MeetingManagement = Bool("meeting_management", false,
		"The server records meetings and who attends them; a token is the only way in.", "meetings")

	// WaitingRoomDefault is whether a meeting whose creator does not say has a waiting room.
	WaitingRoomDefault = Bool("waiting_room_default", true,
		"New meetings have a waiting room unless their creator says otherwise.", "meetings")

	// Guests lets people without an account ask to come into meetings that allow them.
	Guests = Bool("guests", false,
		"People without an account may join meetings whose host allows guests.", "meetings")

	// EndOnHostLeave ends a meeting when its host leaves, unless its creator says otherwise.
	EndOnHostLeave = Bool("end_on_host_leave", false,
		"Meetings end for everybody when their host leaves, unless their creator says otherwise.", "meetings")

	// StartWithoutHost lets people start meetings of others.
	StartWithoutHost = Bool("start_without_host", false,
		"People with an account may start a meeting whose host is away, when it has no waiting room and does not end with its host.", "meetings")

	// PasswordRequired refuses new meetings without a password.
	PasswordRequired = Bool("password_required", false,
		"New meetings must have a password. Those that exist stay as they are.", "meetings")

	// MaxParticipants bounds who may be inside a meeting at once; 0 is any number.
	MaxParticipants = IntIn("max_participants", 0, 0, MaxParticipantsLimit,
		"How many people may be inside a meeting at once, where meetings are managed; 0 is any number. Whoever is in stays.", "meetings")

	// PathEndpoints opens /lobby/{user}/{room}, which asks for no token. See [PathsOpen].
	PathEndpoints = String("path_endpoints", "auto",
		"Whether /lobby/{user}/{room} lets people in without a token: on, off, or auto, which is on while meeting_management is off.",
		"transports", "auto", "on", "off")

	// Transports says how clients may connect. Whoever is connected stays.
	Transports = String("transports", "all",
		"How clients may connect: all, websocket or webtransport.",
		"transports", "all", "websocket", "webtransport")

	// RoomBitrateCap bounds the media that all members of a room send together, in kbit/s; 0
	// is none.
	RoomBitrateCap = IntIn("room_bitrate_cap", 0, 0, MaxRoomBitrate,
		"How many kbit/s of media all members of a room may send together; 0 is any number.", "transports")

	// SessionPacketBudget and SessionKbitBudget bound what one connection may send. What is beyond
	// is dropped, and its sender told.
	SessionPacketBudget = IntIn("session_packet_budget", 1_000, 100, MaxPacketBudget,
		"How many packets one connection may send per second, for two seconds twice as many; more is dropped.", "transports")
	SessionKbitBudget = IntIn("session_kbit_budget", 64_000, 100, MaxRoomBitrate,
		"How many kbit/s one connection may send, for two seconds twice as many; more is dropped.", "transports")

	// BusyPacketBudget and BusyKbitBudget do the same while a node has more to do than it can, and for
	// a minute after with those who want more; also with those who sent twice their budget.
	BusyPacketBudget = IntIn("busy_packet_budget", 500, 100, MaxPacketBudget,
		"How many packets one connection may send per second while its node has more to do than it can, or after it sent twice its budget; at most session_packet_budget.", "transports")
	BusyKbitBudget = IntIn("busy_kbit_budget", 20_000, 100, MaxRoomBitrate,
		"How many kbit/s one connection may send while its node has more to do than it can, or after it sent twice its budget; at most session_kbit_budget.", "transports")

	// RoomPacketBudget and RoomKbitBudget bound the media that all members of a room send to one
	// node. They protect nodes; to divide a bit rate between members is what RoomBitrateCap does.
	RoomPacketBudget = IntIn("room_packet_budget", 20_000, 1000, MaxPacketBudget,
		"How many packets of media the members of a room may send to one node per second; more is dropped, pictures before sound.", "transports")
	RoomKbitBudget = IntIn("room_kbit_budget", 500_000, 1000, MaxRoomBitrate,
		"How many kbit/s of media the members of a room may send to one node; more is dropped, pictures before sound.", "transports")

	// RelayAlways publishes media that no other node needs.
	RelayAlways = Bool("relay_always", false,
		"Publish media to NATS also while no other node takes part in the room, for programs that listen there.", "transports")

	// Crowd is from how many members on those who are silent cost less.
	Crowd = IntIn("crowd", 100, 2, MaxParticipantsLimit,
		"From how many members of a room on heartbeats that say nothing new are passed on only as often as clients need them.", "transports")

	// E2EERequired lets only clients into a call that encrypt end to end.
	E2EERequired = Bool("e2ee_required", false,
		"Media must be encrypted from end to end.", "media")

	// Chat is whether people may write in a meeting.
	Chat = Bool("chat", true, "Text chat in meetings.", "meetings")

	// Reactions is whether people may send reactions.
	Reactions = Bool("reactions", true, "Reactions in meetings.", "meetings")

	// ScreenShare is whether people may share their screen.
	ScreenShare = Bool("screen_share", true, "Screen sharing in meetings.", "media")

	// TartRoutes opens routes that clients of TART know, below /api.
	TartRoutes = String("tart_routes", "auto",
		"Whether the routes of TART answer below /api: on, for admins, off, or auto, which is off but on for everybody in dev.",
		"telemetry", "auto", "on", "off")

	// Recording is whether meetings may be recorded.
	Recording = Bool("recording", false, "Recording of meetings. No version records yet, so this changes nothing.", "media")
)

// PathsOpen reports whether /lobby/{user}/{room} lets people into room without a token.
func PathsOpen(r *Registry, room string) bool {
	switch PathEndpoints.For(r, room) {
	case "on":
		return true
	case "off":
		return false
	default:
		return !MeetingManagement.For(r, room)
	}
}
