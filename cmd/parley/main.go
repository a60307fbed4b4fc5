// Command parley serves meetings over REST, WebSocket and WebTransport.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/alecthomas/kong"

	"parley/api/config"
)

func main() { os.Exit(run(os.Args[1:], os.Getenv, os.Stdout, os.Stderr)) }

// cli is what parley understands.
type cli struct {
	Dev     devCommand     `cmd:"" help:"Start everything a team needs on this machine: database, message broker, server and page."`
	Serve   serveCommand   `cmd:"" help:"Start a production node. DATABASE_URL and NATS_URL name the servers it shares with others."`
	Migrate migrateCommand `cmd:"" help:"Bring the database schema up or down, or show where it is."`
	Flag    flagCommand    `cmd:"" help:"Show and change what may change while meetings run."`
	Load    loadCommands   `cmd:"" help:"Put a server under load, and account for everything."`
	Config  configCommand  `cmd:"" help:"Show the configuration a node would run with, or the reference of all settings."`
	Version versionCommand `cmd:"" help:"Show what this program was built from."`
}

// world is what commands may use of the outside.
type world struct {
	ctx    context.Context
	getenv func(string) string
	source *config.Source
	stdout io.Writer
	stderr io.Writer
}

// exit carries the status that kong's own --help asks for through a panic-free path.
type exit struct {
	asked  bool
	status int
}

// run is main without globals. It returns the exit status: 0 after a clean stop, 1 when
// something failed, 2 for a bad command line or configuration. The first signal asks the
// command to stop, the second one kills the process.
func run(args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	ctx, stop := untilSignal()
	defer stop()

	w := &world{ctx, getenv, config.NewSource(getenv), stdout, stderr}
	var grammar cli
	var left exit
	parser, err := kong.New(&grammar, append(w.source.Options(),
		kong.Name("parley"),
		kong.Description("Video calls for a team: one binary, from a laptop to a cluster."),
		kong.UsageOnError(),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.Writers(stdout, stderr),
		kong.Exit(func(status int) { left = exit{true, status} }),
	)...)
	if err != nil {
		fmt.Fprintf(stderr, "parley: %v\n", err)
		return 1
	}
	command, err := parser.Parse(args)
	switch {
	case left.asked:
		return left.status
	case err != nil:
		fmt.Fprintf(stderr, "parley: %v\nTry: %s --help\n", err, asked(err))
		return 2
	}
	return report(command.Run(w), stderr)
}

// asked returns the command that a mistake was made in, as far as that is known.
func asked(mistake error) string {
	if e, ok := errors.AsType[*kong.ParseError](mistake); ok && e.Context != nil {
		if node := e.Context.Selected(); node != nil {
			return node.FullPath()
		}
	}
	return "parley"
}

// untilSignal returns a context that ends with the first interrupt or SIGTERM. A second one
// kills the process, as if it had never been caught, however soon it follows.
func untilSignal() (context.Context, func()) {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	done := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() {
		for {
			select {
			case s := <-signals:
				if ctx.Err() != nil {
					signal.Reset(s)
					_ = syscall.Kill(os.Getpid(), s.(syscall.Signal))
				}
				cancel()
			case <-done:
				return
			}
		}
	})
	return ctx, func() {
		signal.Stop(signals)
		close(done)
		watching.Wait()
		cancel()
	}
}

// misconfigured is an error that the operator has to mend before anything starts.
type misconfigured struct{ error }

func (m misconfigured) Unwrap() error { return m.error }

// report writes err, one line per mistake, and returns the exit status for it.
func report(err error, stderr io.Writer) int {
	if err == nil {
		return 0
	}
	bad, ok := errors.AsType[misconfigured](err)
	if !ok {
		fmt.Fprintf(stderr, "parley: %v\n", err)
		return 1
	}
	fmt.Fprintln(stderr, "parley: the configuration has mistakes:")
	for _, mistake := range lines(bad.error) {
		fmt.Fprintf(stderr, "  %v\n", mistake)
	}
	fmt.Fprintln(stderr, "Try: parley config doc")
	return 2
}

// lines takes joined errors apart.
func lines(err error) []error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var all []error
	for _, e := range joined.Unwrap() {
		all = append(all, lines(e)...)
	}
	return all
}
