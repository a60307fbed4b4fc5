package cert

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func logger(t *testing.T) *slog.Logger { return slog.New(slog.NewTextHandler(t.Output(), nil)) }

func TestBrowsersMayTrustTheHash(t *testing.T) {
	h, err := SelfSigned(t.TempDir(), logger(t))
	if err != nil {
		t.Fatal(err)
	}
	c, err := h.GetCertificate(nil)
	if err != nil {
		t.Fatal(err)
	}
	leaf := c.Leaf
	if key, ok := leaf.PublicKey.(*ecdsa.PublicKey); !ok || key.Curve != elliptic.P256() {
		t.Errorf("key %T", leaf.PublicKey)
	}
	if life := leaf.NotAfter.Sub(leaf.NotBefore); life > 14*24*time.Hour || time.Until(leaf.NotAfter) < 12*24*time.Hour || leaf.NotBefore.After(time.Now()) {
		t.Errorf("valid %v to %v", leaf.NotBefore, leaf.NotAfter)
	}
	for _, name := range []string{"localhost", "127.0.0.1", "::1"} {
		if err := leaf.VerifyHostname(name); err != nil {
			t.Error(err)
		}
	}
	sum := sha256.Sum256(leaf.Raw)
	if h.SHA256() != hex.EncodeToString(sum[:]) || !h.SelfSigned() || !h.NotAfter().Equal(leaf.NotAfter) {
		t.Errorf("hash %s", h.SHA256())
	}
}

func TestHandshake(t *testing.T) {
	h, err := SelfSigned(t.TempDir(), logger(t))
	if err != nil {
		t.Fatal(err)
	}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{GetCertificate: h.GetCertificate, MinVersion: tls.VersionTLS13})
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	served := make(chan error, 1)
	go func() {
		conn, err := listener.Accept()
		if err == nil {
			_, err = io.WriteString(conn, "hello")
			conn.Close()
		}
		served <- err
	}()
	roots := x509.NewCertPool()
	c, _ := h.GetCertificate(nil)
	roots.AddCert(c.Leaf)
	dialer := &tls.Dialer{NetDialer: &net.Dialer{Timeout: 10 * time.Second}, Config: &tls.Config{RootCAs: roots, ServerName: "localhost"}}
	conn, err := dialer.DialContext(t.Context(), "tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if text, err := io.ReadAll(conn); err != nil || string(text) != "hello" {
		t.Errorf("%q, %v", text, err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
}

func TestSelfSignedIsKept(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data", "tls")
	first, err := SelfSigned(dir, logger(t))
	if err != nil {
		t.Fatal(err)
	}
	again, err := SelfSigned(dir, logger(t))
	if err != nil || again.SHA256() != first.SHA256() {
		t.Errorf("another one: %v", err)
	}
	info, err := os.Stat(filepath.Join(dir, file))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if err := os.WriteFile(filepath.Join(dir, file), []byte("rubbish"), 0o600); err != nil {
		t.Fatal(err)
	}
	if repaired, err := SelfSigned(dir, logger(t)); err != nil || repaired.SHA256() == first.SHA256() {
		t.Errorf("rubbish: %v", err)
	}
}

func TestANewNameMakesANewCertificate(t *testing.T) {
	dir := t.TempDir()
	names := []string{"localhost"}
	k := &keeper{dir: dir, names: func() []string { return names }}
	first, err := k.renew(nil)
	if err != nil {
		t.Fatal(err)
	}
	names = append(names, "192.0.2.7", "laptop.example")
	if kept, err := k.renew(first); err != nil || kept != nil {
		t.Errorf("replaced while running: %v", err)
	}
	second, err := k.renew(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := second.Leaf.VerifyHostname("192.0.2.7"); err != nil {
		t.Error(err)
	}
}

func TestRenewedWhileRunning(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		h, err := SelfSigned(dir, logger(t))
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- h.Run(ctx) }()

		first := h.SHA256()
		advance(Validity - backdate - Renewal - 2*checkEvery)
		if h.SHA256() != first {
			t.Error("renewed too early")
		}
		advance(4 * checkEvery)
		second := h.SHA256()
		if second == first {
			t.Error("not renewed")
		}
		again, err := SelfSigned(dir, logger(t))
		if err != nil || again.SHA256() != second {
			t.Errorf("the new one is not kept: %v", err)
		}
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// advance moves the clock of the enclosing synctest bubble.
func advance(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func TestFilesAreReadAgainWhenTheyChange(t *testing.T) {
	dir := t.TempDir()
	certPath, keyPath := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	at := time.Now()
	write := func() {
		t.Helper()
		content, err := selfSigned([]string{"parley.example"}, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		at = at.Add(time.Second) // file systems may keep whole seconds
		for _, path := range []string{certPath, keyPath} {
			if err := os.WriteFile(path, content, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chtimes(path, at, at); err != nil {
				t.Fatal(err)
			}
		}
	}
	write()
	h, err := Load(certPath, keyPath, logger(t))
	if err != nil {
		t.Fatal(err)
	}
	first := h.SHA256()
	h.refresh()
	if h.SHA256() != first || h.SelfSigned() {
		t.Error("changed without a reason")
	}
	write()
	h.refresh()
	second := h.SHA256()
	if second == first {
		t.Error("not read again")
	}
	if err := os.WriteFile(keyPath, []byte("half a ke"), 0o600); err != nil {
		t.Fatal(err)
	}
	h.refresh()
	if h.SHA256() != second {
		t.Error("a broken file replaced a good certificate")
	}
	write()
	h.refresh()
	if h.SHA256() == second {
		t.Error("not read again after it was repaired")
	}
}

func TestLoadNamesTheFile(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing.pem")
	if _, err := Load(missing, missing, logger(t)); err == nil || !strings.Contains(err.Error(), missing) {
		t.Errorf("got %v", err)
	}
}
