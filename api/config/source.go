package config

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"time"

	"parley/api/flags"

	"github.com/alecthomas/kong"
)

// Source reads a Common from a command line and an environment. Its Options make kong read
// the environment through getenv, and keep a value that cannot be read for Settle to report
// instead of stopping at the first one. A Source reads one command line.
type Source struct {
	getenv   func(string) string
	mistakes []error
	origin   map[string]string // where a value came from, by flag, unless from the command line
}

// NewSource returns a Source that looks environment variables up with getenv.
func NewSource(getenv func(string) string) *Source {
	return &Source{getenv: getenv, origin: map[string]string{}}
}

// Options are what kong.New needs so that it reads a Common as this package documents it.
func (s *Source) Options() []kong.Option {
	return []kong.Option{
		kong.Resolvers(kong.ResolverFunc(s.resolve)),
		kong.KindMapper(reflect.Bool, boolMapper{s}),
		kong.NamedMapper("seconds", kong.MapperFunc(s.seconds)),
		kong.ValueFormatter(helpOf),
	}
}

// Parse reads a command line that consists of the flags of a Common alone, and settles it.
func Parse(args []string, getenv func(string) string, mode Mode) (*Common, error) {
	var c Common
	s := NewSource(getenv)
	parser, err := kong.New(&c, append(s.Options(), kong.Name("parley"), kong.NoDefaultHelp())...)
	if err != nil {
		return nil, fmt.Errorf("describe configuration: %w", err)
	}
	if _, err := parser.Parse(args); err != nil {
		return nil, err
	}
	return &c, s.Settle(&c, mode)
}

// Settle completes c with what depends on the mode, the files and the machine, and checks
// it. Its error joins every mistake of command line and environment, each with the flag, the
// variable and the value. It reads files and creates nothing.
func (s *Source) Settle(c *Common, mode Mode) error {
	s.mistakes = append(s.mistakes,
		s.fromFile("jwt-secret", "JWT_SECRET", c.Access.JWTSecretFile, &c.Access.JWTSecret),
		s.fromFile("oauth-secret", "OAUTH_SECRET", c.OAuth.SecretFile, &c.OAuth.Secret))
	s.completeStores(&c.Stores)
	if c.Node.ServerID == "" {
		c.Node.ServerID = defaultServerID()
	}
	c.Node.Instance = reportable(cmp.Or(c.Node.Instance, c.Node.ServerID))
	if c.Access.DemoSignIn == nil {
		c.Access.DemoSignIn = new(mode == Dev && c.OAuth.ClientID == "")
	}
	c.Listen.Debug = unlessOff(c.Listen.Debug, mode, "127.0.0.1:0")
	c.JIP3.Addr = unlessOff(c.JIP3.Addr, mode, DevTelemetry)
	for i, user := range c.Access.Admins {
		c.Access.Admins[i] = strings.TrimSpace(user)
	}
	s.mistakes = append(s.mistakes, c.check(mode)...)
	if _, err := s.Flags(c, slog.New(slog.DiscardHandler)); err != nil {
		s.mistakes = append(s.mistakes, err)
	}
	return errors.Join(s.mistakes...)
}

// SettleStores is Settle for commands that need nothing but the stores.
func (s *Source) SettleStores(c *Stores) error {
	s.completeStores(c)
	return errors.Join(append(s.mistakes, databaseURL(c.DatabaseURL), natsURL(c.NATSURL))...)
}

func (s *Source) completeStores(c *Stores) {
	s.mistakes = append(s.mistakes,
		s.fromFile("database-url", "DATABASE_URL", c.DatabaseURLFile, &c.DatabaseURL),
		s.fromFile("nats-url", "NATS_URL", c.NATSURLFile, &c.NATSURL))
	if c.DataDir == "" {
		c.DataDir = defaultDataDir(s.getenv)
	}
}

// Flags returns the registry of feature flags as command line and environment set them.
// Warnings about values go to log.
func (s *Source) Flags(c *Common, log *slog.Logger) (*flags.Registry, error) {
	unknown := map[string]bool{}
	for name := range c.Node.Features {
		unknown[name] = true
	}
	reg, err := flags.New(func(env string) string {
		name := strings.ToLower(strings.TrimPrefix(env, "FEATURE_"))
		if v, ok := c.Node.Features[name]; ok {
			delete(unknown, name)
			return v
		}
		return s.getenv(env)
	}, log)
	errs := []error{err}
	for name := range unknown {
		errs = append(errs, fmt.Errorf("--feature: there is no flag %q", name))
	}
	return reg, errors.Join(errs...)
}

// resolve is asked for every flag that is not on the command line.
func (s *Source) resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	s.origin[flag.Name] = fromDefault
	from := flag.Tag.Get("from")
	if from == "" {
		return nil, nil
	}
	text := s.getenv(from)
	if text == "" {
		return nil, nil
	}
	s.origin[flag.Name] = from
	return text, nil
}

// mistake keeps what is wrong with the value of a flag.
func (s *Source) mistake(v *kong.Value, text, wanted string) {
	s.mistakes = append(s.mistakes, fmt.Errorf("%s: %q is not %s", label(v.Name, v.Tag.Get("from")), text, wanted))
}

// label names a setting as whoever wrote it knows it: by flag and by variable.
func label(name, from string) string {
	if from == "" {
		return "--" + name
	}
	return "--" + name + " (" + from + ")"
}

// seconds reads a duration. What cannot be read becomes the default, so that it is one
// mistake and not two.
func (s *Source) seconds(ctx *kong.DecodeContext, target reflect.Value) error {
	var text string
	if err := ctx.Scan.PopValueInto("duration", &text); err != nil {
		return err
	}
	d, err := parseSeconds(text)
	if err != nil {
		s.mistake(ctx.Value, text, "a number of seconds or a duration such as 90s or 5m")
		d, err = parseSeconds(ctx.Value.Default)
	}
	target.SetInt(int64(d))
	return err
}

// parseSeconds reads a duration, or a whole number of seconds as the variables that end in
// _SECS have always been.
func parseSeconds(text string) (time.Duration, error) {
	text = strings.TrimSpace(text)
	if n, err := strconv.ParseInt(text, 10, 32); err == nil {
		return time.Duration(n) * time.Second, nil
	}
	return time.ParseDuration(text)
}

// boolMapper reads a bool; on the command line the name of the flag alone means true.
type boolMapper struct{ s *Source }

func (m boolMapper) IsBool() bool { return true }

func (m boolMapper) Decode(ctx *kong.DecodeContext, target reflect.Value) error {
	if ctx.Scan.Peek().Type != kong.FlagValueToken {
		target.SetBool(true)
		return nil
	}
	text := fmt.Sprint(ctx.Scan.Pop().Value)
	switch strings.ToLower(strings.TrimSpace(text)) {
	case "true", "1", "yes":
		target.SetBool(true)
	case "false", "0", "no":
		target.SetBool(false)
	default:
		m.s.mistake(ctx.Value, text, "true or false")
		target.SetBool(ctx.Value.Default == "true")
	}
	return nil
}

// maxSecretFile bounds what is read of a secret file, in bytes.
const maxSecretFile = 64 << 10

// fromFile sets *value, that of a flag, to the content of the file at path, if there is one.
func (s *Source) fromFile(flag, env, path string, value *string) error {
	name := label(flag+"-file", env+"_FILE")
	switch {
	case path == "":
		return nil
	case *value != "":
		return fmt.Errorf("%s: %q is given together with the value itself", name, path)
	}
	s.origin[flag] = path
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, maxSecretFile))
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	*value = strings.TrimSpace(string(content))
	if *value == "" {
		return fmt.Errorf("%s: %q is empty", name, path)
	}
	return nil
}

func defaultDataDir(getenv func(string) string) string {
	if dir := getenv("XDG_DATA_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "parley")
	}
	if home := getenv("HOME"); filepath.IsAbs(home) {
		return filepath.Join(home, ".local", "share", "parley")
	}
	return "data"
}

// defaultServerID is the host name as statistics can carry it.
func defaultServerID() string {
	host, err := os.Hostname()
	if err != nil || host == "" {
		return "server-1"
	}
	return reportable(host)
}

// reportable replaces what statistics cannot carry in a name.
func reportable(name string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(nameRunes, r) {
			return r
		}
		return '-'
	}, name)
}

// unlessOff completes an address that dev has and serve has not, unless somebody says so.
func unlessOff(addr string, mode Mode, dev string) string {
	switch {
	case addr == "off":
		return ""
	case addr == "" && mode == Dev:
		return dev
	}
	return addr
}
