package telemetry

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	// rollupStep is the time that one cell counts.
	rollupStep = time.Minute

	// MaxMeasure is the longest name of a measure in bytes.
	MaxMeasure = 64

	// maxCells bounds what one shard counts apart in one step. Beyond, scopes, sources and
	// dimensions are counted together.
	maxCells = 100_000

	// otherDimension is where dimensions beyond [MaxDimensions] are counted.
	otherDimension = "other"
)

// SinceMeasure names the measure of how many milliseconds after an event of kind opened,
// which they continue, events came.
func SinceMeasure(opened uint16) string { return "since_" + strconv.Itoa(int(opened)) }

type cellKey struct {
	catalogue string
	kind      int32
	scope     string
	source    string
	dimension string
	measure   string
}

// cell is what is counted of one key in one step.
type cell struct {
	count     uint64
	sum       float64
	histogram Histogram
	dirty     bool // changed since the last collection
}

// counts are the cells of one shard. Its lock guards them.
type counts struct {
	writer     int64
	bucket     int64 // number of the step
	cells      map[cellKey]*cell
	dimensions map[cellKey]int // how many, of keys without one
	feeds      []*feed         // that remember cells of the step
	closing    []Rollup        // of steps that are over, not yet collected
}

func newCounts(writer int64) *counts {
	return &counts{writer: writer, cells: map[cellKey]*cell{}, dimensions: map[cellKey]int{}}
}

// turn goes on to the step of a time, if that is a later one.
func (c *counts) turn(received int64) {
	bucket := received / rollupStep.Microseconds()
	if bucket <= c.bucket {
		return
	}
	c.closing = append(c.closing, c.changed()...)
	c.bucket = bucket
	// A crowd that is idle by now leaves nothing behind.
	c.cells, c.dimensions = map[cellKey]*cell{}, map[cellKey]int{}
	for _, f := range c.feeds {
		f.total, f.kinds = nil, nil
	}
	c.feeds = nil
}

// of returns the cell of a key, making it.
func (c *counts) of(k cellKey) *cell {
	if at := c.cells[k]; at != nil {
		return at
	}
	if k.dimension != "" && k.dimension != otherDimension {
		base := k
		base.dimension = ""
		if c.dimensions[base]++; c.dimensions[base] > MaxDimensions {
			k.dimension = otherDimension
		}
	}
	if len(c.cells) >= maxCells {
		k.scope, k.source, k.dimension = "", "", ""
	}
	at := c.cells[k]
	if at == nil {
		at = &cell{}
		c.cells[k] = at
	}
	return at
}

// add counts one event.
func (c *cell) add() {
	c.count++
	c.dirty = true
}

// sample counts a measurement.
func (c *cell) sample(v float64) {
	c.count++
	c.sum += v
	c.histogram.Add(v)
	c.dirty = true
}

// changed returns the totals that changed since the last call.
func (c *counts) changed() []Rollup {
	var all []Rollup
	for k, at := range c.cells {
		if !at.dirty {
			continue
		}
		at.dirty = false
		all = append(all, Rollup{
			Bucket:    time.UnixMicro(c.bucket * rollupStep.Microseconds()).UTC(),
			Catalogue: k.catalogue, Kind: k.kind, Scope: k.scope, Source: k.source,
			Dimension: k.dimension, Measure: k.measure, Writer: c.writer,
			Count: at.count, Sum: at.sum, Histogram: at.histogram.Clone(),
		})
	}
	return all
}

// collect returns everything that changed, of steps that are over too. Nothing is there
// twice.
func (c *counts) collect() []Rollup {
	type place struct {
		bucket int64
		cellKey
	}
	all := append(c.closing, c.changed()...)
	c.closing = nil
	newest := make(map[place]int, len(all))
	kept := all[:0]
	for _, r := range all {
		at := place{r.Bucket.Unix(), cellKey{r.Catalogue, r.Kind, r.Scope, r.Source, r.Dimension, r.Measure}}
		if i, ok := newest[at]; ok {
			kept[i] = r
			continue
		}
		newest[at] = len(kept)
		kept = append(kept, r)
	}
	return kept
}

// clean returns s as the database takes it: UTF-8, no NUL, at most so many bytes.
func clean(s string, most int) string {
	if len(s) <= most && utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 {
		return s
	}
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
	for len(s) > most {
		_, n := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-n]
	}
	return s
}
