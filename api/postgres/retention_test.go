package postgres_test

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/api/postgres/postgrestest"
)

// However many sessions ended long ago, all of them are forgotten, and no others.
func TestSessionsAreForgottenByTheirEnd(t *testing.T) {
	url := postgrestest.URL(t)
	store := open(t, url)
	exec(t, url, `insert into sessions
		select n, 'room', 'alice', '', 'node', 'websocket', '', now() - interval '100 days',
			case n % 3 when 0 then now() - interval '91 days' when 1 then now() - interval '89 days' end
		from generate_series(1, 15003) n`)
	ended := time.Now().AddDate(0, 0, -90)
	if n, err := store.ForgetSessions(t.Context(), ended); n != 5001 || err != nil {
		t.Errorf("%d are forgotten, %v", n, err)
	}
	if n, err := store.ForgetSessions(t.Context(), ended); n != 0 || err != nil {
		t.Errorf("%d more are forgotten, %v", n, err)
	}
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	var open, closed int
	if err := conn.QueryRow(t.Context(), "select count(*) filter (where left_at is null), count(left_at) from sessions").Scan(&open, &closed); err != nil {
		t.Fatal(err)
	}
	if open != 5001 || closed != 5001 {
		t.Errorf("%d open and %d closed sessions are left", open, closed)
	}
}
