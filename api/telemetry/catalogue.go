package telemetry

import "encoding/json"

// Catalogue says what the events of one world mean. Its methods may be called from any
// goroutine.
type Catalogue interface {
	// ID is its stable name, such as "call".
	ID() string

	// Lookup describes a kind, and reports whether the catalogue has it.
	Lookup(kind uint16) (Kind, bool)

	// Render shows a body as a JSON object of its fields. Numbers that a float64 cannot
	// hold are strings or exact integers, never rounded. A body that is not what the
	// catalogue says is an error.
	Render(session Source, kind uint16, raw []byte) (json.RawMessage, error)

	// Describe returns the whole catalogue as data, for the API.
	Describe() any
}

// Kind is what the engine needs to know of a kind of event.
type Kind struct {
	Name  string // stable, such as "join failed"
	Group string // what is asked for together, such as "transport"
	Class Class

	// Opens is whether later events may refer to this one: the time between them is then
	// measured.
	Opens bool
}

// Class is how much an event matters: what is dropped first when there is too much, and for
// how long it is kept.
type Class uint8

// Classes, the least important first. The numbers are in the database and never change.
const (
	Samples   Class = 1 // measurements; the next one says nearly the same
	Meta      Class = 2 // everything else
	Lifecycle Class = 3 // begin and end of things
	Failure   Class = 4
)

var classes = [...]string{Samples: "sample", Meta: "meta", Lifecycle: "lifecycle", Failure: "failure"}

// String returns the stable name of the class.
func (c Class) String() string {
	if int(c) < len(classes) && classes[c] != "" {
		return classes[c]
	}
	return "unknown"
}

// ParseClass is the inverse of String.
func ParseClass(name string) (Class, bool) {
	for c, n := range classes {
		if n == name && n != "" {
			return Class(c), true
		}
	}
	return 0, false
}
