package calls_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"parley/api/media"
	"parley/api/media/mediatest"
	"parley/api/rooms"
)

// opened is a room that people join; serving is done when all have left.
func opened(t *testing.T, hub *rooms.Hub) (join func(user string) *mediatest.Peer, serving *sync.WaitGroup) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	serving = new(sync.WaitGroup)
	t.Cleanup(serving.Wait)
	t.Cleanup(cancel)
	return func(user string) *mediatest.Peer {
		conn, peer := mediatest.Pipe(t, media.WebSocket)
		serving.Go(func() { _ = hub.Serve(ctx, conn, &media.Peer{Room: "room", User: user, DisplayName: user}) })
		peer.Send(mediatest.Heartbeat())
		peer.Sync()
		return peer
	}, serving
}

func TestWhatFlowsIsSampled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		join, serving := opened(t, w.hub)
		ada, bob := join("ada"), join("bob")
		mediatest.Advance(t, 3*time.Second) // rates need two looks
		for range 5 {
			ada.Send(mediatest.VideoKey("picture"))
		}
		ada.Sync()
		bob.Sync()
		mediatest.Advance(t, 2*time.Second)
		ada.Leave()
		bob.Leave()
		serving.Wait()
		mediatest.Advance(t, 5*time.Second) // the room is empty
		w.stop()
		names := map[string]string{} // of participants, by what they are
		var found int
		for _, l := range w.page.lines {
			if l.name == "PublishStarted" {
				names[l.source.Identity] = "sender"
			}
		}
		for _, l := range w.page.lines {
			if l.name != "FlowSample" {
				continue
			}
			found++
			way := "to"
			if names[l.source.Identity] == "sender" {
				way = "from"
			}
			video := l.fields[way].(map[string]any)["video"].(map[string]any)
			if video["packets"] != 5.0 || !(video["kbps"].(float64) > 0) || l.fields["interval_ms"] != 2000.0 || l.fields["dropped"] != 0.0 {
				t.Errorf("%s: %+v", way, l.fields)
			}
		}
		if found != 2 {
			t.Errorf("%d samples of two connections", found)
		}
	})
}

// Ten thousand people who wait for a call to begin are no events.
func TestWhereNothingFlowsThatIsSampledOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		join, serving := opened(t, w.hub)
		ada := join("ada")
		mediatest.Advance(t, 61*time.Second)
		ada.Send(mediatest.VideoKey("picture"))
		ada.Sync()
		mediatest.Advance(t, 60*time.Second)
		ada.Leave()
		serving.Wait()
		mediatest.Advance(t, 5*time.Second) // the room is empty
		w.stop()
		var pictures []float64
		for _, l := range w.page.lines {
			if l.name == "FlowSample" {
				video := l.fields["from"].(map[string]any)["video"].(map[string]any)
				pictures = append(pictures, video["packets"].(float64))
				if l.fields["interval_ms"] != 2000.0 {
					t.Errorf("a sample of %v ms", l.fields["interval_ms"])
				}
			}
		}
		if !slices.Equal(pictures, []float64{0, 1, 0}) {
			t.Errorf("samples of %v pictures", pictures)
		}
	})
}
