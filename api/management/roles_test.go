package management_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"parley/api/management"
)

var update = flag.Bool("update", false, "write the tables of testdata/roles.md anew")

const rolesFile = "testdata/roles.md"

// TestRoles holds every act of everybody in every meeting to the tables of testdata/roles.md.
// A cell is what the caller is answered and, after a colon, each row that changed; of what is
// refused nothing may be left, neither in the rows nor in the room.
func TestRoles(t *testing.T) {
	tables := readTables(t)
	h := newHouse(t, management.Settings{WaitingRoom: open, Guests: always})
	var cells []*cell
	for _, a := range actions {
		for _, r := range roles {
			for _, s := range states {
				cells = append(cells, &cell{action: a, role: r, state: s, room: fmt.Sprintf("room-%d", len(cells))})
			}
		}
	}
	furnish(h, cells)
	before := look(h)
	var wg sync.WaitGroup
	work := make(chan *cell)
	for range 8 {
		wg.Go(func() {
			for c := range work {
				c.run(t.Context(), h)
			}
		})
	}
	for _, c := range cells {
		work <- c
	}
	close(work)
	wg.Wait()
	after := look(h)

	for _, c := range cells {
		if c.err != nil {
			t.Errorf("%s: %v", c, c.err)
			continue
		}
		changes := difference(c.role.user, before[c.room], after[c.room])
		if c.refused && (len(changes) > 0 || c.told > 0) {
			t.Errorf("%s: %s, and yet %v, and the room was told %d times", c, c.outcome, changes, c.told)
		}
		if len(changes) > 0 {
			c.outcome += ": " + strings.Join(changes, ", ")
		}
		if !*update && tables[c.action.name][c.role.name][c.state.name] != c.outcome {
			t.Errorf("%s: %q, the table says %q", c, c.outcome, tables[c.action.name][c.role.name][c.state.name])
		}
	}
	if *update {
		writeTables(t, cells)
		return
	}
	for action, table := range tables {
		if !slices.ContainsFunc(actions, func(a deed) bool { return a.name == action }) {
			t.Errorf("nobody does %q, which has a table of %d roles", action, len(table))
		}
	}
}

// Every method that somebody calls for themselves has a table.
func TestEveryActHasATable(t *testing.T) {
	covered := map[string]bool{
		"ForGuests": true, // nobody calls it for themselves, see TestGuestsAreTold
		"Stale":     true, // what Watch is told by
		"Entrant":   true, // what Entry is made of
	}
	for _, a := range actions {
		covered[strings.Fields(a.name)[0]] = true
	}
	for m := range reflect.TypeFor[*management.Meetings]().Methods() {
		if !covered[m.Name] {
			t.Errorf("%s has no table in %s", m.Name, rolesFile)
		}
	}
}

// cell is one act of one role in one meeting.
type cell struct {
	action  deed
	role    role
	state   state
	room    string
	outcome string
	refused bool
	told    int // how often the room was told something
	err     error
}

func (c *cell) String() string {
	return fmt.Sprintf("%s by %s in a meeting that is %s", c.action.name, c.role.name, c.state.name)
}

func (c *cell) run(ctx context.Context, h *house) {
	rooms := &recorder{}
	m := management.New(h.store, rooms, management.Settings{WaitingRoom: open, Guests: always}, h.log)
	c.outcome, c.err = c.action.do(ctx, act{m, rooms, c.role.Caller, c.room})
	if r, ok := errors.AsType[*management.Refusal](c.err); ok {
		c.outcome, c.refused, c.err = string(r.Code), true, nil
	}
	c.told = len(rooms.events) + len(rooms.gone)
}

type tables map[string]map[string]map[string]string // action, role, state

// readTables reads what writeTables wrote: a heading for each action, and below it rows of
// roles that fare the same, with a column for each state.
func readTables(t *testing.T) tables {
	t.Helper()
	if *update {
		return nil
	}
	text, err := os.ReadFile(rolesFile)
	if err != nil {
		t.Fatal(err)
	}
	all := tables{}
	var table map[string]map[string]string
	var columns []string
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if name, ok := strings.CutPrefix(line, "## "); ok {
			table, columns = map[string]map[string]string{}, nil
			all[name] = table
			continue
		}
		if table == nil || !strings.HasPrefix(line, "|") || strings.HasPrefix(line, "|-") {
			continue
		}
		row := strings.Split(strings.Trim(line, "|"), "|")
		for i := range row {
			row[i] = strings.TrimSpace(row[i])
		}
		if columns == nil {
			columns = row
			continue
		}
		cells := map[string]string{}
		for i, text := range row {
			if i > 0 && i < len(columns) {
				cells[columns[i]] = text
			}
		}
		for role := range strings.SplitSeq(row[0], ", ") {
			if table[role] != nil {
				t.Fatalf("%s has %s twice", rolesFile, role)
			}
			table[role] = cells
		}
	}
	return all
}

func writeTables(t *testing.T, cells []*cell) {
	t.Helper()
	old, err := os.ReadFile(rolesFile)
	if err != nil {
		t.Fatal(err)
	}
	intro, _, _ := bytes.Cut(old, []byte("\n## "))
	out := bytes.NewBuffer(append(bytes.TrimSpace(intro), '\n'))
	for len(cells) > 0 {
		fmt.Fprintf(out, "\n## %s\n\n", cells[0].action.name)
		rows := make([][]string, 1, len(roles)+2)
		rows[0] = []string{"role"}
		for _, s := range states {
			rows[0] = append(rows[0], s.name)
		}
		for range roles {
			row := []string{cells[0].role.name}
			for _, c := range cells[:len(states)] {
				row = append(row, c.outcome)
			}
			cells = cells[len(states):]
			same := slices.IndexFunc(rows, func(r []string) bool { return slices.Equal(r[1:], row[1:]) })
			if same < 0 {
				rows = append(rows, row)
			} else {
				rows[same][0] += ", " + row[0]
			}
		}
		writeTable(out, rows)
	}
	if err := os.WriteFile(rolesFile, out.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

func writeTable(out *bytes.Buffer, rows [][]string) {
	width := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, text := range row {
			width[i] = max(width[i], len(text))
		}
	}
	for n, row := range rows {
		for i, text := range row {
			fmt.Fprintf(out, "| %-*s ", width[i], text)
		}
		out.WriteString("|\n")
		if n == 0 {
			for _, w := range width {
				out.WriteString("|-" + strings.Repeat("-", w) + "-")
			}
			out.WriteString("|\n")
		}
	}
}
