package telemetry

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"time"
)

// Kinds of entries in files. Each file begins with a head and can be read on its own.
const (
	spilledHead    = 'H'
	spilledSession = 'S'
	spilledSource  = 'I'
	spilledRow     = 'R'
	spilledLoss    = 'L'
)

// spillHead is how many bytes length and checksum of an entry take.
const spillHead = 8

// seal copies an entry to its place, its head last: a process that dies leaves it whole or
// not there.
func seal(to, b []byte) {
	copy(to[spillHead:], b[spillHead:])
	binary.LittleEndian.PutUint32(to[4:], crc32.ChecksumIEEE(b[spillHead:]))
	binary.LittleEndian.PutUint32(to, uint32(len(b)-spillHead))
}

func appendHead(b []byte, writer int64, rows uint64) []byte {
	return binary.AppendUvarint(binary.LittleEndian.AppendUint64(b, uint64(writer)), rows)
}

// appendLoss puts down an entry of the ledger and the number of events of its session. It is
// always as long.
func appendLoss(b []byte, e *Entry, events uint64) []byte {
	for _, v := range [...]uint64{uint64(e.Session), uint64(e.Number), e.First, e.Last, e.Count, uint64(e.Noted.UnixMicro()), events} {
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	return append(b, byte(e.Cause))
}

// appendSource says what has to be known of a session to count its events.
func appendSource(b []byte, id SessionID, s *Source) []byte {
	b = binary.LittleEndian.AppendUint64(b, uint64(id))
	return appendText(appendText(appendText(b, s.Catalogue), s.Identity), s.Scope)
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// appendRow puts down a row, the number of events of its session and how it was counted.
func appendRow(b []byte, r *Row, events uint64, dimension string, samples []Sample) []byte {
	b = binary.LittleEndian.AppendUint64(b, uint64(r.Session))
	for _, v := range []uint64{events, r.Seq, uint64(r.Received), uint64(r.At), r.Link, r.Number, r.Index, uint64(r.Kind)} {
		b = binary.AppendUvarint(b, v)
	}
	b = append(b, byte(r.Class), byte(r.Has))
	b = appendText(b, r.Catalogue)
	b = appendText(b, dimension)
	b = binary.AppendUvarint(b, uint64(len(samples)))
	for _, s := range samples {
		b = binary.LittleEndian.AppendUint64(appendText(b, s.Measure), math.Float64bits(s.Value))
	}
	b = append(binary.AppendUvarint(b, uint64(len(r.Subject))), r.Subject...)
	return append(b, r.Body...)
}

// rowMost is how many bytes a row takes at most, with what introduces its session.
func rowMost(r *Row, dimension string, samples []Sample) int {
	n := 256 + 2*MaxIdentity + 2*len(r.Catalogue) + len(dimension) + len(r.Subject) + len(r.Body)
	for _, s := range samples {
		n += len(s.Measure) + 2*binary.MaxVarintLen64
	}
	return n
}

// counted is how a row that was spilled is counted.
type counted struct {
	events    uint64 // of its session, this one the last
	dimension string
	samples   []Sample
}

var (
	errSpilled = errors.New("damaged entry")
	errTorn    = fmt.Errorf("%w that was being replaced", errSpilled)
)

// next reads the next entry. After errTorn others may follow.
func next(in io.Reader) ([]byte, error) {
	var head [spillHead]byte
	if _, err := io.ReadFull(in, head[:]); err != nil {
		return nil, err
	}
	size := binary.LittleEndian.Uint32(head[:])
	if size == 0 && binary.LittleEndian.Uint32(head[4:]) == 0 {
		return nil, io.EOF // what is reserved and not written
	}
	if size == 0 || size > segmentSize {
		return nil, errSpilled
	}
	b := make([]byte, size)
	if _, err := io.ReadFull(in, b); err != nil {
		return nil, err
	}
	if crc32.ChecksumIEEE(b) != binary.LittleEndian.Uint32(head[4:]) {
		return nil, errTorn
	}
	return b, nil
}

// entry takes apart what was put together. What is not there reads as zeros, and makes it bad.
type entry struct {
	b   []byte
	bad bool
}

func (e *entry) take(n uint64) []byte {
	if n > uint64(len(e.b)) {
		e.bad = true
		return nil
	}
	p := e.b[:n:n]
	e.b = e.b[n:]
	return p
}

func (e *entry) fixed() uint64 {
	if p := e.take(8); p != nil {
		return binary.LittleEndian.Uint64(p)
	}
	return 0
}

func (e *entry) varint() uint64 {
	v, n := binary.Uvarint(e.b)
	if n <= 0 {
		e.bad = true
		return 0
	}
	e.b = e.b[n:]
	return v
}

func (e *entry) byte() byte {
	if p := e.take(1); p != nil {
		return p[0]
	}
	return 0
}

func (e *entry) text() string { return string(e.take(e.varint())) }

func (e *entry) session() (v Session, err error) {
	err = json.Unmarshal(e.b, &v)
	return v, err
}

func (e *entry) loss() (v Entry, events uint64) {
	v.Session, v.Number = SessionID(e.fixed()), int64(e.fixed())
	v.First, v.Last, v.Count = e.fixed(), e.fixed(), e.fixed()
	v.Noted = time.UnixMicro(int64(e.fixed()))
	events, v.Cause = e.fixed(), Cause(e.byte())
	e.bad = e.bad || len(e.b) > 0
	return v, events
}

func (e *entry) source() (id SessionID, s Source) {
	return SessionID(e.fixed()), Source{Catalogue: e.text(), Identity: e.text(), Scope: e.text()}
}

// row returns a row that keeps the bytes of the entry.
func (e *entry) row() (r Row, c counted) {
	r.Session = SessionID(e.fixed())
	c.events = e.varint()
	r.Seq, r.Received, r.At = e.varint(), int64(e.varint()), int64(e.varint())
	r.Link, r.Number, r.Index = e.varint(), e.varint(), e.varint()
	r.Kind, r.Class, r.Has = uint16(e.varint()), Class(e.byte()), Has(e.byte())
	r.Catalogue, c.dimension = e.text(), e.text()
	for range min(e.varint(), uint64(len(e.b))) {
		c.samples = append(c.samples, Sample{Measure: e.text(), Value: math.Float64frombits(e.fixed())})
	}
	if n := e.varint(); n > 0 {
		r.Subject = e.take(n)
	}
	r.Body = e.b
	return r, c
}
