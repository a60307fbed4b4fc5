package embedded_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"parley/api/embedded"
)

// natsVictim names the directory in which a child process starts a server to be killed.
const natsVictim = "PARLEY_TEST_NATS_VICTIM"

func startNATS(t *testing.T, dir string) *embedded.NATS {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	n, err := embedded.StartNATS(ctx, embedded.NATSOptions{Dir: dir, Log: slog.New(slog.NewTextHandler(t.Output(), nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Close)
	return n
}

// events returns a stream on disk.
func events(t *testing.T, c *nats.Conn) jetstream.Stream {
	t.Helper()
	js, err := jetstream.New(c)
	if err != nil {
		t.Fatal(err)
	}
	s, err := js.CreateOrUpdateStream(t.Context(), jetstream.StreamConfig{Name: "EVENTS", Subjects: []string{"events"}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestNATSOutlivesARestart(t *testing.T) {
	dir := t.TempDir()
	n := startNATS(t, dir)
	before := n.URL()
	c, err := n.Connect()
	if err != nil {
		t.Fatal(err)
	}
	events(t, c)
	if _, err := c.Request("events", []byte("one"), 10*time.Second); err != nil {
		t.Fatal(err)
	}
	c.Close()
	n.Close()
	n.Close() // once more does no harm

	n = startNATS(t, dir)
	if n.URL() != before {
		t.Errorf("URL is %q after the restart, was %q", n.URL(), before)
	}
	c, err = nats.Connect(n.URL()) // over the network
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if got := events(t, c).CachedInfo().State.Msgs; got != 1 {
		t.Errorf("%d messages after the restart, want 1", got)
	}
}

func TestNATSKeepsItsPasswordToItself(t *testing.T) {
	dir := t.TempDir()
	n := startNATS(t, dir)
	info, err := os.Stat(filepath.Join(dir, "url"))
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode of the URL file is %v", info.Mode())
	}
	u, err := url.Parse(n.URL())
	if err != nil {
		t.Fatal(err)
	}
	u.User = nil
	if _, err := nats.Connect(u.String()); !errors.Is(err, nats.ErrAuthorization) {
		t.Errorf("without password: %v, want %v", err, nats.ErrAuthorization)
	}
}

func TestNATSRefusesADirectoryInUse(t *testing.T) {
	dir := t.TempDir()
	startNATS(t, dir)
	_, err := embedded.StartNATS(t.Context(), embedded.NATSOptions{Dir: dir})
	if _, ok := errors.AsType[*embedded.LockedError](err); !ok {
		t.Errorf("second server: %v, want a LockedError", err)
	}
}

func TestNATSTakesAnotherPortWhenItsOwnIsTaken(t *testing.T) {
	dir := t.TempDir()
	first := startNATS(t, dir)
	b, err := os.ReadFile(filepath.Join(dir, "url"))
	if err != nil {
		t.Fatal(err)
	}
	other := t.TempDir()
	if err := os.WriteFile(filepath.Join(other, "url"), b, 0o600); err != nil {
		t.Fatal(err)
	}
	if second := startNATS(t, other); second.URL() == first.URL() {
		t.Error("two servers have one URL")
	}
}

func TestNATSRecoversFromAKill(t *testing.T) {
	if dir := os.Getenv(natsVictim); dir != "" {
		n := startNATS(t, dir)
		c, err := n.Connect()
		if err != nil {
			t.Fatal(err)
		}
		events(t, c)
		if _, err := c.Request("events", []byte("one"), 10*time.Second); err != nil {
			t.Fatal(err)
		}
		fmt.Println("stored")
		select {} // until killed
	}

	dir := t.TempDir()
	victim := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestNATSRecoversFromAKill$")
	victim.Env = append(os.Environ(), natsVictim+"="+dir)
	out, err := victim.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := victim.Start(); err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(out); ; {
		if !lines.Scan() {
			t.Fatal("victim ended before it had stored anything")
		}
		if lines.Text() == "stored" {
			break
		}
	}
	if err := victim.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = victim.Wait()

	n := startNATS(t, dir)
	c, err := n.Connect()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if got := events(t, c).CachedInfo().State.Msgs; got != 1 {
		t.Errorf("%d messages after the kill, want 1", got)
	}
}
