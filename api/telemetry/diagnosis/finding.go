package diagnosis

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// Cause is where the likely cause of something bad is.
type Cause string

// The causes.
const (
	Uplink   Cause = "uplink"   // the network from the sender to the server
	Downlink Cause = "downlink" // the network from the server to the receiver
	Encoder  Cause = "encoder"  // the sender's device does not make pictures as it should
	Decoder  Cause = "decoder"  // the receiver's device does not show what arrives
	Overload Cause = "server"   // the server does not keep up
	Unknown  Cause = "unknown"  // what is on record does not say
)

// Direction is what of a participant is bad: what they send, or what they receive.
type Direction string

// The directions.
const (
	Send    Direction = "send"
	Receive Direction = "receive"
)

// Finding is something bad and its likely cause.
type Finding struct {
	Device    DeviceID
	Direction Direction
	Media     string // audio, video, screen, or "" for all
	Cause     Cause
	At        Place      // where the cause is
	Senders   []DeviceID // of which less arrives, when receiving
	Sure      bool       // several things speak for it
	From, To  time.Time
	Facts     []Fact
}

// Place is where a cause is: with a device or a server, or neither when that is not known.
type Place struct {
	Device DeviceID
	Server string
}

// Words say what a finding means, to people who do not know the names.
func (f *Finding) Words() string {
	thing := map[string]string{"audio": "sound", "video": "pictures", "screen": "pictures of the shared screen", "": "sound and pictures"}[f.Media]
	switch f.Cause {
	case Encoder:
		switch {
		case f.Direction == Receive:
			return "The device of who sends does not make the " + thing + " it should."
		case f.Media == "screen":
			return "A screen is shared, but the device does not make the pictures it should."
		case f.Media == "audio":
			return "The microphone is on, but the device makes no sound."
		}
		return "The camera is on, but the device does not make the pictures it should."
	case Uplink:
		if f.Direction == Send {
			return "The connection does not carry what this participant sends to the server."
		}
		return "The connection of who sends does not carry it to the server."
	case Downlink:
		return "The connection from the server does not carry the " + thing + " of others to this participant."
	case Decoder:
		return "The " + thing + " arrive, but the device does not keep up with showing them."
	case Overload:
		return "The server does not keep up with passing on " + thing + "."
	case Unknown:
	}
	return "Some " + thing + " are missing, and what is on record does not say why."
}

// Fact is something measured that speaks for a finding.
type Fact struct {
	Words   string  // with the value
	Measure string  // a stable name with the unit, such as rtt_ms
	Value   float64 //
	By      string  // who measured it: the participant, or "server"
}

// byServer is who measured what a server did.
const byServer = "server"

// nTimes is how the words of a fact say how often something happened.
const nTimes = "%.0f times"

// fact returns a fact; words have one verb for the value.
func fact(by, measure string, value float64, words string) Fact {
	if math.Round(value) == 1 && strings.Contains(words, nTimes) {
		return Fact{Words: strings.Replace(words, nTimes, "once", 1), Measure: measure, Value: value, By: by}
	}
	return Fact{Words: fmt.Sprintf(words, value), Measure: measure, Value: value, By: by}
}

// Gap is something that is not known.
type Gap struct {
	Device DeviceID // zero is the whole call
	Words  string
	Count  uint64 // how many events, 0 when that is not known
}

// Gaps return what is not known of a call.
func (c *Call) Gaps() []Gap {
	var all []Gap
	if c.Cut {
		all = append(all, Gap{Words: "There is more on record than was looked at: ask for a shorter time."})
	}
	for _, p := range c.Present() {
		if len(p.Reports) == 0 {
			all = append(all, Gap{Device: p.DeviceID, Words: "The client of this participant reported nothing in this time: how it hears and sees others is not known."})
		}
		if len(p.Flows) == 0 {
			all = append(all, Gap{Device: p.DeviceID, Words: "No server measured anything that flowed from or to this participant in this time."})
		}
		if h, ok := last(p.Hearings); ok && len(h.Peers) == 0 && len(c.Devices) > 1 {
			all = append(all, Gap{Device: p.DeviceID, Words: "The client of this participant reports nothing about others."})
		}
		if p.Lost > 0 {
			all = append(all, Gap{p.DeviceID, fmt.Sprintf("%d events of this participant are not on record; the ledger of losses says why.", p.Lost), p.Lost})
		}
	}
	return all
}
