package telemetry

import (
	"context"

	"parley/api/telemetry/archive"
	"parley/api/telemetry/catalogue"
)

// Archive is the books of a server whose database can be read.
type Archive struct{ *archive.Archive }

// Size implements [Books].
func (b Archive) Size(ctx context.Context) (uint64, error) { return b.EventBytes(ctx) }

var _ Books = Archive{}

// Account implements [Books].
func (b Archive) Account(ctx context.Context, prefix string) (Account, error) {
	found, err := b.Archive.Account(ctx, catalogue.JIP3().ID, prefix)
	if err != nil {
		return Account{}, err
	}
	a := Account{Sessions: found.Sessions, Open: found.Open, Stored: found.Stored, Lost: map[string]uint64{}, Counted: found.Counted, Holes: found.Holes}
	for cause, n := range found.Lost {
		a.Lost[cause.String()] = n
	}
	return a, nil
}
