package flood

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"time"

	"parley/api/client"
	"parley/api/load"
	"parley/api/token"
	"parley/api/wire"
)

// Kind is one way to bother a server.
type Kind string

// The kinds.
const (
	Frames     Kind = "frames"     // sessions that send packets as large as packets may be, as fast as they are taken
	Packets    Kind = "packets"    // sessions that send tiny packets at a high rate
	Uploads    Kind = "uploads"    // requests, packets and streams that come byte by byte
	Handshakes Kind = "handshakes" // connections of which the first words never end
	Connects   Kind = "connects"   // QUIC connections that come about and never get to ask for anything
	Telemetry  Kind = "telemetry"  // connections to the address for JIP-3 nodes that are none, or stuck ones
)

// Kinds are all of them.
var Kinds = []Kind{Frames, Packets, Uploads, Handshakes, Connects, Telemetry}

// Plan says what to do to whom.
type Plan struct {
	// URLs are where to connect, as in a [load.Plan].
	URLs []string
	// Door is how those who flood get a session; nil means by path.
	Door load.Door
	// Insecure accepts any certificate.
	Insecure bool
	// Telemetry is host and port for JIP-3 nodes; without it there is no flood of those.
	Telemetry string

	Kinds      []Kind
	Room       string // that sessions are in
	Sessions   int    // that send frames, and as many that send packets
	FrameBytes int    // of a large packet
	Rate       int    // tiny packets a second, of all sessions together
	Uploads    int    // at once
	Handshakes int    // at once
	Connects   int    // at once
	Ports      int    // of UDP that connections of QUIC come from: 1 is one socket for all
	From       string // IP address of this machine that those come from; "" leaves it to the system
	Nodes      int    // at once
	Begin      int    // of those that the server has ended, how many begin again a second
	Duration   time.Duration

	// Begun is called once, from any goroutine, when as many attempts of each way as there are to
	// be at once have got as far as they should or came to nothing; nil asks for nothing. It must
	// not block.
	Begun func()
}

// What one run may do at most: protections against a slip of the finger.
const (
	mostSessions = 1_000
	mostAtOnce   = 100_000
	mostPorts    = 10_000
	mostRate     = 10_000_000
	mostDuration = time.Hour
)

// leastFrame is what a frame needs for its envelope, in bytes.
const leastFrame = 200

// Check returns all mistakes of the plan, joined.
func (p *Plan) Check() error {
	var errs []error
	must := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	must(len(p.URLs) > 0, "no server: give a URL, or start one")
	for _, raw := range p.URLs {
		u, err := url.Parse(raw)
		must(err == nil && u.Host != "" && slices.Contains([]string{"ws", "wss", "https"}, u.Scheme),
			"%q: ws and wss are WebSocket, https is WebTransport; there is nothing else", raw)
	}
	must(len(p.Kinds) > 0, "no kind of flood")
	for _, k := range p.Kinds {
		must(slices.Contains(Kinds, k), "no flood is called %q: %v", k, Kinds)
	}
	must(token.ValidRoom(p.Room), "%q cannot be a room", p.Room)
	must(p.Sessions >= 1 && p.Sessions <= mostSessions, "%d sessions: 1 to %d", p.Sessions, mostSessions)
	must(p.FrameBytes >= leastFrame && p.FrameBytes <= 2*wire.MaxPacket, "frames of %d bytes: %d to %d", p.FrameBytes, leastFrame, 2*wire.MaxPacket)
	must(p.Rate >= 1 && p.Rate <= mostRate, "%d packets a second: 1 to %d", p.Rate, mostRate)
	must(p.Uploads >= 1 && p.Uploads <= mostAtOnce, "%d uploads: 1 to %d", p.Uploads, mostAtOnce)
	must(p.Handshakes >= 1 && p.Handshakes <= mostAtOnce, "%d handshakes: 1 to %d", p.Handshakes, mostAtOnce)
	must(p.Connects >= 1 && p.Connects <= mostAtOnce, "%d connections that ask for nothing: 1 to %d", p.Connects, mostAtOnce)
	must(p.Ports >= 1 && p.Ports <= mostPorts, "%d ports: 1 to %d", p.Ports, mostPorts)
	if p.From != "" {
		_, err := netip.ParseAddr(p.From)
		must(err == nil, "%q is no IP address to come from", p.From)
	}
	must(p.Nodes >= 1 && p.Nodes <= mostAtOnce, "%d nodes: 1 to %d", p.Nodes, mostAtOnce)
	if p.Telemetry != "" {
		_, _, err := net.SplitHostPort(p.Telemetry)
		must(err == nil, "%q is no host and port for telemetry", p.Telemetry)
	}
	must(p.Begin >= 1 && p.Begin <= mostAtOnce, "%d that begin a second: 1 to %d", p.Begin, mostAtOnce)
	must(p.Duration > 0 && p.Duration <= mostDuration, "a flood of %v: up to %v", p.Duration, mostDuration)
	return errors.Join(errs...)
}

// has reports whether a kind is wanted.
func (p *Plan) has(k Kind) bool { return slices.Contains(p.Kinds, k) }

// options are how sessions connect that do not care what they are sent.
func (p *Plan) options(base string) client.Options {
	return client.Options{TLS: load.Certificates(base, p.Insecure), Framing: client.FramingAuto, On: func(client.Packet) {}}
}
