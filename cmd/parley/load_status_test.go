package main

import (
	"bytes"
	"fmt"
	"testing"
)

// What is reported after a line that changes does not stand behind it.
func TestStatusEndsItsLine(t *testing.T) {
	for live, want := range map[bool]string{
		true:  "\r\x1b[K 1s\r\x1b[K 2s\nreport\n",
		false: "1s\n2s\nreport\n",
	} {
		var out bytes.Buffer
		s := &status{out: &out, live: live}
		s.end() // nothing was shown
		s.show(" 1s")
		s.show(" 2s")
		s.end()
		s.end()
		fmt.Fprintln(&out, "report")
		if out.String() != want {
			t.Errorf("%q, want %q", out.String(), want)
		}
	}
	quiet := newStatus(nil, true)
	quiet.show("nothing")
	quiet.end()
}
