package embedded

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// PostgresURL returns the address of the database whose cluster is in dir, for whoever may read
// its password. Somebody answers there while a process has the cluster, see [StartPostgres]. It
// fails with an [io/fs.ErrNotExist] when there is no cluster, or none that was ever started.
func PostgresURL(dir string) (string, error) {
	c := &cluster{dir: dir}
	password, err := os.ReadFile(filepath.Join(c.data(), passwordName))
	if err != nil {
		return "", fmt.Errorf("read password of the database cluster: %w", err)
	}
	text, err := os.ReadFile(filepath.Join(dir, portFile))
	if err != nil {
		return "", fmt.Errorf("read port of the database: %w", err)
	}
	port, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return "", fmt.Errorf("read port of the database: %w", err)
	}
	c.password = strings.TrimSpace(string(password))
	return c.url(port, account), nil
}
