// Command bench measures what a packet costs: the Go benchmarks of the packet path, beside
// the floors they are held against, and short runs of parley load, those of packets that come one by
// one beside what the same costs without the product. It prints one table of each; what it read them
// from is in artifacts.
//
//	bench [-bench REGEXP] [-benchtime 100ms] [-runs REGEXP] [-repeat N]
//
// Of what is repeated the tables have the one with the median cost, and the least and the most that it cost.
//
// Numbers of different runs are not to be compared, least of all on a machine with other
// things to do: ratios within one run are. So nothing here passes or fails.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"syscall"
	"time"
)

// packetPath is where the benchmarks of a packet's way are, floors first.
var packetPath = []string{"./api/floor", "./api/wire", "./api/rooms", "./api/ws", "./api/wt", "./api/natsrelay"}

// stages are the benchmarks among theirs that are about one packet.
const stages = "^Benchmark(Floor.*|ClassifyAndStamp|Ingest|Fanout|FanoutOfLayers|Queue|Write|Hop)$"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	pattern := flags.String("bench", stages, "which Go benchmarks; none when empty")
	benchtime := flags.String("benchtime", "100ms", "how long each one runs")
	which := flags.String("runs", ".", "which runs of parley load; none when empty")
	repeat := flags.Int("repeat", 1, "how often each benchmark and each run is repeated")
	dir := flags.String("artifacts", "artifacts", "where raw results go")
	binary := flags.String("parley", "bin/parley", "program for the runs")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *repeat < 1 {
		return fmt.Errorf("-repeat %d: at least 1", *repeat)
	}
	wanted, err := regexp.Compile(*which)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(*dir, 0o755); err != nil {
		return err
	}
	began := time.Now()
	fmt.Fprintf(out, "%s, %d processors, load %s\n", runtime.Version(), runtime.NumCPU(), loadAverage())
	if *pattern != "" {
		results, err := benchmarks(ctx, *pattern, *benchtime, *repeat, filepath.Join(*dir, "bench.log"))
		if err != nil {
			return err
		}
		fmt.Fprintln(out)
		if err := writeResults(out, results); err != nil {
			return err
		}
	}
	if *which != "" {
		fmt.Fprintln(out)
		if err := loadRuns(ctx, *binary, wanted, *repeat, *dir, out); err != nil {
			return err
		}
	}
	fmt.Fprintf(out, "\n%.0f s\n", time.Since(began).Seconds())
	return nil
}

// loadAverage says how busy the machine was in the last minute.
func loadAverage() string {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	var average string
	_, _ = fmt.Sscan(string(b), &average)
	return average
}
