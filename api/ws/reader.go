package ws

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"

	"parley/api/fault"
	"parley/api/wire"
)

// Opcodes and bits of RFC 6455, 5.2 that only clients use, or both sides.
const (
	opContinue = 0x0
	opText     = 0x1
	opPing     = 0x9
	opPong     = 0xa
	opControl  = 0x8 // and above

	reservedBits = 0x70
	opcodeBits   = 0x0f
	maskBit      = 0x80
	sizeBits     = 0x7f
)

// Statuses of RFC 6455, 7.4.1.
const (
	statusNormal    = 1000
	statusGoingAway = 1001
	statusProtocol  = 1002
	statusNone      = 1005
	statusLibraries = 3000 // and above
)

// errRules says that the peer does not speak WebSocket.
var errRules = errors.New("not a WebSocket frame")

// closedError is the end that a client said.
type closedError struct{ status int }

func (e *closedError) Error() string {
	return fmt.Sprintf("the client closed with status %d", e.status)
}

// reader puts messages together out of frames, and does what control frames ask for. It needs no
// memory but itself while nothing comes. One goroutine uses it at a time.
type reader struct {
	link    *link
	patient time.Duration // with a packet that has begun
	late    func()        // it took longer

	err    error // why nothing follows
	within bool  // the message goes on in the next frame
	head   [8]byte

	// Of the frame that is read.
	final bool
	left  int // bytes that are to come
	mask  [4]byte
	at    int // in mask
}

// message returns the next message in a buffer of its own; text says that it is none of bytes. The
// buffer grows with what arrived, never with what a peer announces.
func (r *reader) message() (data []byte, text bool, err error) {
	op, err := r.frame()
	if err != nil {
		return nil, false, err
	}
	scratch := scratches.Get().(*[]byte) // most connections are silent most of the time
	defer scratches.Put(scratch)
	buf, n := *scratch, 0
	// A packet that comes byte by byte would keep its buffer for ever.
	var late *time.Timer
	defer func() {
		if late != nil {
			late.Stop()
		}
	}()
	for parts := 1; ; parts++ {
		if n+r.left > wire.MaxPacket {
			return nil, false, fault.New(fault.TooLarge, "packets are limited to %d bytes", wire.MaxPacket)
		}
		if n == len(buf) && r.left > 0 {
			size := min(2*len(buf), wire.MaxPacket+1)
			grown := make([]byte, size, size+wire.StampRoom)
			copy(grown, buf)
			buf = grown
		}
		m, err := r.payload(buf[n:min(len(buf), n+r.left)])
		n += m
		switch {
		case err != nil:
			return nil, false, err
		case r.left == 0 && r.final:
			r.within = false
			if &buf[0] != &(*scratch)[0] {
				return buf[:n], op == opText, nil
			}
			exact := make([]byte, n, n+wire.StampRoom)
			copy(exact, buf)
			return exact, op == opText, nil
		}
		if parts == 2 && late == nil { // a few come with their header and the rest at once
			late = time.AfterFunc(r.patient, r.late)
		}
		if r.left == 0 {
			if _, err := r.frame(); err != nil {
				return nil, false, err
			}
		}
	}
}

// skip reads until the connection ends, or the client says that it does.
func (r *reader) skip() {
	scratch := scratches.Get().(*[]byte)
	defer scratches.Put(scratch)
	for r.err == nil {
		if r.left > 0 {
			_, _ = r.payload((*scratch)[:min(len(*scratch), r.left)])
			continue
		}
		r.within = r.within && !r.final
		_, _ = r.frame()
	}
}

// payload reads what is there of the frame, at most p.
func (r *reader) payload(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, r.err
	}
	n, err := r.link.Read(p)
	r.at = unmask(p[:n], r.mask, r.at)
	r.left -= n
	if err != nil && n == 0 {
		r.err = err
		return 0, err
	}
	return n, nil
}

// frame waits for the next frame of a message, and reads its header.
func (r *reader) frame() (op byte, err error) {
	for r.err == nil {
		if op, r.err = r.header(); r.err != nil {
			break
		}
		if op < opControl {
			r.within = true
			return op, nil
		}
		if r.err = r.control(op); r.err != nil {
			break
		}
	}
	if r.err == errRules {
		_ = r.link.control(opClose, binary.BigEndian.AppendUint16(nil, statusProtocol)) // or it is gone already
	}
	return 0, r.err
}

// header reads one.
func (r *reader) header() (op byte, err error) {
	if err := r.full(r.head[:2]); err != nil {
		return 0, err
	}
	op = r.head[0] & opcodeBits
	final, size := r.head[0]&finalBit != 0, int(r.head[1]&sizeBits)
	switch {
	case r.head[0]&reservedBits != 0, r.head[1]&maskBit == 0:
		return 0, errRules
	case op >= opControl && (!final || size > controlMost || op > opPong):
		return 0, errRules
	case op < opControl && (op > opBinary || (op == opContinue) != r.within):
		return 0, errRules
	}
	switch size {
	case 126:
		if err := r.full(r.head[:2]); err != nil {
			return 0, err
		}
		size = int(binary.BigEndian.Uint16(r.head[:2]))
	case 127:
		if err := r.full(r.head[:]); err != nil {
			return 0, err
		}
		long := binary.BigEndian.Uint64(r.head[:])
		if long > math.MaxInt64 {
			return 0, errRules
		}
		size = int(min(long, math.MaxInt32)) // more than that is as much too much
	}
	if err := r.full(r.mask[:]); err != nil {
		return 0, err
	}
	if r.at = 0; op >= opControl {
		r.left = size
		return op, nil
	}
	r.final, r.left = final, size
	return op, nil
}

// control reads the rest of a control frame, of which it is the last thing that is read while a
// message goes on.
func (r *reader) control(op byte) error {
	scratch := scratches.Get().(*[]byte)
	defer scratches.Put(scratch)
	p := (*scratch)[:r.left]
	r.left = 0
	if err := r.full(p); err != nil {
		return err
	}
	unmask(p, r.mask, 0)
	switch op {
	case opPing:
		_ = r.link.control(opPong, p) // whoever writes next hears that it is not possible
	case opClose:
		status, err := statusOf(p)
		if err != nil {
			return err
		}
		_ = r.link.control(opClose, p[:min(len(p), 2)]) // it may have closed the connection already
		return &closedError{status}
	}
	return nil
}

// statusOf returns the status of a close frame.
func statusOf(p []byte) (int, error) {
	if len(p) == 0 {
		return statusNone, nil
	}
	if len(p) == 1 {
		return 0, errRules
	}
	status := int(binary.BigEndian.Uint16(p))
	const unassigned, reserved, abnormal, handshake, most = 1016, 1004, 1006, 1015, 4999
	if status < statusNormal || status > most || status >= unassigned && status < statusLibraries ||
		status == reserved || status == statusNone || status == abnormal || status == handshake {
		return 0, errRules
	}
	return status, nil
}

// full fills p.
func (r *reader) full(p []byte) error {
	for len(p) > 0 {
		n, err := r.link.Read(p)
		if err != nil && n == 0 {
			return err
		}
		p = p[n:]
	}
	return nil
}

// unmask undoes what clients do to payloads; at is where in mask it begins, and what it returns where
// it goes on.
func unmask(p []byte, mask [4]byte, at int) int {
	key := binary.LittleEndian.Uint32(mask[:])
	key = key>>(8*at) | key<<(32-8*at)
	long := uint64(key)<<32 | uint64(key)
	next := (at + len(p)) & 3
	for len(p) >= 8 {
		binary.LittleEndian.PutUint64(p, binary.LittleEndian.Uint64(p)^long)
		p = p[8:]
	}
	for i := range p {
		p[i] ^= byte(long >> (8 * i))
	}
	return next
}
