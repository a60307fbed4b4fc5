package load

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// shut is the door of a server that lets nobody in.
type shut struct{}

func (shut) Open(context.Context, string, string, bool) (Pass, error) {
	return Pass{}, errors.New("the door is shut")
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
