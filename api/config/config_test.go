package config

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"parley/api/flags"

	"github.com/alecthomas/kong"
)

func env(pairs ...string) func(string) string {
	values := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		values[pairs[i]] = pairs[i+1]
	}
	return func(name string) string { return values[name] }
}

const goodSecret = "sixteen bytes or more"

func TestDefaults(t *testing.T) {
	c, err := Parse(nil, env("HOME", "/home/ada"), Dev)
	if err != nil {
		t.Fatal(err)
	}
	if c.Listen.HTTP != ":8080" || c.Listen.WebTransport != ":4433" || c.Listen.QUICIdleTimeout != 5*time.Second ||
		c.Listen.QUICKeepAlive != time.Second || len(c.Listen.CORSAllowedOrigin) != 0 {
		t.Errorf("listen: %+v", c.Listen)
	}
	if c.Stores.DataDir != "/home/ada/.local/share/parley" || c.Stores.DatabaseURL != "" || c.Stores.NATSURL != "" {
		t.Errorf("stores: %+v", c.Stores)
	}
	if c.Access.TokenTTL != time.Minute || c.Access.SessionTTL != 7*24*time.Hour || c.Access.CookieName != "session" ||
		!c.Access.CookieSecure || !*c.Access.DemoSignIn {
		t.Errorf("access: %+v", c.Access)
	}
	if c.Node.Region != "us-east" || c.Node.ServerID == "" || c.Node.StatsInterval != 5*time.Second || c.Node.Drain != 10*time.Second {
		t.Errorf("node: %+v", c.Node)
	}
}

func TestInstanceIsTheHostElseTheServer(t *testing.T) {
	for _, tc := range []struct{ host, server, want string }{
		{"pod-7", "eu-1", "pod-7"}, {"", "eu-1", "eu-1"}, {"a.example", "", "a-example"}, {"", "", defaultServerID()},
	} {
		c, err := Parse(nil, env("HOSTNAME", tc.host, "SERVER_ID", tc.server), Dev)
		if err != nil || c.Node.Instance != tc.want {
			t.Errorf("%+v: %s, %v", tc, c.Node.Instance, err)
		}
	}
}

func TestDataDirectory(t *testing.T) {
	for _, tc := range []struct{ xdg, home, want string }{
		{"/data", "/home/ada", "/data/parley"}, {"relative", "/home/ada", "/home/ada/.local/share/parley"}, {"", "", "data"},
	} {
		if got := defaultDataDir(env("XDG_DATA_HOME", tc.xdg, "HOME", tc.home)); got != tc.want {
			t.Errorf("%+v: %s", tc, got)
		}
	}
}

func TestDemoSignInDependsOnTheMode(t *testing.T) {
	for _, tc := range []struct {
		mode Mode
		args []string
		env  string
		want bool
	}{
		{Dev, nil, "", true},
		{Serve, nil, "", false},
		{Serve, []string{"--demo-sign-in"}, "", true},
		{Dev, []string{"--no-demo-sign-in"}, "", false},
		{Dev, nil, "no", false},
		{Serve, nil, "TRUE", true},
		{Serve, []string{"--demo-sign-in=false"}, "1", false},
	} {
		c, err := Parse(tc.args, env("PARLEY_DEMO_SIGN_IN", tc.env, "JWT_SECRET", goodSecret), tc.mode)
		if err != nil {
			t.Errorf("%+v: %v", tc, err)
		} else if *c.Access.DemoSignIn != tc.want {
			t.Errorf("%+v: %v", tc, *c.Access.DemoSignIn)
		}
	}
}

func TestDebugAddressDependsOnTheMode(t *testing.T) {
	for _, tc := range []struct {
		mode      Mode
		set, want string
	}{
		{Dev, "", "127.0.0.1:0"}, {Dev, "off", ""}, {Dev, ":6060", ":6060"}, {Serve, "", ""}, {Serve, "off", ""}, {Serve, "127.0.0.1:6060", "127.0.0.1:6060"},
	} {
		c, err := Parse(nil, env("PARLEY_DEBUG_ADDR", tc.set, "JWT_SECRET", goodSecret), tc.mode)
		if err != nil || c.Listen.Debug != tc.want {
			t.Errorf("%+v: %q, %v", tc, c.Listen.Debug, err)
		}
	}
}

func TestTelemetryAddressDependsOnTheMode(t *testing.T) {
	for _, tc := range []struct {
		mode      Mode
		set, want string
	}{
		{Dev, "", DevTelemetry}, {Dev, "off", ""}, {Dev, ":9001", ":9001"}, {Serve, "", ""}, {Serve, "off", ""}, {Serve, ":9000", ":9000"},
	} {
		c, err := Parse(nil, env("PARLEY_TELEMETRY_ADDR", tc.set, "JWT_SECRET", goodSecret), tc.mode)
		if err != nil || c.JIP3.Addr != tc.want {
			t.Errorf("%+v: %q, %v", tc, c.JIP3.Addr, err)
		}
	}
	if _, err := Parse(nil, env("PARLEY_TELEMETRY_ADDR", "here"), Dev); err == nil || !strings.Contains(err.Error(), "--telemetry-addr (PARLEY_TELEMETRY_ADDR)") {
		t.Errorf("no address: %v", err)
	}
}

func TestLimitsOfTelemetry(t *testing.T) {
	c, err := Parse([]string{"--telemetry-allow", "10.0.0.0/8,2001:db8::/32", "--telemetry-rate", "7"}, env("PARLEY_TELEMETRY_NODES", "3"), Dev)
	if err != nil || fmt.Sprint(c.JIP3.Networks()) != "[10.0.0.0/8 2001:db8::/32]" || c.JIP3.Rate != 7 || c.JIP3.Nodes != 3 || c.JIP3.PerAddress != 256 {
		t.Errorf("%+v, %v", c.JIP3, err)
	}
	_, err = Parse([]string{"--telemetry-allow", "10.0.0.1/8,here", "--telemetry-rate", "0", "--telemetry-nodes", "65537", "--telemetry-nodes-per-address=-1"}, env(), Dev)
	for _, want := range []string{`"10.0.0.1/8" is not a network`, `"here" is not a network`, "PARLEY_TELEMETRY_RATE): 0", "PARLEY_TELEMETRY_NODES): 65537", "PER_ADDRESS): -1"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("nothing says %q: %v", want, err)
		}
	}
}

func TestWindows(t *testing.T) {
	c, err := Parse([]string{"--sound-window=5ms"}, env("PARLEY_BATCH_WINDOW", "20ms"), Dev)
	if err != nil || c.Node.BatchWindow != 20*time.Millisecond || c.Node.SoundWindow != 5*time.Millisecond {
		t.Errorf("%+v, %v", c.Node, err)
	}
	for _, tc := range []struct{ pictures, sound, want string }{
		{"-1ms", "0s", "--batch-window (PARLEY_BATCH_WINDOW): -1ms is outside 0s to 20ms"},
		{"21ms", "0s", "--batch-window (PARLEY_BATCH_WINDOW): 21ms is outside 0s to 20ms"},
		{"20ms", "-1ms", "--sound-window (PARLEY_SOUND_WINDOW): -1ms is outside 0s to 20ms"},
		{"20ms", "21ms", "--sound-window (PARLEY_SOUND_WINDOW): 21ms is outside 0s to 20ms"},
		{"0s", "5ms", "--sound-window (PARLEY_SOUND_WINDOW): 5ms is more than the 0s of --batch-window"},
	} {
		_, err := Parse([]string{"--sound-window=" + tc.sound}, env("PARLEY_BATCH_WINDOW", tc.pictures), Dev)
		if err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%+v: %v", tc, err)
		}
	}
}

func TestAdmins(t *testing.T) {
	c, err := Parse(nil, env("PARLEY_ADMINS", "ada@example.org, bob"), Dev)
	if err != nil || strings.Join(c.Access.Admins, "|") != "ada@example.org|bob" {
		t.Errorf("%q, %v", c.Access.Admins, err)
	}
	if c, err = Parse(nil, env("PARLEY_ADMINS", ""), Dev); err != nil || len(c.Access.Admins) != 0 {
		t.Errorf("%q, %v", c.Access.Admins, err)
	}
}

func TestFlagBeatsEnvironmentBeatsDefault(t *testing.T) {
	environment := env("PARLEY_HTTP_ADDR", ":1", "PARLEY_WEBTRANSPORT_ADDR", ":2", "TOKEN_TTL_SECS", "90", "SESSION_TTL_SECS", "2h",
		"COOKIE_SECURE", "0", "CORS_ALLOWED_ORIGIN", "https://a.example,http://b.example:8080", "REGION", "",
		"SERVICE_VERSION_URLS", "http://relay:8080/version,https://b.example/version")
	c, err := Parse([]string{"--http-addr", "127.0.0.1:0", "--token-ttl=2m"}, environment, Dev)
	if err != nil {
		t.Fatal(err)
	}
	if c.Listen.HTTP != "127.0.0.1:0" || c.Listen.WebTransport != ":2" || c.Access.TokenTTL != 2*time.Minute ||
		c.Access.SessionTTL != 2*time.Hour || c.Access.CookieSecure || c.Node.Region != "us-east" {
		t.Errorf("got %+v", c)
	}
	if got := strings.Join(c.Listen.CORSAllowedOrigin, " "); got != "https://a.example http://b.example:8080" {
		t.Errorf("origins %s", got)
	}
	if got := strings.Join(c.Node.VersionURLs, " "); got != "http://relay:8080/version https://b.example/version" {
		t.Errorf("addresses of versions %s", got)
	}
}

func TestAllMistakesAtOnce(t *testing.T) {
	environment := env("PARLEY_WEBTRANSPORT_ADDR", "nowhere", "PARLEY_DEBUG_ADDR", "on", "SESSION_TTL_SECS", "long", "COOKIE_SECURE", "maybe", "CERT_PATH", "/c.pem",
		"NATS_URL", "http://u:hush@x", "DATABASE_URL", "mysql://u:hush@x/y", "CORS_ALLOWED_ORIGIN", "*", "FEATURE_PATH_ENDPOINTS", "ajar",
		"JWT_SECRET", "hush", "PARLEY_ADMINS", "ada,,bob", "PARLEY_LOG_LEVEL", "loud", "SERVER_ID", "a.b", "DATABASE_URL_FILE", "/x",
		"SERVICE_VERSION_URLS", "http://relay/version,relay:8080", "OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318")
	_, err := Parse([]string{"--http-addr=:99999", "--token-ttl=0", "--log-format=xml", "--feature=unheard_of=1"}, environment, Serve)
	if err == nil {
		t.Fatal("no error")
	}
	text := err.Error()
	for _, part := range []string{
		`--http-addr (PARLEY_HTTP_ADDR): ":99999"`, `--webtransport-addr (PARLEY_WEBTRANSPORT_ADDR): "nowhere"`,
		`--debug-addr (PARLEY_DEBUG_ADDR): "on"`, `--session-ttl (SESSION_TTL_SECS): "long"`, `--cookie-secure (COOKIE_SECURE): "maybe"`, `--cert-path (CERT_PATH)`,
		`--nats-url (NATS_URL)`, `--database-url (DATABASE_URL)`, `--cors-allowed-origin (CORS_ALLOWED_ORIGIN): "*"`,
		`FEATURE_PATH_ENDPOINTS: path_endpoints: "ajar"`, `--jwt-secret (JWT_SECRET): 4 bytes`, `--log-level (PARLEY_LOG_LEVEL): "loud"`,
		`--log-format (PARLEY_LOG_FORMAT): "xml"`, `--token-ttl (TOKEN_TTL_SECS): 0s`, `--server-id (SERVER_ID): "a.b"`,
		`--database-url-file (DATABASE_URL_FILE): "/x"`, `--admins (PARLEY_ADMINS): ""`, `--feature: there is no flag "unheard_of"`,
		`--service-version-urls (SERVICE_VERSION_URLS): "relay:8080"`, `--otlp-endpoint (OTEL_EXPORTER_OTLP_ENDPOINT): "collector:4318"`,
	} {
		if !strings.Contains(text, part) {
			t.Errorf("not reported: %s", part)
		}
	}
	if got := strings.Count(text, "\n") + 1; got != 20 {
		t.Errorf("%d mistakes, want 20:\n%s", got, text)
	}
	if strings.Contains(text, "hush") {
		t.Errorf("a secret is in the report:\n%s", text)
	}
}

func TestServeNeedsASecret(t *testing.T) {
	if _, err := Parse(nil, env(), Serve); err == nil || !strings.Contains(err.Error(), "JWT_SECRET") {
		t.Errorf("got %v", err)
	}
	if _, err := Parse(nil, env("JWT_SECRET", goodSecret), Serve); err != nil {
		t.Error(err)
	}
}

func TestAcceptedStores(t *testing.T) {
	for _, e := range [][]string{
		{"DATABASE_URL", "postgres://u:p@h:5432/db?sslmode=disable"}, {"DATABASE_URL", "postgresql:///db?host=/run/postgresql"},
		{"DATABASE_URL", "host=/tmp dbname=x"}, {"NATS_URL", "nats://a:4222,nats://b:4222"}, {"NATS_URL", "tls://token@a"}, {"NATS_URL", "localhost:4222"},
	} {
		if _, err := Parse(nil, env(e...), Dev); err != nil {
			t.Errorf("%v: %v", e, err)
		}
	}
}

func TestSecretsFromFiles(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	c, err := Parse(nil, env("JWT_SECRET_FILE", write("jwt", goodSecret+"\n"), "DATABASE_URL_FILE", write("db", "postgres://h/db\n"),
		"NATS_URL_FILE", write("nats", "nats://h")), Serve)
	if err != nil {
		t.Fatal(err)
	}
	if c.Access.JWTSecret != goodSecret || c.Stores.DatabaseURL != "postgres://h/db" || c.Stores.NATSURL != "nats://h" {
		t.Errorf("got %+v %+v", c.Access, c.Stores)
	}
	for _, path := range []string{filepath.Join(dir, "missing"), write("empty", "\n")} {
		if _, err := Parse(nil, env("JWT_SECRET_FILE", path), Dev); err == nil || !strings.Contains(err.Error(), "JWT_SECRET_FILE") {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestFeaturesFromCommandLineAndEnvironment(t *testing.T) {
	for _, tc := range []struct {
		args []string
		env  string
		want bool
	}{
		{nil, "true", true}, {[]string{"--feature", "meeting_management=true"}, "", true}, {[]string{"--feature", "meeting_management=false"}, "true", false},
	} {
		getenv := env("FEATURE_MEETING_MANAGEMENT", tc.env)
		var c Common
		s := NewSource(getenv)
		parse(t, s, &c, tc.args)
		if err := s.Settle(&c, Dev); err != nil {
			t.Fatal(err)
		}
		reg, err := s.Flags(&c, slog.New(slog.NewTextHandler(t.Output(), nil)))
		if err != nil {
			t.Fatal(err)
		}
		if got := flags.MeetingManagement.Get(reg); got != tc.want {
			t.Errorf("%+v: %v", tc, got)
		}
	}
}

func parse(t *testing.T, s *Source, grammar any, args []string) *kong.Context {
	t.Helper()
	parser, err := kong.New(grammar, append(s.Options(), kong.Writers(io.Discard, io.Discard))...)
	if err != nil {
		t.Fatal(err)
	}
	ctx, err := parser.Parse(args)
	if err != nil {
		t.Fatal(err)
	}
	return ctx
}

// The way cmd/parley uses the package: commands that embed Common.
type devCommand struct {
	Common
	ran bool
}

func (d *devCommand) Run(s *Source) error { d.ran = true; return s.Settle(&d.Common, Dev) }

func TestCommandsEmbedCommon(t *testing.T) {
	var app struct {
		Dev devCommand `cmd:"" help:"Start everything."`
	}
	s := NewSource(env("PARLEY_HTTP_ADDR", ":9"))
	if err := parse(t, s, &app, []string{"dev", "--region", "eu"}).Run(s); err != nil {
		t.Fatal(err)
	}
	if !app.Dev.ran || app.Dev.Listen.HTTP != ":9" || app.Dev.Node.Region != "eu" {
		t.Errorf("got %+v", app.Dev.Common)
	}
}
