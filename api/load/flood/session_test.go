package flood

import (
	"context"
	"net"
	"testing"
	"testing/synctest"
)

// A flood ends when it should, also where the server takes nothing of it.
func TestNobodyWaitsForAServerThatTakesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		defer far.Close()
		defer near.Close()
		c := &cork{Conn: near}
		c.hold()
		if _, err := c.Write([]byte("tiny")); err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		var err error
		over := make(chan struct{})
		go func() {
			defer close(over)
			err = c.release(ctx)
		}()
		synctest.Wait()
		select {
		case <-over:
			t.Fatalf("it was over before: %v", err)
		default:
		}
		stop()
		<-over
		if err == nil {
			t.Error("what nobody took was written")
		}
	})
}
