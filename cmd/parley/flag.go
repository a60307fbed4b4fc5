package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os/user"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/jackc/pgx/v5/pgconn"

	"parley/api/app"
	"parley/api/flagfeed"
	"parley/api/flags"
	"parley/api/observe"
	"parley/api/postgres"
)

// flagCommand works on the database that all nodes share: it needs no sign-in but the right to
// that, works while no node runs, and running ones follow within a second.
type flagCommand struct {
	List    flagList    `cmd:"" default:"withargs" help:"List the flags and what is set."`
	Set     flagSet     `cmd:"" help:"Give a flag a value on all nodes, at once."`
	Clear   flagClear   `cmd:"" help:"Take back what was set, so that the environment of each node decides, or else the default."`
	History flagHistory `cmd:"" help:"Show who changed what, when and why, the newest change first."`
}

// flagStore is the database with the flags: DATABASE_URL, or that of a data directory, whether
// or not a node is using it.
type flagStore struct{ database }

func (s *flagStore) with(w *world, do func(context.Context, *postgres.Store) error) error {
	err := s.database.with(w, app.ReachDatabase, func(ctx context.Context, url string) error {
		store, err := postgres.Open(ctx, url, observe.NewLogger(w.stderr, slog.LevelWarn, observe.FormatText))
		if err != nil {
			return err
		}
		defer store.Close()
		return do(ctx, store)
	})
	const noSuchTable = "42P01"
	if e, ok := errors.AsType[*pgconn.PgError](err); ok && e.Code == noSuchTable {
		return errors.New("the database knows no flags yet: run parley migrate up")
	}
	return err
}

// flagLine is one flag in a list.
type flagLine struct {
	Name    string            `json:"name"`
	Kind    flags.Kind        `json:"kind"`
	OneOf   []string          `json:"one_of,omitempty"`
	Min     *int              `json:"min,omitempty"`
	Max     *int              `json:"max,omitempty"`
	Default string            `json:"default"`
	Set     *string           `json:"set"`   // for everyone; null leaves it to each node
	Rooms   map[string]string `json:"rooms"` // set for single rooms
	Doc     string            `json:"description"`
	Owner   string            `json:"owner"`
	Env     string            `json:"env"`
}

type flagList struct {
	flagStore
	JSON bool `name:"json" help:"Write JSON."`
}

func (c *flagList) Run(w *world) error {
	return c.with(w, func(ctx context.Context, store *postgres.Store) error {
		_, set, err := store.Flags(ctx)
		if err != nil {
			return err
		}
		all, err := flagLines(set)
		if err != nil {
			fmt.Fprintf(w.stderr, "parley: set, but without a meaning for this version: %v\n", err)
		}
		if c.JSON {
			return writeJSON(w.stdout, all)
		}
		table := tabwriter.NewWriter(w.stdout, 0, 8, 2, ' ', 0)
		fmt.Fprintln(table, "FLAG\tSET\tDEFAULT\tMEANING")
		for _, f := range all {
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", f.Name, orDash(f.Set), f.Default, f.Doc)
			for _, room := range slices.Sorted(maps.Keys(f.Rooms)) {
				fmt.Fprintf(table, "  in %s\t%s\t\t\n", room, f.Rooms[room])
			}
		}
		return table.Flush()
	})
}

// flagLines describes all flags, given what is set. Its error is about what it cannot place.
func flagLines(set []flags.Assignment) ([]flagLine, error) {
	// Without an environment: that of the nodes is theirs.
	reg, err := flags.New(func(string) string { return "" }, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, err
	}
	err = reg.Replace(set)
	var all []flagLine
	for _, s := range reg.States() {
		line := flagLine{s.Name, s.Kind, s.OneOf, s.Min, s.Max, s.Default, nil, s.Rooms, s.Doc, s.Owner, s.Env}
		if s.Source == flags.FromAdmin {
			line.Set = &s.Value
		}
		all = append(all, line)
	}
	return all, err
}

// flagChange is what set and clear have in common.
type flagChange struct {
	flagStore
	Room   string `name:"room" placeholder:"ROOM" help:"Only in this room. Without it, everywhere that has no value of its own."`
	Reason string `name:"reason" placeholder:"TEXT" help:"Why, for the record."`
	JSON   bool   `name:"json" help:"Write the change as JSON, null when nothing had to change."`
}

func (c *flagChange) apply(w *world, name string, value *string) error {
	order, err := flagfeed.Check(flags.Order{Flag: name, Room: c.Room, Value: value, By: operator(w), Reason: c.Reason})
	if err != nil {
		return err
	}
	return c.with(w, func(ctx context.Context, store *postgres.Store) error {
		change, err := store.ChangeFlag(ctx, order)
		switch {
		case err != nil:
			return err
		case c.JSON:
			return writeJSON(w.stdout, change)
		case change == nil:
			_, err = fmt.Fprintf(w.stdout, "%s %s: nothing to change\n", name, where(order.Room))
		default:
			_, err = fmt.Fprintf(w.stdout, "%s %s: %s -> %s\n", name, where(order.Room), orDash(change.Before), orDash(change.After))
		}
		return err
	})
}

type flagSet struct {
	Name  string `arg:"" help:"Name of the flag."`
	Value string `arg:"" help:"Its value; write -- before one that begins with a minus."`
	flagChange
}

func (c *flagSet) Run(w *world) error { return c.apply(w, c.Name, &c.Value) }

type flagClear struct {
	Name string `arg:"" help:"Name of the flag."`
	flagChange
}

func (c *flagClear) Run(w *world) error { return c.apply(w, c.Name, nil) }

type flagHistory struct {
	flagStore
	Name  string `arg:"" optional:"" help:"Name of a flag. Without it, all of them."`
	Limit int    `name:"limit" default:"20" help:"How many changes to show."`
	JSON  bool   `name:"json" help:"Write JSON."`
}

func (c *flagHistory) Run(w *world) error {
	if c.Name != "" {
		if err := flags.Known(c.Name); err != nil {
			return err
		}
	}
	return c.with(w, func(ctx context.Context, store *postgres.Store) error {
		log, err := store.FlagChanges(ctx, c.Name, max(c.Limit, 1), 0)
		if err != nil {
			return err
		}
		if c.JSON {
			return writeJSON(w.stdout, log)
		}
		table := tabwriter.NewWriter(w.stdout, 0, 8, 2, ' ', 0)
		fmt.Fprintln(table, "WHEN\tWHO\tFLAG\tWHERE\tBEFORE\tAFTER\tWHY")
		for _, e := range log.Changes {
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", e.At.Local().Format(time.DateTime), plain(e.By), e.Flag, where(e.Room),
				orDash(e.Before), orDash(e.After), e.Reason)
		}
		return table.Flush()
	})
}

// operator names whoever runs the command, for the record.
func operator(w *world) string {
	name := w.getenv("SUDO_USER")
	if u, err := user.Current(); err == nil {
		name = cmp.Or(name, u.Username)
	}
	return "cli:" + cmp.Or(name, "unknown")
}

func where(room string) string { return cmp.Or(room, "everywhere") }

func orDash(value *string) string {
	if value == nil {
		return "-"
	}
	return plain(*value)
}

// plain makes text safe for a terminal: an identity may hold anything.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, text)
}
