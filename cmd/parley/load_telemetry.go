package main

import (
	"errors"
	"fmt"
	"time"

	"parley/api/load"
	"parley/api/load/telemetry"
	"parley/api/telemetry/archive"
	"parley/api/telemetry/catalogue"
)

type loadTelemetryCommand struct {
	Addr        string `name:"addr" placeholder:"ADDR" help:"Where nodes connect: host:port." group:"server"`
	Self        bool   `name:"self" help:"Start a node of its own for the run, in its own process, and look at it." group:"server"`
	PID         int    `name:"pid" placeholder:"PID" help:"The server's process, if it is on this machine." group:"server"`
	Metrics     string `name:"metrics" placeholder:"URL" help:"The server's metrics, for how long events take until they are committed." group:"server"`
	DatabaseURL string `name:"database-url" env:"DATABASE_URL" placeholder:"URL" help:"The server's database, to compare it with what was sent. Without it nothing is compared." group:"server"`

	Nodes    int      `name:"nodes" default:"64" help:"Nodes that are connected." group:"nodes"`
	Rate     float64  `name:"rate" default:"100" help:"Events a second of each node." group:"nodes"`
	Versions []uint8  `name:"version" default:"0,1" placeholder:"0,1" help:"Versions of the protocol, by turns." group:"nodes"`
	Lengths  string   `name:"lengths" default:"jam" enum:"jam,leb128" help:"How lengths are written: jam as the specification says, leb128 as TART reads them." group:"nodes"`
	Kinds    []uint16 `name:"kind" placeholder:"N" help:"Send these kinds only; all unless given." group:"nodes"`
	Cores    uint16   `name:"cores" default:"341" help:"Cores of the chain, which the size of some events depends on." group:"nodes"`
	Dropped  float64  `name:"dropped" default:"0.002" help:"Share of the events that stand for others, which the node dropped." group:"nodes"`
	Broken   float64  `name:"broken" default:"0" help:"Share of the events that cannot be read." group:"nodes"`
	Unknown  float64  `name:"unknown" default:"0" help:"Share of the events that are of no known kind." group:"nodes"`
	Seed     uint64   `name:"seed" default:"1" help:"Runs with the same seed send the same bodies." group:"nodes"`

	Duration       time.Duration `name:"duration" default:"10s" help:"Time for which events are sent." group:"course"`
	Burst          int           `name:"burst" default:"0" help:"Events that each node sends at once, besides." group:"course"`
	BurstEvery     time.Duration `name:"burst-every" default:"5s" help:"Time between these bursts." group:"course"`
	ReconnectShare float64       `name:"reconnect-share" default:"0" help:"Share of the nodes that connect again now and then." group:"course"`
	ReconnectEvery time.Duration `name:"reconnect-every" default:"5s" help:"How often." group:"course"`
	Outage         time.Duration `name:"outage" default:"0s" help:"With --self: stop the database for so long, and start it again." group:"course"`
	OutageAt       time.Duration `name:"outage-at" default:"2s" help:"When." group:"course"`
	Kill           bool          `name:"kill" help:"With --self: kill the node with signal 9 and start it again. What it had not yet read is lost then, and nothing else." group:"course"`
	KillAt         time.Duration `name:"kill-at" default:"5s" help:"When, after an outage if there is one." group:"course"`
	Settle         time.Duration `name:"settle" default:"60s" help:"How long the server may take to write what it got." group:"course"`

	JSON  bool `name:"json" help:"Write JSON." group:"output"`
	Quiet bool `name:"quiet" help:"Show no progress." group:"output"`
}

var errNoNode = errors.New("no node got in")

// errUneven ends a run whose report says what is missing.
var errUneven = errors.New("the database does not have what was sent")

// Validate says all mistakes of the command line at once.
func (c *loadTelemetryCommand) Validate() error {
	plan := c.plan()
	var errs []error
	if c.Self {
		if c.Addr != "" || c.PID != 0 || c.Metrics != "" {
			errs = append(errs, errors.New("--self starts a server: --addr, --pid and --metrics name another"))
		}
		plan.Addr = "of.its.own:0"
	} else if c.Outage > 0 || c.Kill {
		errs = append(errs, errors.New("--outage and --kill are for a server of --self"))
	}
	return errors.Join(append(errs, plan.Check())...)
}

func (c *loadTelemetryCommand) plan() telemetry.Plan {
	p := telemetry.Plan{
		Addr: c.Addr, Nodes: c.Nodes, Rate: c.Rate, Duration: c.Duration, Burst: c.Burst, BurstEvery: c.BurstEvery,
		ReconnectEvery: c.ReconnectEvery, ReconnectShare: c.ReconnectShare,
		Dropped: c.Dropped, Broken: c.Broken, Unknown: c.Unknown,
		Kinds: c.Kinds, Versions: c.Versions, Cores: c.Cores, Seed: c.Seed,
	}
	if c.PID != 0 || c.Metrics != "" {
		p.Watch = &telemetry.Watch{PID: c.PID, Metrics: c.Metrics}
	}
	if c.Lengths == catalogue.LEB128.String() {
		p.Form = catalogue.LEB128
	}
	return p
}

// Run sends events. It fails when there is a database to compare and that has not exactly
// what was sent.
func (c *loadTelemetryCommand) Run(w *world) (err error) {
	plan, database := c.plan(), c.DatabaseURL
	if c.Self {
		self, err := c.start(w, &plan)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, self.stop()) }()
		database = self.DatabaseURL
	} else if at := plan.Watch; at != nil {
		look := load.Watch{Metrics: at.Metrics}
		if at.PID != 0 {
			look.PIDs = []int{at.PID}
		}
		if err := look.Check(w.ctx); err != nil {
			return fmt.Errorf("look at the server: %w", err)
		}
	}
	var books telemetry.Books
	if database != "" {
		a, err := archive.Open(w.ctx, database)
		if err != nil {
			return err
		}
		defer a.Close()
		books = telemetry.Archive{Archive: a}
	}
	now := newStatus(w.stderr, c.Quiet)
	report, err := telemetry.Run(w.ctx, plan, books, c.Settle, shown[telemetry.Progress](now))
	now.end()
	if err != nil {
		return err
	}
	if c.JSON {
		err = writeJSON(w.stdout, report)
	} else {
		err = report.Table(w.stdout)
	}
	if b := report.Balance; err == nil && b != nil && (b.Holes != 0 || !b.Even() && report.Uncertain == 0 && !c.Kill) {
		err = errUneven
	}
	if report.Sessions == 0 {
		err = errors.Join(err, errNoNode)
	}
	for _, f := range report.Faults {
		if f.Error != "" {
			err = errors.Join(err, fmt.Errorf("%s: %s", f.Name, f.Error))
		}
	}
	return err
}
