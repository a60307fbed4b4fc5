package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"parley/api/busy"
	"parley/api/calls"
	"parley/api/cert"
	"parley/api/config"
	"parley/api/flagfeed"
	"parley/api/flags"
	"parley/api/inspect"
	"parley/api/intake"
	"parley/api/jip3"
	"parley/api/lobby"
	"parley/api/management"
	"parley/api/media"
	"parley/api/meeting"
	"parley/api/memory"
	"parley/api/metrics"
	"parley/api/natsrelay"
	"parley/api/observe"
	"parley/api/places"
	"parley/api/rooms"
	"parley/api/signout"
	"parley/api/telemetry"
	"parley/api/telemetry/live"
	"parley/api/token"
	"parley/api/trace"
	"parley/api/trace/otlp"
	"parley/api/wt"
)

// Options are what a node is started with.
type Options struct {
	Config *config.Common // settled
	Mode   config.Mode
	Flags  *flags.Registry
	Log    *slog.Logger

	// Settings are what the node was configured with, without secrets, for /debug. Optional.
	Settings []config.Setting

	// Ready is called once, when the node serves. May be nil.
	Ready func(config.Ready)
}

// node is a running node.
type node struct {
	Options
	id         media.NodeID
	stores     *stores
	relay      *natsrelay.Relay
	meetings   *meeting.Ledger
	management *management.Meetings
	ledger     ledger
	hub        *rooms.Hub
	cert       *cert.Holder
	metrics    *observe.Metrics
	joins      *metrics.Joins
	traces     *otlp.Exporter  // nil where nobody collects them
	tracer     *trace.Tracer   // the same
	inspect    *inspect.Server // nil without an internal address
	secret     string          // that signs tokens
	tokens     *token.Authority
	lobby      *lobby.Lobby
	feed       *flagfeed.Feed
	signOuts   *signout.List
	telemetry  *telemetry.Engine
	live       *live.Cluster
	calls      *calls.Recorder
	clients    *metrics.Clients
	jip3       *jip3.Server // nil without an address for nodes
	places     *places.Places
	doorway    *places.Doorway
	unseen     observe.Seldom // of people whom the record was not asked about
	refusals   wt.Refusals    // of all WebTransport clients
	intake     *intake.Intake
	busy       *busy.Gauge
	draining   atomic.Bool
	news       *news         // of changed meetings, on their way to whoever watches
	ending     chan struct{} // closed when the node stops
	left       bool          // nobody is on record as here, nor will be
}

// Run starts a node, serves until ctx ends and stops it in this order: readiness goes and
// newcomers are refused; sessions are told to move and drain, at most for the configured
// time; listeners close; the ledger writes that nobody is here any more, which it does first
// of all where there is no other node to move to; the relay leaves the cluster; NATS and PostgreSQL, where embedded, stop. A part that fails starts the same
// sequence and its error is returned. Nothing of the node is left when Run returns.
func Run(ctx context.Context, o Options) (err error) {
	start := time.Now()
	n := &node{Options: o, id: newNodeID(), news: newNews(), intake: intake.New(intake.Default), ending: make(chan struct{})}
	n.Log = o.Log.With(observe.KeyNode, string(n.id))
	n.busy = busy.New()
	n.calls = calls.New(calls.Options{Log: n.Log.With("part", "calls"), Server: n.server(), Region: n.Config.Node.Region, Busy: n.busy.Spent})
	if err := n.prepare(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, n.stores.close()) }()
	defer n.closeTraces(ctx)

	// What sessions live on outlasts the listeners; should it fail, they stop as well.
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	serving, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	var parts errgroup.Group
	for _, run := range []func(context.Context) error{n.relay.Run, n.hub.Run, n.busy.Run, n.cert.Run, n.record, n.reconcile, n.forgetSessions, n.feed.Run, n.signOuts.Run, n.enforce, n.spread, n.refresh, n.show, n.keepTelemetry, n.live.Run} {
		parts.Go(func() error {
			err := run(life)
			if err != nil {
				fail(err)
			}
			return err
		})
	}
	defer func() {
		err = errors.Join(err, n.leave(life))
		n.relay.Close()
		end()
		err = errors.Join(err, parts.Wait())
		n.Log.Info("stopped", "after", time.Since(start).Round(time.Millisecond).String())
	}()

	front, err := n.listen()
	if err != nil {
		return err
	}
	n.announce(front, time.Since(start))
	return front.serve(serving)
}

// record writes what the ledger is told until ctx ends.
func (n *node) record(ctx context.Context) error {
	n.meetings.Run(ctx)
	return nil
}

// leaveFirst writes the departures of everybody before they are gone, for those who cannot come back elsewhere:
// on a machine that has too much to do it is only then that thousands of them leave time for it.
func (n *node) leaveFirst(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveFirstTime)
	defer cancel()
	if _, left, err := n.meetings.Leave(ctx); err != nil && left > 0 {
		n.Log.Warn("departures are not written yet", "sessions", left, observe.KeyErr, err)
		return
	}
	n.left = true
}

// leave writes the last departures: those that are still to be written, and those of whom the hub did not
// get to say that they are gone.
func (n *node) leave(ctx context.Context) error {
	if n.left {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, leaveTime)
	defer cancel()
	ended, left, err := n.meetings.Leave(ctx)
	n.tell(ctx, ended)
	if err != nil && left > 0 {
		return fmt.Errorf("write the last departures, of which %d are left to other nodes or to the next start of one: %w", left, err)
	}
	return nil
}

// leaveFirstTime and leaveTime bound the last writes of the ledger.
const (
	leaveFirstTime = 5 * time.Second
	leaveTime      = 8 * time.Second
)

// prepare builds the parts of the node from the ground up.
func (n *node) prepare(ctx context.Context) (err error) {
	c := n.Config
	if err := n.openTraces(ctx); err != nil {
		return err
	}
	if n.stores, err = openStores(ctx, string(n.id), c.Stores, n.calls, n.Log); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, n.stores.close())
		}
	}()
	secret := c.Access.JWTSecret
	if secret == "" && n.Mode == config.Dev {
		if secret, err = config.DevSecret(c.Stores.DataDir); err != nil {
			return err
		}
	}
	if n.cert, err = n.certificate(); err != nil {
		return err
	}
	n.secret, n.tokens = secret, token.New(secret)
	n.openFlags(ctx)
	n.openSignOuts()
	n.lobby = lobby.New(lobby.Options{Tokens: n.tokens, Flags: n.Flags, Log: n.Log, TTL: c.Access.TokenTTL, SignedOut: n.signOuts.Has})
	n.metrics = observe.NewMetrics(observe.ReadBuild())
	n.places = places.New(places.Options{Total: c.Listen.MaxConnections, Each: c.Listen.PerAddress, Trusted: c.Listen.Proxies()})
	n.doorway = places.NewDoorway(comingIn, inLine)
	n.joins = metrics.NewJoins(n.metrics)
	if err := n.openTelemetry(ctx); err != nil {
		return err
	}
	n.openNodes()
	n.meetings = meeting.New(meeting.Options{
		Store: n.stores.store, Log: n.Log, Node: string(n.id),
		Enabled:        func(room string) bool { return flags.MeetingManagement.For(n.Flags, room) },
		EndOnHostLeave: func(room string) bool { return flags.EndOnHostLeave.For(n.Flags, room) },
	})
	n.ledger = ledger{n.meetings, n.entry, n.attended}
	n.openManagement()
	n.relay, err = natsrelay.New(ctx, n.relayOptions())
	if err != nil {
		return fmt.Errorf("join the cluster: %w", err)
	}
	n.openCalls()
	n.hub = rooms.NewHub(rooms.Options{
		Node: n.id, Relay: tracedRelay{n.relay}, Ledger: n.ledger, Reporter: n.calls, Watcher: n.calls, Log: n.Log,
		Rules: n.rules, PictureWindow: c.Node.BatchWindow, SoundWindow: c.Node.SoundWindow, StatsInterval: c.Node.StatsInterval, Joined: n.joined, Busy: n.busy.Busy,
		Stock: stock(c.Node.QueueMemory),
	})
	// Without knowing who signed out a node does not start: they would be in again.
	if err := n.signOuts.Load(ctx); err != nil {
		return fmt.Errorf("read who signed out: %w", err)
	}
	metrics.Register(n.metrics, metrics.Parts{
		Hub: n.hub, Relay: n.relay, NATS: n.stores.conn, Pool: n.stores.store.Pool, Ledger: n.meetings,
		Flags: n.Flags, Revision: n.feed.Revision, Telemetry: n.telemetry, Live: n.live, JIP3: n.jip3, Clients: n.clients, Places: n.places,
		Streams: &n.refusals, Intake: n.intake, Busy: n.busy,
	})
	return n.openInspect()
}

// stock returns what the queues of a node may hold together, in bytes, given what is set in MiB: beside
// what is alive there is as much garbage, and all else that a node holds.
func stock(set int) int64 {
	const least = 64 << 20 // some of the largest packets
	if set > 0 {
		return int64(set) << 20
	}
	if all := memory.Available(); all > 0 {
		return max(all/4, least)
	}
	return rooms.DefaultStock
}

// certificate returns the configured certificate or the node's own.
func (n *node) certificate() (*cert.Holder, error) {
	if l := n.Config.Listen; l.CertPath != "" {
		return cert.Load(l.CertPath, l.KeyPath, n.Log)
	}
	return cert.SelfSigned(n.Config.Stores.DataDir, n.Log)
}

// newNodeID names this process. No other ever has the name.
func newNodeID() media.NodeID {
	return media.NodeID("n-" + strings.ToLower(rand.Text()[:10]))
}

// relayOptions is how this node takes part in the cluster.
func (n *node) relayOptions() natsrelay.Options {
	c := n.Config.Node
	return natsrelay.Options{
		Conn: n.stores.conn, Node: n.id, Log: n.Log, Window: c.SoundWindow,
		Region: c.Region, ServiceType: c.ServiceType, ServerID: c.ServerID, Instance: c.Instance,
		Always:   func(room media.RoomID) bool { return flags.RelayAlways.For(n.Flags, string(room)) },
		NodeGone: n.gone,
		Revived:  func(ctx context.Context) { n.hub.Reenter(ctx) },
		Acted:    n.acted,
	}
}

// gone records that the sessions of a node that died, or left without writing all it had to,
// are gone. Of the nodes that survive, one finds something to record.
func (n *node) gone(ctx context.Context, other media.NodeID) {
	ended, err := n.meetings.NodeLost(ctx, string(other))
	if err != nil && ctx.Err() == nil {
		n.Log.Error("close sessions of a node that is gone", "gone", string(other), observe.KeyErr, err)
	}
	n.tell(ctx, ended)
}

// tell tells the rooms whose meetings ended, and nobody was there to say so.
func (n *node) tell(ctx context.Context, ended []meeting.RoomEnded) {
	for _, e := range ended {
		if e.Message == "" {
			continue
		}
		if err := n.hub.EndMeeting(ctx, media.RoomID(e.Room), e.Message); err != nil {
			n.Log.Warn("tell that a meeting ended", observe.KeyRoom, e.Room, observe.KeyErr, err)
		}
	}
}

const (
	// reconcileAfter is how long after its start a node looks for what others left open. A
	// NATS server that starts with it knows nobody: the other nodes need up to 3 s to find
	// it, and those that do not within the 5 s of a lease are taken for dead by all.
	reconcileAfter = 8 * time.Second

	// reconcileTime bounds one attempt: the list of who is alive must not grow old.
	reconcileTime = 5 * time.Second
)

// reconcile closes, once, what nodes left open that died unseen, for example this one by
// kill -9.
func (n *node) reconcile(ctx context.Context) error {
	wait := time.NewTicker(reconcileAfter)
	defer wait.Stop()
	for warned := false; ; {
		select {
		case <-wait.C:
		case <-ctx.Done():
			return nil
		}
		writing, err := n.closeLeftovers(ctx)
		switch {
		case ctx.Err() != nil:
		case err != nil:
			n.Log.Warn("sessions of nodes that died are not closed yet", observe.KeyErr, err)
		case len(writing) == 0:
			return nil
		case !warned: // or a node that is about to be taken for dead
			n.Log.Warn("nodes that are not in the cluster have people on record", "nodes", writing)
			warned = true
		}
	}
}

// closeLeftovers returns those that are not in the cluster, and yet not dead.
func (n *node) closeLeftovers(ctx context.Context) (writing []string, err error) {
	bounded, cancel := context.WithTimeout(ctx, reconcileTime)
	defer cancel()
	alive, err := n.relay.Nodes(bounded)
	if err != nil {
		return nil, err
	}
	ended, writing, err := n.ledger.reconcile(bounded, append(alive, n.id))
	n.tell(ctx, ended)
	return writing, err
}
