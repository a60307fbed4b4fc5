package flags

import (
	"cmp"
	"slices"
)

// Source says who decided a value.
type Source string

// The sources, strongest first.
const (
	FromTest        Source = "test"
	FromAdmin       Source = "admin"
	FromEnvironment Source = "environment"
	FromDefault     Source = "default"
)

// State describes one flag for people: what it is and what it is set to. Values are text.
type State struct {
	Name    string            `json:"name"`
	Env     string            `json:"env"`
	Kind    Kind              `json:"kind"`
	OneOf   []string          `json:"one_of,omitempty"`
	Min     *int              `json:"min,omitempty"` // of numbers that have bounds, both included
	Max     *int              `json:"max,omitempty"`
	Default string            `json:"default"`
	Value   string            `json:"value"` // for everyone
	Source  Source            `json:"source"`
	Rooms   map[string]string `json:"rooms"` // what admins set for single rooms
	Doc     string            `json:"description"`
	Owner   string            `json:"owner"`
}

// States describes all flags, sorted by name.
func (r *Registry) States() []State {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := declarations()
	states := make([]State, len(all))
	for i, d := range all {
		states[i] = r.describe(d)
	}
	slices.SortFunc(states, func(a, b State) int { return cmp.Compare(a.Name, b.Name) })
	return states
}

// State describes one flag. It fails with an *[UnknownError].
func (r *Registry) State(name string) (State, error) {
	d, err := declarationOf(name)
	if err != nil {
		return State{}, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.describe(d), nil
}

// describe returns the state of d; r.mu is held.
func (r *Registry) describe(d *declaration) State {
	v, from := r.decide(d)
	s := State{
		Name: d.name, Env: d.env, Kind: d.kind, OneOf: slices.Clone(d.oneOf), Doc: d.doc, Owner: d.owner,
		Default: d.format(d.def), Value: d.format(v), Source: from, Rooms: map[string]string{},
	}
	if d.bounds != nil {
		s.Min, s.Max = new(d.bounds.lo), new(d.bounds.hi)
	}
	for p, v := range r.admin {
		if p.flag == d && p.room != "" {
			s.Rooms[p.room] = d.format(v)
		}
	}
	return s
}

// Value returns what a flag is in a room, or for everyone when room is "", and who decided
// that: a bool, int, string or time.Duration, by its kind. It fails with an *[UnknownError].
// Code of Parley reads flags by their declarations, which is checked and faster.
func (r *Registry) Value(name, room string) (any, Source, error) {
	d, err := declarationOf(name)
	if err != nil {
		return nil, "", err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	v, from := r.decide(d)
	if own, ok := r.admin[place{d, room}]; ok && from != FromTest {
		return own, FromAdmin, nil
	}
	return v, from, nil
}
