package embedded

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

const (
	// natsPayload is the largest message: a packet of wire.MaxPacket bytes, what is stamped
	// onto it and headers.
	natsPayload = 4_500_000

	// natsPending is what may wait for one connection before the server drops it. A node
	// that hangs for a second in a cluster of busy rooms must not be thrown out for it.
	natsPending = 256 << 20

	// natsMemory and natsStore bound what the streams of this server may hold, in bytes.
	natsMemory = 1 << 30
	natsStore  = 4 << 30

	natsUser  = "parley"
	natsReady = time.Minute
)

// NATSOptions say where an embedded NATS server keeps its data.
type NATSOptions struct {
	// Dir holds the streams and, in a file that only the owner reads, the URL. It belongs
	// to the server alone and is created when missing.
	Dir string
	Log *slog.Logger
}

// NATS is a NATS server with JetStream inside this process. It listens on the loopback
// interface behind a password, so that other nodes on the machine can join by [NATS.URL].
type NATS struct {
	srv  *server.Server
	lock *Lock
	url  string
}

// StartNATS starts a server and returns when it accepts connections and JetStream is up,
// at the latest when ctx ends or after 20 s. Address and password are those of the last
// start in the same Dir as long as the port is free, so that other nodes find it again.
// Streams on disk survive a kill; those in memory are gone. The error is a [LockedError]
// while another server uses Dir.
func StartNATS(ctx context.Context, o NATSOptions) (*NATS, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	n, err := lockAndStartNATS(ctx, o, false)
	if errors.Is(err, syscall.EADDRINUSE) {
		// The port was free a moment ago; it may have become the local end of a connection.
		return lockAndStartNATS(ctx, o, true)
	}
	return n, err
}

func lockAndStartNATS(ctx context.Context, o NATSOptions, anyPort bool) (*NATS, error) {
	lock, err := LockDir(o.Dir)
	if err != nil {
		return nil, err
	}
	n, err := startNATS(ctx, o, lock, anyPort)
	if err != nil {
		return nil, errors.Join(err, lock.Unlock())
	}
	return n, nil
}

func startNATS(ctx context.Context, o NATSOptions, lock *Lock, anyPort bool) (*NATS, error) {
	port, password, err := identity(filepath.Join(o.Dir, "url"))
	if err != nil {
		return nil, err
	}
	if anyPort {
		port = server.RANDOM_PORT
	}
	log := &natsLog{Logger: o.Log}
	srv, err := server.NewServer(&server.Options{
		ServerName: "parley-embedded",
		Host:       "127.0.0.1",
		Port:       port,
		// The server's own check of a password warns that it is not hashed; hashing costs
		// each connection 70 ms and protects nothing that the URL file does not give away.
		CustomClientAuthentication: natsPassword(password),

		JetStream:              true,
		StoreDir:               o.Dir,
		JetStreamMaxMemory:     natsMemory,
		JetStreamMaxStore:      natsStore,
		DisableJetStreamBanner: true,

		MaxPayload: natsPayload,
		MaxPending: natsPending,
		// One slow node must not hold up those that publish.
		NoFastProducerStall: true,
		NoSigs:              true,
	})
	if err != nil {
		return nil, fmt.Errorf("configure NATS: %w", err)
	}
	srv.SetLoggerV2(log, false, false, false)
	n := &NATS{srv: srv, lock: lock}

	// Start returns early only when it failed; otherwise it returns once listening, which
	// with much to recover takes longer than a caller may want to wait.
	started := make(chan bool, 1)
	go func() { // waited for below
		srv.Start()
		started <- srv.Addr() != nil && srv.ReadyForConnections(natsReady)
	}()
	select {
	case ok := <-started:
		if !ok {
			n.Close()
			err := errors.New(log.last())
			if strings.Contains(err.Error(), syscall.EADDRINUSE.Error()) { // the server tells only the log
				err = syscall.EADDRINUSE
			}
			return nil, fmt.Errorf("start NATS: not ready: %w", err)
		}
	case <-ctx.Done():
		n.Close()
		<-started
		return nil, fmt.Errorf("start NATS: %w", context.Cause(ctx))
	}

	u := url.URL{Scheme: "nats", User: url.UserPassword(natsUser, password), Host: srv.Addr().String()}
	n.url = u.String()
	if err := os.WriteFile(filepath.Join(o.Dir, "url"), []byte(n.url+"\n"), 0o600); err != nil {
		n.Close()
		return nil, fmt.Errorf("keep NATS address: %w", err)
	}
	return n, nil
}

// URL returns the address of the server with its credentials: a secret.
func (n *NATS) URL() string { return n.url }

// Connect returns a connection that does not pass through the network. The caller closes it.
func (n *NATS) Connect(opts ...nats.Option) (*nats.Conn, error) {
	return nats.Connect(n.url, append([]nats.Option{nats.InProcessServer(n.srv)}, opts...)...)
}

// Close stops the server and waits until its streams are written and its goroutines ended.
// It may be called more than once.
func (n *NATS) Close() {
	n.srv.Shutdown()
	n.srv.WaitForShutdown()
	_ = n.lock.Unlock() // the kernel takes it back at the latest when the process ends
}

// identity is natsIdentity but for a test that has to come between.
var identity = natsIdentity

// natsIdentity returns port and password of the URL kept in file, or new ones.
func natsIdentity(file string) (port int, password string, err error) {
	b, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, "", fmt.Errorf("read NATS address: %w", err)
	}
	port = server.RANDOM_PORT
	if u, err := url.Parse(strings.TrimSpace(string(b))); err == nil && u.User != nil {
		password, _ = u.User.Password()
		if l, err := net.Listen("tcp", u.Host); err == nil {
			port, _ = strconv.Atoi(u.Port())
			l.Close()
		}
	}
	if password == "" {
		password = rand.Text()
	}
	return port, password, nil
}

// natsPassword admits clients that know it.
type natsPassword string

func (p natsPassword) Check(c server.ClientAuthentication) bool {
	o := c.GetOpts()
	return o.Username == natsUser && subtle.ConstantTimeCompare([]byte(o.Password), []byte(p)) == 1
}
