package places_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"parley/api/places"
)

// patience is how long the doorways here let people wait.
const patience = time.Second

func TestDoorway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := places.NewDoorway(2, patience)
		begin := time.Now()
		for range 2 {
			if !d.Enter(t.Context()) {
				t.Error("there is no room for two")
			}
		}
		if took := time.Since(begin); took != 0 {
			t.Errorf("who has room waits for %v", took)
		}
		if d.Enter(t.Context()) {
			t.Error("there is room for a third")
		}
		if took := time.Since(begin); took != patience {
			t.Errorf("the third is sent away after %v", took)
		}
		d.Leave()
		if !d.Enter(t.Context()) {
			t.Error("there is no room for who comes after one who left")
		}
	})
}

// Those in line are let in in the order in which they came; who goes away holds up nobody.
func TestLineAtTheDoorway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := places.NewDoorway(1, patience)
		d.Enter(t.Context())
		in := make(chan string, 3)
		come := func(ctx context.Context, name string) {
			go func() {
				if d.Enter(ctx) {
					in <- name
				} else {
					in <- name + " gives up"
				}
			}()
			synctest.Wait()
		}
		gone, leave := context.WithCancel(t.Context())
		come(t.Context(), "ada")
		come(gone, "bob")
		come(t.Context(), "cyd")
		leave()
		if who := <-in; who != "bob gives up" {
			t.Errorf("first: %s", who)
		}
		for _, want := range []string{"ada", "cyd"} {
			d.Leave()
			if who := <-in; who != want {
				t.Errorf("%s is let in, want %s", who, want)
			}
		}
	})
}
