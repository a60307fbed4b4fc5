package postgrestest_test

import (
	"testing"

	"github.com/jackc/pgx/v5"

	"parley/api/postgres"
	"parley/api/postgres/postgrestest"
)

func TestMain(m *testing.M) { postgrestest.Main(m) }

func TestEveryTestHasADatabaseOfItsOwn(t *testing.T) {
	var dropped string
	t.Run("first", func(t *testing.T) {
		dropped = postgrestest.URL(t)
		conn, err := pgx.Connect(t.Context(), dropped)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(t.Context())
		if _, err := conn.Exec(t.Context(), "insert into users (email) values ('alice')"); err != nil {
			t.Fatal(err)
		}
	})
	if conn, err := pgx.Connect(t.Context(), dropped); err == nil {
		conn.Close(t.Context())
		t.Error("the database outlived its test")
	}
	url := postgrestest.URL(t)
	status, err := postgres.Status(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range status {
		if !m.Applied {
			t.Errorf("%s is not applied", m.Name)
		}
	}
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	var users int
	if err := conn.QueryRow(t.Context(), "select count(*) from users").Scan(&users); err != nil || users != 0 {
		t.Errorf("%d users of another test, %v", users, err)
	}
}
