package live

import (
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"parley/api/telemetry"
)

// maxPlaces is how many engines a cursor knows at most. Those that are gone for long go first.
const maxPlaces = 64

// Cursor is a place in the stream of a cluster. Its text is for clients to hand back, to any
// node.
type Cursor struct {
	since  int64 // of engines without a place: when, microseconds since 1970
	places map[int64]telemetry.Cursor
}

// cursorVersion begins the text of every cursor.
const cursorVersion = "c1_"

var errCursor = errors.New("not a cursor of a live stream")

// String returns the text of a cursor.
func (c Cursor) String() string {
	var b strings.Builder
	b.WriteString(cursorVersion + strconv.FormatInt(c.since, 36))
	for _, id := range slices.Sorted(maps.Keys(c.places)) {
		p := c.places[id]
		b.WriteString("_" + strconv.FormatInt(id, 36) + "." + strconv.FormatUint(p.Next, 36) + "." + strconv.FormatInt(p.Received, 36))
	}
	return b.String()
}

// ParseCursor is the inverse of String.
func ParseCursor(text string) (Cursor, error) {
	text, ok := strings.CutPrefix(text, cursorVersion)
	if !ok {
		return Cursor{}, errCursor
	}
	parts := strings.Split(text, "_")
	since, err := moment(parts[0])
	if err != nil || len(parts) > maxPlaces+1 {
		return Cursor{}, errCursor
	}
	c := Cursor{since, map[int64]telemetry.Cursor{}}
	for _, part := range parts[1:] {
		numbers := strings.Split(part, ".")
		if len(numbers) != 3 {
			return Cursor{}, errCursor
		}
		id, err := strconv.ParseInt(numbers[0], 36, 64)
		if err != nil || id <= 0 {
			return Cursor{}, errCursor
		}
		next, err := strconv.ParseUint(numbers[1], 36, 64)
		if err != nil {
			return Cursor{}, errCursor
		}
		received, err := moment(numbers[2])
		if err != nil {
			return Cursor{}, err
		}
		c.places[id] = telemetry.Cursor{Engine: id, Next: next, Received: received}
	}
	return c, nil
}

// moment reads a time in microseconds that the database can compare.
func moment(text string) (int64, error) {
	const most = 253_402_300_800_000_000 // the year 10000
	n, err := strconv.ParseInt(text, 36, 64)
	if err != nil || n < 0 || n >= most {
		return 0, errCursor
	}
	return n, nil
}

// place returns from where an engine is followed.
func (c *Cursor) place(engine int64) telemetry.Cursor {
	if p, ok := c.places[engine]; ok {
		return p
	}
	return telemetry.Cursor{Engine: engine, Received: c.since}
}

// move notes how far an engine was followed.
func (c *Cursor) move(to telemetry.Cursor) {
	if _, known := c.places[to.Engine]; !known && len(c.places) == maxPlaces {
		first := to
		for _, p := range c.places {
			if p.Received < first.Received {
				first = p
			}
		}
		delete(c.places, first.Engine)
		c.since = max(c.since, first.Received)
	}
	c.places[to.Engine] = to
}

// copied returns a cursor that stays as it is now. It leaves engines out that are gone for long,
// and does not look for others that were there then: they would be known.
func (c *Cursor) copied(now time.Time, gone map[int64]bool) Cursor {
	since := max(c.since, now.Add(-grace).UnixMicro())
	places := maps.Clone(c.places)
	maps.DeleteFunc(places, func(id int64, p telemetry.Cursor) bool { return gone[id] && p.Received <= since })
	return Cursor{since, places}
}

// grace is within what time a node that starts is known to all others.
const grace = time.Minute

// byTime reports whether only the time of a place is known.
func byTime(c telemetry.Cursor) bool { return c.Next == 0 && c.Received > 0 }
