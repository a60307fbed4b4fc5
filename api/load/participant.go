package load

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/quic-go/quic-go"
	"golang.org/x/sys/unix"

	"parley/api/client"
	"parley/api/lossy"
	"parley/api/wire"
	callv1 "parley/protobuf/call/v1"
)

// Waits of a connection, and its buffers where it is slow.
const (
	joinPatience = 20 * time.Second // to connect and be given a number

	// unnumbered is how long to wait for the number of the session: servers that speak the
	// older contract assign none.
	unnumbered = 3 * time.Second

	// settle is how long a publisher is silent before its connection is cut, so that nothing
	// is on its way that nobody could account for.
	settle = 500 * time.Millisecond

	// smallBuffer is what a receiver that is slow or stalled lets the network hold for it, in
	// bytes; else that would hide for seconds what it is.
	smallBuffer = 64 << 10

	// smallLead is how many packets with a stream of their own such a receiver reads ahead: those that last
	// may be silent, and must not keep others from being read.
	smallLead = 4
)

// participant is one connection in one room, and the ones after it when that is lost.
type participant struct {
	*room
	name  string
	index uint32 // among the members
	base  string // URL without path
	pace  pace
	pacer *pacer   // nil for viewers
	wants struct { // keyframes
		video  [mostLayers]atomic.Bool
		screen atomic.Bool
	}
	wanted  atomic.Uint32 // the highest layer that anybody wants
	cut     chan struct{} // asks for a cut; capacity 1
	learned chan struct{} // there is something new in known; capacity 1
	away    atomic.Bool   // a storm cut it off, or is about to, and it is not back
	gone    time.Duration // when it was last in, on the clock of the run; for its own goroutine
	pass    Pass

	tally *tally
	beats beatNumbers
	since atomic.Int64 // when it came in, on the clock of the run; 0 while it is not

	pacing sync.Mutex // held while the pacer sends

	mu       sync.Mutex              // guards what follows
	accounts []account               // by stream of the room
	known    map[*participant]uint64 // sessions of those whose cameras have layers
	unwanted uint64                  // packets of layers that p did not ask for
	settled  bool                    // the accounts are closed for good
	heard    []beat                  // by number of the member

	heartbeats Heartbeats

	reading sync.Mutex    // held while a slow receiver takes its time
	read    time.Duration // when it has read what came, on the clock of the run
}

// attend joins, stays, and comes back whenever the connection is lost, until ctx ends.
func (p *participant) attend(ctx context.Context) {
	failed := 0
	for again := false; ; again = true {
		joined := p.stay(ctx, again)
		if ctx.Err() != nil {
			return
		}
		if joined {
			failed = 0
			continue
		}
		failed++
		sleep(ctx, pause(failed))
	}
}

// pause is how long to wait after so many attempts that failed one after another: as browsers do,
// and so that those who failed together do not come again together.
func pause(failed int) time.Duration {
	const first = 500 * time.Millisecond
	most := 30 * time.Second
	switch {
	case failed <= 5:
		most = 2 * time.Second
	case failed <= 15:
		most = 10 * time.Second
	}
	d := min(first<<min(failed-1, 10), most)
	return d + rand.N(d/2)
}

// sleep returns when d has passed or ctx ended.
func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// stay is one connection from dialing to its end. It reports whether p was in.
func (p *participant) stay(ctx context.Context, again bool) (joined bool) {
	here, leave := context.WithCancel(ctx) // ends what a receiver waits for
	defer leave()
	p.forget()
	c, took, err := p.join(here)
	if err != nil {
		if ctx.Err() == nil {
			p.run.failed(err)
		}
		return false
	}
	p.away.Store(false)
	p.run.joined(again, took)
	if p.gone > 0 {
		p.run.absent.add(p.run.clock.now() - p.gone)
	}
	defer p.run.present.Add(-1)
	p.enter()

	sending, quiet := context.WithCancel(here)
	var busy sync.WaitGroup
	busy.Go(func() { p.beat(sending, c) })
	if p.pacer != nil {
		p.wantKeys() // nobody can show what this connection sends before one
		busy.Go(func() {
			p.pacing.Lock()
			defer p.pacing.Unlock()
			_ = p.pacer.keep(sending, p.sender(c)) // fails when the connection ends
		})
	}
	select {
	case <-ctx.Done():
		quiet()
		busy.Wait()
		leave()
		_ = c.Close()
		return true
	case <-p.cut:
		p.away.Store(true)
		if p.pacer != nil {
			quiet()
			busy.Wait()
			sleep(ctx, settle)
		}
	case <-c.Done():
		p.run.lost(c)
	}
	quiet()
	leave()
	p.gone = p.run.clock.now()
	c.Cut()
	busy.Wait()
	p.exit(true)
	return true
}

// wantKeys makes every picture of p begin anew.
func (p *participant) wantKeys() {
	for i := range p.wants.video {
		p.wants.video[i].Store(true)
	}
	p.wants.screen.Store(true)
}

// sender returns how to send over c. A send is not given up because the publisher is to be
// quiet: that would break the connection in the middle of a packet.
func (p *participant) sender(c *client.Client) func(context.Context, []byte) error {
	return func(_ context.Context, packet []byte) error { return c.Send(p.run.sending, packet) }
}

// join connects p, once the first of its room is in. How long it took does not count that wait.
func (p *participant) join(ctx context.Context) (c *client.Client, took time.Duration, err error) {
	dialing, cancel := context.WithTimeout(ctx, joinPatience)
	defer cancel()
	if p == p.members[0] {
		c, took, err = p.dial(ctx, dialing)
		p.opens(err)
		return c, took, err
	}
	if err := p.open(dialing); err != nil {
		return nil, 0, err
	}
	return p.dial(ctx, dialing)
}

// dial gets p in by the time that dialing ends; what it receives until ctx ends is counted.
func (p *participant) dial(ctx, dialing context.Context) (c *client.Client, took time.Duration, err error) {
	began := p.run.clock.now()
	if p.pass.Path == "" {
		pass, err := p.run.plan.Door.Open(dialing, p.room.name, p.name, p == p.members[0])
		if err != nil {
			return nil, 0, err
		}
		p.pass = pass
		if p.pacer != nil {
			for _, t := range p.pacer.tracks {
				t.packer.user = pass.User
			}
		}
	}
	c, err = client.Dial(dialing, p.base+p.path(), p.options(ctx))
	if err != nil {
		if e, ok := errors.AsType[*client.RefusedError](err); ok && e.Status < 500 {
			p.pass = Pass{} // tokens expire
		}
		return nil, 0, err
	}
	took = p.run.clock.now() - began
	numbering, cancel := context.WithTimeout(dialing, cmp.Or(p.run.plan.numbering, unnumbered))
	defer cancel()
	switch _, err := c.Session(numbering); {
	case err == nil:
		took = p.run.clock.now() - began
	case numbering.Err() == nil:
		c.Cut()
		return nil, 0, err
	default: // it is in all the same
		p.run.unnumbered.Add(1)
	}
	if c.Framing() == client.FramingStream {
		p.run.framed.Store(true)
	}
	if err := c.Send(dialing, client.Connection(p.pass.User, p.room.name)); err != nil {
		c.Cut()
		return nil, 0, err
	}
	return c, took, nil
}

// path is where p connects to. Where cameras have layers it says which client it is, as those
// do that know them.
func (p *participant) path() string {
	if p.run.plan.Layers <= 1 {
		return p.pass.Path
	}
	mark := "?"
	if strings.Contains(p.pass.Path, "?") {
		mark = "&"
	}
	return p.pass.Path + mark + "instance_id=" + p.name
}

func (p *participant) options(ctx context.Context) client.Options {
	opt := client.Options{
		TLS:     p.run.plan.certificates(p.base),
		Framing: p.run.plan.Framing,
		On:      func(packet client.Packet) { p.receive(ctx, packet) },
	}
	switch p.pace {
	case healthy:
		if n := p.run.plan.Streams; n > 0 {
			opt.QUIC = quicConfig(n)
		}
		return opt
	case leaky:
		path := lossy.Path{Loss: p.run.plan.Loss}
		opt.DialTCP, opt.DialQUIC = path.DialTCP, path.DialQUIC
		return opt
	}
	// Later the server would have been told of more room already.
	opt.DialTCP = (&net.Dialer{Control: func(_, _ string, conn syscall.RawConn) error {
		return conn.Control(func(fd uintptr) {
			_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, smallBuffer/2) // which Linux doubles
		})
	}}).DialContext
	opt.AtOnce = smallLead
	opt.QUIC = quicConfig(256)
	opt.QUIC.InitialStreamReceiveWindow, opt.QUIC.MaxStreamReceiveWindow = smallBuffer, smallBuffer
	opt.QUIC.InitialConnectionReceiveWindow, opt.QUIC.MaxConnectionReceiveWindow = smallBuffer, smallBuffer
	return opt
}

// quicConfig is that of a client which lets the server have so many streams open at once.
func quicConfig(streams int64) *quic.Config {
	return &quic.Config{
		MaxIdleTimeout:        30 * time.Second,
		KeepAlivePeriod:       time.Second,
		MaxIncomingUniStreams: streams,
		MaxIncomingStreams:    -1,
	}
}

// beat says what p publishes and probes the connection, until ctx ends.
func (p *participant) beat(ctx context.Context, c *client.Client) {
	state := new(callv1.HeartbeatMetadata)
	if p.pacer != nil {
		for _, t := range p.pacer.tracks {
			switch t.kind {
			case wire.Audio:
				state.AudioEnabled = true
			case wire.Video:
				state.VideoEnabled = true
			case wire.Screen:
				state.ScreenEnabled = true
			}
		}
	}
	heartbeats, probes := ticker(p.run.plan.Heartbeat), ticker(p.run.plan.Probe)
	defer heartbeats.Stop()
	defer probes.Stop()
	send := func(packet []byte) { _ = c.Send(p.run.sending, packet) } // a failure ends c as well
	send(p.heartbeat(state))
	for {
		select {
		case <-heartbeats.C:
			send(p.heartbeat(state))
		case <-p.learned:
			send(client.LayerPreference(p.pass.User, uint32(p.run.plan.WatchLayer), p.sessions()...))
		case <-probes.C:
			send(client.RTTProbe(p.pass.User, p.run.clock.now().Seconds()*1000))
		case <-ctx.Done():
			return
		}
	}
}

// ticker returns a ticker that never ticks for an interval of 0.
func ticker(every time.Duration) *time.Ticker {
	if every > 0 {
		return time.NewTicker(every)
	}
	t := time.NewTicker(time.Hour)
	t.Stop()
	return t
}

// saidMost is how long words of a server may be that are passed on, in bytes.
const saidMost = 200

// Reason is why a connection failed or ended, in a few words that many share. err is not nil.
func Reason(err error) string {
	if e, ok := errors.AsType[*stepError](err); ok {
		return e.step + ": " + Reason(e.cause)
	}
	if e, ok := errors.AsType[*client.RefusedError](err); ok {
		said, _, _ := strings.Cut(strings.TrimSpace(e.Body), "\n")
		if said != "" && said[0] == '{' { // what differs each time, such as a number of the request, is not for many
			said = message([]byte(e.Body))
		}
		if said == "" || len(said) > saidMost || said[0] == '<' { // a page
			return fmt.Sprintf("refused with status %d", e.Status)
		}
		return fmt.Sprintf("refused with status %d: %s", e.Status, said)
	}
	if e, ok := errors.AsType[*client.ClosedError](err); ok {
		return strings.TrimSpace(fmt.Sprintf("closed with code %d %s", e.Code, e.Reason))
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return "took too long"
	}
	text := err.Error()
	if i := strings.LastIndex(text, ": "); i >= 0 {
		return text[i+2:]
	}
	return text
}
