package natstest

import (
	"context"
	"fmt"
	"net/url"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"
)

// Servers is a cluster of three NATS servers with JetStream.
type Servers struct {
	servers []*server.Server
	proxies []*Proxy // each in front of the routes of one server
}

// Cluster starts a cluster that ends with the test.
func Cluster(t testing.TB) *Servers {
	t.Helper()
	const size = 3
	c := &Servers{}
	dir := t.TempDir()
	for range size {
		c.proxies = append(c.proxies, newProxy(t))
	}
	for i := range size {
		s, err := server.NewServer(c.options(dir, i))
		if err != nil {
			t.Fatal(err)
		}
		c.servers = append(c.servers, s)
	}
	for _, p := range c.proxies {
		for _, s := range c.servers {
			p.callers = append(p.callers, s.ID()) // nobody calls yet
		}
	}
	for i, s := range c.servers {
		s.SetLoggerV2(serverLog{t, fmt.Sprintf("n%d", i)}, false, false, false)
		s.Start()
		t.Cleanup(func() {
			s.Shutdown()
			s.WaitForShutdown()
		})
		if !s.ReadyForConnections(wait) {
			t.Fatalf("server %d is not ready", i)
		}
		c.proxies[i].aim(s.ClusterAddr().String())
	}
	c.await(t)
	return c
}

func (c *Servers) options(dir string, i int) *server.Options {
	name := fmt.Sprintf("n%d", i)
	o := &server.Options{
		ServerName: name,
		Host:       "127.0.0.1",
		Port:       server.RANDOM_PORT,
		JetStream:  true,
		StoreDir:   filepath.Join(dir, name),
		Cluster: server.ClusterOpts{
			Name:      "test",
			Host:      "127.0.0.1",
			Port:      server.RANDOM_PORT,
			Advertise: c.proxies[i].addr(),
		},
		MaxPayload:             4_500_000,
		DisableJetStreamBanner: true,
		NoSigs:                 true,
	}
	for j, p := range c.proxies {
		if j != i {
			o.Routes = append(o.Routes, &url.URL{Scheme: "nats-route", Host: p.addr()})
		}
	}
	return o
}

// await returns when the cluster stores streams on all servers.
func (c *Servers) await(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), wait)
	defer cancel()
	js, err := jetstream.New(Dial(t, c.URL(0)))
	if err != nil {
		t.Fatal(err)
	}
	// A request is lost while the servers have no leader, hence many short attempts.
	for ready := false; !ready; {
		attempt, cancel := context.WithTimeout(ctx, 500*time.Millisecond)
		_, err := js.CreateStream(attempt, jetstream.StreamConfig{
			Name: "READY", Replicas: len(c.servers), Storage: jetstream.MemoryStorage,
		})
		ready = err == nil
		if !ready {
			<-attempt.Done() // an error without delay says that they do not know each other yet
		}
		cancel()
		if ctx.Err() != nil {
			t.Fatalf("cluster is not ready: %v", err)
		}
	}
	if err := js.DeleteStream(ctx, "READY"); err != nil {
		t.Fatal(err)
	}
}

// URL returns the address of server i of 0, 1 and 2.
func (c *Servers) URL(i int) string { return c.servers[i].ClientURL() }

// Cut parts server i from the two others, not from its clients, until Heal.
func (c *Servers) Cut(i int) {
	for j, p := range c.proxies {
		if j == i {
			p.Cut()
		} else {
			p.refuse(c.servers[i].ID())
		}
	}
}

// Heal ends all cuts.
func (c *Servers) Heal() {
	for _, p := range c.proxies {
		p.Heal()
	}
}

// Stop ends server i for good.
func (c *Servers) Stop(i int) {
	c.servers[i].Shutdown()
	c.servers[i].WaitForShutdown()
}

// serverLog writes what a server says of trouble to the output of a test.
type serverLog struct {
	t    testing.TB
	name string
}

func (l serverLog) Noticef(string, ...any)         {}
func (l serverLog) Debugf(string, ...any)          {}
func (l serverLog) Tracef(string, ...any)          {}
func (l serverLog) Warnf(format string, v ...any)  { l.say(format, v) }
func (l serverLog) Errorf(format string, v ...any) { l.say(format, v) }
func (l serverLog) Fatalf(format string, v ...any) { l.say(format, v) }
func (l serverLog) say(format string, v []any) {
	fmt.Fprintf(l.t.Output(), l.name+": "+format+"\n", v...)
}
