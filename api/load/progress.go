package load

import (
	"fmt"
	"time"
)

// Progress is how a run is doing.
type Progress struct {
	Phase    string        // ramp, warm-up, measuring, draining
	Elapsed  time.Duration // since the run began
	Wanted   int
	In       int64 // participants that are connected
	Failed   uint64
	Sent     float64 // packets a second, since the last time
	Received float64 // packets a second
	Mbit     float64 // received, per second
	P99      float64 // ms, of healthy receivers, of all that was measured so far
}

// String is one line for people.
func (p Progress) String() string {
	s := fmt.Sprintf("%3.0fs %-9s %d/%d in", p.Elapsed.Seconds(), p.Phase, p.In, p.Wanted)
	if p.Failed > 0 {
		s += fmt.Sprintf(", %d attempts failed", p.Failed)
	}
	s += fmt.Sprintf("; %s sent, %s received a second, %.1f Mbit/s", short(p.Sent), short(p.Received), p.Mbit)
	if p.P99 > 0 {
		s += fmt.Sprintf("; p99 %.1f ms", p.P99)
	}
	return s
}

// short writes a number with three digits.
func short(n float64) string {
	switch {
	case n >= 1e6:
		return fmt.Sprintf("%.2fM", n/1e6)
	case n >= 1e4:
		return fmt.Sprintf("%.1fk", n/1e3)
	}
	return fmt.Sprintf("%.0f", n)
}

// look reports progress until done is closed.
func (r *run) look(done <-chan struct{}, progress func(Progress)) {
	if progress == nil {
		<-done
		return
	}
	every := time.NewTicker(time.Second)
	defer every.Stop()
	at, packets, bytes, sent := r.clock.now(), uint64(0), uint64(0), uint64(0)
	for {
		select {
		case <-every.C:
		case <-done:
			return
		}
		now, s := r.clock.now(), r.sentSoFar()
		p, b := r.received()
		took := (now - at).Seconds()
		l := &r.latency[healthy]
		progress(Progress{
			Phase: r.phaseName(now), Elapsed: now, Wanted: len(r.all), In: r.present.Load(), Failed: r.failedN.Load(),
			Sent: float64(s-sent) / took, Received: float64(p-packets) / took, Mbit: float64(b-bytes) * 8 / 1e6 / took,
			P99: quantiles(&l[1], &l[2], &l[3]).P99,
		})
		at, packets, bytes, sent = now, p, b, s
	}
}

func (r *run) phaseName(now time.Duration) string {
	switch {
	case r.clock.at() == measuring:
		return "measuring"
	case r.clock.at() == draining:
		return "draining"
	case now < r.plan.Ramp:
		return "ramp"
	}
	return "warm-up"
}

// sentSoFar counts the packets of all streams.
func (r *run) sentSoFar() (n uint64) {
	for _, m := range r.rooms {
		for _, s := range m.streams {
			n += s.next.Load()
		}
	}
	return n
}
