package nowait

import (
	"encoding/binary"
	"net"
	"net/netip"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// address is one of IPv6, or of IPv4, which begins with the same family and port.
type address unix.RawSockaddrInet6

func (a *address) four() *unix.RawSockaddrInet4 { return (*unix.RawSockaddrInet4)(unsafe.Pointer(a)) }

// port is in the order of bytes of the network.
func (a *address) port() []byte { return (*[2]byte)(unsafe.Pointer(&a.Port))[:] }

// set makes a the address of to, and returns how long it is. It cannot where it would have to look up what a
// zone or no address is, nor for one that such a socket does not reach.
func (a *address) set(to *net.UDPAddr, six bool) (size uint32, ok bool) {
	ip := to.IP.To4()
	switch {
	case to.Zone != "" || to.Port < 0 || to.Port > 0xffff || to.IP.IsUnspecified():
		return 0, false
	case six:
		if ip = to.IP.To16(); ip == nil {
			return 0, false
		}
		*a = address{Family: unix.AF_INET6, Addr: [16]byte(ip)}
		size = unix.SizeofSockaddrInet6
	case ip != nil:
		*a.four() = unix.RawSockaddrInet4{Family: unix.AF_INET, Addr: [4]byte(ip)}
		size = unix.SizeofSockaddrInet4
	default:
		return 0, false
	}
	binary.BigEndian.PutUint16(a.port(), uint16(to.Port))
	return size, true
}

// addrPort returns a without a zone; IPv4 may be mapped to IPv6.
func (a *address) addrPort() netip.AddrPort {
	port := binary.BigEndian.Uint16(a.port())
	if a.Family == unix.AF_INET {
		return netip.AddrPortFrom(netip.AddrFrom4(a.four().Addr), port)
	}
	return netip.AddrPortFrom(netip.AddrFrom16(a.Addr), port)
}

// udp returns a as package net has it, except that a zone is a number.
func (a *address) udp() *net.UDPAddr {
	is := new(struct { // at once
		net.UDPAddr
		ip [net.IPv6len]byte
	})
	is.Port = int(binary.BigEndian.Uint16(a.port()))
	if a.Family == unix.AF_INET {
		is.IP = is.ip[:copy(is.ip[:], a.four().Addr[:])]
		return &is.UDPAddr
	}
	is.IP = is.ip[:copy(is.ip[:], a.Addr[:])]
	if a.Scope_id != 0 {
		is.Zone = strconv.FormatUint(uint64(a.Scope_id), 10)
	}
	return &is.UDPAddr
}
