package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"parley/api/client"
	"parley/api/load"
	"parley/api/load/flood"
)

type loadFloodCommand struct {
	Kind []string `arg:"" optional:"" name:"kind" help:"frames, packets, uploads, handshakes, connects, telemetry; all unless given." enum:"frames,packets,uploads,handshakes,connects,telemetry"`

	loadTarget

	Sessions   int           `name:"sessions" default:"8" help:"Sessions that send frames, and as many that send packets." group:"flood"`
	FrameSize  int           `name:"frame-size" default:"3999000" help:"Bytes of a frame." group:"flood"`
	Rate       int           `name:"rate" default:"100000" help:"Tiny packets a second, of all sessions together." group:"flood"`
	Uploads    int           `name:"uploads" default:"1000" help:"What comes byte by byte, at once." group:"flood"`
	Handshakes int           `name:"handshakes" default:"10000" help:"Handshakes that never finish, at once." group:"flood"`
	Ports      int           `name:"ports" default:"1000" help:"UDP ports that handshakes and connections of QUIC come from." group:"flood"`
	From       string        `name:"from" placeholder:"IP" help:"IP address of this machine that those come from." group:"flood"`
	Connects   int           `name:"connects" default:"1000" help:"QUIC connections that come about and never ask for anything, at once." group:"flood"`
	Nodes      int           `name:"nodes" default:"1000" help:"Connections to the address for telemetry, at once." group:"flood"`
	Telemetry  string        `name:"telemetry" placeholder:"HOST:PORT" help:"Where the server takes in telemetry of JIP-3 nodes; --self knows it." group:"flood"`
	Begin      int           `name:"begin" default:"2000" help:"Of those that the server ends, how many begin again a second." group:"flood"`
	SameRoom   bool          `name:"same-room" help:"Sessions that flood are in the room of the people who are measured." group:"flood"`
	Nice       int           `name:"nice" default:"0" help:"How nice the flood is to others that want a processor, 0 to 19: on one machine with the server, 19 leaves out what is only a fight for it." group:"flood"`
	Elsewhere  bool          `name:"elsewhere" help:"With --self: flood a second node of its own while the first is calm, which leaves out what a flood costs whoever shares the machine with it." group:"flood"`
	Alone      bool          `name:"alone" help:"Flood and measure nothing." group:"flood"`
	Limit      time.Duration `name:"limit" default:"10m" help:"When the flood ends, whatever happens." group:"flood"`

	Publishers int           `name:"publishers" default:"2" help:"People in a normal room who send." group:"people"`
	Viewers    int           `name:"viewers" default:"4" help:"People in it who only receive." group:"people"`
	Visits     float64       `name:"visits" default:"10" help:"People a second who come into it for a moment." group:"people"`
	Room       string        `name:"room" placeholder:"NAME" help:"What names of rooms begin with." group:"people"`
	WarmUp     time.Duration `name:"warm-up" default:"5s" help:"Time that the flood is on before its effect is measured." group:"people"`
	Duration   time.Duration `name:"duration" default:"15s" help:"Time that is measured, without the flood and with it." group:"people"`
	Rounds     int           `name:"rounds" default:"1" help:"How often." group:"people"`
	Settle     time.Duration `name:"settle" default:"10s" help:"Time that the server has, after a flood, until its memory is looked at." group:"people"`

	JSON  bool `name:"json" help:"Write JSON." group:"output"`
	Quiet bool `name:"quiet" help:"Show no progress." group:"output"`
}

// Validate says all mistakes of the command line at once.
func (c *loadFloodCommand) Validate() error {
	room := cmp.Or(c.Room, "load")
	attack, people := c.flood(c.URL, room), c.people(c.URL, room)
	var errs []error
	if c.Self {
		errs = append(errs, c.check())
		attack.URLs, people.URLs = []string{"ws://of.its.own"}, []string{"ws://of.its.own"}
	}
	if c.Nice < 0 || c.Nice > 19 {
		errs = append(errs, fmt.Errorf("a flood cannot be nice by %d: 0 to 19", c.Nice))
	}
	if c.Elsewhere && (!c.Self || c.Alone) {
		errs = append(errs, errors.New("--elsewhere starts a second node: it needs --self, and something to compare with"))
	}
	if c.Elsewhere && c.SameRoom {
		errs = append(errs, errors.New("--elsewhere floods a room without people, which is nothing to compare --same-room with"))
	}
	if slices.Contains(c.Kind, string(flood.Telemetry)) && !c.Self && c.Telemetry == "" {
		errs = append(errs, errors.New("a flood of telemetry needs --telemetry, which says where to"))
	}
	if slices.Contains(c.Kind, string(flood.Connects)) && !slices.ContainsFunc(c.URL, quic) && !(c.Self && slices.Contains(c.Transport, "wt")) {
		errs = append(errs, errors.New("a flood of connects needs WebTransport: a URL with https, or --transport=wt"))
	}
	if c.Rounds < 1 || c.Settle < 0 {
		errs = append(errs, errors.New("there must be a round, and the time to settle cannot be negative"))
	}
	if c.Alone {
		return errors.Join(append(errs, attack.Check())...)
	}
	return errors.Join(append(errs, once(attack.Check(), people.Check()))...)
}

func quic(url string) bool { return strings.HasPrefix(url, "https:") }

// once joins two errors that may have some in common.
func once(a, b error) error {
	var all []error
	for _, err := range append(lines(a), lines(b)...) {
		if err != nil && !slices.ContainsFunc(all, func(e error) bool { return e.Error() == err.Error() }) {
			all = append(all, err)
		}
	}
	return errors.Join(all...)
}

func (c *loadFloodCommand) flood(urls []string, room string) flood.Plan {
	p := flood.Plan{
		URLs: urls, Insecure: c.Insecure, Room: room, Sessions: c.Sessions, FrameBytes: c.FrameSize, Rate: c.Rate,
		Uploads: c.Uploads, Handshakes: c.Handshakes, Connects: c.Connects, Ports: c.Ports, From: c.From, Nodes: c.Nodes, Telemetry: c.Telemetry, Begin: c.Begin, Duration: c.Limit,
	}
	for _, k := range c.Kind {
		p.Kinds = append(p.Kinds, flood.Kind(k))
	}
	if len(p.Kinds) == 0 {
		p.Kinds = flood.Kinds
	}
	return p
}

// people are those who should not notice.
func (c *loadFloodCommand) people(urls []string, room string) load.Plan {
	return load.Plan{
		URLs: urls, Framing: client.FramingAuto, Insecure: c.Insecure, Room: room, Rooms: 1, Publishers: c.Publishers, Viewers: c.Viewers, Visits: c.Visits,
		AudioKbps: 32, TalkShare: 1, VideoKbps: 500, FPS: 30, Layers: 1, KeyframeEvery: 2 * time.Second,
		Ramp: min(time.Second, c.WarmUp), WarmUp: c.WarmUp, Duration: c.Duration, Drain: 2 * time.Second,
		Heartbeat: 5 * time.Second, Probe: time.Second, Seed: 1,
	}
}

// Run floods a server. What it finds goes to stdout, how it is doing to stderr.
func (c *loadFloodCommand) Run(w *world) error {
	server, err := c.reach(w, withTelemetry)
	if err != nil {
		return err
	}
	defer server.leave()
	room := cmp.Or(c.Room, aRoom())
	if c.Alone {
		return c.alone(w, server, room)
	}
	trial := flood.Trial{
		Room: c.people(server.urls, room), Rounds: c.Rounds, Settle: c.Settle, Attack: c.attack(w, server, room+"-flood"),
	}
	if c.Elsewhere {
		other, err := c.reach(w, withTelemetry)
		if err != nil {
			return err
		}
		defer other.leave()
		trial.Elsewhere = c.attack(w, other, room+"-flood")
	}
	trial.Room.Door, trial.Room.Watch = server.door, server.watch
	now := newStatus(w.stderr, c.Quiet)
	report, err := trial.Run(w.ctx, now.show)
	now.end()
	if err != nil {
		return err
	}
	if c.JSON {
		return writeJSON(w.stdout, report)
	}
	return report.Table(w.stdout)
}

// withTelemetry makes a node take in what floods can bring to it.
const withTelemetry = "PARLEY_TELEMETRY_ADDR=127.0.0.1:0"

// attack returns how to flood server, in a room unless in that of the people.
func (c *loadFloodCommand) attack(w *world, server *reached, room string) flood.Attack {
	return func(ctx context.Context, people string, begun func()) ([]flood.Tally, error) {
		in := room
		if c.SameRoom {
			in = people
		}
		return c.inItsOwnProcess(ctx, w, server, in, begun)
	}
}

// alone floods in this process.
func (c *loadFloodCommand) alone(w *world, server *reached, room string) error {
	plan := c.flood(server.urls, room)
	plan.Door, plan.Telemetry = server.door, cmp.Or(server.telemetry, c.Telemetry)
	if c.JSON { // for whoever has to know, before what it came to
		plan.Begun = func() { fmt.Fprintln(w.stdout, begunJSON) }
	}
	now := newStatus(w.stderr, c.Quiet)
	tallies, err := flood.Run(w.ctx, plan, shown[flood.Progress](now))
	now.end()
	switch {
	case err != nil:
		return err
	case c.JSON:
		return writeJSON(w.stdout, tallies)
	}
	return flood.Table(w.stdout, tallies)
}

// begunJSON is the first line of a flood that is on.
const begunJSON = `{"begun":true}`

// floodStop is how long a flood may take to end.
const floodStop = 30 * time.Second

// inItsOwnProcess floods until ctx ends, in a process beside this one: what it costs to make a
// flood is not to disturb those who measure, and it can be nice. It calls begun when the flood is on.
func (c *loadFloodCommand) inItsOwnProcess(ctx context.Context, w *world, server *reached, room string, begun func()) ([]flood.Tally, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	args := []string{"-n", strconv.Itoa(c.Nice), program, "load", "flood", "--alone", "--json", "--quiet", "--room=" + room}
	for flag, n := range map[string]int{
		"sessions": c.Sessions, "frame-size": c.FrameSize, "rate": c.Rate, "uploads": c.Uploads, "handshakes": c.Handshakes,
		"connects": c.Connects, "ports": c.Ports, "nodes": c.Nodes, "begin": c.Begin,
	} {
		args = append(args, fmt.Sprintf("--%s=%d", flag, n))
	}
	args = append(args, "--limit="+c.Limit.String(), fmt.Sprintf("--insecure=%t", c.Insecure))
	if at := cmp.Or(server.telemetry, c.Telemetry); at != "" {
		args = append(args, "--telemetry="+at)
	}
	if c.From != "" {
		args = append(args, "--from="+c.From)
	}
	for _, u := range server.urls {
		args = append(args, "--url="+u)
	}
	if c.API != "" {
		args = append(args, "--api="+c.API)
	}
	cmd := exec.CommandContext(ctx, "nice", append(args, c.Kind...)...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGINT) }
	cmd.WaitDelay = floodStop
	cmd.Env = append(os.Environ(), "JWT_SECRET="+server.secret)
	cmd.Stderr = w.stderr
	cmd.SysProcAttr = load.Beside()
	runtime.LockOSThread() // until it has ended
	defer runtime.UnlockOSThread()
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("flood: %w", err)
	}
	tallies, unsaid := result(out, begun)
	if err := cmd.Wait(); err != nil && ctx.Err() == nil {
		return nil, fmt.Errorf("flood: %w", err)
	}
	if unsaid != nil {
		return nil, fmt.Errorf("flood: it does not say what it did: %w", unsaid)
	}
	return tallies, nil
}

// result reads what a flood says, and calls begun when that says that it is on.
func result(out io.Reader, begun func()) (tallies []flood.Tally, err error) {
	said := bufio.NewReader(out)
	line, err := said.ReadString('\n')
	if err == nil && strings.TrimSpace(line) == begunJSON {
		begun()
		line = ""
	}
	err = json.NewDecoder(io.MultiReader(strings.NewReader(line), said)).Decode(&tallies)
	return tallies, err
}
