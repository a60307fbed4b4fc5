package natsrelay_test

import (
	"cmp"
	"context"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"

	"parley/api/media"
	"parley/api/natsrelay"
	"parley/api/natsrelay/natstest"
	"parley/api/rooms/relaytest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds each wait for what normally takes milliseconds.
const patience = 2 * time.Minute

// node is a relay at work.
type node struct {
	*natsrelay.Relay
	id   media.NodeID
	conn *nats.Conn
	kill func() // ends the relay without a goodbye
}

// start runs a relay on the server at url until the test ends.
func start(t testing.TB, url string, o natsrelay.Options) node {
	t.Helper()
	o.Log = natstest.Log(t)
	o.MaxAge = cmp.Or(o.MaxAge, patience) // on a busy machine what was just sent may be old
	if o.Node == "" {
		o.Node = media.NodeID(natstest.Name("node"))
	}
	o.Conn = natstest.Dial(t, url, natsrelay.ConnOptions(string(o.Node), o.Log, nil)...)
	r, err := natsrelay.New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	r.ByHand() // on a busy machine others may have nothing to say for seconds
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var running sync.WaitGroup
	running.Go(func() {
		if err := r.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	kill := func() { // what is left of it has no connection to say goodbye on
		cancel()
		running.Wait()
		o.Conn.Close()
	}
	t.Cleanup(func() {
		r.Close()
		kill()
	})
	return node{r, o.Node, o.Conn, kill}
}

func pair(t *testing.T, urlA, urlB string, replicas int) relaytest.Pair {
	// Generous with age: the tests count packets, on machines that may be busy.
	a := start(t, urlA, natsrelay.Options{Replicas: replicas})
	b := start(t, urlB, natsrelay.Options{Replicas: replicas, Window: 5 * time.Millisecond})
	other := natstest.Dial(t, urlA)
	return relaytest.Pair{
		A: a, B: b, NodeA: a.id, NodeB: b.id, Kill: b.kill,
		Foreign: func(room media.RoomID, from media.SessionID, packet []byte) {
			t.Helper()
			subject := "room." + string(room) + ".system"
			if from != 0 {
				subject = "room." + string(room) + "." + strconv.FormatUint(uint64(from), 10)
			}
			if err := other.Publish(subject, packet); err != nil {
				t.Fatal(err)
			}
		},
	}
}

func TestContract(t *testing.T) {
	t.Parallel()
	relaytest.Run(t, func(t *testing.T) relaytest.Pair {
		url := natstest.URL(t)
		return pair(t, url, url, 1)
	})
}

func TestContractInCluster(t *testing.T) {
	t.Parallel()
	relaytest.Run(t, func(t *testing.T) relaytest.Pair {
		c := natstest.Cluster(t)
		return pair(t, c.URL(0), c.URL(1), 3)
	})
}

// Tens of thousands of rooms wait for packets with a goroutine of the library each, and with no other.
func TestRoomsHaveOneGoroutine(t *testing.T) { // all that run beside it have some
	const rooms = 20
	n := start(t, natstest.URL(t), natsrelay.Options{})
	open(t, n, newRoom())
	before := runtime.NumGoroutine()
	for range rooms {
		open(t, n, newRoom())
	}
	if more := runtime.NumGoroutine() - before; more > rooms+rooms/2 { // a few may be about to end
		t.Errorf("%d rooms have %d goroutines", rooms, more)
	}
}
