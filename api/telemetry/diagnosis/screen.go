package diagnosis

// What is taken for bad of a screen. One that does not change sends little, or nothing, so that
// silence alone says nothing.
const (
	screenSilence = 4000.0 // ms without a picture after one was asked for
	someScreen    = 2.0    // pictures per second that come of a screen which changes
	oldScreen     = 3000.0 // ms behind what is shared
	screenLayers  = 3.0    // the most sizes that its pictures come in
)

// sharing finds what is wrong with the screen that a device shares.
func (l *look) sharing(p *Device) {
	own, _ := p.report()
	if !own.ScreenOn {
		return
	}
	silence := p.silence(true, func(r Rates) Rate { return r.Screen })
	made := grew(p.Reports, func(r Report) *float64 { return r.ScreenFrames })
	failed := grew(p.Reports, func(r Report) *float64 { return r.ScreenErrors })
	var facts []Fact
	if silence > 0 {
		facts = append(facts, fact(byServer, "no_screen_ms", silence, "No picture of the screen reached the server for %.0f ms."))
	}
	if n := p.asked("screen"); n > 0 {
		facts = append(facts, fact(byServer, "keyframe_requests", float64(n), "Receivers asked for a whole picture of it: %.0f times."))
	}
	switch {
	case silence >= screenSilence && made >= fewPictures:
		l.sent(p, "screen", Uplink, append(facts, fact(p.Participant, "screen_frames", made, "The device makes pictures of it: %.0f.")))
	case failed > 0:
		l.sent(p, "screen", Encoder, append(facts, fact(p.Participant, "screen_errors", failed, "The encoder of the screen failed %.0f times.")))
	case silence >= screenSilence && p.asked("screen") > 0:
		l.sent(p, "screen", Encoder, facts)
	}
}

// asked returns how often a device was asked for a whole picture.
func (p *Device) asked(media string) (n int) {
	for _, k := range p.Keyframes {
		if k.Media == media {
			n++
		}
	}
	return n
}

// badScreen says that less is seen of a screen than comes of it; nothing when all is well.
func (l *look) badScreen(p *Device, r *Reception) []Fact {
	s := r.Screen
	if s == nil || s.Decoded == 0 {
		return nil
	}
	own, _ := p.report()
	if !own.Visible && s.FPS < 1 && len(p.heldBack()) == 0 {
		return nil // nobody looks
	}
	shown := fact(p.Participant, "screen_fps", s.FPS, "%.1f pictures per second of the screen are shown.")
	comes := 0.0
	if f, ok := last(p.Flows); ok && f.IntervalMS > 0 {
		comes = 1000 * f.To.Screen.Packets / f.IntervalMS
	}
	if sender := l.Sender(r); sender != nil {
		if f, ok := last(sender.Flows); ok && f.IntervalMS > 0 {
			comes = max(comes, 1000*f.From.Screen.Packets/f.IntervalMS/screenLayers)
		}
	}
	var facts []Fact
	if comes >= someScreen && s.FPS < lowShare*comes {
		facts = append(facts, shown, fact(byServer, "screen_pps", comes, "At least %.0f per second come of it."))
	}
	if behind := max(s.DelayMS, s.StaleMS); behind >= oldScreen {
		facts = append(facts, fact(p.Participant, "screen_behind_ms", behind, "What is shown of the screen is %.0f ms old."))
	}
	return facts
}
