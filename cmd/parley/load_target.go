package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"

	"parley/api/load"
	"parley/api/token"
)

// loadTarget is the server that is put under load, and how to get in.
type loadTarget struct {
	URL       []string `name:"url" placeholder:"URL" help:"Where to connect; repeat it, and participants take turns. ws and wss are WebSocket, https is WebTransport." group:"server"`
	Self      bool     `name:"self" help:"Start a node of its own for the run, in its own process, and look at it." group:"server"`
	Transport []string `name:"transport" default:"ws" enum:"ws,wss,wt" placeholder:"ws|wss|wt" help:"With --self: how to connect to it." group:"server"`
	PID       []int    `name:"pid" placeholder:"PID" help:"The server's process, if it is on this machine; repeat it for a server of several, such as one with a broker beside it: they are added up." group:"server"`
	Metrics   string   `name:"metrics" placeholder:"URL" help:"The server's metrics, for what the kernel does not know. With --pid they are looked for at /metrics." group:"server"`
	Insecure  bool     `name:"insecure" help:"Accept any certificate; those of servers on this machine are accepted anyway." group:"server"`
	JWTSecret string   `name:"jwt-secret" env:"JWT_SECRET" placeholder:"SECRET" help:"Signs tokens with the server's secret, instead of naming user and room in the path." group:"server"`
	API       string   `name:"api" placeholder:"URL" help:"Gets room tokens from this REST API: as users of --jwt-secret, or signed in by name." group:"server"`
}

// check says what stands against starting a server.
func (t *loadTarget) check() error {
	if len(t.URL) > 0 || len(t.PID) > 0 || t.API != "" || t.Metrics != "" {
		return errors.New("--self starts a server: --url, --pid, --metrics and --api name another")
	}
	return nil
}

// reached is a server that can be put under load.
type reached struct {
	urls      []string
	telemetry string      // host and port for JIP-3 nodes; "" unless it was started for this
	door      load.Door   // nil: by path
	watch     *load.Watch // nil: nothing is known of it
	secret    string      // that signs tokens; "" when it is not used
	leave     func()
}

// reach returns the server, which is started if it has to be, with env besides. leave stops it.
func (t *loadTarget) reach(w *world, env ...string) (*reached, error) {
	r := &reached{urls: t.URL, secret: t.JWTSecret, leave: func() {}}
	if len(t.PID) > 0 || t.Metrics != "" {
		r.watch = &load.Watch{PIDs: t.PID, Metrics: t.Metrics}
		if t.Metrics == "" {
			r.watch.Metrics = t.findMetrics(w.ctx)
		}
		if err := r.watch.Check(w.ctx); err != nil {
			return nil, fmt.Errorf("look at the server: %w", err)
		}
	}
	if t.Self {
		if err := t.start(w, r, env); err != nil {
			return nil, err
		}
	}
	var tokens *token.Authority
	if r.secret != "" {
		tokens = token.New(r.secret)
		r.door = load.BySecret{Tokens: tokens}
	}
	if t.API != "" {
		r.door = load.ByAPI{URL: t.API, Tokens: tokens}
	}
	return r, nil
}

// findMetrics returns where the server tells how many goroutines it has, "" where it does not: not
// every server is a Go program.
func (t *loadTarget) findMetrics(ctx context.Context) string {
	for _, raw := range t.URL {
		u, err := url.Parse(raw)
		if err != nil {
			continue
		}
		at := url.URL{Scheme: "https", Host: u.Host, Path: "/metrics"}
		if u.Scheme == "ws" {
			at.Scheme = "http"
		}
		found, err := load.Counters(ctx, at.String(), func(name string) bool { return name == "go_goroutines" })
		if err == nil && len(found) > 0 {
			return at.String()
		}
	}
	return ""
}

// start starts a node of our own.
func (t *loadTarget) start(w *world, r *reached, env []string) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	node, err := load.StartNode(w.ctx, program, env, w.stderr)
	if err != nil {
		return err
	}
	r.leave = func() {
		// What was measured stands, however the node ends.
		if err := node.Stop(); err != nil {
			fmt.Fprintf(w.stderr, "parley: stop the node: %v\n", err)
		}
	}
	for _, transport := range t.Transport {
		at, err := node.Address(transport)
		if err != nil {
			r.leave()
			return err
		}
		r.urls = append(r.urls, at)
	}
	r.watch, r.telemetry = node.Watch(), node.Telemetry
	if r.secret != "" {
		r.secret = node.Secret
	}
	return nil
}
