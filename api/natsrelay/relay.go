package natsrelay

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"parley/api/fault"
	"parley/api/media"
)

const (
	// defaultMaxAge is how old a packet may be: later it would only be a burst.
	defaultMaxAge = 2 * time.Second

	// dataMaxAge is how old data of a peer may be, as in the queues of the sessions.
	dataMaxAge = 5 * time.Second

	// exchange bounds one exchange with JetStream that its caller does not bound: longer
	// than the election of a new leader takes.
	exchange = 5 * time.Second

	// request bounds one attempt of an exchange that may be repeated.
	request = 1500 * time.Millisecond

	// prepareAttempts is how often New tries: a cluster that elects its leader loses requests.
	prepareAttempts = 4

	// farewell bounds what Close sends.
	farewell = 3 * time.Second

	// maxRoom is the longest name of a room, in bytes.
	maxRoom = 255
)

// Options configure a Relay.
type Options struct {
	// Conn is the way to NATS; see [ConnOptions]. It stays the caller's, who closes it after
	// the relay.
	Conn *nats.Conn
	// Node is the name of this process, of [A-Za-z0-9_-]. No other process ever has it.
	Node media.NodeID
	// Replicas is how many servers of a NATS cluster keep each stream; 0 means 1.
	Replicas int
	// MaxAge is how old media from another node may be; 0 means 2 s. Data of its peers may
	// be 5 s old, or MaxAge where that is longer.
	MaxAge time.Duration
	// Window is how long sound and pictures that come right after others may wait, so that more are
	// published at once. What waits goes with the next packet that does not. 0 is no time.
	Window time.Duration

	// Region, ServiceType, ServerID and Instance appear in the subjects of reports. Those
	// left out are us-east, websocket, server-1 and the name of the node.
	Region, ServiceType, ServerID, Instance string

	// Always says that media of a room are published even if no other node takes part in it, for programs
	// that listen there. It does not block. May be nil.
	Always func(media.RoomID) bool

	// NodeGone is called, from a goroutine of its own, for each other node that died or said
	// goodbye. Its context ends when the node turns out to be alive. May be nil.
	NodeGone func(ctx context.Context, node media.NodeID)

	// Revived is called, from a goroutine of its own, when the others may have taken this
	// node for dead and it is back among them. May be nil.
	Revived func(ctx context.Context)

	// Acted is called for every act of another node, one after the other. It does not block.
	// May be nil.
	Acted func(media.Act)

	Log *slog.Logger
}

// Relay connects this node with the others. See the package comment for how.
type Relay struct {
	nc       *nats.Conn
	js       jetstream.JetStream
	node     media.NodeID
	maxAge   time.Duration
	window   time.Duration
	replicas int
	always   func(media.RoomID) bool
	gone     func(context.Context, media.NodeID)
	revived  func(context.Context)
	acted    func(media.Act)
	log      *slog.Logger
	stats    counters

	outbox  *outbox
	reports *outbox

	instance, region                 string
	healthSubject, connectionSubject string

	answers  string        // the subject of those who have a room open that was asked for
	greeting time.Duration // the constant
	settling time.Duration // settleEvery

	skew     atomic.Int64 // our clock less the server's, in milliseconds
	events   atomic.Pointer[jetstream.Stream]
	repair   chan struct{}  // holds a token while own entries are to be stored or removed
	resynced chan struct{}  // holds a token while all logs are to be read
	lagging  chan struct{}  // holds a token while some log is to be read
	told     chan *nats.Msg // events of all rooms

	stop    chan struct{} // closed by Close
	stopped sync.Once
	running sync.WaitGroup // Run
	tasks   sync.WaitGroup // evictions and calls of gone and revived; follow waits for them

	mu      sync.Mutex
	closed  bool
	links   map[media.RoomID]*link
	mirror  mirror
	settled int // generation of the mirror
}

// New returns a relay that takes part once Run is called. It creates what is missing on the
// JetStream server and fails when that does not answer for 20 s, or before ctx ends.
func New(ctx context.Context, o Options) (*Relay, error) {
	if !token(string(o.Node), maxRoom) {
		return nil, fmt.Errorf("natsrelay: node name %q is not of [A-Za-z0-9_-]", o.Node)
	}
	js, err := jetstream.New(o.Conn, jetstream.WithDefaultTimeout(exchange))
	if err != nil {
		return nil, fmt.Errorf("natsrelay: %w", err)
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Always == nil {
		o.Always = func(media.RoomID) bool { return false }
	}
	region, service := or(o.Region, "us-east"), or(o.ServiceType, "websocket")
	instance := or(o.Instance, string(o.Node))
	r := &Relay{
		nc: o.Conn, js: js, node: o.Node, always: o.Always, gone: o.NodeGone, revived: o.Revived, acted: o.Acted, log: o.Log,
		maxAge:            max(o.MaxAge, 0),
		window:            o.Window,
		replicas:          max(o.Replicas, 1),
		outbox:            newOutbox(outboxBytes),
		reports:           newOutbox(reportBytes),
		instance:          instance,
		region:            region,
		healthSubject:     "health.diagnostics." + region + "." + service + "." + or(o.ServerID, "server-1"),
		answers:           o.Conn.NewInbox(),
		greeting:          greeting,
		settling:          settleEvery,
		connectionSubject: "server.connections." + region + "." + service + "." + instance,
		repair:            make(chan struct{}, 1),
		resynced:          make(chan struct{}, 1),
		lagging:           make(chan struct{}, 1),
		told:              make(chan *nats.Msg, toldMessages),
		stop:              make(chan struct{}),
		links:             make(map[media.RoomID]*link),
		mirror:            newMirror(),
	}
	if r.maxAge == 0 {
		r.maxAge = defaultMaxAge
	}
	for range prepareAttempts {
		if err = r.prepare(ctx); !errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil {
			break
		}
	}
	if err != nil {
		return nil, fmt.Errorf("natsrelay: %w", err)
	}
	return r, nil
}

// Run carries packets and keeps the presence of this node up until ctx ends or Close is
// called. It is called once; it outlives every failure of NATS and returns nil. When ctx ends
// before Close, what is published from then on is lost.
func (r *Relay) Run(ctx context.Context) error {
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return nil
	}
	r.running.Add(1)
	r.mu.Unlock()
	defer r.running.Done()

	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	defer wg.Wait()
	for subject, hear := range map[string]nats.MsgHandler{
		helloSubject: r.hearHello, openSubject: r.hearOpen, r.answers: r.hearAnswer, actSubject: r.hearAct,
	} {
		sub, err := r.nc.Subscribe(subject, hear)
		if err != nil {
			return fmt.Errorf("natsrelay: %w", err)
		}
		defer func() { _ = sub.Unsubscribe() }()
	}

	wg.Go(func() { newPublisher(r, true).run(ctx, r.outbox) })
	wg.Go(func() { newPublisher(r, false).run(ctx, r.reports) })
	wg.Go(func() { r.hearTold(ctx) })
	wg.Go(func() { r.follow(ctx) })
	wg.Go(func() { r.keepLease(ctx) })
	wg.Go(func() { r.mend(ctx) })
	wg.Go(func() { r.replay(ctx) })
	wg.Go(func() { r.keepCompany(ctx) })
	select {
	case <-ctx.Done():
	case <-r.stop:
	}
	cancel()
	return nil
}

// Close publishes what waits, removes this node and its members from the presence of the
// cluster and ends all links. It blocks for at most 3 s beyond the end of Run.
func (r *Relay) Close() {
	r.stopped.Do(func() {
		r.mu.Lock()
		r.closed = true
		links := make([]*link, 0, len(r.links))
		for _, l := range r.links {
			links = append(links, l)
		}
		r.mu.Unlock()
		for _, l := range links {
			l.Close()
		}
		close(r.stop)
	})
	r.running.Wait()
	r.leave()
}

// Nodes returns the nodes that are alive, this one included.
func (r *Relay) Nodes(ctx context.Context) ([]media.NodeID, error) {
	if err := r.barrier(ctx); err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	var nodes []media.NodeID
	for id, n := range r.mirror.nodes {
		if n.lease != 0 {
			nodes = append(nodes, id)
		}
	}
	return nodes, nil
}

// LinkWatcher is told of the way to NATS, which is called "nats". Its methods do not block.
type LinkWatcher interface {
	// Connecting says that there is no connection any more, and that one is sought.
	Connecting(to string)
	// ConnectFailed says that an attempt failed; others follow.
	ConnectFailed(to string, err error)
	// ConnectedTo says that there is a connection again.
	ConnectedTo(to string)
}

// nobody is a LinkWatcher that does nothing.
type nobody struct{}

func (nobody) Connecting(string)           {}
func (nobody) ConnectFailed(string, error) {}
func (nobody) ConnectedTo(string)          {}

// LinkName is what a LinkWatcher knows NATS by.
const LinkName = "nats"

// ConnOptions are the connection options that suit a Relay: it never gives up, notices a
// dead server within 8 s, and does not keep packets for later in a place where they do not age.
// The watcher may be nil.
func ConnOptions(name string, log *slog.Logger, watcher LinkWatcher) []nats.Option {
	if watcher == nil {
		watcher = nobody{}
	}
	return []nats.Option{
		nats.Name(name),
		nats.NoEcho(),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(250 * time.Millisecond),
		nats.ReconnectJitter(250*time.Millisecond, 250*time.Millisecond),
		nats.ReconnectBufSize(-1),
		nats.Timeout(2 * time.Second),
		nats.PingInterval(2 * time.Second),
		nats.MaxPingsOutstanding(3),
		nats.FlusherTimeout(5 * time.Second),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil { // nil: we closed it
				log.Warn("nats out of reach", "err", err)
				watcher.Connecting(LinkName)
			}
		}),
		nats.ReconnectErrHandler(func(_ *nats.Conn, err error) { watcher.ConnectFailed(LinkName, err) }),
		nats.ReconnectHandler(func(nc *nats.Conn) {
			log.Info("nats back", "server", nc.ConnectedServerName())
			watcher.ConnectedTo(LinkName)
		}),
		nats.ErrorHandler(func(_ *nats.Conn, s *nats.Subscription, err error) {
			subject := ""
			if s != nil {
				subject = s.Subject
			}
			log.Warn("nats", "subject", subject, "err", err)
		}),
	}
}

// token reports whether s can be one token of a subject and of a key.
func token(s string, longest int) bool {
	for _, c := range []byte(s) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '_', c == '-':
		default:
			return false
		}
	}
	return 0 < len(s) && len(s) <= longest
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// unavailable says that the other nodes could not be reached.
func unavailable(err error) error {
	if e, ok := errors.AsType[*fault.Error](err); ok {
		return e
	}
	return fault.Wrap(err, fault.Unavailable, "the other nodes are out of reach")
}
