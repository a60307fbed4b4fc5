package diagnosis

import "testing"

func TestFactsReadAsSentences(t *testing.T) {
	for n, want := range map[float64]string{0: "It failed 0 times.", 1: "It failed once.", 3: "It failed 3 times."} {
		if got := fact(byServer, "errors", n, "It failed %.0f times.").Words; got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if got := fact(byServer, "rtt_ms", 1, "It takes %.0f ms.").Words; got != "It takes 1 ms." {
		t.Error(got)
	}
}
