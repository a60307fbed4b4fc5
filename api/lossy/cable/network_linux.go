package cable

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"

	"github.com/quic-go/quic-go"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"parley/api/client"
)

// Network is a network of its own, a network namespace of the kernel: it has a loopback interface
// and one end of a cable.
type Network struct{ file *os.File }

// newNetwork makes a network with nothing but a loopback interface.
func newNetwork() (*Network, error) {
	var n Network
	made := make(chan error, 1)
	go func() { // ends with its thread, which lives in the new network
		runtime.LockOSThread()
		err := unix.Unshare(unix.CLONE_NEWNET)
		if err == nil {
			n.file, err = os.Open("/proc/thread-self/ns/net")
		}
		made <- err
	}()
	if err := <-made; errors.Is(err, unix.EPERM) {
		return nil, fmt.Errorf("%w: it takes the rights of root, or what unshare -Urn gives", ErrImpossible)
	} else if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrImpossible, err)
	}
	if err := n.In(func() error { return up("lo") }); err != nil {
		return nil, errors.Join(err, n.close())
	}
	return &n, nil
}

// In calls f in the network: sockets that it opens and processes that it starts live there.
func (n *Network) In(f func() error) error {
	runtime.LockOSThread()
	home, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		runtime.UnlockOSThread()
		return err
	}
	defer home.Close()
	if err := unix.Setns(int(n.file.Fd()), unix.CLONE_NEWNET); err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("enter a network: %w", err)
	}
	err = f()
	if back := unix.Setns(int(home.Fd()), unix.CLONE_NEWNET); back != nil {
		// The thread stays locked, and ends with the goroutine.
		return errors.Join(err, fmt.Errorf("leave a network: %w", back))
	}
	runtime.UnlockOSThread()
	return err
}

// DialTCP opens a connection from the network, as client.Options want it.
func (n *Network) DialTCP(ctx context.Context, network, addr string) (conn net.Conn, err error) {
	err = n.In(func() error {
		// Happy eyeballs would dial on goroutines, which are elsewhere.
		conn, err = (&net.Dialer{FallbackDelay: -1}).DialContext(ctx, network, addr)
		return err
	})
	return conn, err
}

// DialQUIC opens a connection from the network, over a socket that ends with it, as client.Options
// want it.
func (n *Network) DialQUIC(ctx context.Context, addr string, secure *tls.Config, conf *quic.Config) (*quic.Conn, error) {
	var socket *net.UDPConn
	if err := n.In(func() (err error) {
		socket, err = net.ListenUDP("udp", nil)
		return err
	}); err != nil {
		return nil, err
	}
	return client.DialQUIC(ctx, socket, addr, secure, conf)
}

// close gives the network up; it is gone when its last socket and process are.
func (n *Network) close() error { return n.file.Close() }

// up starts a device of the network that the thread is in, with addresses.
func up(name string, addresses ...string) error {
	link, err := netlink.LinkByName(name)
	if err != nil {
		return fmt.Errorf("find %s: %w", name, err)
	}
	for _, a := range addresses {
		address, err := netlink.ParseAddr(a)
		if err != nil {
			return err
		}
		if err := netlink.AddrAdd(link, address); err != nil {
			return fmt.Errorf("give %s the address %s: %w", name, a, err)
		}
	}
	if err := netlink.LinkSetUp(link); err != nil {
		return fmt.Errorf("start %s: %w", name, err)
	}
	return nil
}
