// Package pgpool holds what all connections to PostgreSQL have in common.
package pgpool

import (
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// connectTimeout bounds the way to the server, unless the address has connect_timeout.
const connectTimeout = 5 * time.Second

// Config returns how to connect to the database at url, which looks like
// postgres://user:password@host:port/name and may carry the settings of libpq and pgxpool:
// these win over maxConns, which is how many connections there are at most
// (pool_max_conns), and over params, which are settings of the server for these connections.
// The error holds no password.
func Config(url string, maxConns int32, params map[string]string) (*pgxpool.Config, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("address of the database: %w", err) // pgx blanks the password
	}
	if !strings.Contains(url, "pool_max_conns") {
		config.MaxConns = maxConns
	}
	conn := config.ConnConfig
	if conn.ConnectTimeout == 0 {
		conn.ConnectTimeout = connectTimeout
	}
	for name, value := range params {
		if _, set := conn.RuntimeParams[name]; !set {
			conn.RuntimeParams[name] = value
		}
	}
	return config, nil
}

// Milliseconds is d as the server reads it.
func Milliseconds(d time.Duration) string { return fmt.Sprint(d.Milliseconds()) }
