package telemetry_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"parley/api/postgres/postgrestest"
	"parley/api/telemetry"
	"parley/api/telemetry/archive"
)

// Two nodes are given events as a day ends for which there are tables but none for the next,
// while both also look after the tables.
func TestDaysEndWhileEventsCome(t *testing.T) {
	address := postgrestest.URL(t)
	nodes := []*world{worldAt(t, address), worldAt(t, address)}
	nodes[0].flush() // the tables of today are there
	midnight := time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, 5)
	const feeds, each = 4, 800 // of each node
	step := 2 * time.Second / each
	var senders sync.WaitGroup
	var all []telemetry.Feed
	for i, w := range nodes {
		var own []telemetry.Feed
		for j := range feeds {
			own = append(own, w.begin(fmt.Sprintf("%d-%d", i, j)))
		}
		all = append(all, own...)
		senders.Go(func() {
			for n := range uint64(each) {
				received := midnight.Add(time.Duration(n)*step - time.Second)
				for j, feed := range own {
					kind := []uint16{kindSample, kindMeta, kindDone, kindFailed}[(n+uint64(j))%4]
					feed.Record(telemetry.Record{Kind: kind, Seq: n, At: received, Received: received, Raw: []byte("x")})
				}
			}
		})
		senders.Go(func() {
			for range 3 {
				if err := w.archive.Keep(t.Context(), telemetry.DefaultRetention()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	senders.Wait()
	for _, w := range nodes {
		w.flush()
	}
	for _, feed := range all {
		if n := len(nodes[0].events(feed.ID())); n != each {
			t.Errorf("%d events of a session", n)
		}
	}
	for _, day := range []time.Time{midnight.AddDate(0, 0, -1), midnight} {
		for _, class := range []string{"sample", "meta", "lifecycle", "failure"} {
			if n := nodes[0].count("select count(*) from telemetry_events_" + class + day.Format("_20060102")); n != len(all)*each/8 {
				t.Errorf("%d events of class %s on %s", n, class, day.Format(time.DateOnly))
			}
		}
	}
	points, err := nodes[0].archive.Rollups(t.Context(), archive.RollupQuery{Catalogue: "plain", BySource: true, Step: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	counted := map[time.Time]uint64{}
	for _, p := range points {
		counted[p.Bucket.UTC()] += p.Count
	}
	if half := uint64(len(all) * each / 2); counted[midnight.Add(-time.Minute)] != half || counted[midnight] != half || len(counted) != 2 {
		t.Errorf("by minute: %v", counted)
	}
	for _, w := range nodes {
		if n := w.engine.Counters().Failures.Load(); n > 0 {
			t.Errorf("%d attempts failed", n)
		}
	}
}
