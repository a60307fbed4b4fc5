package postgres_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/jackc/pgx/v5"

	"parley/api/flags"
	"parley/api/postgres/postgrestest"
)

func TestFlagChangesAreKeptAndRecorded(t *testing.T) {
	store := open(t, postgrestest.URL(t))
	if revision, all, err := store.Flags(t.Context()); revision != 0 || len(all) != 0 || err != nil {
		t.Fatalf("new database: %d, %v, %v", revision, all, err)
	}
	began := time.Now()
	var made []flags.Change
	for i, o := range []flags.Order{
		{Flag: "chat", Value: new("false"), By: "ada", Reason: "too loud"},
		{Flag: "chat", Room: "standup", Value: new("true"), By: "bob"},
		{Flag: "chat", Value: new("true"), By: "ada", Reason: "\U0001F30D"},
		{Flag: "guests", Value: new(""), By: "ada"},
		{Flag: "chat", By: "eve", Reason: "back to normal"},
	} {
		c, err := store.ChangeFlag(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		if c == nil || c.Revision != int64(i+1) || c.At.Sub(began).Abs() > time.Minute {
			t.Errorf("change %d: %+v", i+1, c)
		}
		made = append(made, *c)
	}
	for _, o := range []flags.Order{
		{Flag: "chat", By: "ada"},
		{Flag: "guests", Value: new(""), By: "ada"},
		{Flag: "unheard_of", By: "ada"},
	} {
		if c, err := store.ChangeFlag(t.Context(), o); c != nil || err != nil {
			t.Errorf("%+v changed something: %+v, %v", o, c, err)
		}
	}
	revision, all, err := store.Flags(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(all, func(a, b flags.Assignment) int { return strings.Compare(a.Name, b.Name) })
	if diff := cmp.Diff([]flags.Assignment{
		{Name: "chat", Room: "standup", Value: "true"}, {Name: "guests"},
	}, all); diff != "" || revision != 5 {
		t.Errorf("revision %d, -want +got\n%s", revision, diff)
	}
	if n, err := store.FlagRevision(t.Context()); n != 5 || err != nil {
		t.Errorf("revision %d, %v", n, err)
	}

	log, err := store.FlagChanges(t.Context(), "chat", 2, 1)
	if err != nil {
		t.Fatal(err)
	}
	want := flags.Log{Total: 4, Changes: []flags.Change{
		{Revision: 3, By: "ada", Flag: "chat", Before: new("false"), After: new("true"), Reason: "\U0001F30D"},
		{Revision: 2, By: "bob", Flag: "chat", Room: "standup", After: new("true")},
	}}
	if diff := cmp.Diff(want, log, cmpopts.IgnoreFields(flags.Change{}, "At")); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	whole, err := store.FlagChanges(t.Context(), "", 100, 0)
	slices.Reverse(whole.Changes)
	if diff := cmp.Diff(made, whole.Changes); diff != "" || err != nil || whole.Total != 5 {
		t.Errorf("%d changes, %v, -made +recorded\n%s", whole.Total, err, diff)
	}
}

// Whoever sees a revision sees everything up to it.
func TestFlagRevisionsAppearInOrder(t *testing.T) {
	store := open(t, postgrestest.URL(t))
	const writers, each = 4, 10
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				o := flags.Order{Flag: fmt.Sprintf("flag_%d", w), Value: new(fmt.Sprint(i)), By: "ada"}
				if _, err := store.ChangeFlag(t.Context(), o); err != nil {
					t.Error(err)
				}
			}
		})
	}
	written := make(chan struct{})
	go func() { wg.Wait(); close(written) }()
	for last, done := int64(0), false; !done; {
		select {
		case <-written:
			done = true
		default:
		}
		revision, all, err := store.Flags(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		sum := int64(0)
		for _, a := range all {
			var n int64
			fmt.Sscan(a.Value, &n)
			sum += n + 1
		}
		if revision < last || sum != revision {
			t.Fatalf("revision %d after %d holds %d changes", revision, last, sum)
		}
		last = revision
	}
}

func TestRecordOfFlagsCanOnlyGrow(t *testing.T) {
	url := postgrestest.URL(t)
	store := open(t, url)
	if _, err := store.ChangeFlag(t.Context(), flags.Order{Flag: "chat", Value: new("false"), By: "ada"}); err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	for _, sql := range []string{
		"update flag_changes set changed_by = 'eve'", "delete from flag_changes", "truncate flag_changes",
		"insert into flag_revision (id) values (false)",
	} {
		if _, err := conn.Exec(t.Context(), sql); err == nil {
			t.Errorf("%s: no error", sql)
		} else if strings.HasPrefix(sql, "insert") == strings.Contains(err.Error(), "can only be added to") {
			t.Errorf("%s: %v", sql, err)
		}
	}
}
