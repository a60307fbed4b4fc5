package live

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"parley/api/observe"
	"parley/api/telemetry"
	"parley/api/telemetry/archive"
)

const (
	// helloTime is how often it is asked who is there, while somebody looks.
	helloTime = 2 * time.Second

	// greeting bounds the wait for the answers of nodes that were there before.
	greeting = 250 * time.Millisecond

	// mostMissed is how many greetings in a row a node may leave without an answer until it is
	// not waited for any more.
	mostMissed = 4

	// recentTime bounds the wait for the last events of another node.
	recentTime = time.Second

	// maxQuestions is how many questions of others a node answers at a time.
	maxQuestions = 1024
)

// Options are what a Cluster is made of.
type Options struct {
	Engine  *telemetry.Engine // of this node
	Archive *archive.Archive
	Conn    *nats.Conn // nil: there are no other nodes
	Log     *slog.Logger
}

// Cluster is this node's view of the events of all. Its methods may be called from any
// goroutine.
type Cluster struct {
	o     Options
	turns chan struct{} // to answer questions

	counters Counters

	mu            sync.Mutex
	began         time.Time     // when others were first greeted
	peers         map[int64]int // other engines, and how many greetings they have not answered
	subscriptions map[*Subscription]bool
	shares        map[string]*share // by filter
}

// New returns a Cluster. Other nodes see events of this one once Run is called.
func New(o Options) *Cluster {
	return &Cluster{
		o: o, turns: make(chan struct{}, maxQuestions), peers: map[int64]int{}, subscriptions: map[*Subscription]bool{}, shares: map[string]*share{},
	}
}

// Run answers other nodes until ctx ends. It fails only when the connection to NATS was closed
// before.
func (c *Cluster) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	var visiting sync.WaitGroup
	defer visiting.Wait()
	defer cancel()
	visiting.Go(func() { c.visit(ctx) })
	if c.o.Conn == nil {
		<-ctx.Done()
		return nil
	}
	var answers sync.WaitGroup
	var ending sync.Mutex // makes Add and Wait exclude each other
	own := c.o.Engine.ID()
	inbox := c.o.Conn.NewInbox()
	for subject, hear := range map[string]nats.MsgHandler{
		askPrefix + strconv.FormatInt(own, 10): func(m *nats.Msg) {
			ending.Lock()
			defer ending.Unlock()
			if ctx.Err() == nil {
				answers.Go(func() { c.answer(ctx, m) })
			}
		},
		helloSubject: c.greeted,
		inbox:        func(m *nats.Msg) { _, _ = c.met(m) },
	} {
		sub, err := c.o.Conn.Subscribe(subject, hear)
		if err != nil {
			return err
		}
		defer func() { _ = sub.Unsubscribe() }()
	}
	defer func() {
		ending.Lock()
		defer ending.Unlock()
		answers.Wait()
	}()
	c.mu.Lock()
	c.began = time.Now()
	c.mu.Unlock()
	tick := time.NewTicker(helloTime)
	defer tick.Stop()
	for first := true; ; first = false {
		if first || c.watched() {
			c.hello(inbox)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// watched reports whether there are subscriptions, and forgets nodes that do not answer.
func (c *Cluster) watched() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.subscriptions) == 0 {
		return false
	}
	for id, missed := range c.peers {
		c.peers[id]++
		if missed == mostMissed {
			delete(c.peers, id)
		}
	}
	return true
}

// hello asks all nodes to say that they are there.
func (c *Cluster) hello(inbox string) {
	b, _ := json.Marshal(hello{c.o.Engine.ID()})                            // a number always marshals
	if err := c.o.Conn.PublishRequest(helloSubject, inbox, b); err != nil { // while NATS is away
		c.o.Log.Debug("other nodes are not asked for telemetry", observe.KeyErr, err)
	}
}

// greeted answers a node that asks who is there.
func (c *Cluster) greeted(m *nats.Msg) {
	var h hello
	if json.Unmarshal(m.Data, &h) != nil || h.Engine <= 0 || h.Engine == c.o.Engine.ID() {
		return
	}
	b, _ := json.Marshal(c.o.Engine.Head()) // numbers always marshal
	_ = m.Respond(b)                        // it asks again
	c.heard(h.Engine)
}

// met takes the answer of a node, and returns the place after its last event.
func (c *Cluster) met(m *nats.Msg) (telemetry.Cursor, bool) {
	var head telemetry.Cursor
	if json.Unmarshal(m.Data, &head) != nil || head.Engine <= 0 || head.Engine == c.o.Engine.ID() {
		return head, false
	}
	c.heard(head.Engine)
	return head, true
}

// heard notes that a node is there, and has it followed.
func (c *Cluster) heard(engine int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.peers[engine] = 0
	for s := range c.subscriptions {
		s.follow(engine)
	}
}

// gather asks who is there. It returns when all that were there before have answered, or did
// not for some time.
func (c *Cluster) gather(ctx context.Context) []telemetry.Cursor {
	nc := c.o.Conn
	if nc == nil || !nc.IsConnected() {
		return nil
	}
	c.mu.Lock()
	missing := map[int64]bool{}
	for id := range c.peers {
		missing[id] = true
	}
	settled := time.Since(c.began) > greeting // else others are there that have not answered yet
	c.mu.Unlock()
	if len(missing) == 0 && settled {
		return nil
	}
	inbox := nc.NewInbox()
	sub, err := nc.SubscribeSync(inbox)
	if err != nil {
		return nil
	}
	defer func() { _ = sub.Unsubscribe() }()
	c.hello(inbox)
	bounded, cancel := context.WithTimeout(ctx, greeting)
	defer cancel()
	var heads []telemetry.Cursor
	for len(missing) > 0 || !settled {
		m, err := sub.NextMsgWithContext(bounded)
		if err != nil {
			break
		}
		if head, ok := c.met(m); ok {
			heads = append(heads, head)
			delete(missing, head.Engine)
		}
	}
	return heads
}

// Recent returns the last events of all nodes that the filter wants, n at most, the first
// first: those that the nodes have in memory. Nodes that do not answer in a second are left
// out.
func (c *Cluster) Recent(ctx context.Context, f telemetry.Filter, n int) []telemetry.Event {
	all := c.o.Engine.Recent(f, n)
	c.mu.Lock()
	peers := make([]int64, 0, len(c.peers))
	for id := range c.peers {
		peers = append(peers, id)
	}
	c.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, recentTime)
	defer cancel()
	answers := make([]answer, len(peers))
	var asking sync.WaitGroup
	for i, id := range peers {
		asking.Go(func() {
			if a, err := c.ask(ctx, id, &ask{Filter: f, Recent: n}); err == nil {
				answers[i] = a
			}
		})
	}
	asking.Wait()
	for i := range answers {
		all = append(all, c.unpack(&answers[i])...)
	}
	slices.SortStableFunc(all, func(a, b telemetry.Event) int { return cmp.Compare(a.Row.Received, b.Row.Received) })
	return all[max(0, len(all)-n):]
}

var errBusy = errors.New("the node answers too many questions already")

// ask asks another node, until ctx ends.
func (c *Cluster) ask(ctx context.Context, engine int64, q *ask) (answer, error) {
	b, err := json.Marshal(q)
	if err != nil {
		return answer{}, err
	}
	m, err := c.o.Conn.RequestWithContext(ctx, askPrefix+strconv.FormatInt(engine, 10), b)
	if err != nil {
		return answer{}, err
	}
	var a answer
	if err := json.Unmarshal(m.Data, &a); err != nil {
		return answer{}, err
	}
	if a.Busy {
		return answer{}, errBusy
	}
	c.counters.From.add(len(a.Events), len(m.Data))
	return a, nil
}
