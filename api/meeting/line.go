package meeting

import "slices"

// othersEvery is how often it is the turn of a room that nobody waits to enter, while there are
// rooms that somebody does: their departures are only delayed.
const othersEvery = 4

// line is the rooms that have something to write and that nobody writes. Rooms which people wait to
// enter come before those which they have left: when thousands lose their connections together and
// come again, all their departures are due as well.
type line struct {
	entries []*room
	others  []*room
	turn    int
}

func (l *line) empty() bool { return len(l.entries)+len(l.others) == 0 }

// add puts r at the end.
func (l *line) add(r *room) {
	if slices.ContainsFunc(r.pending, func(w *write) bool { return !w.exit }) {
		l.entries = append(l.entries, r)
	} else {
		l.others = append(l.others, r)
	}
}

// hurry notes that somebody waits to enter r now. It does nothing when r is not in line.
func (l *line) hurry(r *room) {
	if i := slices.Index(l.others, r); i >= 0 {
		l.others = slices.Delete(l.others, i, i+1)
		l.entries = append(l.entries, r)
	}
}

// take removes the room whose turn it is. The line is not empty.
func (l *line) take() *room {
	l.turn++
	from := &l.entries
	if len(l.entries) == 0 || len(l.others) > 0 && l.turn%othersEvery == 0 {
		from = &l.others
	}
	r := (*from)[0]
	*from = (*from)[1:]
	return r
}

// some removes of those rooms that nobody waits to enter the ones that fit.
func (l *line) some(fit func(*room) bool) { l.others = slices.DeleteFunc(l.others, fit) }
