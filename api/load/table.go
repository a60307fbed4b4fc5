package load

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"text/tabwriter"
)

// Table writes a report for people.
func (r *Report) Table(out io.Writer) error {
	t := tabwriter.NewWriter(out, 0, 8, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(t, "sent\tpackets\tper second\tMbit/s\tkeyframes\tskipped\t\n")
	for _, kind := range slices.Sorted(maps.Keys(r.Sent)) {
		s := r.Sent[kind]
		fmt.Fprintf(t, "%s\t%d\t%s\t%.2f\t%d\t%d\t\n",
			kind, s.Packets, short(float64(s.Packets)/r.Seconds), float64(s.Bytes)*8e-6/r.Seconds, s.Keyframes, s.Skipped)
	}
	fmt.Fprintf(t, "\n\treceivers\texpected\tdelivered\tlost\tlost %%\ttwice\tout of order\tper second\tMbit/s\t\n")
	rows := func(all map[string]Received) {
		for _, name := range slices.Sorted(maps.Keys(all)) {
			x := all[name]
			fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%d\t%.3f\t%d\t%d\t%s\t%.1f\t\n", name, x.Participants, x.Expected, x.Delivered, x.Lost,
				100*float64(x.Lost)/float64(max(x.Expected, 1)), x.Duplicated, x.OutOfOrder,
				short(float64(x.Delivered)/r.Seconds), float64(x.Bytes)*8e-6/r.Seconds)
		}
	}
	rows(r.Received)
	kinds := r.ofKinds()
	rows(kinds)

	if h := r.Heartbeats; h.Expected > 0 {
		fmt.Fprintf(t, "\n\tsent\texpected\tdelivered\tthinned out\tlost\ttaken for gone\tnever seen\t\n")
		fmt.Fprintf(t, "heartbeats\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t\n", h.Sent, h.Expected, h.Delivered, h.Thinned, h.Lost, h.Gone, h.Unseen)
	}

	fmt.Fprintf(t, "\nmilliseconds\tcount\tmean\tp50\tp90\tp99\tp99.9\tmax\t\n")
	durations := func(name string, q Quantiles) {
		if q.Count > 0 {
			fmt.Fprintf(t, "%s\t%d\t%.2f\t%.2f\t%.2f\t%.2f\t%.2f\t%.1f\t\n", name, q.Count, q.Mean, q.P50, q.P90, q.P99, q.P999, q.Max)
		}
	}
	for _, all := range []map[string]Received{r.Received, kinds} {
		for _, name := range slices.Sorted(maps.Keys(all)) {
			durations("latency, "+name, all[name].Latency)
		}
	}
	if s := r.Server; s != nil {
		for _, kind := range slices.Sorted(maps.Keys(s.Ages)) {
			durations("of which in the server, "+kind, s.Ages[kind])
		}
	}
	durations("round trip", r.RTT)
	durations("join", r.Joins.First)
	durations("join again", r.Joins.Again)
	durations("absent after that", r.Joins.Absent)
	durations("visit", r.Joins.Visits)
	durations("server takes a packet", r.Generator.Held)
	durations("generator was late", r.Generator.Lag)
	durations("generator waited for a processor", r.Generator.Waits)

	fmt.Fprintf(t, "\nprocess\tCPU s\tof the machine\tus per delivery\tRSS MB\tpeak MB\tgoroutines\tthreads\tswitches per 1000\t\n")
	if s := r.Server; s != nil && s.RSS > 0 { // else its processes are not known
		goroutines := "" // unknown
		if s.Goroutines > 0 {
			goroutines = strconv.Itoa(s.Goroutines)
		}
		fmt.Fprintf(t, "server\t%.2f\t%.0f %%\t%.2f\t%d\t%d\t%s\t%d\t%.0f\t\n", s.CPUSeconds, 100*s.CPUShare, s.CPUPerDelivery,
			s.RSS>>20, s.RSSMost>>20, goroutines, s.Threads, s.SwitchesPer1000)
		for _, p := range s.Processes {
			fmt.Fprintf(t, "of which %s\t%.2f\t\t%.2f\t%d\t\t\t\t\t\n", p.Name, p.CPUSeconds, p.CPUPerDelivery, p.RSS>>20)
		}
	}
	fmt.Fprintf(t, "generator\t%.2f\t%.0f %%\t\t\t\t\t\t\t\n", r.Generator.CPUSeconds, 100*r.Generator.CPUShare)
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(out, "\n%d of %d participants in, %d attempts failed, machine %.0f %% busy, %.1f s measured\n",
		r.Joins.In, r.Joins.Wanted, r.Joins.Failed, 100*r.Generator.MachineBusy, r.Seconds)
	for _, reasons := range []map[string]int{r.Joins.Why, r.Joins.Lost} {
		for _, why := range slices.Sorted(maps.Keys(reasons)) {
			fmt.Fprintf(out, "  %d x %s\n", reasons[why], why)
		}
	}
	if r.Server != nil && r.Server.Error != "" {
		fmt.Fprintf(out, "the server could not be looked at: %s\n", r.Server.Error)
	}
	if limit := r.Generator.Bottleneck; limit != "" {
		fmt.Fprintf(out, "the limit was the %s, not the server\n", limit)
	}
	for _, note := range r.Notes {
		fmt.Fprintf(out, "NOTE %s\n", note)
	}
	return nil
}

// ofKinds returns what was received of each kind, by the names that rows of it have: where some are not
// healthy, theirs as well.
func (r *Report) ofKinds() map[string]Received {
	all := maps.Clone(r.Kinds)
	for readers, group := range r.Received {
		for kind, x := range group.Kinds {
			all[kind+", "+readers] = x
		}
	}
	return all
}
