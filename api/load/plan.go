package load

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"time"

	"parley/api/client"
	"parley/api/token"
	"parley/api/wire"
)

// Plan says what to run. Durations of 0 are none, rates of 0 mean that there is no such stream.
type Plan struct {
	// URLs are where to connect: ws and wss mean WebSocket, https means WebTransport.
	// Participants take them by turns, in every room.
	URLs []string
	// Door is how participants are let in; nil means by path.
	Door Door
	// Insecure accepts any certificate. Those of servers on this machine are accepted anyway.
	Insecure bool
	// Framing of WebTransport. With client.FramingAuto a run speaks as the server does.
	Framing client.Framing
	// Streams is how many streams each healthy participant lets the server have open at once over
	// WebTransport; 0 means so many that they never end.
	Streams int64

	Room       string // name; with several rooms, what their names begin with
	Rooms      int
	Publishers int // in each room
	Viewers    int // in each room

	AudioKbps     int     // while somebody speaks
	TalkShare     float64 // of the time that each publisher speaks, 0 to 1
	VideoKbps     int
	FPS           int
	Layers        int // of cameras, 1 to 3; each one has a quarter of the rate of the one above
	WatchLayer    int // the one that participants ask for, where there are several
	KeyframeEvery time.Duration
	Screens       int // how many publishers of each room share a screen
	ScreenKbps    int // while it changes

	// SteadyRate replaces media by packets of SteadySize bytes, so many a second from each
	// publisher.
	SteadyRate float64
	SteadySize int

	VideoFile string // WebM or IVF; the first publisher of each room sends it, over and over
	AudioFile string // Ogg or WebM with Opus, in place of what sounds in VideoFile

	Ramp     time.Duration // over which participants come
	WarmUp   time.Duration // between everybody being in, or failing to, and what is measured
	Duration time.Duration // measured
	Drain    time.Duration // how long packets may take at the end

	Slow       float64 // share of the receivers that read slowly, 0 to 1
	SlowKbps   int     // how fast those read
	Stalled    float64 // share that stops reading when measuring begins
	Lossy      float64 // share whose path loses packets, on Linux
	Loss       float64 // how many those lose of what is sent to them, 0 to 1
	StormEvery time.Duration
	StormShare float64 // of the participants that lose their connection in each storm

	// Visits is how many people come besides, a second, while the run measures: each joins a
	// room, is there for a moment, and leaves. How long that takes them is what they are for.
	Visits float64

	Heartbeat time.Duration // between heartbeats
	Probe     time.Duration // between RTT probes
	Seed      uint64        // equal seeds make equal media

	// Watch is looked at while the run lasts; nil watches nothing.
	Watch *Watch

	numbering time.Duration // 0 means unnumbered
}

// mostParticipants is a protection against a slip of the finger.
const mostParticipants = 100_000

// Check returns all mistakes of the plan, joined.
func (p *Plan) Check() error {
	var errs []error
	must := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	share := func(name string, v float64) {
		must(v >= 0 && v <= 1, "%s is a share between 0 and 1, not %v", name, v)
	}
	must(len(p.URLs) > 0, "no server: give a URL, or start one")
	for _, raw := range p.URLs {
		u, err := url.Parse(raw)
		must(err == nil && u.Host != "", "%q is no URL of a server", raw)
		must(err != nil || u.Scheme == "ws" || u.Scheme == "wss" || u.Scheme == "https",
			"%q: ws and wss are WebSocket, https is WebTransport; there is nothing else", raw)
	}
	must(p.Streams >= 0, "%d streams at once", p.Streams)
	must(slices.Contains([]client.Framing{client.FramingPacket, client.FramingStream, client.FramingAuto}, p.Framing), "framing %q is unknown", p.Framing)
	must(token.ValidRoom(p.Room) && len(p.Room) < token.MaxRoom-8, "%q cannot be a room", p.Room)
	must(p.Rooms >= 1, "there must be a room")
	must(p.Publishers >= 0 && p.Viewers >= 0 && p.Publishers+p.Viewers >= 1, "there must be participants")
	total := p.Rooms * (p.Publishers + p.Viewers)
	must(total <= mostParticipants, "%d participants are more than the %d that one run may have", total, mostParticipants)
	must(p.AudioKbps >= 0 && p.AudioKbps <= 510, "Opus has up to 510 kbit/s, not %d", p.AudioKbps)
	must(p.VideoKbps >= 0 && p.VideoKbps <= 100_000, "video of %d kbit/s", p.VideoKbps)
	must(p.ScreenKbps >= 0 && p.ScreenKbps <= 100_000, "a screen of %d kbit/s", p.ScreenKbps)
	must(p.FPS >= 1 && p.FPS <= 240, "%d pictures a second", p.FPS)
	must(p.Layers >= 1 && p.Layers <= mostLayers, "%d layers: cameras have 1 to %d", p.Layers, mostLayers)
	must(p.WatchLayer >= 0 && p.WatchLayer < max(p.Layers, 1), "nobody can watch layer %d of %d", p.WatchLayer, p.Layers)
	must(p.KeyframeEvery > 0, "keyframes must come again")
	must(p.Screens >= 0 && p.Screens <= p.Publishers, "%d of %d publishers cannot share a screen", p.Screens, p.Publishers)
	must(p.SteadyRate >= 0 && p.SteadyRate <= 1e6, "%v packets a second", p.SteadyRate)
	must(p.SteadyRate == 0 || p.SteadySize >= envelope && p.SteadySize <= maxFrame, "packets of %d bytes: from %d to %d", p.SteadySize, envelope, maxFrame)
	must(p.VideoFile == "" && p.AudioFile == "" || p.Publishers > 0, "a file needs a publisher")
	must(p.Duration > 0, "nothing to measure in no time")
	must(min(p.Ramp, p.WarmUp, p.Drain, p.StormEvery, p.Heartbeat, p.Probe) >= 0, "durations cannot be negative")
	must(p.Visits >= 0 && p.Visits <= 10_000, "%v visits a second", p.Visits)
	share("talk", p.TalkShare)
	share("slow", p.Slow)
	share("stalled", p.Stalled)
	share("lossy", p.Lossy)
	share("loss", p.Loss)
	share("storm share", p.StormShare)
	must(p.Slow+p.Stalled+p.Lossy <= 1, "more than all receivers are slow, stalled or lossy")
	must(p.Slow == 0 || p.SlowKbps > 0, "slow receivers must read at some rate")
	return errors.Join(errs...)
}

// certificates returns how to check those of servers.
func (p *Plan) certificates(base string) *tls.Config { return Certificates(base, p.Insecure) }

// Certificates returns how to check that of the server at a URL. Those of servers on this machine
// are accepted as they are; insecure accepts all.
func Certificates(base string, insecure bool) *tls.Config {
	u, err := url.Parse(base)
	here := err == nil && (u.Hostname() == "localhost" || net.ParseIP(u.Hostname()).IsLoopback())
	return &tls.Config{InsecureSkipVerify: insecure || here}
}

// mostLayers is what encoders of browsers make of one camera.
const mostLayers = 3

// envelope is what surrounds the media of a packet at most, in bytes.
const envelope = 200

// kindNames are the streams in reports.
var kindNames = map[wire.Stream]string{wire.Audio: "audio", wire.Video: "video", wire.Screen: "screen"}
