package diagnosis_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/api/telemetry/diagnosis"
)

// begin is when the calls of these tests begin.
var begin = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

func at(seconds float64) time.Time { return begin.Add(time.Duration(seconds * float64(time.Second))) }

func of(v float64) *float64 { return &v }

// good is a call in which everybody sees and hears everybody, for so many seconds.
func good(seconds int, names ...string) *diagnosis.Call {
	c := &diagnosis.Call{From: begin, To: at(float64(seconds)), Servers: map[string]*diagnosis.Server{"s": {Name: "s", Processors: 2}}}
	for s := 0; s < seconds; s += 5 {
		server := c.Server("s")
		server.States = append(server.States, diagnosis.State{At: at(float64(s)), CPUPercent: 40})
	}
	for _, name := range names {
		p := c.Device(name, "")
		p.Server = "s"
		for s := 0; s < seconds; s += 2 {
			f := diagnosis.Flow{At: at(float64(s)), IntervalMS: 2000}
			f.From.Video, f.From.Audio = diagnosis.Rate{Packets: 60, Kbps: 700}, diagnosis.Rate{Packets: 100, Kbps: 50}
			f.To.Video, f.To.Audio = diagnosis.Rate{Packets: 60, Kbps: 700}, diagnosis.Rate{Packets: 100, Kbps: 50}
			p.Flows = append(p.Flows, f)
		}
		for s := 1; s < seconds; s += 5 {
			p.Reports = append(p.Reports, diagnosis.Report{
				At: at(float64(s)), IntervalMS: 5000, RTT: 40, AudioOn: true, VideoOn: true, Visible: true, EncoderFPS: of(30), EncodeMS: of(8), QueueBytes: of(0), Drops: of(0),
			})
			h := diagnosis.Hearing{At: at(float64(s)), IntervalMS: 5000}
			for _, other := range names {
				if other != name {
					h.Peers = append(h.Peers, diagnosis.Reception{Sender: other, AudioOn: true, VideoOn: true, FPS: 30, Kbps: 700, Decoded: 1000, Concealment: .5})
				}
			}
			p.Hearings = append(p.Hearings, h)
		}
	}
	return c
}

// sees changes how somebody sees and hears others, of whom "" is all.
func sees(c *diagnosis.Call, name, sender string, change func(*diagnosis.Reception)) {
	for _, h := range c.Device(name, "").Hearings {
		for i := range h.Peers {
			if sender == "" || h.Peers[i].Sender == sender {
				change(&h.Peers[i])
			}
		}
	}
}

func reports(c *diagnosis.Call, name string, change func(r *diagnosis.Report, i int)) {
	all := c.Device(name, "").Reports
	for i := range all {
		change(&all[i], i)
	}
}

func flows(c *diagnosis.Call, name string, change func(*diagnosis.Flow)) {
	all := c.Device(name, "").Flows
	for i := range all {
		change(&all[i])
	}
}

// still is a picture that does not move.
func still(r *diagnosis.Reception) { r.FPS = 0 }

// noVideo stops what comes of somebody's camera after the first sample.
func noVideo(c *diagnosis.Call, name string) {
	all := c.Device(name, "").Flows
	for i := range all[1:] {
		all[i+1].From.Video = diagnosis.Rate{}
	}
}

// named returns "participant" or "participant/session".
func named(d diagnosis.DeviceID) string {
	if d.Session == "" {
		return d.Participant
	}
	return d.Participant + "/" + d.Session
}

// shares has ada share a screen, of which so many packets come with each sample and so many
// pictures per second are shown.
func shares(c *diagnosis.Call, packets, fps float64) {
	reports(c, "ada", func(r *diagnosis.Report, _ int) { r.ScreenOn = true })
	flows(c, "ada", func(f *diagnosis.Flow) { f.From.Screen = diagnosis.Rate{Packets: packets, Kbps: 10 * packets} })
	for _, name := range []string{"bob", "eve"} {
		flows(c, name, func(f *diagnosis.Flow) { f.To.Screen = diagnosis.Rate{Packets: 2 * fps, Kbps: 20 * fps} })
		sees(c, name, "ada", func(r *diagnosis.Reception) { r.Screen = &diagnosis.Picture{FPS: fps, Decoded: 50} })
	}
}

// second gives somebody another connection, which is as the first, and which others see.
func second(c *diagnosis.Call, name, session string) {
	first, d := c.Device(name, ""), c.Device(name, session)
	d.Server = first.Server
	d.Flows, d.Reports, d.Hearings = slices.Clone(first.Flows), slices.Clone(first.Reports), slices.Clone(first.Hearings)
	for id, other := range c.Devices {
		if id.Participant == name {
			continue
		}
		for i := range other.Hearings {
			h := &other.Hearings[i]
			for _, r := range slices.Clone(h.Peers) {
				if r.Sender == name {
					r.Session = session
					h.Peers = append(h.Peers, r)
				}
			}
		}
	}
}

// said is what is found, as "participant direction media cause at".
func said(all []*diagnosis.Finding) string {
	lines := []string{}
	for _, f := range all {
		media := f.Media
		if media == "" {
			media = "all"
		}
		lines = append(lines, fmt.Sprintf("%s %s %s %s %s", named(f.Device), f.Direction, media, f.Cause, named(f.At.Device)+f.At.Server))
	}
	slices.Sort(lines)
	return strings.Join(lines, "; ")
}

func TestCauses(t *testing.T) {
	for _, test := range []struct {
		name string
		make func(c *diagnosis.Call)
		want string
		fact string // a measure of the first finding
	}{
		{"nothing is wrong", func(*diagnosis.Call) {}, "", ""},
		{"the encoder stalls", func(c *diagnosis.Call) {
			noVideo(c, "ada")
			reports(c, "ada", func(r *diagnosis.Report, _ int) { r.EncoderFPS = of(0) })
			sees(c, "bob", "ada", still)
		}, "ada send video encoder ada; bob receive video encoder ada", "no_video_ms"},
		{"the encoder stalls and the client does not measure it", func(c *diagnosis.Call) {
			noVideo(c, "ada")
			reports(c, "ada", func(r *diagnosis.Report, _ int) { r.EncoderFPS = nil })
		}, "ada send video encoder ada", "audio_packets"},
		{"the encoder is slow", func(c *diagnosis.Call) {
			reports(c, "ada", func(r *diagnosis.Report, i int) {
				r.EncoderFPS, r.EncodeMS, r.EncoderErrors, r.Throttled = of(3), of(250), of(float64(i)), true
			})
			sees(c, "bob", "ada", func(r *diagnosis.Reception) { r.FPS = 3 })
		}, "ada send video encoder ada; bob receive video encoder ada", "encoder_errors"},
		{"a camera that is off is no stall", func(c *diagnosis.Call) {
			noVideo(c, "ada")
			reports(c, "ada", func(r *diagnosis.Report, _ int) { r.VideoOn, r.EncoderFPS = false, nil })
			sees(c, "bob", "ada", func(r *diagnosis.Reception) { r.VideoOn, r.FPS = false, 0 })
		}, "", ""},
		{"a camera switched off since the last report is no stall", func(c *diagnosis.Call) {
			all := c.Device("ada", "").Flows
			all[len(all)-1].From.Video = diagnosis.Rate{}
			c.Device("ada", "").Reports = c.Device("ada", "").Reports[:2]
		}, "", ""},
		{"a slow camera that arrives as it is", func(c *diagnosis.Call) {
			reports(c, "ada", func(r *diagnosis.Report, _ int) { r.EncoderFPS = of(8) })
			sees(c, "bob", "ada", func(r *diagnosis.Reception) { r.FPS = 7 })
		}, "", ""},
		{"the uplink is full", func(c *diagnosis.Call) {
			reports(c, "ada", func(r *diagnosis.Report, i int) { r.QueueBytes, r.Drops, r.RTT = of(500_000), of(float64(20*i)), 900 })
			sees(c, "bob", "ada", func(r *diagnosis.Reception) { r.FPS, r.Concealment = 2, 30 })
		}, "ada send all uplink ada; bob receive audio uplink ada; bob receive video uplink ada", "client_drops"},
		{"nothing comes through the uplink", func(c *diagnosis.Call) {
			flows(c, "ada", func(f *diagnosis.Flow) { f.From = diagnosis.Rates{} })
			sees(c, "bob", "ada", still)
		}, "ada send video uplink ada; bob receive video uplink ada", "encoder_fps"},
		{"packets are lost on the way to the server", func(c *diagnosis.Call) {
			for _, name := range []string{"bob", "eve"} {
				sees(c, name, "ada", func(r *diagnosis.Reception) { r.FPS, r.LostPPS = 4, of(12) })
			}
		}, "ada send all uplink ada; bob receive video uplink ada; eve receive video uplink ada", "receivers_with_loss"},
		{"the downlink takes no more", func(c *diagnosis.Call) {
			flows(c, "bob", func(f *diagnosis.Flow) { f.Dropped, f.To.Video.Packets = 40, 10 })
			reports(c, "bob", func(r *diagnosis.Report, _ int) { r.RTT = 1500 })
			sees(c, "bob", "", func(r *diagnosis.Reception) { r.FPS, r.Concealment = 1, 45 })
		}, "bob receive audio downlink bob; bob receive video downlink bob", "rtt_ms"},
		{"the downlink takes no more, of which the client tells nothing", func(c *diagnosis.Call) {
			flows(c, "bob", func(f *diagnosis.Flow) { f.Dropped = 40 })
			c.Device("bob", "").Hearings = nil
		}, "bob receive all downlink bob", "server_drops"},
		{"much waits for somebody", func(c *diagnosis.Call) {
			flows(c, "bob", func(f *diagnosis.Flow) { f.WaitingBytes = 1e6 })
		}, "bob receive all downlink bob", "waiting_bytes"},
		{"the downlink loses packets", func(c *diagnosis.Call) {
			sees(c, "bob", "", func(r *diagnosis.Reception) { r.FPS, r.LostPPS = 4, of(9) })
		}, "bob receive video downlink bob", "lost_pps"},
		{"the downlink loses packets, and whole pictures are asked for", func(c *diagnosis.Call) {
			sees(c, "bob", "ada", func(r *diagnosis.Reception) { r.FPS, r.LostPPS = 4, of(9) })
			c.Device("ada", "").Keyframes = []diagnosis.Keyframe{{at(1), "video"}, {at(2), "video"}, {at(3), "video"}}
		}, "bob receive video downlink bob", "keyframe_requests"},
		{"the decoder is slow", func(c *diagnosis.Call) {
			sees(c, "bob", "", func(r *diagnosis.Reception) { r.FPS, r.DecodeMS, r.Buffered, r.DroppedFPS = 6, of(90), 30, 12 })
			reports(c, "bob", func(r *diagnosis.Report, _ int) { r.MainThread, r.DecodePressed = of(.97), true })
		}, "bob receive video decoder bob", "decode_ms"},
		{"the decoder fails", func(c *diagnosis.Call) {
			for i, h := range c.Device("bob", "").Hearings {
				h.Peers[0].FPS, h.Peers[0].DecoderErrors = 0, of(float64(i))
			}
		}, "bob receive video decoder bob", "decoder_errors"},
		{"nobody looks", func(c *diagnosis.Call) {
			sees(c, "bob", "", still)
			reports(c, "bob", func(r *diagnosis.Report, _ int) { r.Visible = false })
		}, "", ""},
		{"a picture that never began", func(c *diagnosis.Call) {
			sees(c, "bob", "", func(r *diagnosis.Reception) { r.FPS, r.Decoded = 0, 0 })
		}, "", ""},
		{"the first report of a connection", func(c *diagnosis.Call) {
			sees(c, "bob", "", still)
			p := c.Device("bob", "")
			p.Hearings = p.Hearings[:1]
			p.Hearings[0].IntervalMS = 0
		}, "", ""},
		{"the server is busy", func(c *diagnosis.Call) {
			for i := range c.Server("s").States {
				c.Server("s").States[i].CPUPercent = 196
			}
			flows(c, "bob", func(f *diagnosis.Flow) { f.Dropped = 40 })
		}, "bob receive all server s", "cpu_percent"},
		{"the server waits for processors", func(c *diagnosis.Call) {
			c.Server("s").Strains = []diagnosis.Strain{{At: at(3), BusyMS: 1500}, {At: at(5), BusyMS: 250}}
			sees(c, "bob", "ada", func(r *diagnosis.Reception) { r.Concealment = 20 })
			reports(c, "bob", func(r *diagnosis.Report, _ int) { r.RTT = 900 })
		}, "bob receive audio server s", "server_busy_ms"},
		{"the server waits for processors, and a device is too slow", func(c *diagnosis.Call) {
			c.Server("s").Strains = []diagnosis.Strain{{At: at(3), BusyMS: 1500}}
			sees(c, "bob", "ada", func(r *diagnosis.Reception) { r.FPS, r.DecodeMS = 3, of(120) })
		}, "bob receive video decoder bob", "decode_ms"},
		{"the server waited for a moment", func(c *diagnosis.Call) {
			c.Server("s").Strains = []diagnosis.Strain{{At: at(3), BusyMS: 250}}
			sees(c, "bob", "ada", func(r *diagnosis.Reception) { r.Concealment = 20 })
			reports(c, "bob", func(r *diagnosis.Report, _ int) { r.RTT = 900 })
		}, "bob receive audio downlink bob", "rtt_ms"},
		{"the server drops for all", func(c *diagnosis.Call) {
			for _, name := range []string{"ada", "bob", "eve"} {
				flows(c, name, func(f *diagnosis.Flow) { f.Dropped = 40 })
			}
		}, "ada receive all server s; bob receive all server s; eve receive all server s", "receivers_held_back"},
		{"a busy server and full queues of clients", func(c *diagnosis.Call) {
			c.Server("s").States[len(c.Server("s").States)-1].CPUPercent = 199
			reports(c, "ada", func(r *diagnosis.Report, _ int) { r.QueueBytes = of(500_000) })
		}, "ada send all server s", "queue_bytes"},
		{"given up by the server", func(c *diagnosis.Call) {
			c.Device("bob", "").Reconnects = []diagnosis.Reconnect{{At: at(3), Code: "slow"}}
		}, "bob receive all downlink bob", "code_slow"},
		{"connections that break", func(c *diagnosis.Call) {
			c.Device("bob", "").Reconnects = []diagnosis.Reconnect{{At: at(3), Code: "lost"}}
		}, "bob send all uplink bob", "reconnects"},
		{"a server that goes away", func(c *diagnosis.Call) {
			c.Device("bob", "").Reconnects = []diagnosis.Reconnect{{At: at(3), Code: "going_away"}}
		}, "bob send all server s", "code_going_away"},
		{"a screen that does not change", func(c *diagnosis.Call) { shares(c, 0, 0) }, "", ""},
		{"a screen that moves", func(c *diagnosis.Call) { shares(c, 30, 15) }, "", ""},
		{"a screen in three sizes", func(c *diagnosis.Call) { shares(c, 90, 15) }, "", ""},
		{"the encoder of a screen fails", func(c *diagnosis.Call) {
			shares(c, 0, 0)
			reports(c, "ada", func(r *diagnosis.Report, i int) { r.ScreenErrors = of(float64(i)) })
		}, "ada send screen encoder ada", "screen_errors"},
		{"a screen of which nothing comes when it is asked for", func(c *diagnosis.Call) {
			shares(c, 0, 0)
			c.Device("ada", "").Keyframes = []diagnosis.Keyframe{{at(3), "screen"}}
		}, "ada send screen encoder ada", "no_screen_ms"},
		{"a screen that is made and does not come", func(c *diagnosis.Call) {
			shares(c, 0, 0)
			reports(c, "ada", func(r *diagnosis.Report, i int) { r.ScreenFrames = of(float64(50 * i)) })
		}, "ada send screen uplink ada", "screen_frames"},
		{"the decoder of a screen is slow", func(c *diagnosis.Call) {
			shares(c, 30, 15)
			sees(c, "bob", "ada", func(r *diagnosis.Reception) { r.Screen.FPS, r.Screen.Buffered = 1, 40 })
		}, "bob receive screen decoder bob", "screen_fps"},
		{"a screen that is shown late", func(c *diagnosis.Call) {
			shares(c, 30, 15)
			sees(c, "bob", "ada", func(r *diagnosis.Reception) { r.Screen.StaleMS = 9000 })
			reports(c, "bob", func(r *diagnosis.Report, _ int) { r.Throttled = true })
		}, "bob receive screen decoder bob", "screen_behind_ms"},
		{"the downlink of who looks at a screen", func(c *diagnosis.Call) {
			shares(c, 30, 15)
			sees(c, "bob", "ada", func(r *diagnosis.Reception) { r.Screen.FPS = .5 })
			flows(c, "bob", func(f *diagnosis.Flow) { f.Dropped = 40 })
		}, "bob receive screen downlink bob", "server_drops"},
		{"one of two devices has a bad downlink", func(c *diagnosis.Call) {
			second(c, "bob", "7")
			for i := range c.Device("bob", "7").Flows {
				c.Device("bob", "7").Flows[i].Dropped = 40
			}
		}, "bob/7 receive all downlink bob/7", "server_drops"},
		{"one of two devices does not send", func(c *diagnosis.Call) {
			second(c, "ada", "7")
			for i := range c.Device("ada", "7").Flows[1:] {
				c.Device("ada", "7").Flows[i+1].From.Video = diagnosis.Rate{}
			}
			for _, h := range c.Device("bob", "").Hearings { // the client tells them apart
				for i := range h.Peers {
					if h.Peers[i].Sender == "ada" && h.Peers[i].Session == "7" {
						h.Peers[i].FPS = 0
					}
				}
			}
		}, "ada/7 send video uplink ada/7; bob receive video uplink ada/7", "no_video_ms"},
		{"what nobody explains", func(c *diagnosis.Call) {
			sees(c, "bob", "ada", still)
		}, "bob receive video unknown ", "fps"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := good(12, "ada", "bob", "eve")
			test.make(c)
			found := c.Look()
			if got := said(found); got != test.want {
				t.Fatalf("%s\nwant %s", got, test.want)
			}
			for i, f := range found {
				if f.Words() == "" || !f.From.Equal(c.From) || !f.To.Equal(c.To) || len(f.Facts) == 0 {
					t.Errorf("%+v", f)
				}
				for _, fact := range f.Facts {
					if fact.Words == "" || fact.By == "" || strings.Contains(fact.Words, "%!") || strings.ContainsAny(fact.Words, "\n") {
						t.Errorf("%+v", fact)
					}
				}
				if i == 0 && !slices.ContainsFunc(f.Facts, func(f diagnosis.Fact) bool { return f.Measure == test.fact }) {
					t.Errorf("without %s: %+v", test.fact, f.Facts)
				}
				if f.Sure && f.Cause == diagnosis.Unknown {
					t.Error("sure of nothing")
				}
			}
		})
	}
}

func TestACauseIsKnownWithinFiveSeconds(t *testing.T) {
	c := good(60, "ada", "bob", "eve")
	for i := range c.Device("ada", "").Flows {
		if f := &c.Device("ada", "").Flows[i]; f.At.After(at(30)) {
			f.From.Video = diagnosis.Rate{}
		}
	}
	for i := range c.Device("ada", "").Reports {
		if r := &c.Device("ada", "").Reports[i]; r.At.After(at(30)) {
			r.EncoderFPS = of(0)
		}
	}
	if got := said(c.Between(at(18), at(30.5)).Look()); got != "" {
		t.Errorf("before: %s", got)
	}
	if got := said(c.Between(at(23), at(35)).Look()); got != "ada send video encoder ada" {
		t.Errorf("after: %s", got)
	}
}

func TestAConnectionThatAnotherTookThePlaceOfIsNotJudged(t *testing.T) {
	c := good(12, "ada", "bob")
	second(c, "bob", "7")
	first := c.Device("bob", "")
	first.Flows = first.Flows[:2]
	for i := range first.Flows {
		first.Flows[i].Dropped = 40
	}
	if got := said(c.Look()); got != "" {
		t.Error(got)
	}
	if got := len(c.Present()); got != 2 {
		t.Errorf("%d are there", got)
	}
}

func TestHistoryIsSpells(t *testing.T) {
	c := good(300, "ada", "bob")
	flows(c, "bob", func(f *diagnosis.Flow) {
		if s := f.At.Sub(begin).Seconds(); s >= 60 && s < 90 || s >= 200 && s < 210 {
			f.Dropped = 50
		}
	})
	all := c.History()
	if got := said(all); got != "bob receive all downlink bob; bob receive all downlink bob" {
		t.Fatal(got)
	}
	for i, want := range []struct{ from, to float64 }{{60, 90}, {200, 210}} {
		from, to := all[i].From.Sub(begin).Seconds(), all[i].To.Sub(begin).Seconds()
		if from < want.from-4 || from > want.from+4 || to < want.to || to > want.to+12 {
			t.Errorf("from %v to %v, want about %v", from, to, want)
		}
	}
	if !all[0].Sure {
		t.Error("two facts are not enough")
	}
}

func TestWhatIsNotKnownIsSaid(t *testing.T) {
	c := good(12, "ada", "bob")
	if gaps := c.Gaps(); len(gaps) != 0 {
		t.Errorf("%+v", gaps)
	}
	c.Cut = true
	ada := c.Device("ada", "")
	ada.Reports, ada.Flows, ada.Lost = nil, nil, 7
	c.Device("bob", "").Hearings[len(c.Device("bob", "").Hearings)-1].Peers = nil
	gaps := c.Gaps()
	if len(gaps) != 5 || gaps[3].Count != 7 || gaps[3].Device.Participant != "ada" {
		t.Errorf("%+v", gaps)
	}
	if len((&diagnosis.Call{}).Look()) != 0 {
		t.Error("something is wrong with nothing")
	}
}
