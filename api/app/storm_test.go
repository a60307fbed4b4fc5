package app_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sync/errgroup"

	"parley/api/client"
	"parley/api/media/mediatest"
)

// Of a storm.
const (
	stormRooms  = 40
	stormPeople = 5  // in each, and one who stays
	stormAtOnce = 32 // who dial: a connection more than there is room for would wait for a second
)

// reveler is somebody who loses their connection in a storm.
type reveler struct {
	name, room string
	conn       *client.Client
}

// comeIn connects and becomes active. The number says for which time.
func (r *reveler) comeIn(ctx context.Context, n *node, time int) error {
	path := fmt.Sprintf("/lobby/%s/%s?instance_id=%s", r.name, r.room, r.name)
	var err error
	if r.conn, err = client.Dial(ctx, n.address(overWS)+path, client.Options{TLS: insecure}); err != nil {
		return fmt.Errorf("%s: %w", r.name, err)
	}
	id, err := r.conn.Session(ctx)
	if err == nil {
		n.mu.Lock()
		n.names[id] = fmt.Sprint(r.name, "/", time)
		n.mu.Unlock()
		err = r.conn.Send(ctx, mediatest.Heartbeat())
	}
	if err != nil {
		return errors.Join(fmt.Errorf("%s: %w", r.name, err), r.conn.Close())
	}
	return nil
}

// Many lose their connections at once and come back at once. Then everybody is there once, for those in
// their room, in memory and on record, and everything that happened was counted once.
func TestStorm(t *testing.T) {
	c := newCluster(t)
	n := managed(c)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var crowd []*reveler
	var rooms []string
	watchers := map[string]*guest{}
	for range stormRooms {
		room := newRoom()
		rooms = append(rooms, room)
		watchers[room] = n.join(overWS, "watcher", room)
		for i := range stormPeople {
			crowd = append(crowd, &reveler{name: fmt.Sprint("p", i), room: room})
		}
	}
	defer func() {
		for _, r := range crowd {
			if r.conn != nil {
				_ = r.conn.Close()
			}
		}
	}()
	comeIn := func(time int) {
		t.Helper()
		var coming errgroup.Group
		coming.SetLimit(stormAtOnce)
		for _, r := range crowd {
			coming.Go(func() error { return r.comeIn(ctx, n, time) })
		}
		if err := coming.Wait(); err != nil {
			t.Fatal(err)
		}
		for _, w := range watchers {
			w.meets(stormPeople, time)
		}
	}
	comeIn(1)
	var cutting sync.WaitGroup
	for _, r := range crowd {
		cutting.Go(r.conn.Cut)
	}
	cutting.Wait()
	comeIn(2)

	all := stormRooms * (1 + stormPeople)
	const (
		open    = "select count(*) from sessions where room_id = any ($1) and left_at is null"
		people  = "select count(distinct (room_id, user_id)) from sessions where room_id = any ($1) and left_at is null"
		there   = "select count(*) from session_participants where room_id = any ($1) and left_at is null"
		entered = "select count(*) from sessions where room_id = any ($1)"
		running = "select count(*) from meetings where room_id = any ($1) and state = 'active' and ended_at is null"
	)
	eventually(c, all, open, rooms)
	for query, want := range map[string]int{people: all, there: all, entered: all + stormRooms*stormPeople, running: stormRooms} {
		if got := sql[int](c, query, rooms); got != want {
			t.Errorf("%s: %d, want %d", query, got, want)
		}
	}
	for _, room := range rooms {
		var sessions []struct {
			User     string `json:"user"`
			Standing string `json:"standing"`
		}
		if err := json.Unmarshal([]byte(c.page(n.Debug+"/debug/sessions?room="+room)), &sessions); err != nil {
			t.Fatal(err)
		}
		once := map[string]bool{}
		for _, s := range sessions {
			once[s.User] = true
		}
		if len(sessions) != 1+stormPeople || len(once) != len(sessions) {
			t.Errorf("in a room are %+v", sessions)
		}
	}
	if joins := series(t, c.page(n.Debug+"/metrics"), `parley_joins_total{result="ok",transport="websocket"}`); int(joins) != all+stormRooms*stormPeople {
		t.Errorf("%v joins are counted, of %d", joins, all+stormRooms*stormPeople)
	}
}

// meets reads until so many have come for the given time, anew or in place of themselves.
func (g *guest) meets(people, time int) {
	g.c.t.Helper()
	came := map[string]bool{}
	end := fmt.Sprint("/", time)
	for len(came) < people {
		what := g.c.describe(g.next().Data)
		if who := what[strings.LastIndex(what, " ")+1:]; strings.HasSuffix(who, end) && (strings.HasPrefix(what, "joined ") || strings.HasPrefix(what, "replaced ")) {
			came[who] = true
		}
	}
}
