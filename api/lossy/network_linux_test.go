package lossy_test

import (
	"net"
	"sync"
	"testing"
	"time"

	"parley/api/client"
	"parley/api/lossy/cable"
	"parley/api/lossy/cable/cabletest"
	"parley/api/media"
	"parley/api/rooms"
	"parley/api/wt"
)

// nodeAt returns a node in the network at the near end of a cable, and how those dial who are at
// either end.
func nodeAt(t testing.TB, c *cable.Cable, limits rooms.QueueLimits) (n *node, near, far client.Options) {
	t.Helper()
	var (
		listener net.Listener
		socket   net.PacketConn
	)
	if err := c.Near.In(func() (err error) {
		if socket, err = wt.Listen(cable.NearAddress + ":0"); err == nil {
			listener, err = net.Listen("tcp", cable.NearAddress+":0")
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	dial := func(n *cable.Network) client.Options {
		return client.Options{DialTCP: n.DialTCP, DialQUIC: n.DialQUIC}
	}
	return serve(t, limits, listener, socket, never), dial(c.Near), dial(c.Far)
}

// window is for how many groups of pictures somebody may have heard nothing yet while more is sent:
// pictures of so many do not fit where they wait.
const window = 10

// sendHeard sends so many groups of pictures; meanwhile those who lose packets hear what is said.
func (c *call) sendHeard(groups int) {
	c.t.Helper()
	for range groups {
		c.send()
		for _, p := range c.lossy {
			p.until(c.t, "sound while pictures are sent", func(audio, _ map[uint64]bool) bool {
				return uint64(len(audio))+window*sounds >= c.audio
			})
		}
	}
}

// Some are behind a cable that loses packets both ways, and may be slow besides. The others lose
// nothing, who sends does not notice, what waits is bounded, everything that is said arrives and goes
// on arriving, and pictures go on with a keyframe.
func TestBadNetworkCostsOthersNothing(t *testing.T) {
	for name, trouble := range map[string]cable.Trouble{
		"lossy":          {Loss: .05, Delay: 10 * time.Millisecond},
		"lossy and slow": {Loss: .05, Delay: 40 * time.Millisecond, Rate: 4_000_000},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // it mostly waits
			laid := cabletest.Lay(t)
			n, near, far := nodeAt(t, laid, limits())
			c := newCall(t, n, overWS, 3, near, far)
			c.settle()
			pace := time.NewTicker(20 * time.Millisecond)
			defer pace.Stop()
			c.pace = pace.C // as fast as it goes, sounds alone are more than the slow cable carries
			c.send()
			cabletest.Spoil(t, laid, trouble)
			c.sendHeard(2 * window)
			c.comeBack(c.video)
		})
	}
}

// Some lose packets, and at the same time some others do not read at all, whatever way the one sends who
// does. It is as above.
func TestStallAmongLossesCostsOthersNothing(t *testing.T) {
	for _, from := range []way{overWS, overStreams} { // in which pictures stay in order
		t.Run(string(from), func(t *testing.T) {
			t.Parallel() // it mostly waits
			laid := cabletest.Lay(t)
			n, near, far := nodeAt(t, laid, limits())
			c := newCall(t, n, from, 3, near, far)
			c.addStuck(near)
			c.settle()
			pace := time.NewTicker(50 * time.Millisecond)
			defer pace.Stop()
			c.pace = pace.C
			c.send()
			cabletest.Spoil(t, laid, cable.Trouble{Loss: .05, Delay: 10 * time.Millisecond})
			c.overflow()
		})
	}
}

// While a cable is pulled nothing gets through. The others do not notice, and once it is plugged in
// again nobody is told what was said or shown longer ago than it may wait: all that comes of it is
// what was on its way. Pictures go on with a keyframe.
func TestNothingIsOldAfterAnOutage(t *testing.T) {
	laid := cabletest.Lay(t)
	n, near, far := nodeAt(t, laid, limitsOfAge())
	c := newCall(t, n, overWS, 1, near, far)
	c.settle()
	c.nothingIsOld(c.lossy, func() (end func()) {
		cabletest.Spoil(t, laid, cable.Trouble{Loss: 1})
		return func() { cabletest.Spoil(t, laid, cable.Trouble{}) }
	})
}

// It is the same for those who do not read for a while, while some others lose packets.
func TestNothingIsOldAfterAStall(t *testing.T) {
	t.Parallel() // it mostly waits
	laid := cabletest.Lay(t)
	n, near, far := nodeAt(t, laid, limitsOfAge())
	c := newCall(t, n, overStreams, 3, near, far)
	c.addStuck(near)
	c.settle()
	cabletest.Spoil(t, laid, cable.Trouble{Loss: .05, Delay: 10 * time.Millisecond})
	c.nothingIsOld(c.stuck, c.stall)
}

// old is longer than those wait on a busy machine whose path is good.
const old = 2 * time.Second

// limitsOfAge are reached by what is old, and not by how much it is.
func limitsOfAge() rooms.QueueLimits {
	l := rooms.DefaultQueueLimits()
	l.Age[media.Video], l.Age[media.Audio] = old, old
	l.Bytes[media.Audio] = l.Bytes[media.Video]
	return l
}

// nothingIsOld interrupts what some get, until it is older than it may be and longer, and checks
// what they get of it afterwards, and that pictures go on, and sound.
func (c *call) nothingIsOld(people []*person, interrupt func() (end func())) {
	t := c.t
	t.Helper()
	c.send()
	for _, p := range people {
		p.until(t, "sound and picture in full", c.full)
	}
	c.soundSize = deltaBytes // what is on its way is bounded in bytes: few such sounds
	pace := time.NewTicker(10 * time.Millisecond)
	defer pace.Stop()
	c.pace = pace.C
	end := sync.OnceFunc(interrupt())
	defer end()
	cut := *c
	for range 40 {
		c.send()
	}
	pace.Reset(50 * time.Millisecond)
	tooOld := *c
	for sent := time.Now(); time.Since(sent) <= old; {
		c.send()
	}
	end()
	ended := *c
	c.sendUntil("to be seen or heard again", people, func(p *person) bool {
		return p.shows(ended.video) && p.hears(ended.audio)
	})
	for _, p := range people {
		sounds, pictures := p.between(cut.audio, tooOld.audio, cut.video, tooOld.video)
		ofSounds, ofPictures := tooOld.audio-cut.audio, tooOld.video-cut.video
		t.Logf("%s was sent %d of %d old sounds and %d of %d old pictures", p.name, sounds, ofSounds, pictures, ofPictures)
		if sounds > ofSounds/2 || pictures > ofPictures/2 {
			t.Errorf("%s was sent what was too old", p.name)
		}
		p.until(t, "pictures that can be shown", func(_, video map[uint64]bool) bool { return decodable(video) })
	}
	c.publisherDidNotNotice()
}
