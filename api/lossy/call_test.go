package lossy_test

import (
	"context"
	"fmt"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"parley/api/client"
	"parley/api/lossy"
	"parley/api/media"
	"parley/api/rooms"
)

// Of what one group of pictures has, and what is said meanwhile.
const (
	keyBytes, deltaBytes, soundBytes = 16 << 10, 4 << 10, 160
	deltas, sounds                   = 5, 3
)

// smallBuffer is what somebody who stalls lets the network hold, in bytes.
const smallBuffer = 64 << 10

// call is one person who sends, and others who get it.
type call struct {
	*node
	t   *testing.T
	ada *person

	well, lossy, stuck []*person // those with a good path, with a bad one, and those who stop to read

	audio, video uint64 // numbers of the last packets sent; the first are 1

	soundSize int // bytes

	pace <-chan time.Time // when the next group of pictures is due; nil is at once
}

// full is what somebody has who misses nothing.
func (c *call) full(audio, video map[uint64]bool) bool {
	return uint64(len(audio)) == c.audio && uint64(len(video)) == c.video
}

func (c *call) say(packet []byte) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	if err := c.ada.Send(ctx, packet); err != nil {
		c.t.Fatalf("ada: %v", err)
	}
}

// send sends a group of pictures and waits until all with a good path have it: however busy the
// machine is, these never fall behind.
func (c *call) send() {
	c.t.Helper()
	if c.pace != nil {
		<-c.pace
	}
	for i := range 1 + deltas {
		size := deltaBytes
		if i == 0 {
			size = keyBytes
		}
		c.video++
		c.say(client.Video("ada", c.video, 0, i == 0, make([]byte, size)))
		if i < sounds {
			c.audio++
			c.say(client.Audio("ada", c.audio, make([]byte, c.soundSize)))
		}
	}
	for _, p := range c.well {
		p.until(c.t, "sound and picture in full", c.full)
	}
	for _, p := range c.behind() {
		for kind, w := range p.waiting(c.t, c.node).Waiting {
			if w.Bytes > c.limits.Bytes[kind] {
				c.t.Errorf("%s: of %v %+v wait", p.name, media.Kind(kind), w)
			}
		}
	}
}

// newCall is a call of one who sends over from and, over each way, of so many others with a good
// path and of one with a bad one.
func newCall(t *testing.T, n *node, from way, well int, good, bad client.Options) *call {
	t.Helper()
	c := &call{node: n, t: t, soundSize: soundBytes}
	c.ada = c.join(t, from, "ada", good)
	for _, over := range ways {
		for i := range well {
			c.well = append(c.well, c.join(t, over, fmt.Sprint("well", i), good))
		}
		c.lossy = append(c.lossy, c.join(t, over, "lossy", bad))
	}
	return c
}

// behind returns who may get things late.
func (c *call) behind() []*person { return slices.Concat(c.lossy, c.stuck) }

// addStuck adds, over each way, somebody with a good path who lets the network hold little and stops
// to read.
func (c *call) addStuck(good client.Options) {
	c.t.Helper()
	for _, over := range ways {
		c.stuck = append(c.stuck, c.join(c.t, over, "stuck", smallWindows(good)))
	}
}

// smallWindows lets a path hold little.
func smallWindows(path client.Options) client.Options {
	conf := patientQUIC()
	conf.MaxIncomingUniStreams = 256
	conf.InitialStreamReceiveWindow, conf.MaxStreamReceiveWindow = smallBuffer, smallBuffer
	conf.InitialConnectionReceiveWindow, conf.MaxConnectionReceiveWindow = smallBuffer, smallBuffer
	dial := path.DialTCP
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	path.QUIC = conf
	path.DialTCP = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		if err == nil {
			err = conn.(*net.TCPConn).SetReadBuffer(smallBuffer)
		}
		return conn, err
	}
	return path
}

// settle waits until all are in: that they are active is known when they get what is said.
func (c *call) settle() {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	for {
		active := 0
		for _, s := range c.hub.Attendance() {
			if s.Standing == rooms.Active {
				active++
			}
		}
		if active == 1+len(c.well)+len(c.behind()) {
			return
		}
		if ctx.Err() != nil {
			c.t.Fatalf("%d are active", active)
		}
	}
}

// Some lose packets, some stop to read altogether. The others lose nothing, who sends does not
// notice, what waits is bounded, everything that is said arrives once it can, and pictures go on
// with a keyframe.
func TestBadPathsCostOthersNothing(t *testing.T) {
	path := lossy.Path{Loss: .05}
	c := newCall(t, newNode(t, limits()), overWS, 3, client.Options{}, client.Options{DialTCP: path.DialTCP, DialQUIC: path.DialQUIC})
	c.addStuck(client.Options{})
	c.settle()
	c.send()
	c.overflow()
}

// overflow has some stop to read until pictures for them are dropped, and checks that those who only
// lose packets hear everything meanwhile, and how all come back.
func (c *call) overflow() {
	c.t.Helper()
	resume := c.stall()
	defer resume()
	c.sendUntil("to be dropped", c.stuck, func(p *person) bool {
		return p.dropped(c.t, c.node) > 0
	})
	for _, p := range c.lossy {
		p.until(c.t, "sound while others stall", func(audio, _ map[uint64]bool) bool { return uint64(len(audio)) == c.audio })
	}
	last := c.video
	resume()
	c.comeBack(last)
}

// comeBack checks that all see and hear again what was sent after picture number last, that nothing
// is missing that was not dropped, and that who sent it did not notice.
func (c *call) comeBack(last uint64) {
	t := c.t
	t.Helper()
	c.sendUntil("to be seen again", c.behind(), func(p *person) bool { return p.shows(last) })
	for _, p := range c.behind() {
		p.until(t, "all that was said, and pictures that can be shown", func(audio, video map[uint64]bool) bool {
			dropped := p.dropped(t, c.node)
			// What was on its way is taken back from long-lived streams besides.
			complete := uint64(len(video))+dropped == c.video || p.over == overStreams && uint64(len(video))+dropped < c.video
			return complete && uint64(len(audio)) == c.audio && decodable(video)
		})
		t.Logf("%s misses %d of %d pictures, %d of them dropped", p.name, c.video-p.pictures(), c.video, p.dropped(t, c.node))
	}
	c.publisherDidNotNotice()
}

// publisherDidNotNotice checks that the node took all that was sent.
func (c *call) publisherDidNotNotice() {
	t := c.t
	t.Helper()
	ada := c.ada.waiting(t, c.node)
	if ada.Count.In.Packets[media.Video] != c.video || ada.Count.In.Packets[media.Audio] != c.audio || ada.Count.Drops.Total() != 0 {
		t.Errorf("ada sent %d pictures and %d sounds; taken: %+v, dropped: %v", c.video, c.audio, ada.Count.In, ada.Count.Drops)
	}
}

// stall makes those stop to read who do, until resume is called.
func (c *call) stall() (resume func()) {
	for _, p := range c.stuck {
		p.reading.Lock()
	}
	return sync.OnceFunc(func() {
		for _, p := range c.stuck {
			p.reading.Unlock()
		}
	})
}

// sendUntil sends until all of some people meet a condition.
func (c *call) sendUntil(what string, people []*person, met func(*person) bool) {
	c.t.Helper()
	for begin := time.Now(); slices.ContainsFunc(people, func(p *person) bool { return !met(p) }); {
		if time.Since(begin) > patience {
			for _, p := range people {
				c.t.Logf("%s: %t", p.name, met(p))
			}
			c.t.Fatalf("%d pictures were sent, and something is still %s", c.video, what)
		}
		c.send()
	}
}
