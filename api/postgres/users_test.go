package postgres_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/api/postgres/postgrestest"
)

func TestSignInsAreOnRecord(t *testing.T) {
	url := postgrestest.URL(t)
	store := open(t, url)
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	type record struct {
		Name    string
		Last    time.Time
		Tokens  bool
		Entries int
	}
	var last time.Time
	for _, name := range []string{"Ada", "Ada Lovelace"} {
		if err := store.SignedIn(t.Context(), "ada@example.org", name); err != nil {
			t.Fatal(err)
		}
		rows, err := conn.Query(t.Context(), `
			select name, last_login as last, access_token is not null or refresh_token is not null as tokens, (select count(*) from users)::int as entries
			from users`)
		if err != nil {
			t.Fatal(err)
		}
		got, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[record])
		if err != nil {
			t.Fatal(err)
		}
		if got.Name != name || !got.Last.After(last) || got.Tokens || got.Entries != 1 {
			t.Errorf("on record is %+v", got)
		}
		last = got.Last
	}
	if err := store.SignedIn(t.Context(), strings.Repeat("x", 300), "x"); err == nil {
		t.Error("an identity that does not fit is on record")
	}
}
