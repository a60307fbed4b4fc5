package cable

import (
	"errors"
	"fmt"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// The devices at both ends.
const nearEnd, farEnd = "near", "far"

// end is one end of a cable.
type end struct {
	*Network
	device, address string
}

func (c *Cable) ends() [2]end {
	return [2]end{{c.Near, nearEnd, NearAddress + "/24"}, {c.Far, farEnd, FarAddress + "/24"}}
}

// netem returns what the kernel is to do with the packets of a device.
func netem(link netlink.Link, t Trouble) netlink.Qdisc {
	held := uint64(waiting)
	if t.Rate > 0 {
		held = uint64(t.Rate/8/packetBytes)*uint64(t.Delay+queued)/uint64(time.Second) + 1
	}
	return netlink.NewNetem(
		netlink.QdiscAttrs{LinkIndex: link.Attrs().Index, Parent: netlink.HANDLE_ROOT},
		netlink.NetemQdiscAttrs{
			Latency: uint32(t.Delay.Microseconds()), Loss: float32(100 * t.Loss),
			Rate64: uint64(t.Rate / 8), Limit: uint32(held),
		})
}

// hasNetem returns ENOENT where the kernel has none.
func (n *Network) hasNetem() error {
	return n.In(func() error {
		link, err := netlink.LinkByName("lo")
		if err != nil {
			return err
		}
		q := netem(link, Trouble{})
		if err := netlink.QdiscAdd(q); err != nil {
			return err
		}
		return netlink.QdiscDel(q)
	})
}

// layEthernet joins the networks by a pair of virtual devices, to be spoiled with netem.
func (c *Cable) layEthernet() error {
	c.made = "virtual Ethernet with netem"
	c.spoil = func(t Trouble) error {
		for _, e := range c.ends() {
			if err := e.In(func() error { return spoilDevice(e.device, t) }); err != nil {
				return err
			}
		}
		return nil
	}
	if err := c.Near.In(func() error {
		return netlink.LinkAdd(&netlink.Veth{
			LinkAttrs: netlink.LinkAttrs{Name: nearEnd},
			PeerName:  farEnd, PeerNamespace: netlink.NsFd(c.Far.file.Fd()),
		})
	}); err != nil {
		return fmt.Errorf("make virtual devices: %w", err)
	}
	for _, e := range c.ends() {
		if err := e.In(func() error {
			link, err := netlink.LinkByName(e.device)
			if err != nil {
				return err
			}
			// Otherwise what is lost at once is many packets.
			if err := netlink.LinkSetGSOMaxSegs(link, 1); err != nil {
				return err
			}
			return up(e.device, e.address)
		}); err != nil {
			return err
		}
	}
	return nil
}

// spoilDevice spoils a device of the network that the thread is in.
func spoilDevice(device string, t Trouble) error {
	link, err := netlink.LinkByName(device)
	if err != nil {
		return err
	}
	q := netem(link, t)
	if err := netlink.QdiscDel(q); err != nil && !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.EINVAL) {
		return fmt.Errorf("repair %s: %w", device, err) // but that nothing was wrong with it
	}
	if err := netlink.QdiscAdd(q); err != nil {
		return fmt.Errorf("spoil %s: %w", device, err)
	}
	return nil
}
