package meeting_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"parley/api/meeting"
	"parley/api/postgres"
	"parley/api/postgres/postgrestest"
)

// ordered notes what is written, and in which order: the name of a room, or of how many people left together.
type ordered struct {
	*postgres.Store

	mu    sync.Mutex
	rooms []string
}

func (o *ordered) Leave(ctx context.Context, all []meeting.Departure) (map[string]meeting.Ended, error) {
	o.mu.Lock()
	o.rooms = append(o.rooms, fmt.Sprint(len(all), " left"))
	o.mu.Unlock()
	return o.Store.Leave(ctx, all)
}

func (o *ordered) Together(ctx context.Context, room string, do func(meeting.Record) error) error {
	o.mu.Lock()
	o.rooms = append(o.rooms, room)
	o.mu.Unlock()
	return o.Store.Together(ctx, room, do)
}

// When hundreds have left and come again, nobody who comes waits until all who left are on record,
// and that goes on all the same.
func TestWhoComesDoesNotWaitForWhoLeft(t *testing.T) {
	log := logger(t.Output())
	store, err := postgres.Open(t.Context(), postgrestest.URL(t), log)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	in := &ordered{Store: store}
	l := meeting.New(meeting.Options{
		Store: in, Log: log,
		Enabled: func(string) bool { return true }, EndOnHostLeave: func(string) bool { return false },
	})
	o := &office{store: store, t: t, node: "node"}
	const people = 120
	impatient, cancel := context.WithCancel(t.Context())
	cancel()
	for i := range people {
		l.Exit(impatient, o.session(fmt.Sprint("left", i), "alice"))
	}
	for i := range people / 2 { // some come into rooms that others have left
		for _, room := range []string{"left", "entered"} {
			if _, err := l.Enter(impatient, o.session(fmt.Sprint(room, i), "bob")); err != nil {
				t.Fatal(err)
			}
		}
	}
	running, stop := context.WithCancel(t.Context())
	var writing sync.WaitGroup
	writing.Go(func() { l.Run(running) })
	defer writing.Wait()
	defer stop()
	if err := l.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	o.participants("entered0", 1)
	o.participants("left0", 1)

	// The turn of those who left comes after some who come, and before the last of these. What the writers do
	// side by side may be noted in any order.
	const writers, turn = 6, 4
	at := slices.Index(in.rooms, fmt.Sprint(people/2, " left"))
	if at < 0 || at > turn+writers {
		t.Errorf("those who left are written together as number %d: %q", at, in.rooms)
	}
	if want := people + 1; len(in.rooms) != want {
		t.Errorf("%d changes, want %d: %q", len(in.rooms), want, in.rooms)
	}
}
