package wt_test

import (
	"slices"
	"testing"
	"time"

	"parley/api/client"
	"parley/api/media"
	"parley/api/wt"
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

// However large packets are and whatever comes after which, little of them waits where it cannot be overtaken.
func TestLittleWaitsInTheLibrary(t *testing.T) {
	atRate(t, 50_000, func(t *testing.T, w world) {
		c, held := w.framed(t, client.FramingPacket)
		const rounds = 30
		sizes := []int{15_000, 15_000, 1000, 200}
		written := make(chan error, 1)
		go func() {
			handed, begun := int64(0), wt.Sent(held.Conn)
			for range rounds {
				for _, size := range sizes {
					if err := held.Conn.Write(t.Context(), []*media.Frame{{Kind: media.Video, Wire: packet(8, size)}}); err != nil {
						written <- err
						return
					}
					handed += int64(size)
					if waits := handed - (wt.Sent(held.Conn) - begun); waits > wt.UnsentBytes+int64(size) {
						t.Errorf("after %d bytes %d wait, want %d at most", handed, waits, wt.UnsentBytes+size)
					}
				}
			}
			written <- nil
		}()
		for i := range rounds * len(sizes) {
			if _, err := c.Receive(t.Context()); err != nil {
				t.Errorf("after %d packets: %v", i, err)
				break
			}
		}
		if err := <-written; err != nil {
			t.Error(err)
		}
		held.End(nil)
		<-c.Done()
		_ = c.Close()
	})
}
