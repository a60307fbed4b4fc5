package media_test

import (
	"testing"

	"parley/api/media"
)

func TestPositions(t *testing.T) {
	at := media.Position{Epoch: "MFRGGZDF", Number: 1<<64 - 1}
	if got, ok := media.ParsePosition(at.String()); !ok || got != at {
		t.Errorf("%v becomes %v, %v", at, got, ok)
	}
	for _, bad := range []string{"", "x", ".", "x.-1", "x.1.2", "x.18446744073709551616", string(make([]byte, 100)) + ".1"} {
		if got, ok := media.ParsePosition(bad); ok {
			t.Errorf("%q is read as %v", bad, got)
		}
	}
}
