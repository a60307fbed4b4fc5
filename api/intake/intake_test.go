package intake

import (
	"testing"
	"testing/synctest"
	"time"
)

// Packets that come slowly give way to others, and nobody to those who only want more.
func TestIntakeGivesUpTheSlowest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const part = 1 << 20
		i := New(3 * part)
		ended := map[string]int{}
		begin := func(name string) *Arrival { return i.Begin(func() { ended[name]++ }) }
		hold := func(a *Arrival, size int64, want bool) {
			t.Helper()
			if got := a.Hold(size, size); got != want {
				t.Errorf("may hold %d: %v", size, got)
			}
		}
		small := begin("small")
		hold(small, Free, true)
		first, second := begin("first"), begin("second")
		hold(first, part, true)
		<-time.After(soon / 2)
		hold(second, 2*part, true)
		third := begin("third")
		hold(third, part, false) // all are quick
		<-time.After(soon / 2)
		hold(third, part, true)
		hold(first, part, false)
		if len(ended) != 1 || ended["first"] != 1 || i.Held() != 3*part {
			t.Errorf("given up: %v; %d bytes are held", ended, i.Held())
		}
		<-time.After(soon)
		hold(third, 3*part, true) // of others only
		hold(third, 4*part, false)
		for _, a := range []*Arrival{small, first, second, third} {
			a.Done()
			a.Done()
		}
		if s := i.Stats(); len(ended) != 2 || ended["second"] != 1 || s != (Stats{Most: 3 * part, GivenUp: 4}) {
			t.Errorf("given up: %v; %+v", ended, s)
		}
		var none *Intake
		a := none.Begin(nil)
		hold(a, 1<<40, true)
		a.Done()
	})
}
