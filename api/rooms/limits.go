package rooms

import (
	"sync"
	"time"

	"parley/api/media"
	"parley/api/wire"
)

// Limits of keyframe requests of one session. One target gets what the shared contract
// allows; the total lets a receiver recover many streams at once.
const (
	keyframeWindow    = time.Second
	keyframesPerTag   = 2  // per publisher and stream in a window
	keyframesInWindow = 32 // in all
)

// keyframeLimit is a fixed window that starts with the first request in it. It is used by
// one goroutine.
type keyframeLimit struct {
	since time.Time
	total int
	count map[keyframeTag]int
}

type keyframeTag struct {
	user    string
	session uint64
	stream  wire.Stream
	layer   uint32
}

// allow counts a request and reports whether it may pass.
func (k *keyframeLimit) allow(info *wire.Info, now time.Time) bool {
	if k.count == nil || now.Sub(k.since) > keyframeWindow {
		k.since, k.total = now, 0
		k.count = make(map[keyframeTag]int)
	}
	if k.total >= keyframesInWindow {
		return false
	}
	tag := keyframeTag{string(info.Target), info.TargetSession, info.Stream, info.Layer}
	if k.count[tag] >= keyframesPerTag {
		return false
	}
	k.total++
	k.count[tag]++
	return true
}

// Congestion is reported by the rule of the shared contract: the fifth loss of one sender's
// frames within a second, at most once per second and sender.
const (
	congestionWindow = time.Second
	congestionDrops  = 5
	congestionForget = 10 * time.Second // entries older than this are purged…
	congestionPurge  = 100              // …at every hundredth loss
)

// congestion counts what one receiver loses, by sender. Any goroutine may use it; the zero
// value is ready.
type congestion struct {
	mu      sync.Mutex
	losses  int
	senders map[media.SessionID]*congested
}

type congested struct {
	since    time.Time // start of the window
	count    int
	notified time.Time
}

// lost counts a lost frame of sender and reports whether sender should be told.
func (c *congestion) lost(sender media.SessionID, now time.Time) bool {
	if sender == 0 {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.senders == nil {
		c.senders = make(map[media.SessionID]*congested)
	}
	if c.losses++; c.losses%congestionPurge == 0 {
		for id, s := range c.senders {
			if now.Sub(s.since) > congestionForget {
				delete(c.senders, id)
			}
		}
	}
	s := c.senders[sender]
	if s == nil {
		s = &congested{since: now}
		c.senders[sender] = s
	}
	if now.Sub(s.since) > congestionWindow {
		s.since, s.count = now, 0
	}
	s.count++
	if s.count < congestionDrops || !s.notified.IsZero() && now.Sub(s.notified) < congestionWindow {
		return false
	}
	s.count, s.since, s.notified = 0, now, now
	return true
}
