package main

import (
	"fmt"
	"io"
	"strings"

	"parley/api/observe"
)

// status shows how something is doing: to somebody who looks at a terminal as one line that changes,
// elsewhere as a line each time. It is for one goroutine at a time; a nil one shows nothing.
type status struct {
	out   io.Writer
	live  bool // a line that changes
	shown bool // and that has not ended
}

// newStatus returns what writes to out, nil when quiet.
func newStatus(out io.Writer, quiet bool) *status {
	if quiet {
		return nil
	}
	return &status{out: out, live: observe.IsTerminal(out)}
}

// show shows a line in place of the one before.
func (s *status) show(line string) {
	switch {
	case s == nil:
	case s.live:
		s.shown = true
		fmt.Fprint(s.out, "\r\x1b[K", line)
	default:
		fmt.Fprintln(s.out, strings.TrimSpace(line))
	}
}

// end has what follows begin on a line of its own.
func (s *status) end() {
	if s != nil && s.shown {
		s.shown = false
		fmt.Fprintln(s.out)
	}
}

// shown returns how to show what is reported by its String; nil when s is.
func shown[T fmt.Stringer](s *status) func(T) {
	if s == nil {
		return nil
	}
	return func(progress T) { s.show(progress.String()) }
}
