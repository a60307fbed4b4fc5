// Package flags holds what an operator may change while meetings run.
//
// A flag is declared in code: a name, a kind, a default, a description, an owner. Its value
// belongs to a [Registry], one per node, so that nodes and tests in one process do not see
// each other. The first of these that says something decides:
//
//	test override          Flag.Override, Override
//	admin, for this room   Registry.Set, Registry.Replace
//	admin, for everyone    Registry.Set, Registry.Replace
//	environment            FEATURE_<NAME>, read once by New
//	default                the declaration
//
// Readers load one pointer to an immutable snapshot. Writers are rare; they are serialised
// by a lock and build the next snapshot, so a reader sees either all of a change or nothing.
package flags

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
)

// Registry holds the values of all flags on one node. Its methods may be called from any
// goroutine.
type Registry struct {
	now atomic.Pointer[snapshot]
	log *slog.Logger

	mu    sync.Mutex // serialises writers of now
	env   map[*declaration]any
	admin map[place]any
	tests map[*declaration]any
}

// snapshot is every value at one moment, indexed by declaration.id. It never changes.
type snapshot struct {
	everyone []any
	rooms    map[string][]any // rooms with a value of their own
	over     chan struct{}    // closed when another takes its place
}

// place is where an admin put a value; room "" is everyone.
type place struct {
	flag *declaration
	room string
}

// Assignment is a value that an admin gave to a flag, in its text form.
type Assignment struct {
	Name  string `json:"name"`
	Room  string `json:"room,omitempty"` // "" is everyone
	Value string `json:"value"`
}

// New returns a registry with the values of the environment. A bool that is set to a word
// other than true, 1, yes, false, 0 or no is false and a warning in log; every other value
// that cannot be read is part of the error, all of them at once. An empty variable counts as
// unset.
func New(getenv func(string) string, log *slog.Logger) (*Registry, error) {
	r := &Registry{
		log:   log,
		env:   map[*declaration]any{},
		admin: map[place]any{},
		tests: map[*declaration]any{},
	}
	var errs []error
	for _, d := range declarations() {
		text := getenv(d.env)
		if text == "" {
			continue
		}
		v, err := d.parse(text)
		switch {
		case err == nil:
			r.env[d] = v
		case d.kind == KindBool:
			r.env[d] = false
			log.Warn("feature flag is neither true nor false, taking false", "env", d.env, "value", text)
		default:
			errs = append(errs, fmt.Errorf("%s: %w", d.env, err))
		}
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	r.publish()
	return r, nil
}

// Set gives a flag a value in a room, or for everyone when room is "". It fails with an
// *[UnknownError] or a *[ValueError], and then changes nothing.
func (r *Registry) Set(name, room, value string) error {
	d, v, err := read(Assignment{name, room, value})
	if err != nil {
		return err
	}
	r.change(func() { r.admin[place{d, room}] = v })
	return nil
}

// Clear takes back what Set or Replace gave to a flag in a room, or for everyone when room
// is "". It fails only with an *[UnknownError].
func (r *Registry) Clear(name, room string) error {
	d, err := declarationOf(name)
	if err != nil {
		return err
	}
	r.change(func() { delete(r.admin, place{d, room}) })
	return nil
}

// Replace swaps everything that admins have set for all, in one step. What this program does
// not understand, perhaps because a newer node wrote it, is left out and reported.
func (r *Registry) Replace(all []Assignment) error {
	next := make(map[place]any, len(all))
	var errs []error
	for _, a := range all {
		d, v, err := read(a)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		next[place{d, a.Room}] = v
	}
	r.change(func() { r.admin = next })
	return errors.Join(errs...)
}

func read(a Assignment) (*declaration, any, error) {
	d, err := declarationOf(a.Name)
	if err != nil {
		return nil, nil, err
	}
	v, err := d.parse(a.Value)
	return d, v, err
}

// Assignments returns what admins have set, sorted by name and room.
func (r *Registry) Assignments() []Assignment {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := make([]Assignment, 0, len(r.admin))
	for p, v := range r.admin {
		all = append(all, Assignment{p.flag.name, p.room, p.flag.format(v)})
	}
	slices.SortFunc(all, func(a, b Assignment) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Room, b.Room))
	})
	return all
}

// change runs edit and makes its result visible, in one step for readers.
func (r *Registry) change(edit func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	edit()
	r.publish()
}

// publish builds the next snapshot. The caller holds mu, or is New.
func (r *Registry) publish() {
	all := declarations()
	next := &snapshot{everyone: make([]any, len(all)), over: make(chan struct{})}
	for _, d := range all {
		next.everyone[d.id], _ = r.decide(d)
	}
	for p, v := range r.admin {
		if p.room == "" {
			continue
		}
		if _, forced := r.tests[p.flag]; forced {
			continue
		}
		if next.rooms == nil {
			next.rooms = map[string][]any{}
		}
		if next.rooms[p.room] == nil {
			next.rooms[p.room] = slices.Clone(next.everyone)
		}
		next.rooms[p.room][p.flag.id] = v
	}
	if last := r.now.Swap(next); last != nil {
		close(last.over)
	}
}

// Changed returns a channel that is closed once anything is written after the call, even if
// every value stays what it is.
func (r *Registry) Changed() <-chan struct{} { return r.now.Load().over }

// decide returns the value of d for everyone and where it comes from.
func (r *Registry) decide(d *declaration) (any, Source) {
	if v, ok := r.tests[d]; ok {
		return v, FromTest
	}
	if v, ok := r.admin[place{d, ""}]; ok {
		return v, FromAdmin
	}
	if v, ok := r.env[d]; ok {
		return v, FromEnvironment
	}
	return d.def, FromDefault
}
