package rest

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/api/postgres/postgrestest"
)

// crowded is an installation with 100,000 meetings of 1,000 owners, ten participants in each.
type crowded struct {
	api  http.Handler
	auth []string // of owner i
}

const owners = 1000

func newCrowded(b *testing.B) *crowded {
	b.Helper()
	url := postgrestest.URL(b)
	conn, err := pgx.Connect(b.Context(), url)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close(context.Background())
	for _, sql := range []string{
		`set synchronous_commit = on`, // else what is vacuumed is too new to be known to all
		`insert into meetings (room_id, started_at, creator_id, state, waiting_room_enabled, host_display_name)
		 select 'm' || i, now() - i * interval '1 minute', 'user' || i % 1000, (array['active', 'idle', 'ended'])[1 + i % 3], false, 'User ' || i % 1000
		 from generate_series(1, 100000) i`,
		`insert into meeting_participants (meeting_id, user_id, status, is_host, joined_at, admitted_at)
		 select id, case when k = 0 then creator_id else 'user' || (id * 7 + k * 131) % 1000 end, 'admitted', k = 0, started_at, started_at
		 from meetings, generate_series(0, 9) k on conflict do nothing`,
		`vacuum analyze`,
	} {
		if _, err := conn.Exec(b.Context(), sql); err != nil {
			b.Fatal(err)
		}
	}
	c := &crowded{api: newAPI(b, func(o *Options) { o.Meetings = newMeetings(b, url) })}
	for i := range owners {
		c.auth = append(c.auth, bearer(b, fmt.Sprint("user", i), "User"))
	}
	return c
}

// measure asks again and again from eight clients, and reports rate and percentiles.
func (c *crowded) measure(b *testing.B, request func(i int) (user int, method, path string)) {
	b.Helper()
	var mu sync.Mutex
	var all []time.Duration
	var count atomic.Int64
	begin := time.Now()
	b.SetParallelism(4)
	b.RunParallel(func(pb *testing.PB) {
		var mine []time.Duration
		for pb.Next() {
			user, method, path := request(int(count.Add(1)))
			r := httptest.NewRequest(method, "/api/v1/meetings"+path, http.NoBody)
			r.Header.Set("Authorization", c.auth[user%owners])
			w := httptest.NewRecorder()
			at := time.Now()
			c.api.ServeHTTP(w, r)
			mine = append(mine, time.Since(at))
			if w.Code != http.StatusOK {
				b.Errorf("%s %s as user%d: %d %s", method, path, user%owners, w.Code, strings.TrimSpace(w.Body.String()))
				return
			}
		}
		mu.Lock()
		defer mu.Unlock()
		all = append(all, mine...)
	})
	slices.Sort(all)
	b.ReportMetric(float64(len(all))/time.Since(begin).Seconds(), "requests/s")
	for _, p := range []int{50, 99} {
		b.ReportMetric(float64(all[min(len(all)*p/100, len(all)-1)].Microseconds())/1000, fmt.Sprintf("p%d-ms", p))
	}
}

// What people ask for, with 100,000 meetings and a million participants on record.
func BenchmarkMeetings(b *testing.B) {
	c := newCrowded(b)
	running := func(i int) int { return 3 * (i%33_000 + 1) } // every third has begun
	b.Run("join", func(b *testing.B) {
		c.measure(b, func(i int) (int, string, string) { return i * 17, "POST", fmt.Sprintf("/m%d/join", running(i)) })
	})
	b.Run("join-same", func(b *testing.B) {
		c.measure(b, func(i int) (int, string, string) { return i, "POST", "/m3/join" })
	})
	b.Run("join-new", func(b *testing.B) {
		c.measure(b, func(i int) (int, string, string) { return i, "POST", fmt.Sprintf("/new-%d-%d/join", b.N, i) })
	})
	b.Run("status", func(b *testing.B) {
		c.measure(b, func(i int) (int, string, string) {
			m := running(i)
			return m % owners, "GET", fmt.Sprintf("/m%d/status", m)
		})
	})
	b.Run("list", func(b *testing.B) {
		c.measure(b, func(i int) (int, string, string) { return i, "GET", "" })
	})
	b.Run("joined", func(b *testing.B) {
		c.measure(b, func(i int) (int, string, string) { return i, "GET", "/joined" })
	})
	b.Run("feed", func(b *testing.B) {
		c.measure(b, func(i int) (int, string, string) { return i, "GET", "/feed" })
	})
	b.Run("search", func(b *testing.B) {
		c.measure(b, func(i int) (int, string, string) { return i, "GET", fmt.Sprintf("?q=m%d", i) })
	})
}
