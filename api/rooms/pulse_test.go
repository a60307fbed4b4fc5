package rooms_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"parley/api/media"
	"parley/api/media/mediatest"
	"parley/api/rooms"
	"parley/api/wire"
)

// crowded are the rules of rooms where three people are a crowd.
var crowded = rooms.Rules{Crowd: 3}

// arrived returns what is here already, in words.
func (p *person) arrived() (said []string) {
	p.w.t.Helper()
	synctest.Wait()
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	for _, r := range p.Arrived() {
		said = append(said, mediatest.Describe(r.Wire, p.w.names))
	}
	return said
}

// quiet waits until nobody is new, and forgets what was said up to then.
func quiet(t *testing.T, people ...*person) {
	mediatest.Advance(t, 10*time.Second)
	for _, p := range people {
		p.Sync()
		p.arrived()
	}
}

func TestRepeatedHeartbeatsAreThinnedOutInACrowd(t *testing.T) {
	for _, other := range []media.NodeID{"a", "b"} { // where the receiver is
		t.Run(string(other), func(t *testing.T) {
			inWorld(t, func(w *world) {
				n := w.ruled("a", &crowded)
				far := n
				if other != "a" {
					far = w.ruled(other, &crowded)
				}
				ada, eve, bob := n.join("ada"), n.join("eve"), far.join("bob")
				ada.Send(mediatest.Heartbeat())
				quiet(t, ada, eve, bob)
				ada.Send(mediatest.Saying(wire.Audio))
				if got := bob.arrived(); !slices.Equal(got, []string{"heartbeat from ada"}) {
					t.Errorf("of news bob hears %q at once", got)
				}
				for range 2 { // newer clients believe it when it is said again
					mediatest.Advance(t, 5*time.Second)
					ada.Send(mediatest.Saying(wire.Audio))
				}
				mediatest.Advance(t, time.Second)
				if got := bob.arrived(); len(got) != 2 {
					t.Errorf("of what was news bob hears %q", got)
				}
				mediatest.Advance(t, 5*time.Second)
				ada.Send(mediatest.Saying(wire.Audio))
				for range 4 { // the first and the third are due
					mediatest.Advance(t, 5*time.Second)
					ada.Send(mediatest.Saying(wire.Audio))
				}
				mediatest.Advance(t, time.Second)
				if got := bob.arrived(); len(got) != 2 {
					t.Errorf("in twenty seconds bob hears %q", got)
				}
				if c := far.hub.Counters().Thinned.Load(); c == 0 {
					t.Error("thinned heartbeats are not counted")
				}
				if d := far.hub.Census().Total.Drops; d.Total() != 0 {
					t.Errorf("they are counted as lost: %v", d)
				}
				ada.Send(mediatest.Saying())
				if got := bob.arrived(); !slices.Equal(got, []string{"heartbeat from ada"}) {
					t.Errorf("of news bob hears %q at once", got)
				}
			})
		})
	}
}

// What says nothing new goes along with other packets, in its order, or within a second.
func TestRepeatedHeartbeatsGoAlong(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.ruled("a", &crowded)
		ada, eve, bob := n.join("ada"), n.join("eve"), n.join("bob")
		ada.Send(mediatest.Heartbeat()) // the first since there is a crowd
		quiet(t, ada, eve, bob)
		ada.Send(mediatest.Heartbeat())
		if got := bob.arrived(); len(got) != 0 {
			t.Errorf("bob hears %q at once", got)
		}
		eve.Send(mediatest.Audio("hello"))
		if got := bob.arrived(); !slices.Equal(got, []string{"audio hello from eve", "heartbeat from ada"}) {
			t.Errorf("bob hears %q", got)
		}
		mediatest.Advance(t, 10*time.Second)
		eve.arrived()
		bob.arrived()
		ada.Send(mediatest.Heartbeat())
		ada.Send(mediatest.Saying(wire.Video))
		if got := bob.arrived(); !slices.Equal(got, []string{"heartbeat from ada", "heartbeat from ada"}) {
			t.Errorf("bob hears %q, want what was said before the news as well", got)
		}
		mediatest.Advance(t, 10*time.Second)
		ada.Send(mediatest.Saying(wire.Video))
		bob.arrived()
		mediatest.Advance(t, time.Second)
		if got := bob.arrived(); !slices.Equal(got, []string{"heartbeat from ada"}) {
			t.Errorf("after a second in which nothing else was said bob hears %q", got)
		}
	})
}

func TestSmallRoomsHearEveryHeartbeat(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.ruled("a", &crowded)
		ada, bob, eve := n.join("ada"), n.join("bob"), n.join("eve")
		quiet(t, ada, bob, eve)
		eve.Leave()
		mediatest.Advance(t, rooms.DefaultGrace)
		bob.arrived()
		for range 5 {
			mediatest.Advance(t, time.Second)
			ada.Send(mediatest.Heartbeat())
			if got := bob.arrived(); len(got) != 1 {
				t.Errorf("bob hears %q", got)
			}
		}
	})
}

// Clients show nobody of whom they have heard nothing.
func TestNewcomersHearEveryHeartbeat(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.ruled("a", &crowded)
		ada, bob, eve := n.join("ada"), n.join("bob"), n.join("eve")
		quiet(t, ada, bob, eve)
		ada.Send(mediatest.Heartbeat())
		mediatest.Advance(t, 2*time.Second)
		bob.arrived()
		late := n.join("late")
		mediatest.Advance(t, 3*time.Second)
		late.arrived()
		bob.arrived()
		ada.Send(mediatest.Heartbeat())
		mediatest.Advance(t, time.Second)
		if got := late.arrived(); !slices.Equal(got, []string{"heartbeat from ada"}) {
			t.Errorf("who has just come hears %q", got)
		}
		if got := bob.arrived(); len(got) != 0 {
			t.Errorf("bob, who knows, hears %q", got)
		}
	})
}

// The operator may change what a crowd is while people meet.
func TestCrowdsAreWhatTheOperatorSays(t *testing.T) {
	inWorld(t, func(w *world) {
		rules := rooms.Rules{Crowd: 10}
		n := w.ruled("a", &rules)
		ada, bob := n.join("ada"), n.join("bob")
		quiet(t, ada, bob)
		rules.Crowd = 2
		n.hub.Refresh()
		bob.arrived()
		for range 10 {
			ada.Send(mediatest.Heartbeat())
		}
		mediatest.Advance(t, time.Second)
		if got := bob.arrived(); len(got) != 1 {
			t.Errorf("bob hears %q", got)
		}
	})
}

// client is what clients of the shared contract do with heartbeats.
type client struct {
	*person
	every  time.Duration // between its heartbeats
	phase  time.Duration
	lossy  bool // some of its heartbeats are lost
	lost   bool // the last one was
	probes bool

	silent map[string]time.Duration // since when, by whom it knows
	says   []wire.Stream
}

// takesForGone returns after how long c believes that who is silent has left. It looks every five
// seconds; older clients believe at once, others the third time.
func (c *client) takesForGone() time.Duration {
	if c.every < hasty {
		return 5 * time.Second
	}
	return 15 * time.Second
}

const hasty = 2 * time.Second

// TestNobodyIsTakenForGoneInACrowd lets clients of all ages meet on two nodes and lose some of what they send.
func TestNobodyIsTakenForGoneInACrowd(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			dice := rand.New(rand.NewPCG(seed, 1))
			inWorld(t, func(w *world) {
				nodes := []*node{w.ruled("a", &crowded), w.ruled("b", &crowded)}
				var clients []*client
				for i := range 8 {
					c := &client{
						person: nodes[dice.IntN(2)].join(fmt.Sprint("p", i)), every: 5 * time.Second, lossy: true, probes: true,
						silent: make(map[string]time.Duration),
					}
					switch dice.IntN(3) {
					case 0:
						c.every, c.lossy, c.probes = time.Second, false, false
					case 1:
						c.lossy, c.probes = false, dice.IntN(2) == 0
					}
					c.phase = time.Duration(dice.Int64N(int64(c.every)))
					clients = append(clients, c)
				}
				thinned := simulate(t, dice, clients)
				if thinned == 0 {
					t.Error("every heartbeat was passed on")
				}
			})
		})
	}
}

// simulate lets clients live for a minute. It returns how many heartbeats nobody was sent.
func simulate(t *testing.T, dice *rand.Rand, clients []*client) (thinned int) {
	const step = 250 * time.Millisecond
	age := make(map[string]time.Duration) // between heartbeats, by name
	for _, c := range clients {
		age[c.name] = c.every
	}
	for now := step; now < time.Minute; now += step {
		mediatest.Advance(t, step)
		for _, c := range clients {
			news := dice.IntN(200) == 0
			if news {
				c.says = []wire.Stream{wire.Stream(1 + dice.IntN(3))}
			}
			if c.lost = (now+c.phase)%c.every < step && c.lossy && !c.lost && dice.IntN(4) == 0; !c.lost && (news || (now+c.phase)%c.every < step) {
				c.Send(mediatest.Saying(c.says...))
				thinned += len(clients) - 1
			}
			if c.probes && (now+c.phase)%time.Second < step {
				c.Send(mediatest.Probe())
			}
		}
		for _, c := range clients {
			for _, heard := range about(c.arrived(), "heartbeat") {
				c.silent[heard[len("heartbeat from "):]] = now
				thinned--
			}
			for who, since := range c.silent {
				patience := c.takesForGone()
				if age[who] > c.every {
					patience = 15 * time.Second // older clients never knew newer ones
				}
				if now-since >= patience {
					t.Errorf("%s, who sends every %v, takes %s for gone at %v: heard at %v", c.name, c.every, who, now, since)
				}
			}
		}
	}
	return thinned
}
