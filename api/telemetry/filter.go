package telemetry

import "slices"

// Filter says which events somebody wants. Empty fields want all; an event has to fit every
// field.
type Filter struct {
	Catalogue string
	Kinds     []uint16
	Groups    []string
	Classes   []Class
	Source    string // identity
	Scopes    []string
	Session   SessionID
	Since     int64 // when it was received at the earliest, microseconds since 1970
}

// Wants reports whether an event passes.
func (f *Filter) Wants(e *Event) bool {
	return (f.Catalogue == "" || f.Catalogue == e.Row.Catalogue) &&
		(len(f.Kinds) == 0 || slices.Contains(f.Kinds, e.Row.Kind)) &&
		(len(f.Groups) == 0 || slices.Contains(f.Groups, e.Kind.Group)) &&
		(len(f.Classes) == 0 || slices.Contains(f.Classes, e.Row.Class)) &&
		(f.Source == "" || f.Source == e.Source.Identity) &&
		(len(f.Scopes) == 0 || slices.Contains(f.Scopes, e.Source.Scope)) &&
		(f.Session == 0 || f.Session == e.Row.Session) &&
		e.Row.Received >= f.Since
}
