package flood

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"

	"parley/api/load"
)

// Table writes a report for people.
func (r *Report) Table(out io.Writer) error {
	for i := range r.Rounds {
		round := &r.Rounds[i]
		if len(r.Rounds) > 1 {
			fmt.Fprintf(out, "round %d of %d\n\n", i+1, len(r.Rounds))
		}
		if err := round.table(out); err != nil {
			return err
		}
	}
	what := "with the flood, of without"
	if slices.ContainsFunc(r.Rounds, func(round Round) bool { return len(round.Elsewhere) > 0 }) {
		what = "with the flood, of with one of another server"
	}
	fmt.Fprintf(out, "%s: join p50 %.2f, p99 %.2f; media p50 %.2f, p99 %.2f\n",
		what, r.Ratios.JoinP50, r.Ratios.JoinP99, r.Ratios.MediaP50, r.Ratios.MediaP99)
	return nil
}

func (r *Round) table(out io.Writer) error {
	if len(r.Elsewhere) > 0 {
		fmt.Fprintln(out, "of another server, while it was calm at this one")
		if err := Table(out, r.Elsewhere); err != nil {
			return err
		}
		fmt.Fprintln(out, "\nof this one")
	}
	if err := Table(out, r.Flood); err != nil {
		return err
	}
	t := tabwriter.NewWriter(out, 0, 8, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(t, "\nmilliseconds\tcount\tmean\tp50\tp90\tp99\tmax\t\n")
	row := func(name string, q load.Quantiles) {
		fmt.Fprintf(t, "%s\t%d\t%.2f\t%.2f\t%.2f\t%.2f\t%.1f\t\n", name, q.Count, q.Mean, q.P50, q.P90, q.P99, q.Max)
	}
	for _, x := range []struct {
		name string
		r    *load.Report
	}{{"calm", r.Calm}, {"flooded", r.Flooded}} {
		row("join, "+x.name, x.r.Joins.Visits)
		row("media, "+x.name, x.r.Received["healthy"].Latency)
	}
	fmt.Fprintf(t, "\n\texpected\tlost\tjoins failed\tconnections lost\tserver CPU\tmachine busy\t\n")
	for _, x := range []struct {
		name string
		r    *load.Report
	}{{"calm", r.Calm}, {"flooded", r.Flooded}} {
		got, lost, cpu := x.r.Received["healthy"], 0, 0.0
		for _, n := range x.r.Joins.Lost {
			lost += n
		}
		if x.r.Server != nil {
			cpu = x.r.Server.CPUShare
		}
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%d\t%.0f %%\t%.0f %%\t\n", x.name, got.Expected, got.Lost, x.r.Joins.Failed, lost, 100*cpu, 100*x.r.Generator.MachineBusy)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if s := r.Server; s.RSSMost > 0 {
		fmt.Fprintf(out, "\nmemory of the server: %d MB before, %d MB at most, %d MB after\n", s.RSSBefore>>20, s.RSSMost>>20, s.RSSAfter>>20)
	}
	for _, name := range slices.Sorted(maps.Keys(r.Server.Counts)) {
		fmt.Fprintf(out, "  %12.0f %s\n", r.Server.Counts[name], name)
	}
	if r.Server.Error != "" {
		fmt.Fprintf(out, "the server could not be looked at: %s\n", r.Server.Error)
	}
	fmt.Fprintln(out)
	return nil
}

// Table writes what came of floods for people.
func Table(out io.Writer, tallies []Tally) error {
	t := tabwriter.NewWriter(out, 0, 8, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(t, "flood\tof\twanted\tat once\tbegun\trefused\tended\tlasted p50\tpackets\tMB\t\n")
	for _, f := range tallies {
		fmt.Fprintf(t, "%s\t%s\t%d\t%d\t%d\t%d\t%d\t%.1f s\t%d\t%.1f\t\n", f.How, f.Kind, f.Wanted, f.Most, f.Begun,
			sum(f.Refused), sum(f.Ended), f.Lasted.P50/1000, f.Packets, float64(f.Bytes)/1e6)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, f := range tallies {
		for what, reasons := range map[string]map[string]int{"refused": f.Refused, "ended": f.Ended} {
			for _, why := range slices.Sorted(maps.Keys(reasons)) {
				fmt.Fprintf(out, "  %s %s: %d x %s\n", f.How, what, reasons[why], why)
			}
		}
	}
	return nil
}

func sum(reasons map[string]int) (n int) {
	for _, k := range reasons {
		n += k
	}
	return n
}
