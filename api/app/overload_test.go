package app_test

import (
	"fmt"
	"runtime"
	"sync"
	"testing"

	"parley/api/media/mediatest"
	healthv1 "parley/protobuf/health/v1"
)

// A node that has one processor gets more packets than it can pass on. Nothing of that is staged: that
// the server is to blame has to come from what it measures of itself, and hold for people of another
// room, in which nobody sends too much.
func TestACallIsBadBecauseTheServerIsBusy(t *testing.T) { // by itself: processors are of the process
	n := newCluster(t).start()
	var reading sync.WaitGroup
	t.Cleanup(reading.Wait)
	join := func(name, room string) *guest {
		g := n.join(overWS, name, room)
		t.Cleanup(func() { _ = g.Close() })
		g.drain(&reading)
		return g
	}
	s := &scene{name: "overload", room: newRoom(), direction: "receive", media: "audio", cause: "server"}
	ada, bob := join("ada", s.room), join("bob", s.room)
	s.who = bob
	s.turn = func() {
		for range 50 {
			ada.send(mediatest.Audio("sound"))
		}
		ada.report(&healthv1.HealthPacket{ReportingAudioEnabled: true}, nil, nil)
		bob.report(&healthv1.HealthPacket{}, ada, &healthv1.PeerStats{AudioEnabled: true, AudioConcealmentPct: 30})
	}

	var noisy []*guest
	crowd := newRoom()
	for i := range 4 {
		noisy = append(noisy, join(fmt.Sprint("noisy", i), crowd))
	}
	calm := s.turn
	s.turn = func() {
		calm()
		var flooding sync.WaitGroup
		for _, g := range noisy {
			flooding.Go(func() {
				for range 3000 {
					if g.Send(g.ctx, mediatest.Audio("noise")) != nil {
						return
					}
				}
			})
		}
		flooding.Wait()
	}
	all := runtime.GOMAXPROCS(1)
	defer runtime.GOMAXPROCS(all)
	n.perform([]*scene{s})
}
