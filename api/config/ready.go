package config

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Ready is what a node tells whoever started it once it serves.
type Ready struct {
	HTTP              string `json:"http"`                // http://host:port
	WebTransport      string `json:"webtransport"`        // https://host:port
	Telemetry         string `json:"telemetry,omitempty"` // host:port for JIP-3 nodes, if there is one
	CertificateSHA256 string `json:"certificate_sha256"`  // lower-case hex; "" when a CA vouches for it
	DatabaseURL       string `json:"database_url"`
	NATSURL           string `json:"nats_url"`
	NodeID            string `json:"node_id"`
	Debug             string `json:"debug,omitempty"`       // http://host:port of the internal address, if there is one
	AdminToken        string `json:"admin_token,omitempty"` // of dev, when no admins are configured
}

// Write makes r the content of the file at path in one step: whoever reads it finds all or
// the file before. Only the owner may read it, for the URLs hold passwords and the token is one.
func (r Ready) Write(path string) error {
	content, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("write ready file: %w", err)
	}
	if err := replace(path, append(content, '\n')); err != nil {
		return fmt.Errorf("write ready file: %w", err)
	}
	return nil
}

// ReadReady reads what Write wrote.
func ReadReady(path string) (Ready, error) {
	var r Ready
	content, err := os.ReadFile(path)
	if err != nil {
		return r, fmt.Errorf("read ready file: %w", err)
	}
	if err := json.Unmarshal(content, &r); err != nil {
		return r, fmt.Errorf("read ready file: %w", err)
	}
	return r, nil
}

// DevSecret returns the secret that signs the tokens of a node in dev mode: the content of
// jwt-secret in dir, which it makes when it is not there.
func DevSecret(dir string) (string, error) {
	path := filepath.Join(dir, "jwt-secret")
	content, err := os.ReadFile(path)
	if found := strings.TrimSpace(string(content)); err == nil && len(found) >= MinSecret {
		return found, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read secret: %w", err)
	}
	secret := rand.Text() + rand.Text()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("make data directory: %w", err)
	}
	if err := replace(path, []byte(secret+"\n")); err != nil {
		return "", fmt.Errorf("keep secret: %w", err)
	}
	return secret, nil
}

// replace makes content the file at path in one step, readable by the owner alone.
func replace(path string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // fails after the rename, as it should
	_, err = f.Write(content)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
