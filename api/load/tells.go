package load

import (
	"context"
	"maps"
	"slices"

	"parley/api/load/scrape"
)

// scrape adds what a server says of itself, if it does.
func (u *usage) scrape(url string) error {
	page, err := scrape.Get(context.Background(), url, Certificates(url, false))
	u.tell(page)
	return err
}

func (u *usage) tell(page scrape.Page) {
	u.goroutines = int(page.Value("go_goroutines"))
	u.heap = uint64(page.Value("go_memstats_heap_inuse_bytes"))
	u.stacks = uint64(page.Value("go_memstats_stack_inuse_bytes"))
	u.ages = page.Histograms("parley_queue_age_seconds", "kind")
}

// Counters reads the Prometheus metrics at url and returns the values of those whose name is
// wanted, by name and labels. It gives up after twenty seconds.
func Counters(ctx context.Context, url string, wanted func(name string) bool) (map[string]float64, error) {
	page, err := scrape.Get(ctx, url, Certificates(url, false))
	return page.Values(wanted), err
}

// agesSince returns how long the server had packets, by kind, of those it handed on since before.
func (u *usage) agesSince(before *usage) map[string]Quantiles {
	ages := make(map[string]Quantiles)
	for _, kind := range slices.Sorted(maps.Keys(u.ages)) {
		r := u.ages[kind]
		if earlier, ok := before.ages[kind]; ok {
			r = r.Minus(earlier)
		}
		if r.Count == 0 {
			continue
		}
		most := slices.Max(append(slices.Collect(maps.Keys(r.Below)), 0))
		in := func(q float64) float64 { return round(1e3*min(r.Quantile(q), most), 3) }
		ages[kind] = Quantiles{
			Count: int64(r.Count), Mean: round(1e3*r.Sum/float64(r.Count), 3),
			P50: in(.5), P90: in(.9), P99: in(.99), P999: in(.999), Max: in(1),
		}
	}
	return ages
}
