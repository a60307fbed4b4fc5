package live

import (
	"parley/api/telemetry"
)

// Subjects of core NATS.
const (
	helloSubject = "parley.telemetry.hello" // every node answers
	askPrefix    = "parley.telemetry.ask."  // and the number of an engine
)

// hello asks who is there, and says who asks.
type hello struct {
	Engine int64 `json:"engine"`
}

// ask is a question to one engine.
type ask struct {
	Filter telemetry.Filter `json:"filter"`

	// Recent asks for the last events, so many at most; else events after From are wanted.
	Recent int              `json:"recent,omitempty"`
	From   telemetry.Cursor `json:"from"`

	// Past is whether what the engine has no more is read from the archive rather than missed.
	Past bool `json:"past,omitempty"`
}

// answer is what one engine says.
type answer struct {
	Cursor telemetry.Cursor   `json:"cursor"` // after the events
	Events []parcel           `json:"events,omitempty"`
	From   []telemetry.Source `json:"sources,omitempty"` // of events, which have the index
	Lagged uint64             `json:"lagged,omitempty"`

	// Past is whether the events until Cursor are in the archive, and only there.
	Past bool `json:"past,omitempty"`
	// Busy is whether the node answers too many already.
	Busy bool `json:"busy,omitempty"`
}

// parcel is an event on its way.
type parcel struct {
	Row    telemetry.Row `json:"row"`
	Source int           `json:"source"`
	Number uint64        `json:"number"`
}

// maxAnswer is from how many bytes on an answer ends; one event more is far from what a NATS
// server takes.
const maxAnswer = 256 << 10

// pack puts as many of events into an answer as it takes, and returns how many.
func (a *answer) pack(events []telemetry.Event) int {
	index := map[*telemetry.Source]int{}
	size := 0
	for i := range events {
		e := &events[i]
		if size >= maxAnswer {
			return i
		}
		at, known := index[e.Source]
		if !known {
			at = len(a.From)
			index[e.Source] = at
			a.From = append(a.From, *e.Source)
			for k, v := range e.Source.Labels {
				size += len(k) + len(v)
			}
		}
		a.Events = append(a.Events, parcel{e.Row, at, e.Number})
		size += len(e.Row.Body) + len(e.Row.Subject) + 256
	}
	return len(events)
}

// unpack returns the events of an answer.
func (c *Cluster) unpack(a *answer) []telemetry.Event {
	events := make([]telemetry.Event, 0, len(a.Events))
	for _, p := range a.Events {
		if p.Source < 0 || p.Source >= len(a.From) {
			continue
		}
		events = append(events, telemetry.Event{Row: p.Row, Kind: c.kind(&p.Row), Source: &a.From[p.Source], Number: p.Number})
	}
	return events
}

// kind describes a kind; a newer node may know more.
func (c *Cluster) kind(r *telemetry.Row) telemetry.Kind {
	if catalogue := c.o.Engine.Catalogue(r.Catalogue); catalogue != nil {
		if k, ok := catalogue.Lookup(r.Kind); ok {
			return k
		}
	}
	return telemetry.Kind{Name: "unknown", Group: "unknown", Class: r.Class}
}
