package load

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// shut is the door of a server that lets nobody in.
type shut struct{}

func (shut) Open(context.Context, string, string, bool) (Pass, error) {
	return Pass{}, errors.New("the door is shut")
}

// arrivals is the door of a server that lets nobody in and notes when each room is first asked for.
type arrivals struct {
	mu    sync.Mutex
	began time.Time
	first map[string]time.Duration
}

func (a *arrivals) Open(_ context.Context, room, _ string, _ bool) (Pass, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, again := a.first[room]; !again {
		a.first[room] = time.Since(a.began)
	}
	return Pass{}, errors.New("the door is shut")
}

// People come one after the other, as far from each other as the ramp allows.
func TestArrivalsAreSpreadOverTheRamp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		door := &arrivals{began: time.Now(), first: map[string]time.Duration{}}
		const rooms = 8 // each with somebody who waits for nobody
		_, err := Run(t.Context(), Plan{
			URLs: []string{"ws://localhost"}, Door: door, Room: "r", Rooms: rooms, Publishers: 1, AudioKbps: 32, FPS: 30, Layers: 1,
			KeyframeEvery: time.Second, Ramp: rooms * time.Second, Duration: time.Second,
		}, func(Progress) {})
		if !errors.Is(err, errNobody) {
			t.Errorf("%v", err)
		}
		var want []time.Duration
		for i := range rooms {
			want = append(want, time.Duration(i)*time.Second)
		}
		if got := slices.Sorted(maps.Values(door.first)); !slices.Equal(got, want) {
			t.Errorf("people come after %v, want %v", got, want)
		}
	})
}

// Nobody waits for a first one who was turned away.
func TestAllAreTurnedAwayAsTheFirstIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		_, err := Run(t.Context(), Plan{
			URLs: []string{"ws://localhost"}, Door: shut{}, Room: "r", Rooms: 2, Publishers: 1, Viewers: 9, AudioKbps: 32, FPS: 30, Layers: 1,
			KeyframeEvery: time.Second, Duration: time.Second,
		}, func(Progress) {})
		if err == nil || err.Error() != "nobody got in\nthe door is shut" {
			t.Errorf("%v", err)
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("it took %v to find that out", took)
		}
	})
}
