package rooms

import (
	"iter"
	"sync/atomic"

	"parley/api/media"
)

// Cause is why a packet got no further.
type Cause uint8

// The causes, those of queues first.
const (
	Full        Cause = iota // no room in the queue of a receiver
	Stale                    // too old when its turn came
	Skipped                  // not decodable: its stream waits for a keyframe
	Withdrawn                // its sender left or was silenced while it waited
	Closed                   // its receiver is being disconnected
	Memory                   // the queues of this node together held too much
	Narrow                   // so large that its receiver would hear others late
	Silenced                 // a host switched its source off
	Unencrypted              // in the clear where an operator wants encryption
	ScreensOff               // a screen where an operator wants none
	Capped                   // beyond what the bit rate of the room allows its sender
	Flooding                 // beyond what one session may send
	Crowded                  // beyond what all in a room on this node may send
	Busy                     // beyond what one session may send while the node has more to do than it can
	causes
)

// String returns the lower-case name used in metrics.
func (c Cause) String() string {
	return [...]string{"full", "stale", "skipped", "withdrawn", "closed", "memory", "narrow", "silenced", "unencrypted", "screens_off", "capped", "flooding", "crowded", "busy"}[c]
}

// Causes yields every cause in order.
func Causes() iter.Seq[Cause] {
	return func(yield func(Cause) bool) {
		for c := range causes {
			if !yield(c) {
				return
			}
		}
	}
}

// Drops are numbers of packets that got no further, by cause and kind.
type Drops [causes][media.KindCount]uint64

// Total returns the sum of d.
func (d *Drops) Total() (n uint64) {
	for c := range causes {
		for k := range media.KindCount {
			n += d[c][k]
		}
	}
	return n
}

func (d *Drops) add(o *Drops) {
	for c := range causes {
		for k := range media.KindCount {
			d[c][k] += o[c][k]
		}
	}
}

// Traffic is how much went one way, by kind.
type Traffic struct {
	Packets, Bytes [media.KindCount]uint64
}

// Total returns the sums of f.
func (f *Traffic) Total() (packets, bytes uint64) {
	for k := range media.KindCount {
		packets += f.Packets[k]
		bytes += f.Bytes[k]
	}
	return packets, bytes
}

func (f *Traffic) add(o *Traffic) {
	for k := range media.KindCount {
		f.Packets[k] += o.Packets[k]
		f.Bytes[k] += o.Bytes[k]
	}
}

// Count is what a session, a room or a node passed on and lost since it began. In is from
// clients of this node, Out to them, Remote from other nodes. What is from a client for the
// server, such as probes, counts as Control.
type Count struct {
	In, Out, Remote Traffic
	Drops           Drops
}

func (c *Count) add(o *Count) {
	c.In.add(&o.In)
	c.Out.add(&o.Out)
	c.Remote.add(&o.Remote)
	c.Drops.add(&o.Drops)
}

// traffic is a Traffic that one goroutine adds to while others read it.
type traffic struct {
	packets, bytes [media.KindCount]atomic.Uint64
}

// count returns how many packets of the kind there were, with this one.
func (f *traffic) count(k media.Kind, size int) uint64 {
	f.bytes[k].Add(uint64(size))
	return f.packets[k].Add(1)
}

// add counts several at once.
func (f *traffic) add(o *Traffic) {
	for k := range media.KindCount {
		if o.Packets[k] > 0 {
			f.packets[k].Add(o.Packets[k])
			f.bytes[k].Add(o.Bytes[k])
		}
	}
}

func (f *traffic) addTo(sum *Traffic) {
	for k := range media.KindCount {
		sum.Packets[k] += f.packets[k].Load()
		sum.Bytes[k] += f.bytes[k].Load()
	}
}

// total returns how many bytes f counted.
func (f *traffic) total() (bytes uint64) {
	for k := range media.KindCount {
		bytes += f.bytes[k].Load()
	}
	return bytes
}

// drops are Drops that one goroutine adds to while others read them. Nil is none.
type drops [causes][media.KindCount]atomic.Uint64

func (d *drops) addTo(sum *Drops) {
	if d == nil {
		return
	}
	for c := range causes {
		for k := range media.KindCount {
			sum[c][k] += d[c][k].Load()
		}
	}
}
