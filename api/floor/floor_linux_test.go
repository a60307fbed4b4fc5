package floor_test

import (
	"bufio"
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"parley/api/media/mediatest"
)

const (
	// batch is how many packets one write carries, as many as a session takes from its queue.
	batch = 64

	// segments is how many packets the kernel gets in one call and cuts up: what the QUIC library
	// hands over on the average.
	segments = 7
)

var sizes = []int{160, 1200}

// cpu returns the processor time that this process has used.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// measure runs write, which moves n packets at a time, and reports what one of them costs until flush, if
// there is one, returns: by then what was written is on its way.
func measure(b *testing.B, size, n int, write, flush func() error) {
	b.SetBytes(int64(size))
	b.ReportAllocs()
	i, before := 0, cpu(b)
	for b.Loop() {
		if i++; i%n != 0 {
			continue
		}
		if err := write(); err != nil {
			b.Fatal(err)
		}
	}
	if flush != nil {
		if err := flush(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(cpu(b)-before)/float64(i), "cpu-ns/op")
}

// messages writes packets as WebSocket messages: every one is copied once, with the header of a
// message before it, and all are written at once. The far end is a process of its own.
func messages(b *testing.B, way string) {
	for _, size := range sizes {
		b.Run(fmt.Sprintf("size=%d", size), func(b *testing.B) {
			near := dialedByProcess(b, way)
			packet := bytes.Repeat([]byte{8}, size)
			out := make([]byte, 0, batch*(size+4))
			measure(b, size, batch, func() error {
				out = out[:0]
				for range batch {
					out = append(out, 0x82, 126)
					out = binary.BigEndian.AppendUint16(out, uint16(size))
					out = append(out, packet...)
				}
				_, err := near.Write(out)
				return err
			}, nil)
		})
	}
}

func BenchmarkFloorTCP(b *testing.B) { messages(b, "tcp") }

func BenchmarkFloorTLS(b *testing.B) { messages(b, "tls") }

// certificate returns one that nobody has to trust.
func certificate(b *testing.B) tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		b.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// BenchmarkFloorUDP sends packets that are encrypted one by one, many in one call to the kernel:
// what no QUIC library can do without. The far end is a process of its own, as clients are.
func BenchmarkFloorUDP(b *testing.B) {
	for _, size := range sizes {
		b.Run(fmt.Sprintf("size=%d", size), func(b *testing.B) { datagrams(b, size) })
	}
}

func datagrams(b *testing.B, size int) {
	near, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		b.Fatal(err)
	}
	defer near.Close()
	to, stop := farEnd(b)
	defer stop()
	block, err := aes.NewCipher(make([]byte, 16))
	if err != nil {
		b.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		b.Fatal(err)
	}
	packet, nonce := bytes.Repeat([]byte{8}, size), make([]byte, aead.NonceSize())
	oob := segmentSize(size + aead.Overhead())
	out := make([]byte, 0, segments*(size+aead.Overhead()))
	measure(b, size, segments, func() error {
		out = out[:0]
		for range segments {
			out = aead.Seal(out, nonce, packet, nil)
		}
		_, _, err := near.WriteMsgUDPAddrPort(out, oob, to)
		return err
	}, nil)
}

// farEndVariable in the environment makes this program a far end.
const farEndVariable = "PARLEY_FLOOR_FAR_END"

func TestMain(m *testing.M) {
	var err error
	switch plan := os.Getenv(crowdVariable); {
	case plan != "":
		err = attend(plan)
	case os.Getenv(farEndVariable) != "":
		err = discard()
	default:
		os.Exit(m.Run())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// discard says where it listens and takes what comes, until standard input ends.
func discard() error {
	c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return err
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	err = raw.Control(func(fd uintptr) { _ = unix.SetsockoptInt(int(fd), unix.SOL_UDP, unix.UDP_GRO, 1) })
	if err != nil {
		return err
	}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		_ = c.Close()
	}()
	fmt.Println(c.LocalAddr())
	for b := make([]byte, 64<<10); ; {
		if _, err := c.Read(b); errors.Is(err, net.ErrClosed) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// farEnd starts a process that discards what it gets, and returns its address.
func farEnd(b *testing.B) (to netip.AddrPort, stop func()) {
	out, said, err := os.Pipe()
	if err != nil {
		b.Fatal(err)
	}
	defer out.Close()
	_, stop = mediatest.Again(b, said, farEndVariable+"=1")
	_ = said.Close() // it has its own
	line, err := bufio.NewReader(out).ReadString('\n')
	if err == nil {
		to, err = netip.ParseAddrPort(strings.TrimSpace(line))
	}
	if err != nil {
		b.Fatal(err)
	}
	return to, stop
}

// segmentSize is the control message that has the kernel cut what it is given.
func segmentSize(n int) []byte {
	b := make([]byte, unix.CmsgSpace(2))
	h := (*unix.Cmsghdr)(unsafe.Pointer(&b[0]))
	h.Level, h.Type = unix.SOL_UDP, unix.UDP_SEGMENT
	h.SetLen(unix.CmsgLen(2))
	binary.NativeEndian.PutUint16(b[unix.CmsgLen(0):], uint16(n))
	return b
}
