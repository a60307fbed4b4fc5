//go:build netns

package lossy_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"github.com/quic-go/quic-go"
	"golang.org/x/sys/unix"

	"parley/api/client"
	"parley/api/wt"
)

// namespace is a network of its own.
type namespace struct{ file *os.File }

// newNamespace makes a network with nothing but a loopback interface.
func newNamespace(t *testing.T) namespace {
	t.Helper()
	made := make(chan error, 1)
	var n namespace
	go func() { // ends with its thread, which lives in the new network
		runtime.LockOSThread()
		err := unix.Unshare(unix.CLONE_NEWNET)
		if err == nil {
			n.file, err = os.Open("/proc/thread-self/ns/net")
		}
		made <- err
	}()
	if err := <-made; errors.Is(err, unix.EPERM) {
		t.Fatal("this test makes networks, for which it needs CAP_SYS_ADMIN and CAP_NET_ADMIN: run it as root, or with unshare -Urn")
	} else if err != nil {
		t.Fatalf("no network namespace: %v", err)
	}
	t.Cleanup(func() { _ = n.file.Close() })
	n.run(t, "ip", "link", "set", "lo", "up")
	return n
}

// path names the namespace for ip, which looks at it from another process.
func (n namespace) path() string { return fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), n.file.Fd()) }

// in runs f in the network; sockets that it opens stay there.
func (n namespace) in(f func() error) error {
	runtime.LockOSThread()
	home, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return err
	}
	defer home.Close()
	if err := unix.Setns(int(n.file.Fd()), unix.CLONE_NEWNET); err != nil {
		return err
	}
	err = f()
	if back := unix.Setns(int(home.Fd()), unix.CLONE_NEWNET); back != nil {
		return back // the thread stays locked, and ends with the goroutine
	}
	runtime.UnlockOSThread()
	return err
}

// try runs a command in the network and returns what it said when it failed.
func (n namespace) try(name string, args ...string) error {
	return n.in(func() error {
		out, err := exec.Command(name, args...).CombinedOutput()
		if err != nil {
			return fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, out)
		}
		return nil
	})
}

func (n namespace) run(t *testing.T, name string, args ...string) {
	t.Helper()
	if err := n.try(name, args...); err != nil {
		t.Fatal(err)
	}
}

// DialTCP dials from the network.
func (n namespace) DialTCP(ctx context.Context, network, addr string) (conn net.Conn, err error) {
	err = n.in(func() error {
		conn, err = new(net.Dialer).DialContext(ctx, network, addr)
		return err
	})
	return conn, err
}

// DialQUIC dials from the network, over a socket that ends with the connection.
func (n namespace) DialQUIC(ctx context.Context, addr string, secure *tls.Config, conf *quic.Config) (*quic.Conn, error) {
	to, err := net.ResolveUDPAddr("udp", addr)
	if err != nil {
		return nil, err
	}
	var socket *net.UDPConn
	if err := n.in(func() error {
		socket, err = net.ListenUDP("udp", nil)
		return err
	}); err != nil {
		return nil, err
	}
	transport := &quic.Transport{Conn: socket}
	end := func() {
		_ = transport.Close()
		_ = socket.Close()
	}
	conn, err := transport.Dial(ctx, to, secure, conf)
	if err != nil {
		end()
		return nil, err
	}
	context.AfterFunc(conn.Context(), end)
	return conn, nil
}

// options lead from the network to the node.
func (n namespace) options() client.Options {
	return client.Options{DialTCP: n.DialTCP, DialQUIC: n.DialQUIC}
}

// The cable between both networks, and where the node is.
const (
	nearEnd, farEnd         = "near", "far"
	nearAddress, farAddress = "192.0.2.1", "192.0.2.2"
)

// connect lays a cable between two networks.
func connect(t *testing.T, near, far namespace) {
	t.Helper()
	near.run(t, "ip", "link", "add", nearEnd, "type", "veth", "peer", "name", farEnd, "netns", far.path())
	for _, end := range []struct {
		namespace
		device, address string
	}{{near, nearEnd, nearAddress}, {far, farEnd, farAddress}} {
		end.run(t, "ip", "address", "add", end.address+"/24", "dev", end.device)
		// Packets have the size that they have on a network, and are lost one by one.
		end.run(t, "ip", "link", "set", end.device, "up", "gso_max_segs", "1")
	}
}

// badNetwork is what is wrong with a cable, on the way from the node and to it.
type badNetwork struct {
	loss  float64
	delay string // with netem alone
	rate  string // from the node; "" is as fast as it goes
}

// spoil makes a cable bad: with netem where the kernel has it, otherwise with what else there is.
func spoil(t *testing.T, near, far namespace, b badNetwork) {
	t.Helper()
	netem := func(rate string) []string {
		args := []string{"netem", "loss", fmt.Sprintf("%g%%", 100*b.loss), "delay", b.delay}
		if rate != "" {
			args = append(args, "rate", rate)
		}
		return args
	}
	qdisc := func(n namespace, device string, args ...string) error {
		return n.try("tc", append([]string{"qdisc", "add", "dev", device, "root"}, args...)...)
	}
	if err := qdisc(near, nearEnd, netem(b.rate)...); err == nil {
		if err := qdisc(far, farEnd, netem("")...); err != nil {
			t.Fatal(err)
		}
		t.Logf("netem: %+v", b)
		return
	} else if !strings.Contains(err.Error(), "unknown") {
		t.Fatal(err)
	}
	b.delay = "none"
	t.Logf("this kernel has no netem; a filter loses packets, and a token bucket limits the rate: %+v", b)
	if b.rate != "" {
		if err := qdisc(near, nearEnd, "tbf", "rate", b.rate, "burst", "16k", "latency", "100ms"); err != nil {
			t.Fatal(err)
		}
	}
	// Load a random number; below the share, drop.
	filter := fmt.Sprintf("4,32 0 0 %d,37 0 1 %d,6 0 0 %d,6 0 0 2", 0xfffff000+56, uint32(b.loss*math.MaxUint32), uint32(math.MaxUint32))
	for _, end := range []struct {
		namespace
		device string
	}{{near, nearEnd}, {far, farEnd}} {
		end.run(t, "tc", "qdisc", "add", "dev", end.device, "clsact")
		end.run(t, "tc", "filter", "add", "dev", end.device, "ingress", "bpf", "direct-action", "bytecode", filter)
	}
}

// One in ten is behind a bad network. What TestBadPathsCostOthersNothing holds of paths that lose
// holds of a network that loses both ways, and of one that is slow besides.
func TestBadNetworkCostsOthersNothing(t *testing.T) {
	for name, bad := range map[string]badNetwork{
		"lossy":          {loss: .05, delay: "10ms"},
		"lossy and slow": {loss: .05, delay: "40ms", rate: "500kbit"},
	} {
		t.Run(name, func(t *testing.T) {
			near, far := newNamespace(t), newNamespace(t)
			connect(t, near, far)
			var (
				listener net.Listener
				socket   net.PacketConn
			)
			if err := near.in(func() (err error) {
				if socket, err = wt.Listen(nearAddress + ":0"); err == nil {
					listener, err = net.Listen("tcp", nearAddress+":0")
				}
				return err
			}); err != nil {
				t.Fatal(err)
			}
			n := serve(t, limits(), listener, socket, never)
			c := newCall(t, n, 9, near.options(), far.options())
			c.settle()
			c.send()
			spoil(t, near, far, bad)
			if bad.rate != "" {
				c.sendUntil("to be dropped", c.behind, func(p *person) bool { return p.dropped(t, n) > 0 })
			}
			for range 20 {
				c.send()
			}
			c.comeBack(c.video)
		})
	}
}
