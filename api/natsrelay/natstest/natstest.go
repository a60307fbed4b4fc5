// Package natstest gives tests a NATS server with JetStream: an embedded one that ends with
// the test, or the one that PARLEY_TEST_NATS_URL names. An external server is shared by all
// tests, so each test uses rooms of its own; see [Name]. It needs JetStream and a max_payload
// of at least 4.5 MB.
package natstest

import (
	"context"
	"crypto/rand"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"parley/api/embedded"
)

// wait bounds every step that should take milliseconds. Three servers in a process that gets no
// processor find no leader, again and again.
const wait = 5 * time.Minute

// URL returns the address of a server for this test, with its credentials.
func URL(t testing.TB) string {
	t.Helper()
	if url := os.Getenv("PARLEY_TEST_NATS_URL"); url != "" {
		return url
	}
	ctx, cancel := context.WithTimeout(t.Context(), wait)
	defer cancel()
	n, err := embedded.StartNATS(ctx, embedded.NATSOptions{Dir: t.TempDir(), Log: Log(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Close)
	return n.URL()
}

// Connect returns a connection to a server for this test. Both end with the test.
func Connect(t testing.TB, opts ...nats.Option) *nats.Conn {
	t.Helper()
	return Dial(t, URL(t), opts...)
}

// Dial returns a connection to url that ends with the test.
func Dial(t testing.TB, url string, opts ...nats.Option) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect(url, opts...)
	if err != nil {
		t.Fatal(err)
	}
	closed := make(chan struct{})
	nc.SetClosedHandler(func(*nats.Conn) { close(closed) })
	t.Cleanup(func() {
		nc.Close()
		<-closed // its goroutines end before goleak looks for them
	})
	return nc
}

// Name returns a name for a room or node that no other test uses.
func Name(prefix string) string { return prefix + "-" + rand.Text()[:12] }

// Log returns a logger into the output of the test.
func Log(t testing.TB) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
}
