package telemetry

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	// segmentSize is how large files are. They are removed as a whole, when all in them is
	// stored and counted.
	segmentSize = 4 << 20

	spillSuffix = ".spill"
)

// spill is where a shard puts down what it takes in before it is stored. Files are mapped
// into memory: what was copied there the kernel has when the process dies, without a call for
// each event, though not when the machine does. The shard's lock guards it.
type spill struct {
	prefix  string
	log     *slog.Logger
	writer  int64
	number  int    // of the file
	memory  []byte // the file; nil until there is something to write
	size    int    // of memory, what is written
	rows    uint64 // ever written
	synced  int    // files of a lower number are on the disk
	sealed  []segment
	buf     []byte
	failing bool
}

// segment is a file that is not written to any more.
type segment struct {
	number int
	rows   uint64 // that the shard had been given when it was closed
	taken  bool   // sessions and losses in it are in a batch
	stored bool   // which is stored
}

func newSpill(dir, name string, writer int64, log *slog.Logger) *spill {
	return &spill{prefix: filepath.Join(dir, name), log: log, writer: writer}
}

// spillName is how the names of the files of a shard begin; enginesOf is its inverse.
func spillName(engine int64, shard int) string { return fmt.Sprintf("%016x-%d", uint64(engine), shard) }

func enginesOf(files []string) (all []int64) {
	for _, name := range files {
		text, _, _ := strings.Cut(filepath.Base(name), "-")
		if id, err := strconv.ParseInt(text, 16, 64); err == nil && !slices.Contains(all, id) {
			all = append(all, id)
		}
	}
	return all
}

func (s *spill) name(number int) string {
	return fmt.Sprintf("%s-%06d%s", s.prefix, number, spillSuffix)
}

func (s *spill) session(v Session) {
	b, err := json.Marshal(v)
	if err != nil {
		s.failed(err)
		return
	}
	s.write(append(s.begin(spilledSession), b...))
}

// loss puts down an entry of the ledger of a session to which so many events came. One that
// grows stays in its place, so that an overload does not fill the disk: there are two of it,
// of which a process that dies while it writes leaves one whole.
func (s *spill) loss(g *gap, events uint64) {
	b := appendLoss(s.begin(spilledLoss), &g.Entry, events)
	if s.memory == nil || g.file != s.number {
		if s.memory != nil && s.size+2*len(b) > segmentSize {
			s.close()
		}
		at, ok := s.write(b)
		if !ok {
			return
		}
		g.file, g.at, g.second = s.number, at, false
		s.write(b)
		return
	}
	at := g.at
	if g.second {
		at += len(b)
	}
	g.second = !g.second
	seal(s.memory[at:], b)
}

// row puts down an event and how it was counted. In each file a session is introduced before
// its first event.
func (s *spill) row(f *feed, r *Row, dimension string, samples []Sample) {
	defer func() { s.rows++ }()
	if (s.memory == nil || s.size+rowMost(r, dimension, samples) > segmentSize) && !s.next() {
		return
	}
	if f.file != s.number {
		if _, ok := s.write(appendSource(s.begin(spilledSource), f.id, &f.source)); !ok {
			return
		}
		f.file = s.number
	}
	s.write(appendRow(s.begin(spilledRow), r, f.events, dimension, samples))
}

// begin returns where to put an entry together.
func (s *spill) begin(kind byte) []byte {
	return append(append(s.buf[:0], make([]byte, spillHead)...), kind)
}

// write puts down an entry that begin began, and returns where in the file it is.
func (s *spill) write(b []byte) (at int, ok bool) {
	s.buf = b
	if (s.memory == nil || s.size+len(b) > segmentSize) && !s.next() {
		return 0, false
	}
	if s.size+len(b) > segmentSize {
		s.failed(fmt.Errorf("an entry of %d bytes", len(b)))
		return 0, false
	}
	at = s.size
	seal(s.memory[at:], b)
	s.size += len(b)
	return at, true
}

// next goes on in a new file.
func (s *spill) next() bool {
	if s.memory != nil {
		s.close()
	}
	s.number++
	memory, err := newSegment(s.name(s.number))
	if err != nil {
		s.failed(err)
		return false
	}
	head := appendHead(append(make([]byte, spillHead), spilledHead), s.writer, s.rows) // the buffer is in use
	seal(memory, head)
	s.memory, s.size = memory, len(head)
	return true
}

// newSegment makes a file and maps it. It is full of zeros, so that no room on the disk is
// wanting once it is written to.
func newSegment(name string) (memory []byte, err error) {
	file, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err = errors.Join(err, file.Close()); err != nil {
			err = errors.Join(err, os.Remove(name))
		}
	}()
	for at := 0; at < segmentSize; at += len(zeros) {
		if _, err := file.Write(zeros[:]); err != nil {
			return nil, err
		}
	}
	return unix.Mmap(int(file.Fd()), 0, segmentSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
}

var zeros [64 << 10]byte

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

// settle says that all batches are stored that were taken.
func (s *spill) settle() {
	for i := range s.sealed {
		s.sealed[i].stored = s.sealed[i].taken
	}
}

// close ends writing to the file.
func (s *spill) close() {
	if err := unix.Munmap(s.memory); err != nil {
		s.failed(err)
	}
	s.sealed = append(s.sealed, segment{number: s.number, rows: s.rows})
	s.memory = nil
}

// forget removes files in which everything is stored and counted, as many rows of the shard
// are.
func (s *spill) forget(done uint64) {
	for len(s.sealed) > 0 && s.sealed[0].stored && s.sealed[0].rows <= done {
		if err := os.Remove(s.name(s.sealed[0].number)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			s.failed(err)
		}
		s.sealed = s.sealed[1:]
	}
}

// end ends spilling, and removes everything when all is stored and counted.
func (s *spill) end(all bool) {
	if s.memory != nil {
		s.close()
	}
	if all {
		s.turn()
		s.settle()
		s.forget(s.rows)
	}
}

// unsynced returns the names of the files that may not be on the disk.
func (s *spill) unsynced() (names []string) {
	for _, at := range s.sealed {
		if at.number >= s.synced {
			names = append(names, s.name(at.number))
		}
	}
	if s.memory != nil {
		names = append(names, s.name(s.number))
	}
	return names
}

// syncFiles brings files to the disk, and their names. Those that were removed meanwhile are
// nothing to keep.
func syncFiles(names []string) error {
	if len(names) == 0 {
		return nil
	}
	for _, name := range slices.Concat(names, []string{filepath.Dir(names[0])}) {
		file, err := os.Open(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if err := errors.Join(file.Sync(), file.Close()); err != nil {
			return fmt.Errorf("bring telemetry to the disk: %w", err)
		}
	}
	return nil
}
