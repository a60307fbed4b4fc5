package diagnosis

import "slices"

// receiving finds what is wrong with what somebody receives.
func (l *look) receiving(p *Device) {
	held := p.heldBack()
	h, _ := p.hearing()
	groups := map[group]*Finding{}
	for i := range h.Peers {
		r := &h.Peers[i]
		if r.AudioOn && r.Concealment >= badSound {
			facts := []Fact{fact(p.Participant, "concealment_pct", r.Concealment, "%.0f %% of the sound is made up because it is missing.")}
			l.received(groups, p, r, "audio", facts)
		}
		if made, bad := l.badPicture(p, r); bad {
			facts := []Fact{fact(p.Participant, "fps", r.FPS, "%.1f pictures per second are shown.")}
			if made > 0 {
				facts = append(facts, fact(r.Sender, "encoder_fps", made, "The sender makes %.0f per second."))
			}
			l.received(groups, p, r, "video", append(facts, l.asked(r, "video")...))
		}
		if facts := l.badScreen(p, r); len(facts) > 0 {
			l.received(groups, p, r, "screen", append(facts, l.asked(r, "screen")...))
		}
	}
	if len(held) > 0 && !blamed(groups, Downlink, Overload) {
		cause, at, facts := l.onTheWay(p, held)
		l.find(Finding{Device: p.DeviceID, Direction: Receive, Cause: cause, At: at, Facts: facts})
	}
}

// group is what of a receiver's troubles is one finding.
type group struct {
	media string
	cause Cause
	at    Place
}

// asked says that receivers often asked a sender for a whole picture.
func (l *look) asked(r *Reception, media string) []Fact {
	sender := l.Sender(r)
	if sender == nil || sender.asked(media) < manyKeyframes {
		return nil
	}
	return []Fact{fact(byServer, "keyframe_requests", float64(sender.asked(media)), "Receivers asked for a whole picture %.0f times.")}
}

func blamed(groups map[group]*Finding, causes ...Cause) bool {
	for g := range groups {
		if slices.Contains(causes, g.cause) {
			return true
		}
	}
	return false
}

// received enters a source that arrives badly.
func (l *look) received(groups map[group]*Finding, p *Device, r *Reception, media string, facts []Fact) {
	cause, at, why := l.why(p, r, media)
	key := group{media, cause, at}
	f := groups[key]
	if f == nil {
		f = l.find(Finding{Device: p.DeviceID, Direction: Receive, Media: media, Cause: cause, At: at, Facts: append(facts, why...)})
		groups[key] = f
	}
	f.Senders = append(f.Senders, l.senderID(r))
}

// senderID returns which device r is about, or as much of that as is known.
func (l *look) senderID(r *Reception) DeviceID {
	if d := l.Sender(r); d != nil {
		return d.DeviceID
	}
	return DeviceID{r.Sender, r.Session}
}

// badPicture reports whether fewer pictures of a camera are shown than should be, and how
// many its sender makes, 0 when that is not known.
func (l *look) badPicture(p *Device, r *Reception) (made float64, bad bool) {
	if !r.VideoOn || r.Decoded == 0 {
		return 0, false // a picture that never began is told by the time to the first frame
	}
	own, _ := p.report()
	if !own.Visible && r.FPS < 1 && len(p.heldBack()) == 0 {
		return 0, false // nobody looks
	}
	if sender := l.Sender(r); sender != nil {
		if report, ok := sender.report(); ok {
			made = or(report.EncoderFPS, 0)
		}
	}
	if made >= fewPictures {
		return made, r.FPS < lowShare*made
	}
	return made, r.FPS < fewPictures
}

// why says why a source arrives badly: what is nearest to its sender comes first, because
// everything after suffers from it.
func (l *look) why(p *Device, r *Reception, media string) (cause Cause, at Place, facts []Fact) {
	for _, f := range l.sends[l.senderID(r)] {
		if f.Media == "" || f.Media == media {
			return f.Cause, f.At, f.Facts
		}
	}
	if held := p.heldBack(); len(held) > 0 {
		return l.onTheWay(p, held)
	}
	own, _ := p.report()
	loss := or(r.LostPPS, 0)
	if media == "audio" {
		loss = or(r.AudioLostPPS, 0)
	}
	if loss >= someLoss && media != "screen" { // of which nobody counts the losses
		facts = append(facts, fact(p.Participant, "lost_pps", loss, "%.0f packets per second never arrive, though the server left none out."))
	}
	if own.RTT >= slowRTT {
		facts = append(facts, fact(p.Participant, "rtt_ms", own.RTT, "The way to the server and back takes %.0f ms."))
	}
	server, load := l.overloaded(p, r)
	switch decoder := p.decoder(r, media); {
	case len(facts) > 0 && len(load) > 0: // what comes late comes so from there
		return Overload, Place{Server: server}, append(slices.Clone(load), facts...)
	case len(facts) > 0:
		return Downlink, Place{Device: p.DeviceID}, facts
	case len(decoder) > 0:
		return Decoder, Place{Device: p.DeviceID}, decoder
	case len(load) > 0:
		return Overload, Place{Server: server}, load
	}
	return Unknown, Place{}, nil
}

// overloaded returns which server on the way from a sender to p does not keep up, and what says so.
func (l *look) overloaded(p *Device, r *Reception) (server string, load []Fact) {
	if sender := l.Sender(r); sender != nil && len(l.loads[sender.Server]) > 0 {
		return sender.Server, l.loads[sender.Server]
	}
	return p.Server, l.loads[p.Server]
}

// onTheWay blames the server for what it leaves out if it does so for most, else the
// receiver's connection.
func (l *look) onTheWay(p *Device, held []Fact) (Cause, Place, []Fact) {
	if load := l.loads[p.Server]; len(load) > 0 {
		return Overload, Place{Server: p.Server}, append(slices.Clone(load), held...)
	}
	if own, _ := p.report(); own.RTT >= slowRTT {
		held = append(held, fact(p.Participant, "rtt_ms", own.RTT, "The way to the server and back takes %.0f ms."))
	}
	return Downlink, Place{Device: p.DeviceID}, held
}

// heldBack returns how the server could not get rid of what was meant for somebody.
func (p *Device) heldBack() []Fact {
	var dropped, passed float64
	for _, f := range p.Flows {
		dropped += f.Dropped
		passed += f.To.packets()
	}
	var facts []Fact
	if dropped >= fewDropped && dropped >= droppedShare*(dropped+passed) {
		facts = append(facts,
			fact(byServer, "server_drops", dropped, "The server left out %.0f packets that this participant's connection did not take in time."),
			fact(byServer, "server_passed", passed, "It passed on %.0f."))
	}
	if f, ok := last(p.Flows); ok && f.WaitingBytes >= manyKept {
		facts = append(facts, fact(byServer, "waiting_bytes", f.WaitingBytes, "%.0f bytes wait at the server for this participant."))
	}
	return facts
}

// decoder returns what a client measured that speaks against its device.
func (p *Device) decoder(r *Reception, media string) []Fact {
	own, _ := p.report()
	var facts []Fact
	if media != "audio" {
		if v := or(r.DecodeMS, 0); v >= slowDecode {
			facts = append(facts, fact(p.Participant, "decode_ms", v, "It takes %.0f ms to decode one picture."))
		}
		errors := func(h Hearing) *float64 {
			for i := range h.Peers {
				if h.Peers[i].Sender == r.Sender && h.Peers[i].Session == r.Session {
					return h.Peers[i].DecoderErrors
				}
			}
			return nil
		}
		if n := grew(p.Hearings, errors); n > 0 {
			facts = append(facts, fact(p.Participant, "decoder_errors", n, "The decoder failed %.0f times."))
		}
		waits, packets := r.Buffered, func(r Rates) float64 { return r.Video.Packets }
		if media == "screen" {
			waits, packets = r.Screen.Buffered, func(r Rates) float64 { return r.Screen.Packets }
		}
		if waits >= longBuffer {
			facts = append(facts, fact(p.Participant, "buffered_frames", waits, "%.0f pictures wait to be decoded."))
		}
		if r.DroppedFPS >= 1 {
			facts = append(facts, fact(p.Participant, "dropped_fps", r.DroppedFPS, "The device throws %.1f pictures per second away."))
		}
		if own.DecodePressed {
			facts = append(facts, Fact{Words: "The client shows fewer cameras because the device is too slow.", Measure: "decode_pressed", Value: 1, By: p.Participant})
		}
		if f, ok := last(p.Flows); ok && len(facts) > 0 && packets(f.To) > 0 {
			facts = append(facts, fact(byServer, media+"_packets", packets(f.To), "Pictures reach the device: %.0f packets in the last sample."))
		}
	}
	if v := or(own.MainThread, 0); v >= busyThread {
		facts = append(facts, fact(p.Participant, "main_thread_pct", 100*v, "The page is busy %.0f %% of the time."))
	}
	if own.Throttled {
		facts = append(facts, Fact{Words: "The system slows the page down.", Measure: "throttled", Value: 1, By: p.Participant})
	}
	return facts
}
