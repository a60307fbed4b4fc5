// Package observe is how operators see a node: its log, its metrics, what it was built from.
package observe

// Keys of log attributes, the same everywhere so that a line can be found by them.
const (
	KeyNode      = "node"      // media.NodeID
	KeyRoom      = "room"      // media.RoomID
	KeySession   = "session"   // media.SessionID
	KeyUser      = "user"      // identity
	KeyTransport = "transport" // websocket or webtransport
	KeyRemote    = "remote"    // address of the peer
	KeyRequest   = "request"   // id of an HTTP request
	KeyTrace     = "trace"     // id of an OpenTelemetry trace, or ""
	KeyCode      = "code"      // fault.Code
	KeyErr       = "err"
	KeyCount     = "count" // how often something happened
	KeyTook      = "took"  // duration
)
