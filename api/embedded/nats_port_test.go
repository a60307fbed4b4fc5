package embedded

import (
	"errors"
	"log/slog"
	"net"
	"syscall"
	"testing"
)

// The remembered port may be taken between the look at it and the start.
func TestNATSPortTakenAtTheLastMoment(t *testing.T) {
	o := NATSOptions{Dir: t.TempDir(), Log: slog.New(slog.NewTextHandler(t.Output(), nil))}
	first, err := StartNATS(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	address := first.srv.Addr().String()
	first.Close()
	defer func(find func(string) (int, string, error)) { identity = find }(identity)
	identity = func(file string) (int, string, error) {
		port, password, err := natsIdentity(file)
		l, lerr := net.Listen("tcp", address)
		if lerr != nil {
			t.Error(lerr)
		} else {
			t.Cleanup(func() { l.Close() })
		}
		return port, password, err
	}
	_, err = lockAndStartNATS(t.Context(), o, false)
	if !errors.Is(err, syscall.EADDRINUSE) {
		t.Fatalf("start on a port that is taken: %v", err)
	}
	identity = natsIdentity
	again, err := lockAndStartNATS(t.Context(), o, true)
	if err != nil {
		t.Fatal(err)
	}
	again.Close()
}
