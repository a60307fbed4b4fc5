// Package diagnosis says why a call is, or was, bad: for each participant and direction the
// likely cause, with what was measured that speaks for it, and what is not known.
//
// It is a pure function of what is on record. A [Call] is what was recorded of one room in a
// span of time, [Call.Look] judges a span as one, and [Call.History] in steps.
package diagnosis

import (
	"slices"
	"time"
)

// Call is what is on record of a room between two times.
type Call struct {
	From, To time.Time
	Devices  map[DeviceID]*Device
	Servers  map[string]*Server

	// Cut says that there is more on record than was looked at.
	Cut bool
}

// DeviceID names one connection of a participant.
type DeviceID struct {
	Participant string // their name in telemetry
	Session     string // number of the connection, "" when that is not known
}

// Device is a participant on one connection: who is in a call with two devices is there twice.
// What is in lists is in the order of time.
type Device struct {
	DeviceID
	Server     string // that it is connected to
	Flows      []Flow
	Reports    []Report
	Hearings   []Hearing
	Reconnects []Reconnect
	Keyframes  []Keyframe // that others asked it for
	Lost       uint64     // events of it that are in the ledger instead
}

// Keyframe is that one was asked for.
type Keyframe struct {
	At    time.Time
	Media string `json:"media"` // video or screen
}

// Server is a media server of participants.
type Server struct {
	Name       string
	Processors int // 0 when not known
	States     []State
	Strains    []Strain
}

// Strain is that a server had more to do than it can for a part of an interval, until At.
type Strain struct {
	At     time.Time
	BusyMS float64 `json:"busy_ms"`
}

// State is how a server was at a time.
type State struct {
	At         time.Time
	CPUPercent float64 `json:"cpu_percent"` // of one processor
}

// Flow is what a server passed on from and to a device, until At.
type Flow struct {
	At           time.Time
	IntervalMS   float64 `json:"interval_ms"`
	From         Rates   `json:"from"`
	To           Rates   `json:"to"`
	Dropped      float64 `json:"dropped"` // that did not reach it
	WaitingBytes float64 `json:"waiting_bytes"`
}

// Rates are what flowed one way.
type Rates struct{ Audio, Video, Screen Rate }

// Rate is what flowed of one medium.
type Rate struct{ Packets, Kbps float64 }

func (r Rates) packets() float64 { return r.Audio.Packets + r.Video.Packets + r.Screen.Packets }

// Report is what a client measured of itself. Totals only grow; nil is not measured.
type Report struct {
	At            time.Time
	IntervalMS    float64  `json:"interval_ms"`
	RTT           float64  `json:"rtt_ms"` // 0 is not known
	AudioOn       bool     `json:"audio_on"`
	VideoOn       bool     `json:"video_on"`
	ScreenOn      bool     `json:"screen_on"`
	Visible       bool     `json:"visible"`
	Throttled     bool     `json:"throttled"`
	EncoderFPS    *float64 `json:"encoder_fps"`
	EncodeMS      *float64 `json:"encode_ms"`
	EncoderErrors *float64 `json:"encoder_errors"`
	ScreenErrors  *float64 `json:"screen_errors"`
	ScreenFrames  *float64 `json:"screen_frames"` // that its encoder was given
	QueueBytes    *float64 `json:"queue_bytes"`
	Drops         *float64 `json:"drops"`
	MainThread    *float64 `json:"main_thread"` // share of time, 0 to 1
	DecodePressed bool     `json:"decode_pressed"`
}

// Hearing is how a client hears and sees the others. In the first one of a connection, which
// has no interval, rates mean nothing.
type Hearing struct {
	At         time.Time
	IntervalMS float64     `json:"interval_ms"`
	Peers      []Reception `json:"peers"`
}

// Reception is how a client hears and sees one of them.
type Reception struct {
	Sender        string   `json:"sender"`
	Session       string   `json:"session"` // "" when the client does not say
	AudioOn       bool     `json:"audio_on"`
	VideoOn       bool     `json:"video_on"`
	FPS           float64  `json:"fps"`
	Kbps          float64  `json:"kbps"`
	Decoded       float64  `json:"decoded"`
	Buffered      float64  `json:"buffered_frames"`
	DroppedFPS    float64  `json:"dropped_fps"`
	DecodeMS      *float64 `json:"decode_ms"`
	DecoderErrors *float64 `json:"decoder_errors"`
	LostPPS       *float64 `json:"lost_pps"`
	AudioLostPPS  *float64 `json:"audio_lost_pps"`
	Concealment   float64  `json:"concealment"` // percent
	BufferMS      float64  `json:"buffer_ms"`
	DelayMS       float64  `json:"delay_ms"`
	Screen        *Picture `json:"screen"` // nil while none is shared
}

// Picture is how a client shows a screen.
type Picture struct {
	FPS      float64 `json:"fps"`
	Kbps     float64 `json:"kbps"`
	Decoded  float64 `json:"decoded"`
	Buffered float64 `json:"buffered_frames"`
	DelayMS  float64 `json:"delay_ms"`
	StaleMS  float64 `json:"stale_ms"` // how old it is
}

// Reconnect is a connection that was lost and found again.
type Reconnect struct {
	At   time.Time
	Code string `json:"code"` // why it was lost
}

// Device returns one connection of a participant, which is added when nothing was known of it.
func (c *Call) Device(participant, session string) *Device {
	id := DeviceID{participant, session}
	d := c.Devices[id]
	if d == nil {
		d = &Device{DeviceID: id}
		if c.Devices == nil {
			c.Devices = map[DeviceID]*Device{}
		}
		c.Devices[id] = d
	}
	return d
}

// Sender returns the device that a client hears and sees, nil when nobody knows. A client that
// names only the participant means the device that sends most.
func (c *Call) Sender(r *Reception) *Device {
	if d := c.Devices[DeviceID{r.Sender, r.Session}]; d != nil || r.Session != "" {
		return d
	}
	var found *Device
	most := -1.0
	for _, d := range c.Sorted() {
		if sent := d.sent(); d.Participant == r.Sender && sent > most {
			found, most = d, sent
		}
	}
	return found
}

// sent returns how much came of d.
func (d *Device) sent() (packets float64) {
	for _, f := range d.Flows {
		packets += f.From.packets()
	}
	return packets
}

// Server returns the server of a name, likewise.
func (c *Call) Server(name string) *Server {
	s := c.Servers[name]
	if s == nil {
		s = &Server{Name: name}
		if c.Servers == nil {
			c.Servers = map[string]*Server{}
		}
		c.Servers[name] = s
	}
	return s
}

// Between returns the part of a call from one time until before another. It shares memory
// with the whole.
func (c *Call) Between(from, to time.Time) *Call {
	part := &Call{From: from, To: to, Cut: c.Cut}
	for id, p := range c.Devices {
		*part.Device(id.Participant, id.Session) = Device{
			DeviceID: id, Server: p.Server, Lost: p.Lost,
			Flows:      span(p.Flows, from, to, func(f Flow) time.Time { return f.At }),
			Reports:    span(p.Reports, from, to, func(r Report) time.Time { return r.At }),
			Hearings:   span(p.Hearings, from, to, func(h Hearing) time.Time { return h.At }),
			Reconnects: span(p.Reconnects, from, to, func(r Reconnect) time.Time { return r.At }),
			Keyframes:  span(p.Keyframes, from, to, func(k Keyframe) time.Time { return k.At }),
		}
	}
	for name, s := range c.Servers {
		*part.Server(name) = Server{
			Name: name, Processors: s.Processors,
			States:  span(s.States, from, to, func(s State) time.Time { return s.At }),
			Strains: span(s.Strains, from, to, func(s Strain) time.Time { return s.At }),
		}
	}
	return part
}

func span[E any](all []E, from, to time.Time, at func(E) time.Time) []E {
	find := func(t time.Time) int {
		i, _ := slices.BinarySearchFunc(all, t, func(e E, t time.Time) int { return at(e).Compare(t) })
		return i
	}
	return all[find(from):find(to)]
}

// last returns the last of a list.
func last[E any](all []E) (e E, ok bool) {
	if len(all) == 0 {
		return e, false
	}
	return all[len(all)-1], true
}

// report returns the last report of a client about itself.
func (p *Device) report() (Report, bool) { return last(p.Reports) }

// hearing returns the last report of a client about others that has rates.
func (p *Device) hearing() (Hearing, bool) {
	h, ok := last(p.Hearings)
	if !ok || h.IntervalMS < leastInterval {
		return Hearing{}, false
	}
	return h, true
}

// grew returns by how much a total grew.
func grew[E any](all []E, total func(E) *float64) float64 {
	var first, last *float64
	for _, e := range all {
		if v := total(e); v != nil {
			if first == nil {
				first = v
			}
			last = v
		}
	}
	if first == nil {
		return 0
	}
	return max(0, *last-*first)
}

// or returns what was measured, or another value when nothing was.
func or(v *float64, otherwise float64) float64 {
	if v == nil {
		return otherwise
	}
	return *v
}
