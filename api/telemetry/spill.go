package telemetry

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
)

const (
	// segmentSize is from where on a shard goes on in a new file. Files are removed as a
	// whole, when all in them is stored.
	segmentSize = 8 << 20

	spillSuffix = ".spill"
	spillHead   = 8 // length and checksum of an entry
)

// Kinds of entries.
const (
	spilledSession = 'S'
	spilledRow     = 'R'
	spilledLoss    = 'L'
)

// spill is where a shard puts down what it takes in before it is stored. Each entry is
// written to the file at once: the kernel has it when the process dies, though not when the
// machine does. The shard's lock guards it.
type spill struct {
	prefix  string
	log     *slog.Logger
	number  int
	file    *os.File // nil until there is something to write
	size    int
	rows    uint64 // ever written
	sealed  []segment
	buf     []byte
	failing bool
}

// segment is a file that is not written to any more.
type segment struct {
	name  string
	rows  uint64 // that the shard had been given when it was closed
	taken bool   // sessions and losses in it are in a batch
}

func newSpill(dir, name string, log *slog.Logger) *spill {
	return &spill{prefix: filepath.Join(dir, name), log: log}
}

func (s *spill) session(v Session) {
	b, err := json.Marshal(v)
	if err != nil {
		s.failed(err)
		return
	}
	s.write(spilledSession, func(to []byte) []byte { return append(to, b...) })
}

func (s *spill) loss(e Entry) {
	s.write(spilledLoss, func(b []byte) []byte {
		b = binary.LittleEndian.AppendUint64(b, uint64(e.Session))
		b = binary.LittleEndian.AppendUint64(b, uint64(e.Number))
		b = binary.LittleEndian.AppendUint64(b, e.First)
		b = binary.LittleEndian.AppendUint64(b, e.Last)
		b = binary.LittleEndian.AppendUint64(b, e.Count)
		b = binary.LittleEndian.AppendUint64(b, uint64(e.Noted.UnixMicro()))
		return append(b, byte(e.Cause))
	})
}

func (s *spill) row(r *Row) {
	defer func() { s.rows++ }()
	s.write(spilledRow, func(b []byte) []byte {
		b = binary.LittleEndian.AppendUint64(b, uint64(r.Session))
		b = binary.LittleEndian.AppendUint64(b, r.Seq)
		b = binary.LittleEndian.AppendUint64(b, uint64(r.Received))
		b = binary.LittleEndian.AppendUint64(b, uint64(r.At))
		b = binary.LittleEndian.AppendUint64(b, r.Link)
		b = binary.LittleEndian.AppendUint64(b, r.Number)
		b = binary.LittleEndian.AppendUint64(b, r.Index)
		b = binary.LittleEndian.AppendUint16(b, r.Kind)
		b = append(b, byte(r.Class), byte(r.Has), byte(len(r.Catalogue)), byte(len(r.Subject)))
		b = append(b, r.Catalogue...)
		b = append(b, r.Subject...)
		return append(b, r.Body...)
	})
}

// write appends one entry, in one call so that a process that dies leaves it whole or not.
func (s *spill) write(kind byte, fill func([]byte) []byte) {
	if s.file != nil && s.size >= segmentSize {
		s.seal()
	}
	if s.file == nil && !s.next() {
		return
	}
	b := append(s.buf[:0], 0, 0, 0, 0, 0, 0, 0, 0, kind)
	b = fill(b)
	binary.LittleEndian.PutUint32(b, uint32(len(b)-spillHead))
	binary.LittleEndian.PutUint32(b[4:], crc32.ChecksumIEEE(b[spillHead:]))
	s.buf = b
	n, err := s.file.Write(b)
	s.size += n
	if err != nil {
		s.failed(err)
	}
}

func (s *spill) next() bool {
	s.number++
	file, err := os.OpenFile(fmt.Sprintf("%s-%06d%s", s.prefix, s.number, spillSuffix), os.O_CREATE|os.O_EXCL|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		s.failed(err)
		return false
	}
	s.file, s.size = file, 0
	return true
}

// failed says once that events do not outlive the process now.
func (s *spill) failed(err error) {
	if !s.failing {
		s.failing = true
		s.log.Error("telemetry cannot be spilled; it is lost should this process die", "err", err)
	}
}

// turn says that all sessions and losses until now are in batches that were taken.
func (s *spill) turn() {
	for i := range s.sealed {
		s.sealed[i].taken = true
	}
}

func (s *spill) seal() {
	if err := s.file.Close(); err != nil {
		s.failed(err)
	}
	s.sealed = append(s.sealed, segment{name: s.file.Name(), rows: s.rows})
	s.file = nil
}

// forget removes files in which everything is stored, as many rows of the shard are.
func (s *spill) forget(stored uint64) {
	for len(s.sealed) > 0 && s.sealed[0].taken && s.sealed[0].rows <= stored {
		if err := os.Remove(s.sealed[0].name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			s.failed(err)
		}
		s.sealed = s.sealed[1:]
	}
}

// close ends spilling, and removes everything when all is stored.
func (s *spill) close(all bool) {
	if s.file != nil {
		s.seal()
	}
	if all {
		s.turn()
		s.forget(s.rows)
	}
}
