package media

import (
	"context"
	"time"

	"parley/api/fault"
	"parley/api/wire"
)

// Member is what the nodes of a cluster tell each other of an Active or Away session.
type Member struct {
	Session     SessionID `json:"session"`
	Node        NodeID    `json:"node"`
	Room        RoomID    `json:"room"`
	User        string    `json:"user"`
	DisplayName string    `json:"display_name"`
	Host        bool      `json:"host,omitempty"`
	Guest       bool      `json:"guest,omitempty"`
	Instance    string    `json:"instance,omitempty"`
	Transport   Transport `json:"transport"`
	Joined      time.Time `json:"joined"`

	// Replaces is the session that this one continues after a reconnection, or 0.
	Replaces SessionID `json:"replaces,omitempty"`

	// Issued is when the token was signed that the session came with, for the node of the
	// session alone; so is SignIn, the id of the sign-in that the token was made with.
	Issued time.Time `json:"-"`
	SignIn string    `json:"-"`

	// Silenced are the sources that a host asked to be switched off and that are not yet.
	Silenced wire.Sources `json:"silenced,omitempty"`
	// Asked is the time of the last [Act] by which a host asked for that, zero if there was none.
	Asked time.Time `json:"asked,omitzero"`
	// Sends are the sources that it sends, in a room with a cap on its bit rate.
	Sends wire.Sources `json:"sends,omitempty"`

	// Away says that the session is lost and waits, within the grace period, for its user
	// to come back.
	Away bool `json:"away,omitempty"`

	// Lost says, to Sink.Left, that the node of the session is gone as well.
	Lost bool `json:"-"`
}

// Participant returns what clients are told of m.
func (m *Member) Participant() wire.Participant {
	return wire.Participant{Session: uint64(m.Session), User: m.User, DisplayName: m.DisplayName, Guest: m.Guest}
}

// Continues reports whether peer can be the return of m: the same user, and the same client
// where both say which one they are.
func (m *Member) Continues(peer *Peer) bool {
	return m.User == peer.User && (m.Instance == "" || peer.Instance == "" || m.Instance == peer.Instance)
}

// Relay is the way to the other nodes. natsrelay implements it on JetStream, mediatest within one
// process; relaytest holds both to this contract.
type Relay interface {
	// Open takes part in room until the returned Link is closed. Before Open returns, sink
	// has been told of every member on other nodes, and every packet published to the room
	// from now on will reach it. Open blocks for at most the time ctx allows.
	//
	// Before Open returns, sink has also been told the last events of the log of the room,
	// marked as past, oldest first.
	Open(ctx context.Context, room RoomID, sink Sink) (Link, error)

	// Append adds e to the log of a room that need not be open here. It returns once e is
	// stored.
	Append(ctx context.Context, room RoomID, e Event) error
}

// Link is the part of one node in one room.
type Link interface {
	// Publish hands f to the other nodes. It never blocks: what cannot leave is dropped
	// and counted, oldest media first. Frames of one sender stay in order. The relay keeps
	// f.Wire and does not change it. From is not 0.
	Publish(f *Frame)

	// Append adds e to the log of the room and returns once it is stored and told to every
	// sink here. It is asked for wanted, which may be nil, when the sink was told of every
	// event before; if that says no, nothing is appended. Of two appends of one ID at most
	// one takes effect. When Append fails, e may be in the log nevertheless. It must not be
	// called from within a call of the sink.
	Append(ctx context.Context, e Event, wanted func() bool) error

	// Forget removes the events of the log of the room but the last. It returns once they are
	// gone.
	Forget(ctx context.Context) error

	// Flush returns when everything this node published to the room before the call is
	// stored and visible to the other nodes.
	Flush(ctx context.Context) error

	// Announce tells the other nodes of a local member, or of a change to it. It returns
	// once the entry is stored.
	Announce(ctx context.Context, m Member) error

	// Withdraw removes the entry of a session, wherever it is connected, and reports
	// whether this call removed it: of several nodes that try, exactly one is told true.
	Withdraw(ctx context.Context, m Member) (bool, error)

	// Close ends the part of this node. After it returns, the sink is not called any more.
	Close()
}

// Delivery is one packet from another node.
type Delivery struct {
	From    SessionID // sender by its subject; 0 for an event of another make
	Foreign bool      // published by something that is not a parley node
	Wire    []byte    // spare capacity is not promised; the sink may keep it
}

// Sink receives what a relay brings to a room. A relay calls the methods of one sink from
// one goroutine at a time; they do not block.
type Sink interface {
	// Deliver hands over a packet from another node, never one of this node's own, each
	// once. Packets older than the relay's limit are dropped before.
	Deliver(d Delivery)
	// Entered tells of a member on another node, new or changed.
	Entered(m Member)
	// Told hands over an event of the log, those of this node included, each once and in the
	// order of the log. Numbers are without a gap, unless what is missing was not kept.
	Told(e Event)
	// Left tells that a member on another node is gone, politely or with its node. Of a
	// local member it tells that another node withdrew it: its user came back there.
	Left(m Member)
}

// Act is what somebody decided about people in a room, as nodes tell each other. Each node
// applies it to those who are connected there.
type Act struct {
	Room RoomID `json:"room"`
	User string `json:"user,omitempty"` // "" is everybody

	// Remove ends their connections with this code, after Farewell. No media reaches them
	// from then on.
	Remove   fault.Code `json:"remove,omitempty"`
	Message  string     `json:"message,omitempty"`
	Farewell []byte     `json:"farewell,omitempty"` // a packet, or nil

	// Name is what they are called from now on, or "".
	Name string `json:"name,omitempty"`
	// Host says whether they are hosts from now on; nil leaves it.
	Host *bool `json:"host,omitempty"`

	// Silence are the sources they have to switch off, everybody but Except where User is "".
	Silence wire.Sources `json:"silence,omitempty"`
	// Asked is when that was decided, so that nodes can tell which of them knows it.
	Asked  time.Time `json:"asked,omitzero"`
	Except string    `json:"except,omitempty"`

	// Changed says that lists with the meeting of this room are stale. It is not for a hub.
	Changed bool `json:"changed,omitempty"`
}

// Reporter passes on what operators want to see. Its methods never block.
type Reporter interface {
	// Connected tells of a new session.
	Connected(s SessionStats)
	// Traffic repeats the cumulative counters of a live session, every few seconds.
	Traffic(s SessionStats)
	// Disconnected tells of the end of a session with its final counters.
	Disconnected(s SessionStats)
	// Health passes on the HealthPacket of a client, stamped with its identity. The
	// reporter keeps packet.
	Health(packet []byte)
}

// SessionStats is the state of one connection for a Reporter.
type SessionStats struct {
	Member
	Reconnection  bool
	BytesSent     uint64
	BytesReceived uint64
	Age           time.Duration
	Begun         time.Time  // when the client asked for the connection; may be zero
	Observer      bool       // it waits in front of the room
	End           fault.Code // why it ended, once it has
}
