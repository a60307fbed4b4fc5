package embedded

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	clusterName  = "cluster"          // the finished cluster in the data directory
	initPattern  = "init-*"           // where one is made; leftovers are removed
	passwordName = "parley.password"  // in the cluster, so that the two cannot be parted
	initTime     = 2 * time.Minute    // to create a cluster, on a slow disk too
	inheritedDir = "/proc/self/fd/3/" // the directory handed down to a child
)

// cluster is the files of a private cluster and the programs that work on them.
type cluster struct {
	dir       string
	bin       binaries
	owner     *syscall.Credential // whom the server runs as; nil for ourselves
	password  string
	throwaway bool
	log       *slog.Logger
}

func (c *cluster) data() string { return filepath.Join(c.dir, clusterName) }

// openCluster returns the cluster in dir, made if there was none, with nobody running on it.
func openCluster(ctx context.Context, dir string, opt PostgresOptions) (*cluster, error) {
	c := &cluster{dir: dir, throwaway: opt.Throwaway, log: opt.Log}
	version, err := os.ReadFile(filepath.Join(c.data(), "PG_VERSION"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read version of the database cluster: %w", err)
	}
	if c.bin, err = findBinaries(ctx, strings.TrimSpace(string(version))); err != nil {
		return nil, err
	}
	if c.owner, err = unprivileged(); err != nil {
		return nil, err
	}
	if version == nil {
		if err := c.create(ctx); err != nil {
			return nil, err
		}
	} else if err := c.adopt(); err != nil {
		return nil, err
	}
	password, err := os.ReadFile(filepath.Join(c.data(), passwordName))
	if err != nil {
		return nil, fmt.Errorf("read password of the database cluster: %w", err)
	}
	c.password = strings.TrimSpace(string(password))
	return c, evict(ctx, c.data(), c.log)
}

// create makes the cluster in a directory beside its place and moves it there when it is
// complete: whenever we are killed, there is a whole cluster or none.
func (c *cluster) create(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, initTime)
	defer cancel()
	leftovers, err := filepath.Glob(filepath.Join(c.dir, initPattern))
	if err != nil {
		return fmt.Errorf("look for unfinished clusters: %w", err)
	}
	for _, path := range leftovers {
		if err := os.RemoveAll(path); err != nil {
			return fmt.Errorf("remove unfinished cluster: %w", err)
		}
	}
	work, err := os.MkdirTemp(c.dir, initPattern)
	if err != nil {
		return fmt.Errorf("create database cluster: %w", err)
	}
	defer os.RemoveAll(work)
	password := filepath.Join(work, passwordName)
	if err := os.WriteFile(password, []byte(rand.Text()+"\n"), 0o600); err != nil {
		return fmt.Errorf("create database cluster: %w", err)
	}
	if err := c.give(work, password); err != nil {
		return err
	}

	runtime.LockOSThread() // the kernel stops the child when this thread ends
	defer runtime.UnlockOSThread()
	started := time.Now()
	cmd, done, err := c.command(ctx, c.bin.initdb, work)
	if err != nil {
		return err
	}
	defer done()
	base := strings.TrimSuffix(cmd.place, "/")
	cmd.Args = append(cmd.Args,
		"--pgdata="+base+"/"+clusterName, "--pwfile="+base+"/"+passwordName,
		"--username="+account, "--auth=scram-sha-256",
		"--encoding=UTF8", "--no-locale", "--no-instructions")
	if c.throwaway {
		cmd.Args = append(cmd.Args, "--no-sync")
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("create database cluster: %w: %s", err, lastLines(string(out), 3))
	}
	made := filepath.Join(work, clusterName)
	if err := os.Rename(password, filepath.Join(made, passwordName)); err != nil {
		return fmt.Errorf("create database cluster: %w", err)
	}
	if err := os.Rename(made, c.data()); err != nil {
		return fmt.Errorf("create database cluster: %w", err)
	}
	c.log.Info("database cluster created", "dir", c.data(), "version", c.bin.version,
		"took", time.Since(started).Round(time.Millisecond))
	return nil
}

// adopt gives an existing cluster to the account that the server runs as: a data directory
// may have been used by an unprivileged user before, or been copied.
func (c *cluster) adopt() error {
	if c.owner == nil {
		return nil
	}
	info, err := os.Stat(c.data())
	if err != nil {
		return fmt.Errorf("look at database cluster: %w", err)
	}
	if s, ok := info.Sys().(*syscall.Stat_t); ok && s.Uid == c.owner.Uid {
		return nil
	}
	return filepath.WalkDir(c.data(), func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("change owner of database cluster: %w", err)
		}
		return c.give(path)
	})
}

// give makes the account that the server runs as the owner of paths.
func (c *cluster) give(paths ...string) error {
	if c.owner == nil {
		return nil
	}
	for _, path := range paths {
		if err := os.Lchown(path, int(c.owner.Uid), int(c.owner.Gid)); err != nil {
			return fmt.Errorf("change owner of database cluster: %w", err)
		}
	}
	return nil
}

// unprivileged returns whom the server runs as, nil when that is ourselves: PostgreSQL
// refuses to run as root.
func unprivileged() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(u.Uid, 10, 32)
		if err != nil {
			continue
		}
		gid, err := strconv.ParseUint(u.Gid, 10, 32)
		if err != nil {
			continue
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, errors.New("PostgreSQL does not run as root and there is neither a user postgres nor nobody: create one, or start as another user")
}

// lastLines returns the last n lines of s that are not empty, on one line.
func lastLines(s string, n int) string {
	lines := slices.DeleteFunc(strings.Split(s, "\n"), func(l string) bool { return strings.TrimSpace(l) == "" })
	return strings.Join(lines[max(0, len(lines)-n):], "; ")
}
