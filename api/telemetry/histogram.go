package telemetry

import (
	"encoding/binary"
	"errors"
	"maps"
	"math"
	"slices"
)

// Histogram counts values in buckets whose bounds grow by a tenth, so that percentiles are
// right within 5 %. Histograms of different times and places can be added. The zero value is
// empty.
type Histogram struct {
	counts map[int16]uint64
}

const (
	growth = 1.1

	// lowest and highest bucket: 10^-4 to 10^18. Values outside count as the nearest, and
	// those that are not above zero have a bucket of their own.
	lowest, highest = -97, 435
	zeroBucket      = math.MinInt16
)

var logGrowth = math.Log(growth)

// Add counts v.
func (h *Histogram) Add(v float64) {
	if h.counts == nil {
		h.counts = make(map[int16]uint64)
	}
	h.counts[bucketOf(v)]++
}

func bucketOf(v float64) int16 {
	if !(v > 0) { // NaN as well
		return zeroBucket
	}
	return int16(min(max(math.Ceil(math.Log(v)/logGrowth), lowest), highest))
}

// Merge adds what o counted.
func (h *Histogram) Merge(o Histogram) {
	if h.counts == nil {
		h.counts = make(map[int16]uint64, len(o.counts))
	}
	for b, n := range o.counts {
		h.counts[b] += n
	}
}

// Clone returns a copy that later additions do not change.
func (h Histogram) Clone() Histogram { return Histogram{maps.Clone(h.counts)} }

// Count returns how many values there are.
func (h Histogram) Count() (n uint64) {
	for _, c := range h.counts {
		n += c
	}
	return n
}

// Quantile returns the value below which the share q of all values is, 0 without values.
func (h Histogram) Quantile(q float64) float64 {
	total := h.Count()
	rank := uint64(math.Ceil(min(max(q, 0), 1) * float64(total)))
	for _, b := range slices.Sorted(maps.Keys(h.counts)) {
		n := h.counts[b]
		if n >= rank {
			if b == zeroBucket {
				return 0
			}
			return 2 * math.Pow(growth, float64(b)) / (1 + growth) // the middle, by relative error
		}
		rank -= n
	}
	return 0
}

// AppendBinary appends the histogram as pairs of varints: bucket and count. Empty ones are
// nothing.
func (h Histogram) AppendBinary(b []byte) ([]byte, error) {
	for _, k := range slices.Sorted(maps.Keys(h.counts)) {
		b = binary.AppendVarint(b, int64(k))
		b = binary.AppendUvarint(b, h.counts[k])
	}
	return b, nil
}

var errHistogram = errors.New("not a histogram")

// UnmarshalBinary is the inverse of AppendBinary.
func (h *Histogram) UnmarshalBinary(b []byte) error {
	h.counts = make(map[int16]uint64)
	for len(b) > 0 {
		k, n := binary.Varint(b)
		if n <= 0 || k < math.MinInt16 || k > math.MaxInt16 {
			return errHistogram
		}
		b = b[n:]
		c, n := binary.Uvarint(b)
		if n <= 0 {
			return errHistogram
		}
		b = b[n:]
		h.counts[int16(k)] += c
	}
	return nil
}
