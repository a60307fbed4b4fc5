package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// BinEnv names the environment variable that says where PostgreSQL's programs are.
const BinEnv = "PARLEY_POSTGRES_BIN"

// debianBin is where Debian and Ubuntu keep the programs of each major version.
const debianBin = "/usr/lib/postgresql/*/bin"

// binaries are the programs of one installed PostgreSQL.
type binaries struct {
	postgres, initdb string
	version          string // major version, "15"
}

// findBinaries returns an installed PostgreSQL, of the given major version unless that is
// "": a cluster can only be opened by the version that made it.
func findBinaries(ctx context.Context, major string) (binaries, error) {
	var others []string
	for _, dir := range binaryDirs(ctx) {
		b := binaries{postgres: filepath.Join(dir, "postgres"), initdb: filepath.Join(dir, "initdb")}
		if !executable(b.postgres) || !executable(b.initdb) {
			continue
		}
		var err error
		if b.version, err = majorVersion(ctx, b.postgres); err != nil {
			return binaries{}, err
		}
		if major == "" || b.version == major {
			return b, nil
		}
		others = append(others, b.version)
	}
	switch {
	case len(others) > 0:
		return binaries{}, fmt.Errorf("the database cluster was made by PostgreSQL %s, installed is %s: run `apt-get install postgresql-%s`, or move the data with pg_dump",
			major, strings.Join(others, ", "), major)
	case os.Getenv(BinEnv) != "":
		return binaries{}, fmt.Errorf("%s=%s holds no postgres and initdb", BinEnv, os.Getenv(BinEnv))
	}
	return binaries{}, errors.New("PostgreSQL is not installed: run `apt-get install postgresql`, set " + BinEnv + " to the directory of its programs, or set DATABASE_URL to a running server")
}

// binaryDirs lists where the programs may be, most wanted first.
func binaryDirs(ctx context.Context) []string {
	if dir := os.Getenv(BinEnv); dir != "" {
		return []string{dir}
	}
	var dirs []string
	if out, err := exec.CommandContext(ctx, "pg_config", "--bindir").Output(); err == nil {
		dirs = append(dirs, strings.TrimSpace(string(out)))
	}
	installed, err := filepath.Glob(debianBin)
	if err == nil {
		slices.SortFunc(installed, func(a, b string) int { return versionOf(b) - versionOf(a) })
		dirs = append(dirs, installed...)
	}
	if path, err := exec.LookPath("postgres"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil {
			dirs = append(dirs, filepath.Dir(path))
		}
	}
	return dirs
}

// versionOf returns the version in a path like debianBin, 0 when it has none.
func versionOf(bin string) int {
	n, err := strconv.Atoi(filepath.Base(filepath.Dir(bin)))
	if err != nil {
		return 0
	}
	return n
}

// majorVersion asks a server program, which says "postgres (PostgreSQL) 15.14 (Debian …)".
func majorVersion(ctx context.Context, postgres string) (string, error) {
	out, err := exec.CommandContext(ctx, postgres, "--version").Output()
	if err != nil {
		return "", fmt.Errorf("ask PostgreSQL for its version: %w", err)
	}
	_, version, _ := strings.Cut(string(out), "(PostgreSQL) ")
	end := strings.IndexFunc(version, func(r rune) bool { return r < '0' || r > '9' })
	if end <= 0 {
		return "", fmt.Errorf("ask PostgreSQL for its version: unexpected answer %q", out)
	}
	return version[:end], nil
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}
