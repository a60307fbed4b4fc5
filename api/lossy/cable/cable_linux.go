package cable

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// Cable joins two networks.
type Cable struct {
	Near, Far *Network

	made  string
	spoil func(Trouble) error
	pull  func() error
}

// Lay makes two networks and joins them by a good cable. Close ends all. The error is ErrImpossible
// where rights are missing, or the kernel lacks what it takes.
func Lay() (*Cable, error) {
	near, err := newNetwork()
	if err != nil {
		return nil, err
	}
	far, err := newNetwork()
	if err != nil {
		return nil, errors.Join(err, near.close())
	}
	c := &Cable{Near: near, Far: far, pull: func() error { return nil }}
	if err := c.lay(); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

func (c *Cable) lay() error {
	switch err := c.Near.hasNetem(); {
	case err == nil:
		return c.layEthernet()
	case !errors.Is(err, unix.ENOENT):
		return fmt.Errorf("is there netem: %w", err)
	}
	return c.layTUN()
}

// String says what the cable is made of.
func (c *Cable) String() string { return c.made }

// Spoil makes the cable as good or bad as t says, for the packets to come.
func (c *Cable) Spoil(t Trouble) error { return c.spoil(t) }

// Close pulls the cable and gives up both networks. Nothing is left once their sockets are closed.
func (c *Cable) Close() error { return errors.Join(c.pull(), c.Near.close(), c.Far.close()) }
