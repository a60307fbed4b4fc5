package app_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"parley/api/media/mediatest"
	healthv1 "parley/protobuf/health/v1"
)

// scene is a room in which something is wrong.
type scene struct {
	name string
	room string
	turn func() // what its people do between two samples of the server

	who                     *guest
	direction, media, cause string

	metronome string // the session whose samples count
	played    bool   // since the server last said how it is
	found     bool
	record    string // the session of who suffers, in telemetry
	last      []finding
}

// finding is what a diagnosis says of one device.
type finding struct {
	Session, Direction, Media, Cause string
	Evidence                         []struct{ Measure string }
}

func (s *scene) among(all []finding) bool {
	for _, f := range all {
		if f.Session == strconv.FormatUint(s.who.id, 10) && f.Direction == s.direction && f.Media == s.media && f.Cause == s.cause && len(f.Evidence) > 0 {
			return true
		}
	}
	return false
}

// drain receives what comes until the connection ends.
func (g *guest) drain(reading *sync.WaitGroup) {
	reading.Go(func() {
		for {
			if _, err := g.Receive(g.ctx); err != nil {
				return
			}
		}
	})
}

// report sends what g reports, and how it sees and hears another one.
func (g *guest) report(p *healthv1.HealthPacket, of *guest, s *healthv1.PeerStats) {
	g.c.t.Helper()
	p.IsTabVisible = true
	if p.SendQueueBytes == nil {
		p.SendQueueBytes = proto.Uint64(0)
	}
	if of != nil {
		p.PeerStats = map[string]*healthv1.PeerStats{fmt.Sprint(of.id): s}
	}
	g.send(healthPacket(g.c.t, p))
}

// Every cause there is is found while it lasts, of the device and the medium that it is of, and
// afterwards on record. What the server measures is real: packets that come or do not, or
// that it leaves out.
func TestWhyACallIsBad(t *testing.T) {
	t.Parallel() // it waits for samples
	n := newCluster(t).start()
	var reading sync.WaitGroup
	t.Cleanup(reading.Wait)
	join := func(name, room string) *guest {
		g := n.join(overWS, name, room)
		t.Cleanup(func() { _ = g.Close() })
		g.drain(&reading)
		return g
	}
	sends := func(g *guest, count int, packet []byte) {
		for range count {
			g.send(packet)
		}
	}
	// The server leaves out packets for who looked away and needs a keyframe that does not come,
	// as it does for who takes none.
	starves := func(ada *guest, receivers []*guest) func() {
		ada.send(mediatest.VideoKey("whole"))
		return func() {
			for _, g := range receivers {
				g.send(mediatest.Viewport(1))
				g.send(mediatest.Viewport(ada.id))
			}
			sends(ada, 30, mediatest.VideoDelta("left out"))
		}
	}
	seen := func(fps float64) *healthv1.PeerStats {
		return &healthv1.PeerStats{VideoEnabled: true, VideoStats: &healthv1.VideoStats{FpsReceived: fps, FramesDecoded: 100}}
	}
	camera := func(fps uint32) *healthv1.HealthPacket {
		return &healthv1.HealthPacket{ReportingVideoEnabled: true, ReportingAudioEnabled: true, EncoderOutputFps: proto.Uint32(fps)}
	}
	var scenes []*scene
	stage := func(name string, receivers int, play func(s *scene, ada *guest, others []*guest)) {
		s := &scene{name: name, room: newRoom()}
		ada := join("ada", s.room)
		var others []*guest
		for i := range receivers {
			others = append(others, join(fmt.Sprint("bob", i), s.room))
		}
		play(s, ada, others)
		scenes = append(scenes, s)
	}
	stage("uplink", 1, func(s *scene, ada *guest, others []*guest) {
		s.who, s.direction, s.media, s.cause = ada, "send", "video", "uplink"
		s.turn = func() { // and nothing comes
			ada.report(camera(30), nil, nil)
			others[0].report(&healthv1.HealthPacket{}, nil, nil)
		}
	})
	stage("encoder", 1, func(s *scene, ada *guest, _ []*guest) {
		s.who, s.direction, s.media, s.cause = ada, "send", "video", "encoder"
		s.turn = func() {
			sends(ada, 20, mediatest.Audio("sound"))
			ada.report(camera(0), nil, nil)
		}
	})
	stage("decoder", 1, func(s *scene, ada *guest, others []*guest) {
		s.who, s.direction, s.media, s.cause = others[0], "receive", "video", "decoder"
		s.turn = func() {
			sends(ada, 60, mediatest.VideoKey("picture"))
			ada.report(camera(30), nil, nil)
			bad := seen(3)
			bad.AvgDecodeLatencyMs = proto.Float64(120)
			others[0].report(&healthv1.HealthPacket{}, ada, bad)
		}
	})
	stage("screen", 1, func(s *scene, ada *guest, others []*guest) {
		s.who, s.direction, s.media, s.cause = others[0], "receive", "screen", "decoder"
		s.turn = func() {
			sends(ada, 30, mediatest.Screen("slide"))
			ada.report(&healthv1.HealthPacket{ScreenSharingActive: proto.Bool(true)}, nil, nil)
			others[0].report(&healthv1.HealthPacket{}, ada, &healthv1.PeerStats{ScreenVideoStats: &healthv1.VideoStats{FpsReceived: .2, FramesDecoded: 9, FramesBuffered: 50}})
		}
	})
	stage("downlink", 1, func(s *scene, ada *guest, others []*guest) {
		join("bob0/second", s.room) // of the same person, who is well there
		s.who, s.direction, s.media, s.cause = others[0], "receive", "all", "downlink"
		s.turn = starves(ada, others)
	})
	stage("server", 3, func(s *scene, ada *guest, others []*guest) {
		s.who, s.direction, s.media, s.cause = others[1], "receive", "all", "server"
		s.turn = starves(ada, others)
	})
	n.perform(scenes)
}

// judge reports whether the cause has been found, and is on record of the one who suffers and of
// nobody else.
func (s *scene) judge(n *node) (over bool, err error) {
	type diagnosis struct{ Findings []finding }
	if !s.found {
		now, err := tryAsAdmin[diagnosis](n, "GET", "../telemetry/diagnosis?room="+url.QueryEscape(s.room), "")
		s.found, s.last = s.among(now.Findings), now.Findings
		return false, err
	}
	id := strconv.FormatUint(s.who.id, 10)
	if s.record == "" {
		all, err := tryAsAdmin[struct {
			Sessions []struct {
				Session string
				Labels  map[string]string
			}
		}](n, "GET", "../telemetry/sessions?catalogue=call&limit=100&room="+url.QueryEscape(s.room), "")
		for _, one := range all.Sessions {
			if one.Labels["session"] == id {
				s.record = one.Session
			}
		}
		if err != nil || s.record == "" {
			return false, err
		}
	}
	after, err := tryAsAdmin[diagnosis](n, "GET", "../telemetry/diagnosis?session="+s.record, "")
	for _, f := range after.Findings {
		if f.Session != id {
			return false, fmt.Errorf("a finding of another device: %+v", f)
		}
	}
	s.last = after.Findings
	return s.among(after.Findings), err
}

// perform plays all scenes at the pace of the server's samples until the cause of each is found
// and on record, where calls are judged in other steps. Who judges does not hold the play up.
func (n *node) perform(scenes []*scene) {
	n.t.Helper()
	a, begun := n.listen(), time.Now()
	turns := make(chan struct{}, 1)
	var left []*scene
	var judging sync.WaitGroup
	judging.Go(func() {
		defer a.leave()
		left = slices.Clone(scenes)
		for range turns {
			left = slices.DeleteFunc(left, func(s *scene) bool {
				found := s.found
				over, err := s.judge(n)
				if err != nil {
					n.t.Errorf("%s: %v", s.name, err)
				}
				if s.found && !found {
					n.t.Logf("%s is found after %v", s.name, time.Since(begun).Round(100*time.Millisecond))
				}
				return over || err != nil
			})
			if len(left) == 0 {
				return
			}
		}
	})
	end := sync.OnceFunc(func() { close(turns); judging.Wait() })
	defer end()
	for a.lines.Scan() {
		data, _ := strings.CutPrefix(a.lines.Text(), "data:")
		var e struct{ Name, Session, Room string }
		if json.Unmarshal([]byte(data), &e) != nil {
			continue
		}
		for _, s := range scenes {
			switch {
			case e.Name == "ServerStatus" && !s.played: // a sample was missed
			case e.Name == "ServerStatus":
				s.played = false
				continue
			case e.Name != "FlowSample" || s.room != e.Room || s.metronome != "" && s.metronome != e.Session:
				continue
			default:
				s.metronome = e.Session
			}
			s.played = true
			s.turn()
			select {
			case turns <- struct{}{}:
			default:
			}
		}
	}
	end()
	for _, s := range left {
		n.t.Errorf("%s is not found, or not on record; the last findings are %+v", s.name, s.last)
	}
}
