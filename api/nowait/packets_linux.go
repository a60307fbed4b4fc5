package nowait

import (
	"net"
	"os"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"
)

// Packets returns conn, which for a [net.UDPConn] is a [net.UDPConn] still, but one that quic-go reads and
// writes without telling the scheduler. Who has it reads from it with one goroutine at a time, as quic-go
// does; any may write, and nobody sets a deadline for that. Closing either closes both. It reports whether watch sees
// what comes and goes.
func Packets(conn net.PacketConn, watch Watch) (_ net.PacketConn, watched bool) {
	udp, ok := conn.(*net.UDPConn)
	if !ok || udp.RemoteAddr() != nil { // it knows where to
		return conn, false
	}
	raw, err := udp.SyscallConn()
	if err != nil {
		return conn, false // it is closed
	}
	domain := 0
	if raw.Control(func(fd uintptr) { domain, err = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_DOMAIN) }) != nil || err != nil {
		return conn, false
	}
	p := &packets{UDPConn: udp, raw: raw, six: domain == unix.AF_INET6, watch: watch}
	p.arrivals.now = p.arrivals.take
	return p, true
}

type packets struct {
	*net.UDPConn
	raw      syscall.RawConn
	six      bool // it takes addresses of IPv6, which those of IPv4 are mapped to
	watch    Watch
	arrivals arrivals
}

// most is how many packets are read at a time; quic-go asks for as many.
const most = 8

// arrivals are packets that are being read.
type arrivals struct {
	all [most]struct {
		unix.Msghdr
		bytes uint32
	}
	parts [most]unix.Iovec
	from  [most]address

	now   func(fd uintptr) bool // take; made once, for a closure would be allocated
	room  int                   // how many may come
	n     int                   // how many came
	errno syscall.Errno
}

// take reports whether something came, or failed.
func (a *arrivals) take(fd uintptr) bool {
	for {
		n, _, errno := syscall.RawSyscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&a.all)), uintptr(a.room), unix.MSG_DONTWAIT, 0, 0)
		if errno != unix.EINTR {
			a.n, a.errno = int(n), errno
			return errno != unix.EAGAIN
		}
	}
}

// ReadBatch waits for packets and reads those that are there, one into the first buffer of each of ms, and
// returns how many. It is that of [ipv4.PacketConn], without flags. The buffers of ms are equally large.
func (p *packets) ReadBatch(ms []ipv4.Message, _ int) (int, error) {
	for {
		if n, err := p.read(ms); err != nil || n > 0 {
			return n, err
		}
	}
}

// read is ReadBatch, but nothing may be wanted of what came.
func (p *packets) read(ms []ipv4.Message) (int, error) {
	a := &p.arrivals
	a.room = min(len(ms), most)
	for i := range ms[:a.room] {
		to, control := ms[i].Buffers[0], ms[i].OOB
		a.parts[i].Base = unsafe.SliceData(to)
		a.parts[i].SetLen(len(to))
		h := &a.all[i].Msghdr
		*h = unix.Msghdr{
			Name: (*byte)(unsafe.Pointer(&a.from[i])), Namelen: uint32(unsafe.Sizeof(a.from[i])),
			Iov: &a.parts[i], Control: unsafe.SliceData(control),
		}
		h.SetIovlen(1)
		h.SetControllen(len(control))
	}
	if err := p.raw.Read(a.now); err != nil {
		return 0, err
	}
	if a.errno != 0 {
		return 0, &net.OpError{Op: "read", Net: "udp", Source: p.LocalAddr(), Err: os.NewSyscallError("recvmmsg", a.errno)}
	}
	n := 0
	for i := range ms[:a.n] {
		came, to := &a.all[i], &ms[n]
		data, control := ms[i].Buffers[0][:came.bytes], ms[i].OOB[:came.Controllen]
		if p.watch.Wants != nil && !p.watch.Wants(data, a.from[i].addrPort()) {
			continue
		}
		if n < i { // one before it was not wanted
			copy(to.Buffers[0], data)
			copy(to.OOB, control)
		}
		to.N, to.NN, to.Flags, to.Addr = len(data), len(control), int(came.Flags), a.from[i].udp()
		n++
	}
	return n, nil
}

// WriteMsgUDP is that of [net.UDPConn]. It waits only where the socket has no room.
func (p *packets) WriteMsgUDP(b, oob []byte, to *net.UDPAddr) (n, oobn int, err error) {
	if p.watch.Sends != nil {
		p.watch.Sends(b)
	}
	d := departures.Get().(*departure)
	sent := d.prepare(b, oob, to, p.six) && p.raw.Control(d.now) == nil && d.errno == 0
	n = d.n
	d.header, d.part.Base = unix.Msghdr{}, nil // others own what was written
	departures.Put(d)
	if sent {
		return n, len(oob), nil
	}
	return p.UDPConn.WriteMsgUDP(b, oob, to) // which waits, or says what is wrong
}

// departure is a packet that is being written.
type departure struct {
	header unix.Msghdr
	part   unix.Iovec
	to     address

	now   func(fd uintptr) // give; made once, for a closure would be allocated
	n     int
	errno syscall.Errno
}

var departures = sync.Pool{New: func() any {
	d := new(departure)
	d.now = d.give
	return d
}}

func (d *departure) give(fd uintptr) {
	for {
		n, _, errno := syscall.RawSyscall(unix.SYS_SENDMSG, fd, uintptr(unsafe.Pointer(&d.header)), unix.MSG_DONTWAIT)
		if errno != unix.EINTR {
			d.n, d.errno = int(n), errno
			return
		}
	}
}

// prepare reports whether the packet can be written here.
func (d *departure) prepare(b, oob []byte, to *net.UDPAddr, six bool) bool {
	if len(b) == 0 || to == nil {
		return false
	}
	size, ok := d.to.set(to, six)
	if !ok {
		return false
	}
	d.part.Base = unsafe.SliceData(b)
	d.part.SetLen(len(b))
	d.header = unix.Msghdr{
		Name: (*byte)(unsafe.Pointer(&d.to)), Namelen: size, Iov: &d.part, Control: unsafe.SliceData(oob),
	}
	d.header.SetIovlen(1)
	d.header.SetControllen(len(oob))
	return true
}
