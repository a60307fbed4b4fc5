package postgres

import (
	"context"
	"fmt"
)

// SignedIn records that a person signed in, by which name, and when. Nothing else of the
// provider is kept.
func (s *Store) SignedIn(ctx context.Context, user, name string) error {
	_, err := s.pool.Exec(ctx, `
		insert into users (email, name, created_at, last_login) values ($1, $2, localtimestamp, localtimestamp)
		on conflict (email) do update set name = excluded.name, last_login = excluded.last_login`, user, name)
	if err != nil {
		return fmt.Errorf("record a sign-in: %w", err)
	}
	return nil
}
