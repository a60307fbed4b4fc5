package diagnosis

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"
)

// What is taken for bad.
const (
	leastInterval = 1500.0 // ms; over less, rates are chance

	slowRTT       = 400.0   // ms
	longQueue     = 64_000. // bytes that wait at a client to be sent
	manyDrops     = 5.0     // packets that a client gave up on
	someLoss      = 1.0     // packets per second that never arrived
	fewPictures   = 5.0     // per second
	slowEncode    = 100.0   // ms for one picture
	slowDecode    = 40.0    // ms for one picture
	busyThread    = 0.9     // share of the time of a page's main thread
	longBuffer    = 10.0    // pictures that wait to be decoded
	badSound      = 8.0     // percent of the sound is made up
	fullCPU       = 90.0    // percent of all processors
	someStrain    = 500.0   // ms in which a server had more to do than it can
	lowShare      = 0.5     // of the pictures that the sender makes
	fewDropped    = 3.0     // packets in a span that the server left out for somebody
	droppedShare  = 0.02    // of those meant for them
	manyKeyframes = 3       // requests for one of a sender in a span
	manyKept      = 256_000 // bytes that wait at the server for somebody
)

// look judges one span.
type look struct {
	*Call
	sends map[DeviceID][]*Finding
	loads map[string][]Fact // of servers that do not keep up
	found []*Finding
}

// Look says what is bad in a call, taking all of it as one span: that should be of ten to
// twenty seconds, so that it has two reports of each client. The order is stable.
func (c *Call) Look() []*Finding {
	l := &look{Call: c, sends: map[DeviceID][]*Finding{}, loads: map[string][]Fact{}}
	people := c.Present()
	l.servers(people)
	for _, p := range people {
		l.sending(p)
	}
	for _, p := range people {
		l.receiving(p)
	}
	for _, f := range l.found {
		f.Sure = f.Cause != Unknown && len(f.Facts) > 1
	}
	return l.found
}

// Sorted returns the devices by participant.
func (c *Call) Sorted() []*Device {
	return slices.SortedFunc(maps.Values(c.Devices), func(a, b *Device) int {
		return cmp.Or(strings.Compare(a.Participant, b.Participant), strings.Compare(a.Session, b.Session))
	})
}

// goneAfter is how much later another connection of the same participant was measured than one
// that is gone: two samples.
const goneAfter = 5 * time.Second

// Present returns the devices by participant, without connections that others took the place of.
func (c *Call) Present() []*Device {
	latest := map[string]time.Time{}
	for _, d := range c.Devices {
		if f, ok := last(d.Flows); ok && f.At.After(latest[d.Participant]) {
			latest[d.Participant] = f.At
		}
	}
	return slices.DeleteFunc(c.Sorted(), func(d *Device) bool {
		f, ok := last(d.Flows)
		if !ok { // before its first sample, or something was lost
			return !latest[d.Participant].IsZero() && len(d.Reconnects) == 0 && len(d.Reports) == 0 && d.Lost == 0
		}
		return latest[d.Participant].Sub(f.At) > goneAfter
	})
}

func (l *look) find(f Finding) *Finding {
	f.From, f.To = l.From, l.To
	l.found = append(l.found, &f)
	return &f
}

// servers finds those that do not keep up: what they have to do waits for processors, which they
// use all the time or others of the machine do, or they leave out packets for most of whom they serve.
func (l *look) servers(people []*Device) {
	for name, s := range l.Servers {
		state, ok := last(s.States)
		if ok && s.Processors > 0 && state.CPUPercent >= fullCPU*float64(s.Processors) {
			l.loads[name] = append(l.loads[name], fact(byServer, "cpu_percent", state.CPUPercent/float64(s.Processors), "The server uses %.0f %% of its processors."))
		}
		busy := 0.0
		for _, s := range s.Strains {
			busy += s.BusyMS
		}
		if busy >= someStrain {
			l.loads[name] = append(l.loads[name], fact(byServer, "server_busy_ms", busy, "For %.0f ms the server had more to do than its processors can."))
		}
	}
	served, held := map[string]int{}, map[string]int{}
	for _, p := range people {
		if len(p.Flows) == 0 {
			continue
		}
		served[p.Server]++
		if len(p.heldBack()) > 0 {
			held[p.Server]++
		}
	}
	for name, n := range held {
		if n >= 3 && 2*n > served[name] {
			l.loads[name] = append(l.loads[name], fact(byServer, "receivers_held_back", float64(n), "The server leaves out packets for %.0f participants at once."))
		}
	}
}

// sending finds what is wrong with what somebody sends.
func (l *look) sending(p *Device) {
	own, ok := p.report()
	if !ok {
		l.found = append(l.found, l.lost(p)...)
		return
	}
	up := p.uplink()
	up = append(up, l.lossEverywhere(p)...)
	silence := p.silence(own.VideoOn, func(r Rates) Rate { return r.Video })
	fps := or(own.EncoderFPS, -1)
	switch {
	case silence > 0 && p.soundless() && own.AudioOn, silence > 0 && len(up) > 0, silence > 0 && fps >= fewPictures:
		facts := append([]Fact{fact(byServer, "no_video_ms", silence, "No picture reached the server for %.0f ms, though the camera is on.")}, up...)
		if p.soundless() && own.AudioOn {
			facts = append(facts, fact(byServer, "audio_packets", 0, "Nor does sound: %.0f packets."))
		}
		if fps >= fewPictures {
			facts = append(facts, fact(p.Participant, "encoder_fps", fps, "The device makes %.0f pictures per second."))
		}
		l.sent(p, "video", Uplink, facts)
	case silence > 0:
		facts := []Fact{fact(byServer, "no_video_ms", silence, "No picture reached the server for %.0f ms, though the camera is on.")}
		if sound := p.sound(); sound > 0 {
			facts = append(facts, fact(byServer, "audio_packets", sound, "Sound of the same participant arrives: %.0f packets."))
		}
		l.sent(p, "video", Encoder, append(facts, p.encoder()...))
	case own.VideoOn && own.IntervalMS >= leastInterval && fps >= 0 && fps < fewPictures, own.VideoOn && or(own.EncodeMS, 0) >= slowEncode:
		l.sent(p, "video", Encoder, p.encoder())
	case len(up) > 0:
		l.sent(p, "", Uplink, up)
	}
	l.sharing(p)
	l.found = append(l.found, l.lost(p)...)
}

func (l *look) sent(p *Device, media string, cause Cause, facts []Fact) {
	at := Place{Device: p.DeviceID}
	if load := l.loads[p.Server]; cause == Uplink && len(load) > 0 {
		cause, at, facts = Overload, Place{Server: p.Server}, append(slices.Clone(load), facts...)
	}
	l.sends[p.DeviceID] = append(l.sends[p.DeviceID], l.find(Finding{Device: p.DeviceID, Direction: Send, Media: media, Cause: cause, At: at, Facts: facts}))
}

// lost finds connections that were lost: those that the server closed because somebody did
// not keep up, and others.
func (l *look) lost(p *Device) []*Finding {
	r, ok := last(p.Reconnects)
	if !ok {
		return nil
	}
	facts := []Fact{fact(byServer, "reconnects", float64(len(p.Reconnects)), "The connection was lost and found again: %.0f times.")}
	f := &Finding{Device: p.DeviceID, Direction: Send, Cause: Uplink, At: Place{Device: p.DeviceID}, From: l.From, To: l.To, Facts: facts}
	switch r.Code {
	case "slow":
		f.Direction, f.Cause = Receive, Downlink
		f.Facts = append(f.Facts, Fact{Words: "The server gave the connection up because what waited for it did not get less.", Measure: "code_slow", Value: 1, By: byServer})
	case "going_away":
		f.Cause, f.At = Overload, Place{Server: p.Server}
		f.Facts = append(f.Facts, Fact{Words: "The server asked participants to go to another one.", Measure: "code_going_away", Value: 1, By: byServer})
	}
	return []*Finding{f}
}

// silence returns for how long, in ms, nothing of one kind came from a device whose client says,
// after that began, that it is on.
func (p *Device) silence(on bool, of func(Rates) Rate) float64 {
	own, ok := p.report()
	if !ok || !on || len(p.Flows) == 0 {
		return 0
	}
	var since time.Time
	for _, f := range slices.Backward(p.Flows) {
		if of(f.From).Packets > 0 {
			break
		}
		since = f.At.Add(-ms(f.IntervalMS))
	}
	newest := p.Flows[len(p.Flows)-1].At
	if since.IsZero() || own.At.Before(since) {
		return 0
	}
	return float64(newest.Sub(since).Milliseconds())
}

func ms(v float64) time.Duration { return time.Duration(v * float64(time.Millisecond)) }

// soundless reports whether no sound came from somebody lately.
func (p *Device) soundless() bool {
	f, ok := last(p.Flows)
	return ok && f.From.Audio.Packets == 0
}

// sound returns how many packets of sound came lately.
func (p *Device) sound() float64 {
	f, _ := last(p.Flows)
	return f.From.Audio.Packets
}

// encoder returns what a client measured of its encoder.
func (p *Device) encoder() []Fact {
	own, _ := p.report()
	var facts []Fact
	if own.EncoderFPS != nil {
		facts = append(facts, fact(p.Participant, "encoder_fps", *own.EncoderFPS, "The device makes %.0f pictures per second."))
	}
	if v := or(own.EncodeMS, 0); v >= slowEncode {
		facts = append(facts, fact(p.Participant, "encode_ms", v, "It takes %.0f ms to make one picture."))
	}
	if n := grew(p.Reports, func(r Report) *float64 { return r.EncoderErrors }); n > 0 {
		facts = append(facts, fact(p.Participant, "encoder_errors", n, "The encoder failed %.0f times."))
	}
	if own.Throttled {
		facts = append(facts, Fact{Words: "The system slows the page down.", Measure: "throttled", Value: 1, By: p.Participant})
	}
	if v := own.QueueBytes; v != nil && *v < longQueue {
		facts = append(facts, fact(p.Participant, "queue_bytes", *v, "Only %.0f bytes wait to be sent, so the connection is not what holds them back."))
	}
	return facts
}

// uplink returns what a client measured that speaks against its way to the server.
func (p *Device) uplink() []Fact {
	own, _ := p.report()
	var facts []Fact
	if v := or(own.QueueBytes, 0); v >= longQueue {
		facts = append(facts, fact(p.Participant, "queue_bytes", v, "%.0f bytes wait in the client to be sent."))
	}
	if n := grew(p.Reports, func(r Report) *float64 { return r.Drops }); n >= manyDrops {
		facts = append(facts, fact(p.Participant, "client_drops", n, "The client gave up on %.0f packets before sending them."))
	}
	if len(facts) > 0 && own.RTT >= slowRTT {
		facts = append(facts, fact(p.Participant, "rtt_ms", own.RTT, "The way to the server and back takes %.0f ms."))
	}
	return facts
}

// lossEverywhere says when most of at least two receivers miss packets of a sender that the
// server did not leave out for them: they were lost before.
func (l *look) lossEverywhere(p *Device) []Fact {
	all, missing := 0, 0
	for _, other := range l.Devices {
		h, ok := other.hearing()
		if !ok || other == p {
			continue
		}
		for _, r := range h.Peers {
			if (r.VideoOn || r.AudioOn) && l.Sender(&r) == p {
				all++
				if or(r.LostPPS, 0)+or(r.AudioLostPPS, 0) >= someLoss && len(other.heldBack()) == 0 {
					missing++
				}
			}
		}
	}
	if missing < 2 || 2*missing <= all {
		return nil
	}
	return []Fact{fact("receivers", "receivers_with_loss", float64(missing), "%.0f receivers miss packets that the server never left out.")}
}
