package postgres_test

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"parley/api/postgres"
	"parley/api/postgres/postgrestest"
)

func applied(t *testing.T, url string) (n, all int) {
	t.Helper()
	status, err := postgres.Status(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	for i, m := range status {
		if m.Applied {
			n++
		}
		if i > 0 && status[i-1].ID >= m.ID || !strings.HasPrefix(m.Name, m.ID+"_") {
			t.Errorf("out of order or misnamed: %+v", m)
		}
	}
	return n, len(status)
}

func TestNodesMigrateAtOnce(t *testing.T) {
	url := postgrestest.URL(t)
	for {
		err := postgres.Rollback(t.Context(), url)
		if errors.Is(err, postgres.ErrNothingApplied) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	exec(t, url, "drop table schema_migrations")
	if n, _ := applied(t, url); n != 0 {
		t.Fatalf("%d migrations in an empty database", n)
	}
	var wg sync.WaitGroup
	for range 5 {
		wg.Go(func() {
			if err := postgres.Migrate(t.Context(), url); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n, all := applied(t, url); n != all {
		t.Errorf("%d of %d migrations applied", n, all)
	}
}

func TestMigrateUnderstandsAddressesOfThePool(t *testing.T) {
	url := strings.Replace(postgrestest.URL(t), "sslmode=disable", "pool_max_conns=3&default_query_exec_mode=exec", 1)
	if err := postgres.Migrate(t.Context(), url); err != nil {
		t.Error(err)
	}
	if err := open(t, url).Ping(t.Context()); err != nil {
		t.Error(err)
	}
	for _, bad := range []string{"", "host=localhost", "mysql://root:hunter2@localhost/x", "postgres://a:hunter2@%zz"} {
		if err := postgres.Migrate(t.Context(), bad); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
