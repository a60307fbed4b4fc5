package wt_test

import (
	"slices"
	"testing"
	"time"

	"parley/api/media"
)

// A client on a narrow path takes a batch for longer than one write may take, and gets on: it stays, and
// gets all of it.
func TestWhoGetsOnMayTakeLong(t *testing.T) {
	for name, framing := range framings {
		t.Run(name, func(t *testing.T) {
			atRate(t, 6000, func(t *testing.T, w world) {
				c, held := w.framed(t, framing)
				const each = 256
				frames := slices.Repeat([]*media.Frame{{Kind: media.Audio, Wire: packet(8, 1000)}}, each)
				written := make(chan error, 1)
				begin := time.Now()
				go func() {
					err := held.Conn.Write(t.Context(), frames)
					if err != nil {
						held.End(err)
					}
					written <- err
				}()
				for i := range each {
					if _, err := c.Receive(t.Context()); err != nil {
						t.Errorf("after %d packets: %v", i, err)
						break
					}
				}
				if err := <-written; err != nil {
					t.Error(err)
				} else {
					held.End(nil)
				}
				if took := time.Since(begin); took < 30*time.Second {
					t.Errorf("took %v, which is no proof", took)
				}
				<-c.Done()
				_ = c.Close()
			})
		})
	}
}
