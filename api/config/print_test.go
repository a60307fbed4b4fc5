package config

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

var update = flag.Bool("update", false, "rewrite the reference")

func TestHelpNamesDefaultAndVariable(t *testing.T) {
	var out bytes.Buffer
	var c Common
	parser, err := kong.New(&c, append(NewSource(env()).Options(), kong.Writers(&out, &out), kong.Exit(func(int) {}))...)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = parser.Parse([]string{"--help"})
	help := strings.Join(strings.Fields(out.String()), " ")
	for _, part := range []string{"Listening", "health. ($PARLEY_HTTP_ADDR)", `--http-addr=":8080"`, "HTTPS only. Default: true. ($COOKIE_SECURE)", "--[no-]demo-sign-in", "($JWT_SECRET_FILE)"} {
		if !strings.Contains(help, part) {
			t.Errorf("help does not say %q:\n%s", part, out.String())
		}
	}
}

func TestRedacted(t *testing.T) {
	getenv := env("JWT_SECRET", "hush hush hush hush", "DATABASE_URL", "postgres://ada:hush@db/parley?password=hush&sslmode=require",
		"NATS_URL", "nats://hush@a:4222,nats://ada:hush@b:4222", "HOME", "/home/ada")
	var c Common
	s := NewSource(getenv)
	parse(t, s, &c, []string{"--region=eu", "--feature=meeting_management=true"})
	if err := s.Settle(&c, Serve); err != nil {
		t.Fatal(err)
	}
	settings := s.Redacted(&c)
	var table bytes.Buffer
	if err := WriteSettings(&table, settings); err != nil {
		t.Fatal(err)
	}
	asJSON, err := json.Marshal(settings)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(table.String()+string(asJSON), "hush") {
		t.Errorf("a secret is printed:\n%s", table.String())
	}
	got := map[string]Setting{}
	for _, s := range settings {
		got[s.Flag] = s
	}
	for flag, want := range map[string]Setting{
		"--region":       {"--region", "REGION", "eu", "flag"},
		"--http-addr":    {"--http-addr", "PARLEY_HTTP_ADDR", ":8080", "default"},
		"--data-dir":     {"--data-dir", "PARLEY_DATA_DIR", "/home/ada/.local/share/parley", "default"},
		"--demo-sign-in": {"--demo-sign-in", "PARLEY_DEMO_SIGN_IN", "false", "default"},
		"--jwt-secret":   {"--jwt-secret", "JWT_SECRET", "<redacted>", "JWT_SECRET"},
		"--database-url": {"--database-url", "DATABASE_URL", "postgres://ada:redacted@db/parley?password=redacted&sslmode=require", "DATABASE_URL"},
		"--nats-url":     {"--nats-url", "NATS_URL", "nats://redacted@a:4222,nats://ada:redacted@b:4222", "NATS_URL"},
		"--feature":      {"--feature", "", "meeting_management=true", "flag"},
	} {
		if got[flag] != want {
			t.Errorf("got %+v, want %+v", got[flag], want)
		}
	}
}

func TestRedactKeepsNothingSecret(t *testing.T) {
	for kind, texts := range map[string][]string{
		"url": {
			"postgres://u:hush@h/db", "host=h password=hush user=u", "host=h password = 'hush hu\\'sh' user=u",
			"postgres://u:hush%zz@h/db", "postgres://h/db?user=u&password=hush", "postgres://h/db?sslpassword=hush",
		},
		"nats": {"nats://hush@h", "nats://u:hush@h", "hush@h:4222", "u:hush@h:4222", "nats://u:hu%zzsh@hush"},
		"all":  {"hush"},
	} {
		for _, text := range texts {
			if got := redact(kind, text); strings.Contains(got, "hush") {
				t.Errorf("%s %q: %q", kind, text, got)
			}
		}
	}
}

// The reference is a part of README.md; -update rewrites it.
func TestReferenceIsCurrent(t *testing.T) {
	var want bytes.Buffer
	if err := WriteReference(&want); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	const begin, end = "<!-- reference: go test ./api/config -update -->\n\n", "\n<!-- end of reference -->"
	before, rest, ok := strings.Cut(string(content), begin)
	current, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatal("README.md has no place for the reference")
	}
	if current == want.String() {
		return
	}
	if !*update {
		t.Fatal("README.md is not current: go test ./api/config -update")
	}
	if err := os.WriteFile("README.md", []byte(before+begin+want.String()+end+after), 0o644); err != nil {
		t.Fatal(err)
	}
}
