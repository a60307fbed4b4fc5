// Package cert holds the certificate of the encrypted ports: one from files, read again when
// they change, or a self-signed one that is made and renewed by itself.
//
// Browsers accept a self-signed certificate for WebTransport when the page names its SHA-256
// (serverCertificateHashes): it must be ECDSA and valid for at most 14 days in all.
package cert

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"parley/api/observe"
)

const (
	// Validity is how long a self-signed certificate is good, in all.
	Validity = 13 * 24 * time.Hour

	// Renewal is how long before its end a self-signed certificate is replaced.
	Renewal = 3 * 24 * time.Hour

	// backdate lets clients in whose clock is behind.
	backdate = time.Hour

	// checkEvery is how often Run looks whether there is something to do.
	checkEvery = time.Minute
)

// Holder holds the certificate that is valid now. Its methods may be called from any
// goroutine.
type Holder struct {
	log     *slog.Logger
	current atomic.Pointer[tls.Certificate]
	renew   func(current *tls.Certificate) (*tls.Certificate, error) // nil, nil: nothing to do
	signed  bool                                                     // by us
}

// Load returns the certificate chain and key of two PEM files.
func Load(certPath, keyPath string, log *slog.Logger) (*Holder, error) {
	files := &files{cert: certPath, key: keyPath}
	h := &Holder{log: log, renew: files.changed}
	return h, h.start()
}

// SelfSigned returns the certificate kept in dir, or a new one when there is none, when it is
// about to expire, or when it does not name this machine as it is called now: localhost,
// the loopback addresses, the host name and the addresses of its networks.
func SelfSigned(dir string, log *slog.Logger) (*Holder, error) {
	k := &keeper{dir: dir, names: machineNames}
	h := &Holder{log: log, renew: k.renew, signed: true}
	return h, h.start()
}

func (h *Holder) start() error {
	c, err := h.renew(nil)
	if err != nil {
		return fmt.Errorf("certificate: %w", err)
	}
	h.current.Store(c)
	return nil
}

// GetCertificate is for tls.Config: connections made from now on get the current one.
func (h *Holder) GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return h.current.Load(), nil
}

// SelfSigned reports whether no CA vouches for the certificate.
func (h *Holder) SelfSigned() bool { return h.signed }

// SHA256 returns the hash of the certificate that is valid now, as lower-case hex: what
// serverCertificateHashes wants.
func (h *Holder) SHA256() string {
	sum := sha256.Sum256(h.current.Load().Certificate[0])
	return hex.EncodeToString(sum[:])
}

// NotAfter returns when the certificate that is valid now expires.
func (h *Holder) NotAfter() time.Time { return h.current.Load().Leaf.NotAfter }

// Run replaces the certificate when its time has come or its files changed, until ctx ends.
// A failure is logged and tried again; the certificate before stays. Run returns nil.
func (h *Holder) Run(ctx context.Context) error {
	tick := time.NewTicker(checkEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			h.refresh()
		case <-ctx.Done():
			return nil
		}
	}
}

func (h *Holder) refresh() {
	next, err := h.renew(h.current.Load())
	switch {
	case err != nil:
		h.log.Error("certificate not renewed", observe.KeyErr, err, "expires", h.NotAfter())
	case next != nil:
		h.current.Store(next)
		h.log.Info("certificate renewed", "sha256", h.SHA256(), "expires", h.NotAfter())
	}
}

// files is a certificate that somebody else renews.
type files struct {
	cert, key string
	modified  [2]time.Time
}

// changed returns the certificate of the files when they changed since the last call. Run is
// its only caller after the first.
func (f *files) changed(*tls.Certificate) (*tls.Certificate, error) {
	var now [2]time.Time
	for i, path := range []string{f.cert, f.key} {
		info, err := os.Stat(path)
		if err != nil {
			return nil, err
		}
		now[i] = info.ModTime()
	}
	if now == f.modified {
		return nil, nil
	}
	c, err := tls.LoadX509KeyPair(f.cert, f.key)
	if err != nil {
		return nil, err // perhaps one of the two is still to be written: next time
	}
	f.modified = now
	return &c, nil
}
