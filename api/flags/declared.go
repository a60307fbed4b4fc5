package flags

// The flags of Parley.
var (
	// MeetingManagement lets the server own meetings: they are recorded, and a token is the
	// only way in.
	MeetingManagement = Bool("meeting_management", false,
		"The server records meetings and who attends them; a token is the only way in.", "meetings")

	// EndOnHostLeave ends a meeting when its host leaves.
	EndOnHostLeave = Bool("end_on_host_leave", false,
		"A meeting ends for everybody when its host leaves.", "meetings")

	// PathEndpoints opens /lobby/{user}/{room}, which asks for no token. See [PathsOpen].
	PathEndpoints = String("path_endpoints", "auto",
		"Whether /lobby/{user}/{room} lets people in without a token: on, off, or auto, which is on while meeting_management is off.",
		"transports", "auto", "on", "off")

	// Transports says how clients may connect. Whoever is connected stays.
	Transports = String("transports", "all",
		"How clients may connect: all, websocket or webtransport.",
		"transports", "all", "websocket", "webtransport")
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
