package main

import (
	"errors"
	"math/rand/v2"
	"strconv"
	"time"

	"parley/api/client"
	"parley/api/load"
)

// loadCommands are the ways to put a server under load. Without the name of one it is a call.
type loadCommands struct {
	Call      loadCommand          `cmd:"" default:"withargs" help:"Fill rooms of a server with people who send media, and count what arrives and when."`
	Flood     loadFloodCommand     `cmd:"" help:"Bother a server in ways it must not mind, and measure how people fare meanwhile."`
	Telemetry loadTelemetryCommand `cmd:"" help:"Send events of JIP-3 nodes, and compare the database with what was sent."`
}

type loadCommand struct {
	loadTarget
	Framing string `name:"framing" default:"auto" enum:"auto,packet,stream" help:"Of WebTransport: packet is a stream for each one, stream is long-lived streams of many, and is asked for. auto speaks as the server does that is asked for nothing." group:"server"`
	Streams int64  `name:"streams" default:"0" help:"How many streams a WebTransport client lets the server have open at once, browsers 100; 0 is no limit." group:"server"`

	Room       string `name:"room" placeholder:"NAME" help:"Name of the room; with several, what their names begin with." group:"people"`
	Rooms      int    `name:"rooms" default:"1" help:"Number of rooms." group:"people"`
	Publishers int    `name:"publishers" default:"4" help:"Participants of each room who send; they receive as well." group:"people"`
	Viewers    int    `name:"viewers" default:"4" help:"Participants of each room who only receive." group:"people"`

	Audio      int           `name:"audio" default:"32" help:"Opus while somebody speaks, kbit/s; 0 is none." group:"media"`
	Talk       float64       `name:"talk" default:"0.4" help:"Share of the time that each publisher speaks." group:"media"`
	Video      int           `name:"video" default:"800" help:"Camera, kbit/s; 0 is none." group:"media"`
	FPS        int           `name:"fps" default:"30" help:"Pictures of the camera a second." group:"media"`
	Layers     int           `name:"layers" default:"1" help:"Layers of the camera, 1 to 3, each with a quarter of the rate of the one above; clients keep to what servers say about those nobody wants." group:"media"`
	WatchLayer int           `name:"watch-layer" default:"0" help:"The layer that participants ask for, where there are several; 0 is the lowest." group:"media"`
	KeyEvery   time.Duration `name:"keyframe-every" default:"5s" help:"Time between keyframes of a camera." group:"media"`
	Screens    int           `name:"screens" default:"0" help:"How many publishers of each room share a screen." group:"media"`
	Screen     int           `name:"screen" default:"2500" help:"Shared screen while it changes, kbit/s." group:"media"`
	SteadyRate float64       `name:"steady-rate" placeholder:"N" help:"Instead of media, N packets a second of one size from each publisher." group:"media"`
	SteadySize int           `name:"steady-size" default:"1200" help:"Size of those packets." group:"media"`
	VideoFile  string        `name:"video-file" type:"existingfile" placeholder:"FILE" help:"The first publisher of each room sends this video, again and again: WebM, with its sound, or IVF." group:"media"`
	AudioFile  string        `name:"audio-file" type:"existingfile" placeholder:"FILE" help:"The first publisher of each room sends this Opus audio, again and again: Ogg or WebM." group:"media"`

	Ramp       time.Duration `name:"ramp" default:"2s" help:"Time over which participants come." group:"course"`
	WarmUp     time.Duration `name:"warm-up" default:"3s" help:"Time which is not measured, once everybody is in." group:"course"`
	Duration   time.Duration `name:"duration" default:"10s" help:"Time that is measured." group:"course"`
	Drain      time.Duration `name:"drain" default:"2s" help:"How long packets may still take at the end." group:"course"`
	Slow       float64       `name:"slow" default:"0" help:"Share of the receivers that read slowly." group:"course"`
	SlowRate   int           `name:"slow-rate" default:"200" help:"How fast those read, kbit/s." group:"course"`
	Stalled    float64       `name:"stalled" default:"0" help:"Share of the receivers that stop reading." group:"course"`
	Lossy      float64       `name:"lossy" default:"0" help:"Share of the receivers whose network loses packets; on Linux." group:"course"`
	Loss       float64       `name:"loss" default:"0.05" help:"Share of the packets that those lose." group:"course"`
	StormEvery time.Duration `name:"storm-every" default:"0s" help:"Time between storms, in which connections are cut and come back; 0 is none." group:"course"`
	StormShare float64       `name:"storm-share" default:"0.5" help:"Share of the connections that a storm cuts." group:"course"`
	Visits     float64       `name:"visits" default:"0" help:"People a second who come besides for a moment, while the run measures: how long do they take to get in?" group:"course"`
	Heartbeat  time.Duration `name:"heartbeat" default:"5s" help:"Time between heartbeats of each participant." group:"course"`
	Probe      time.Duration `name:"probe" default:"1s" help:"Time between probes of each participant; 0 is none." group:"course"`
	Seed       uint64        `name:"seed" default:"1" help:"Runs with the same seed send the same media." group:"course"`

	JSON  bool `name:"json" help:"Write JSON." group:"output"`
	Quiet bool `name:"quiet" help:"Show no progress." group:"output"`
}

// Validate says all mistakes of the command line at once.
func (c *loadCommand) Validate() error {
	plan := c.plan()
	var errs []error
	if c.Self {
		errs = append(errs, c.check())
		plan.URLs = []string{"ws://of.its.own"}
	}
	return errors.Join(append(errs, plan.Check())...)
}

// Run puts a server under load. What it finds goes to stdout, how it is doing to stderr.
func (c *loadCommand) Run(w *world) error {
	plan := c.plan()
	server, err := c.reach(w)
	if err != nil {
		return err
	}
	defer server.leave()
	plan.URLs, plan.Door, plan.Watch = server.urls, server.door, server.watch
	now := newStatus(w.stderr, c.Quiet)
	report, err := load.Run(w.ctx, plan, shown[load.Progress](now))
	now.end()
	if err != nil {
		return err
	}
	if c.JSON {
		return writeJSON(w.stdout, report)
	}
	return report.Table(w.stdout)
}

func (c *loadCommand) plan() load.Plan {
	p := load.Plan{
		URLs: c.URL, Insecure: c.Insecure, Streams: c.Streams,
		Room: c.Room, Rooms: c.Rooms, Publishers: c.Publishers, Viewers: c.Viewers,
		AudioKbps: c.Audio, TalkShare: c.Talk, VideoKbps: c.Video, FPS: c.FPS, Layers: c.Layers, WatchLayer: c.WatchLayer, KeyframeEvery: c.KeyEvery,
		Screens: c.Screens, ScreenKbps: c.Screen, SteadyRate: c.SteadyRate, SteadySize: c.SteadySize,
		VideoFile: c.VideoFile, AudioFile: c.AudioFile,
		Ramp: c.Ramp, WarmUp: c.WarmUp, Duration: c.Duration, Drain: c.Drain,
		Slow: c.Slow, SlowKbps: c.SlowRate, Stalled: c.Stalled, Lossy: c.Lossy, Loss: c.Loss, StormEvery: c.StormEvery, StormShare: c.StormShare, Visits: c.Visits,
		Heartbeat: c.Heartbeat, Probe: c.Probe, Seed: c.Seed,
	}
	if c.Framing != "packet" { // which is the empty one
		p.Framing = client.Framing(c.Framing)
	}
	if p.Room == "" {
		p.Room = aRoom()
	}
	return p
}

// aRoom returns the name of a room that nobody else is in.
func aRoom() string { return "load-" + strconv.FormatUint(rand.Uint64()&0xfffffff, 36) }
