// Package cable makes two networks that nothing but one cable joins, for tests and measurements: a
// cable that loses packets of both, holds each for a while, carries only so much, or is pulled.
// Everything above is the kernel's own, its TCP and its UDP, with packets of the size that they
// have on a network, and each is lost on its own.
//
// Where the kernel has netem the cable is a pair of virtual Ethernet devices; elsewhere it is a
// pair of TUN devices with a carrier between them. Both need Linux and the rights of root, or those
// that root has in a user namespace of its own: unshare -Urn.
package cable

import (
	"errors"
	"time"
)

// ErrImpossible says that this process cannot make networks here.
var ErrImpossible = errors.New("no networks can be made")

// The ends of a cable, as addresses of IP.
const (
	NearAddress = "192.0.2.1"
	FarAddress  = "192.0.2.2"
)

// Trouble is what is wrong with a cable, the same in both directions. The zero value is a good one.
type Trouble struct {
	Loss  float64       // share of the packets that are lost, 0 to 1; 1 is a cable that is pulled
	Delay time.Duration // of each packet, from one end to the other
	Rate  int           // bits a second; 0 is as many as there are
}

// queued is how much a cable with a rate holds before it loses the rest: the buffer of a router
// that is neither starved nor bloated.
const queued = 200 * time.Millisecond

// packetBytes is the largest packet of a cable.
const packetBytes = 1500
