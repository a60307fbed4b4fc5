package cable

import (
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vishvananda/netlink"
)

// waiting is how many packets a cable holds at most, where it is not its rate that bounds them: a
// delay alone loses none.
const waiting = 10_000

// layTUN joins the networks by a pair of TUN devices. What one network sends comes out of a file,
// and a carrier takes it to the other.
func (c *Cable) layTUN() error {
	c.made = "TUN devices"
	var files []*os.File
	var carrying sync.WaitGroup
	c.pull = func() (err error) {
		for _, f := range files {
			err = f.Close()
		}
		carrying.Wait()
		return err
	}
	for _, e := range c.ends() {
		if err := e.In(func() error {
			device := &netlink.Tuntap{
				LinkAttrs: netlink.LinkAttrs{Name: e.device, MTU: packetBytes, TxQLen: waiting},
				Mode:      netlink.TUNTAP_MODE_TUN, Flags: netlink.TUNTAP_NO_PI, Queues: 1, NonPersist: true,
			}
			if err := netlink.LinkAdd(device); err != nil {
				return fmt.Errorf("%w: this kernel has no netem, and makes no TUN device: %w", ErrImpossible, err)
			}
			files = append(files, device.Fds...)
			return up(e.device, e.address)
		}); err != nil {
			return err
		}
	}
	var trouble atomic.Pointer[Trouble]
	c.spoil = func(t Trouble) error {
		trouble.Store(&t)
		return nil
	}
	trouble.Store(new(Trouble))
	for i := range files {
		carry := &carrier{from: files[i], to: files[1-i], trouble: &trouble, held: make(chan parcel, waiting)}
		carrying.Go(carry.take)
		carrying.Go(carry.deliver)
	}
	return nil
}

// carrier takes packets one way.
type carrier struct {
	from    io.Reader
	to      io.Writer
	trouble *atomic.Pointer[Trouble]
	held    chan parcel // between take and deliver
	free    time.Time   // when the last packet is on its way, where there is a rate; of take alone
}

// parcel is a packet and when it is to arrive.
type parcel struct {
	packet []byte
	due    time.Time
}

// take takes packets until the device is gone.
func (c *carrier) take() {
	defer close(c.held)
	b := make([]byte, packetBytes)
	for {
		n, err := c.from.Read(b)
		if err != nil {
			return
		}
		due, arrives := c.fate(n, time.Now())
		if !arrives {
			continue
		}
		select {
		case c.held <- parcel{append([]byte(nil), b[:n]...), due}:
		default: // so many that they are lost
		}
	}
}

// fate says when a packet of so many bytes arrives, if it does.
func (c *carrier) fate(bytes int, now time.Time) (due time.Time, arrives bool) {
	t := c.trouble.Load()
	if rand.Float64() < t.Loss {
		return now, false
	}
	if t.Rate > 0 {
		if c.free.Sub(now) > queued {
			return now, false
		}
		if c.free.Before(now) {
			c.free = now
		}
		c.free = c.free.Add(time.Duration(bytes*8) * time.Second / time.Duration(t.Rate))
		now = c.free
	}
	return now.Add(t.Delay), true
}

// deliver delivers what was taken, until there is no more.
func (c *carrier) deliver() {
	for p := range c.held {
		if wait := time.Until(p.due); wait > 0 {
			<-time.After(wait)
		}
		_, _ = c.to.Write(p.packet) // a device that is gone is noticed by take
	}
}
