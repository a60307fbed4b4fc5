package flood

import (
	"maps"
	"sync"
	"time"

	"parley/api/load"
)

// Tally is what came of one way of bothering a server.
type Tally struct {
	Kind    Kind           `json:"kind"`
	How     string         `json:"how"`               // among those of its kind
	Wanted  int            `json:"wanted"`            // at once
	Most    int            `json:"most"`              // that went on at once
	Begun   uint64         `json:"begun"`             // attempts
	Refused map[string]int `json:"refused,omitempty"` // why attempts came to nothing
	Ended   map[string]int `json:"ended,omitempty"`   // how the server ended those that had begun
	Lasted  load.Quantiles `json:"lasted"`            // until the server ended them
	Packets uint64         `json:"packets,omitempty"` // that it took
	Bytes   uint64         `json:"bytes,omitempty"`   // of those, or of what came byte by byte
}

// counter makes a tally. Any goroutine may use it.
type counter struct {
	lasted load.Durations

	begun func() // called when as many have been tried as there are to be at once

	mu    sync.Mutex
	is    Tally
	on    int // that go on
	tried int // that have got as far as they should, or came to nothing
}

func newCounter(k Kind, how string, wanted int, begun func()) *counter {
	c := &counter{is: Tally{Kind: k, How: how, Wanted: wanted, Refused: make(map[string]int), Ended: make(map[string]int)}, begun: begun}
	if wanted == 0 {
		begun()
	}
	return c
}

// begin counts an attempt.
func (c *counter) begin() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.is.Begun++
}

// refused counts an attempt that came to nothing.
func (c *counter) refused(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.is.Refused[load.Reason(err)]++
	c.attempted()
}

// attempted counts what came of an attempt. The caller holds mu.
func (c *counter) attempted() {
	if c.tried++; c.tried == c.is.Wanted {
		c.begun()
	}
}

// open counts an attempt that has got as far as it should, and returns how to count its end: with
// what the server did, or with nil when the flood is over.
func (c *counter) open() (end func(error)) {
	began := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.on++
	c.is.Most = max(c.is.Most, c.on)
	c.attempted()
	return func(err error) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.on--
		if err != nil {
			c.is.Ended[load.Reason(err)]++
			c.lasted.Add(time.Since(began))
		}
	}
}

// sent counts packets and their bytes.
func (c *counter) sent(packets, bytes int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.is.Packets += uint64(packets)
	c.is.Bytes += uint64(bytes)
}

// tally returns what was counted, and how many go on.
func (c *counter) tally() (t Tally, on int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t = c.is
	t.Refused, t.Ended = maps.Clone(t.Refused), maps.Clone(t.Ended)
	t.Lasted = c.lasted.Quantiles()
	return t, c.on
}
