package postgres

import "github.com/jackc/pgx/v5/pgxpool"

// Pool returns how the connections to the database are used. It does not block.
func (s *Store) Pool() *pgxpool.Stat { return s.pool.Stat() }
