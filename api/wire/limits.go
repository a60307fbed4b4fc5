package wire

// Limits of the shared contract.
const (
	// MaxPacket is the largest packet accepted from a peer, in bytes: room for a 4K keyframe.
	// Existing clients refuse more as well.
	MaxPacket = 4_000_000

	// MaxDatagram is the largest packet sent as a datagram, in bytes: what fits into one
	// QUIC packet on every path of the internet with room for headers.
	MaxDatagram = 1200

	// MaxUser is the longest identity, in bytes; the database column holds as many.
	MaxUser = 255

	// MaxLayer is the highest simulcast layer; encoders make three.
	MaxLayer = 7

	// MaxChoices is how many others one receiver can choose between in one VIEWPORT or
	// LAYER_PREFERENCE: several screens full of tiles.
	MaxChoices = 256

	// MaxHealth is the largest health report accepted, in bytes: room for what a client says
	// of a few hundred others.
	MaxHealth = 64 << 10

	// StampRoom is the spare capacity a receive buffer needs so that Stamp does not allocate:
	// tag and length of user_id, the identity, tag and value of session_id.
	StampRoom = 1 + 2 + MaxUser + 1 + 10
)

// SystemUser is the reserved identity that marks packets made by the server. A client that
// claims it is refused.
const SystemUser = "system-&^%$#@!"

// Ping is the datagram by which WebTransport clients show that they live. It is not a packet.
const Ping = "ping"
