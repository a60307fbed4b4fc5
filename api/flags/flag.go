package flags

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// MaxValue is the longest text that a flag can have as its value, in bytes.
const MaxValue = 1024

// Kind says how the text of a value is read.
type Kind string

// The kinds and the text they accept.
const (
	KindBool     Kind = "bool"     // true, 1, yes, false, 0, no in any case
	KindInt      Kind = "int"      // decimal, with sign
	KindString   Kind = "string"   // anything, or one of a fixed set
	KindDuration Kind = "duration" // as of time.ParseDuration: 250ms, 3s
)

// Flag is one declaration with values of type T. Declare it once, as a package variable,
// with [Bool], [Int], [IntIn], [String] or [Duration]; read it against the registry of a node.
type Flag[T any] struct{ d *declaration }

// Bool declares a flag that is on or off. The name is lower-case words joined by "_"; the
// owner is who to ask before the flag is changed or removed. Declaring a name twice panics.
func Bool(name string, def bool, doc, owner string) Flag[bool] {
	return Flag[bool]{declare(declaration{name: name, kind: KindBool, def: def, doc: doc, owner: owner})}
}

// Int declares a flag that is a whole number.
func Int(name string, def int, doc, owner string) Flag[int] {
	return Flag[int]{declare(declaration{name: name, kind: KindInt, def: def, doc: doc, owner: owner})}
}

// IntIn declares a flag that is a whole number from lo to hi, both included.
func IntIn(name string, def, lo, hi int, doc, owner string) Flag[int] {
	return Flag[int]{declare(declaration{
		name: name, kind: KindInt, def: def, bounds: &bounds{lo, hi}, doc: doc, owner: owner,
	})}
}

// String declares a flag that is text. With oneOf, no other value is ever accepted.
func String(name, def, doc, owner string, oneOf ...string) Flag[string] {
	return Flag[string]{declare(declaration{
		name: name, kind: KindString, def: def, oneOf: oneOf, doc: doc, owner: owner,
	})}
}

// Duration declares a flag that is a length of time.
func Duration(name string, def time.Duration, doc, owner string) Flag[time.Duration] {
	return Flag[time.Duration]{declare(declaration{name: name, kind: KindDuration, def: def, doc: doc, owner: owner})}
}

// Name returns the name under which operators know f.
func (f Flag[T]) Name() string { return f.d.name }

// Env returns the environment variable that sets f: FEATURE_ and the name in capitals.
func (f Flag[T]) Env() string { return f.d.env }

// Default returns the value that f has where nobody set one.
func (f Flag[T]) Default() T { return f.d.def.(T) }

// Get returns the value of f for everyone: one atomic load, no lock, no allocation.
func (f Flag[T]) Get(r *Registry) T {
	if values := r.now.Load().everyone; f.d.id < len(values) {
		return values[f.d.id].(T)
	}
	return f.d.def.(T) // declared after r was made
}

// For returns the value of f in a room, which is that for everyone where the room has none
// of its own. One atomic load and one map look-up, no lock, no allocation.
func (f Flag[T]) For(r *Registry, room string) T {
	values, ok := r.now.Load().rooms[room]
	if !ok || f.d.id >= len(values) {
		return f.Get(r)
	}
	return values[f.d.id].(T)
}

// declaration is a Flag without its type.
type declaration struct {
	id     int // index into the values of a snapshot
	name   string
	env    string
	kind   Kind
	def    any
	doc    string
	owner  string
	oneOf  []string
	bounds *bounds // of a number; nil is any
}

// bounds are the least and the greatest number that a flag can be.
type bounds struct{ lo, hi int }

// declared holds the declarations of the program, in order of their ids. Only variables at
// package level declare, so it does not change once main runs; tests of this package add to it.
var declared struct {
	mu   sync.Mutex
	list []*declaration
}

// declare adds d, all of whose fields but id and env are set.
func declare(d declaration) *declaration {
	declared.mu.Lock()
	defer declared.mu.Unlock()
	d.id, d.env = len(declared.list), "FEATURE_"+strings.ToUpper(d.name)
	if slices.ContainsFunc(declared.list, func(o *declaration) bool { return o.name == d.name }) {
		panic("flags: " + d.name + " is declared twice")
	}
	if _, err := d.parse(d.format(d.def)); err != nil {
		panic("flags: default of " + err.Error())
	}
	declared.list = append(declared.list, &d)
	return &d
}

// declarations returns the declarations so far; the caller must not change the slice.
func declarations() []*declaration {
	declared.mu.Lock()
	defer declared.mu.Unlock()
	return declared.list[:len(declared.list):len(declared.list)]
}

// declarationOf fails with an *[UnknownError].
func declarationOf(name string) (*declaration, error) {
	all := declarations()
	i := slices.IndexFunc(all, func(d *declaration) bool { return d.name == name })
	if i < 0 {
		return nil, unknown(name, all)
	}
	return all[i], nil
}

// parse reads a value from text; its errors are *[ValueError].
func (d *declaration) parse(text string) (any, error) {
	switch d.kind {
	case KindBool:
		if v, known := boolOf(text); known {
			return v, nil
		}
		return nil, d.refuse(text, "true or false")
	case KindInt:
		v, err := strconv.Atoi(strings.TrimSpace(text))
		switch {
		case d.bounds == nil && err != nil:
			return nil, d.refuse(text, "a whole number")
		case d.bounds != nil && (err != nil || v < d.bounds.lo || v > d.bounds.hi):
			return nil, d.refuse(text, fmt.Sprintf("a whole number from %d to %d", d.bounds.lo, d.bounds.hi))
		}
		return v, nil
	case KindDuration:
		v, err := time.ParseDuration(strings.TrimSpace(text))
		if err != nil {
			return nil, d.refuse(text, "a duration such as 250ms or 3s")
		}
		return v, nil
	default:
		switch {
		case len(d.oneOf) > 0 && !slices.Contains(d.oneOf, text):
			return nil, d.refuse(text, "one of "+strings.Join(d.oneOf, ", "))
		case len(text) > MaxValue || !utf8.ValidString(text) || strings.ContainsRune(text, 0):
			return nil, d.refuse(text[:min(len(text), MaxValue)], fmt.Sprintf("UTF-8 of at most %d bytes", MaxValue))
		}
		return text, nil
	}
}

func (d *declaration) refuse(text, wanted string) error { return &ValueError{d.name, text, wanted} }

// format is the opposite of parse.
func (d *declaration) format(v any) string { return fmt.Sprint(v) }

// boolOf reports the value of text and whether it is a known word for it. An unknown word is
// false, which is what every reader of these variables has always made of it.
func boolOf(text string) (v, known bool) {
	switch strings.ToLower(strings.TrimSpace(text)) {
	case "true", "1", "yes":
		return true, true
	case "false", "0", "no":
		return false, true
	}
	return false, false
}
