package cert

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// file is where a self-signed certificate is kept: key and certificate in one, so that they
// always belong together.
const file = "self-signed.pem"

// keeper keeps a self-signed certificate in a directory.
type keeper struct {
	dir   string
	names func() []string
}

// renew returns a certificate when current is not good enough: the kept one, or a new one.
func (k *keeper) renew(current *tls.Certificate) (*tls.Certificate, error) {
	if current != nil {
		// While running, names do not matter: whoever is here found the way. A laptop that
		// changes networks must not change its certificate each time.
		if time.Until(current.Leaf.NotAfter) >= Renewal {
			return nil, nil
		}
		return k.make()
	}
	content, err := os.ReadFile(filepath.Join(k.dir, file))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	kept, err := tls.X509KeyPair(content, content)
	if err != nil || !k.good(kept.Leaf) { // nothing, or not what make wrote
		return k.make()
	}
	return &kept, nil
}

// good reports whether a certificate from the last run will do for this one.
func (k *keeper) good(leaf *x509.Certificate) bool {
	if time.Until(leaf.NotAfter) < Renewal || time.Now().Before(leaf.NotBefore) {
		return false
	}
	for _, name := range k.names() {
		if leaf.VerifyHostname(name) != nil {
			return false
		}
	}
	return true
}

func (k *keeper) make() (*tls.Certificate, error) {
	content, err := selfSigned(k.names(), time.Now())
	if err != nil {
		return nil, fmt.Errorf("make self-signed certificate: %w", err)
	}
	c, err := tls.X509KeyPair(content, content)
	if err != nil {
		return nil, fmt.Errorf("make self-signed certificate: %w", err)
	}
	if err := k.write(content); err != nil {
		return nil, fmt.Errorf("keep self-signed certificate: %w", err)
	}
	return &c, nil
}

// write replaces the kept certificate in one step.
func (k *keeper) write(content []byte) error {
	if err := os.MkdirAll(k.dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(k.dir, file+"-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // fails after the rename, as it should
	_, err = f.Write(content)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), filepath.Join(k.dir, file))
}

// selfSigned returns key and certificate for names as PEM.
func selfSigned(names []string, now time.Time) ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127)) // RFC 5280, 4.1.2.2: at most 20 bytes
	if err != nil {
		return nil, err
	}
	begin := now.Add(-backdate).UTC().Truncate(time.Second)
	template := &x509.Certificate{
		SerialNumber: serial.Add(serial, big.NewInt(1)),
		Subject:      pkix.Name{CommonName: "parley"},
		NotBefore:    begin,
		NotAfter:     begin.Add(Validity),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},

		BasicConstraintsValid: true, // and no CA: to trust it is to trust this node alone
	}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = errors.Join(
		pem.Encode(&out, &pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}),
		pem.Encode(&out, &pem.Block{Type: "CERTIFICATE", Bytes: der}),
	)
	return out.Bytes(), err
}

// machineNames returns the names and addresses by which browsers reach this machine.
func machineNames() []string {
	names := []string{"localhost", "127.0.0.1", "::1"}
	if host, err := os.Hostname(); err == nil && validDNS(host) {
		names = append(names, host)
	}
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return names // the loopback will do
	}
	for _, a := range addresses {
		network, ok := a.(*net.IPNet)
		if !ok || network.IP.IsLoopback() || network.IP.IsLinkLocalUnicast() || network.IP.IsMulticast() {
			continue
		}
		names = append(names, network.IP.String())
	}
	return names
}

// validDNS reports whether a host name can stand in a certificate: some are not even ASCII.
func validDNS(host string) bool {
	c := x509.Certificate{DNSNames: []string{host}}
	return host != "localhost" && c.VerifyHostname(host) == nil
}
