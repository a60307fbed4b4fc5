package catalogue

import (
	_ "embed"
	"slices"
	"time"

	"parley/api/telemetry"
)

//go:embed jip3.txt
var jip3Text string

//go:embed call.txt
var callText string

// The catalogues there are.
var (
	jip3 = mustParse("jip3.txt", jip3Text)
	call = mustParse("call.txt", callText)
)

// JIP3 is the catalogue of nodes that speak JIP-3.
func JIP3() *Catalogue { return jip3 }

// Call is the catalogue of calls.
func Call() *Catalogue { return call }

// All are the catalogues in a fixed order. The slice is the caller's.
func All() []*Catalogue { return []*Catalogue{call, jip3} }

// ByID finds a catalogue, or nil.
func ByID(id string) *Catalogue {
	for _, c := range All() {
		if c.ID == id {
			return c
		}
	}
	return nil
}

// Catalogue is the kinds of events that one sort of source emits.
type Catalogue struct {
	ID       string    `json:"id"`       // "jip3", "call"
	Title    string    `json:"title"`    // for people
	Versions []uint8   `json:"versions"` // of the protocol, in order
	Epoch    time.Time `json:"epoch"`    // what times in bodies count from
	Groups   []string  `json:"groups"`   // in order
	Types    []*Type   `json:"-"`        // that have names, in order of the text
	Hello    *Kind     `json:"-"`        // what a source says of itself first; nil without
	Kinds    []*Kind   `json:"kinds"`    // by number, then version

	byNumber [2][]*Kind
}

// Kind is one sort of event.
type Kind struct {
	Number  uint16
	Name    string
	Group   string
	Class   telemetry.Class
	Soft    bool  // a failure that failure rates leave out: it blames the other side
	Version *byte // the only version of the protocol that has it so; nil for all
	Opens   bool  // whether others may link to it
	Body    *Type // a struct

	// Fields with a role, as paths such as "outline.hash"; "" where there is none.
	Link       string // names an earlier event
	Subject    string // what the event is about
	NumberedBy string // where in a long count it belongs
	Index      string // which of a few it is about

	LinkedTo []uint16 // kinds that Link may name; empty when nothing says
	Dims     []string // fields whose values roll-ups count apart
	Hists    []string // numbers that roll-ups keep histograms of
}

// Params is what bodies of a session depend on. Keep it with what is stored raw.
type Params struct {
	Version uint8      // of the protocol
	C       uint16     // core count of the sender
	Form    LengthForm // how lengths are written
}

// Kind finds a kind as the version of the protocol has it, or nil when it is unknown.
func (c *Catalogue) Kind(version uint8, number uint16) *Kind {
	if int(version) >= len(c.byNumber) {
		version = uint8(len(c.byNumber) - 1)
	}
	table := c.byNumber[version]
	if int(number) >= len(table) {
		return nil
	}
	return table[number]
}

// Named finds the newest kind of that name, or nil.
func (c *Catalogue) Named(name string) *Kind {
	for _, k := range slices.Backward(c.Kinds) {
		if k.Name == name {
			return k
		}
	}
	return nil
}

// At is the moment a time of the catalogue means. It reports false for times that do not
// fit into the years that people and databases have (up to 9999).
func (c *Catalogue) At(micros uint64) (time.Time, bool) {
	const most = 250_000_000_000_000_000 // microseconds: 7,922 years after the epoch
	if micros > most {
		return time.Time{}, false
	}
	return time.UnixMicro(c.Epoch.UnixMicro() + int64(micros)).UTC(), true
}

// Micros is the time of the catalogue for a moment; moments before its epoch are its epoch.
func (c *Catalogue) Micros(at time.Time) uint64 {
	return uint64(max(0, at.UnixMicro()-c.Epoch.UnixMicro()))
}

// index makes kinds quick to find.
func (c *Catalogue) index() {
	slices.SortStableFunc(c.Kinds, func(a, b *Kind) int { return int(a.Number) - int(b.Number) })
	for _, k := range c.Kinds {
		for v := range c.byNumber {
			if k.Version != nil && int(*k.Version) != v {
				continue
			}
			if n := int(k.Number) + 1; n > len(c.byNumber[v]) {
				c.byNumber[v] = append(c.byNumber[v], make([]*Kind, n-len(c.byNumber[v]))...)
			}
			c.byNumber[v][k.Number] = k
		}
	}
	for _, k := range c.Kinds {
		for _, o := range c.Kinds {
			k.Opens = k.Opens || slices.Contains(o.LinkedTo, k.Number)
		}
	}
}
