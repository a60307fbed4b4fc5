package media

import (
	"context"
	"time"

	"parley/api/fault"
)

// Transport names how a session is connected.
type Transport string

// The transports, as they appear in metrics, events and the database.
const (
	WebSocket    Transport = "websocket"
	WebTransport Transport = "webtransport"
)

// Packet is what a Conn read.
type Packet struct {
	// Data belongs to the receiver. Its spare capacity is at least wire.StampRoom, so that
	// stamping does not allocate.
	Data []byte
	// Datagram says that it came as a datagram; an answer takes the same way.
	Datagram bool
	// Stream is the number of the stream that had this packet alone: what was sent later has a higher
	// one, whatever arrives first. 0 says that packets arrive in the order in which they were sent.
	Stream uint64
}

// Conn is what a session needs from a transport; ws, wt and mediatest implement it.
// Read and Write are called by one goroutine each; Close from any, more than once.
type Conn interface {
	// Read blocks until the next packet of at most wire.MaxPacket bytes arrives. It returns
	// io.EOF when the peer left politely, an error with code Idle when the path is dead and
	// any other error when the connection is broken. Signs of life that are not packets
	// (pings) stay inside the transport. A session reads as long as it lasts: only so a transport
	// takes what arrives, and may learn that the peer is gone.
	Read(ctx context.Context) (Packet, error)

	// Write sends frames in order and blocks until the transport took them all, at most for
	// the transport's write deadline. It does not keep or change the slice or the frames.
	Write(ctx context.Context, frames []*Frame) error

	// Close ends the connection with the close code of code and unblocks Read and Write.
	// It does not block for longer than a second.
	Close(code fault.Code) error

	Transport() Transport
}

// EagerConn is a Conn that takes what it can without waiting: one goroutine then serves many.
type EagerConn interface {
	Conn

	// Offer is Write that does not block. It returns the frames that it did not begin with, which
	// are the last ones, and whether it can be called again. When it cannot, Write has to be called
	// first, with these frames or none: it brings what was begun to its end. Offer is not called at
	// the same time as Write.
	Offer(frames []*Frame) (left []*Frame, ok bool)
}

// GaugedConn is a Conn that notices when its client takes less than it is sent.
type GaugedConn interface {
	Conn

	// Rate is how much that is, in bytes a second; 0 is enough for everything, or not known. Any
	// goroutine may call it, often; it does not block.
	Rate() int
}

// RationedConn is an EagerConn that may send only so many frames as its client allows, however small
// they are, so that frames may have to wait for one another. What it leaves, it has not begun with: it
// goes back to the queue, and Write is called with one frame at a time, as is WritePictures.
type RationedConn interface {
	EagerConn

	// Rationed reports whether the last frame waits for leave of the client, or has waited for it. Any
	// goroutine may call it; it does not block.
	Rationed() bool

	// RoundTrip is the least that leave takes to come.
	RoundTrip() time.Duration
}

// PictureConn is a Conn on which pictures do not hold up what else is sent: the session calls
// Write with control, audio and data alone, and another goroutine calls WritePictures.
type PictureConn interface {
	Conn

	// WritePictures is Write for screen and video frames.
	WritePictures(ctx context.Context, frames []*Frame) error

	// Skip says that what was written of stream is worth nothing any more: its next frame is
	// a keyframe, or never comes. Where pictures share a stream, what was not sent yet is taken back,
	// and a WritePictures that blocks on it goes on. Any goroutine may call it; it does not block.
	Skip(stream StreamID)
}

// EagerPictureConn is a PictureConn that takes pictures without waiting, too.
type EagerPictureConn interface {
	PictureConn
	EagerConn

	// OfferPictures is to WritePictures what Offer is to Write.
	OfferPictures(frames []*Frame) (left []*Frame, ok bool)
}

// PatientConn is an EagerPictureConn on which a picture goes when nothing else waits, which may take long.
type PatientConn interface {
	EagerPictureConn

	// AwaitPicture blocks until a picture may go, or the connection is over. Who calls WritePictures calls it
	// before it decides which one: those that wait meanwhile can be overtaken, and become too old.
	AwaitPicture() error
}

// Peer is who a connection belongs to, as the verified token or the path says.
type Peer struct {
	Room        RoomID
	User        string // identity, at most wire.MaxUser bytes
	DisplayName string
	Host        bool
	Guest       bool
	Observer    bool
	Instance    string // identifies a client across its reconnections, or ""

	// After is the last event of the room that a client knows which comes back, or zero.
	After Position

	// Issued is when the token was signed that the peer came with; zero without one.
	Issued time.Time
	// Begun is when the connection was asked for; zero when nobody knows.
	Begun time.Time
	// SignIn is the id of the sign-in that the token was made with, or "".
	SignIn string
}
