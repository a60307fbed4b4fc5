package dbmate_test

import (
	"errors"
	"flag"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	migrator "github.com/amacneil/dbmate/v2/pkg/dbmate"
	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"parley/api/postgres"
	"parley/api/postgres/postgrestest"
)

const schemaFile = "db/schema.sql"

var update = flag.Bool("update", false, "rewrite "+schemaFile)

func TestMain(m *testing.M) { postgrestest.Main(m) }

func TestSchemaFileIsWhatTheMigrationsAddUpTo(t *testing.T) {
	got := dump(t, postgrestest.URL(t))
	if *update {
		if err := os.WriteFile(schemaFile, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(lines(string(want)), lines(got)); diff != "" {
		t.Errorf("%s is out of date, run go test ./dbmate -update (-file +database):\n%s", schemaFile, diff)
	}
}

func TestMigrationsCanBeTakenBackToNothingAndAppliedAgain(t *testing.T) {
	address := postgrestest.URL(t)
	before := dump(t, address)
	steps := 0
	for {
		err := postgres.Rollback(t.Context(), address)
		if errors.Is(err, postgres.ErrNothingApplied) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		steps++
	}
	all, err := postgres.Status(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	if steps != len(all) {
		t.Errorf("%d of %d migrations were taken back", steps, len(all))
	}
	if left := objects(t, address); !slices.Equal(left, []string{"schema_migrations", "schema_migrations_pkey"}) {
		t.Errorf("left after the last: %v", left)
	}
	if err := postgres.Migrate(t.Context(), address); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(lines(before), lines(dump(t, address))); diff != "" {
		t.Errorf("schema differs after going down and up (-before +after):\n%s", diff)
	}
}

// dump returns the schema as pg_dump writes it, with the list of applied migrations.
func dump(t *testing.T, address string) string {
	t.Helper()
	if dirs, _ := filepath.Glob("/usr/lib/postgresql/*/bin"); dirs != nil {
		t.Setenv("PATH", os.Getenv("PATH")+":"+strings.Join(dirs, ":"))
	}
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	driver, err := migrator.New(u).Driver()
	if err != nil {
		t.Fatal(err)
	}
	db, err := driver.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	schema, err := driver.DumpSchema(db)
	if err != nil {
		t.Fatal(err)
	}
	return string(schema)
}

// lines returns what does not depend on the version of pg_dump.
func lines(schema string) []string {
	return slices.DeleteFunc(strings.Split(schema, "\n"), func(line string) bool {
		return line == "" || strings.HasPrefix(line, "--") || strings.HasPrefix(line, "SET ") ||
			strings.HasPrefix(line, "SELECT pg_catalog.set_config") || strings.HasPrefix(line, `\`)
	})
}

// objects lists relations, functions and types in the database by name.
func objects(t *testing.T, address string) []string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	rows, err := conn.Query(t.Context(), `
		select relname from pg_class where relnamespace = 'public'::regnamespace
		union all
		select proname from pg_proc where pronamespace = 'public'::regnamespace
		order by 1`)
	if err != nil {
		t.Fatal(err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return names
}
