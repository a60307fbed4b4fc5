package catalogue_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"parley/api/telemetry/catalogue"
)

// vector is one body of testdata/vectors.txt.
type vector struct {
	kind *catalogue.Kind
	p    catalogue.Params
	body []byte
	json string
}

var repeated = regexp.MustCompile(`\((\w+)\*(\d+)\)`)

// spell writes out what the vectors abbreviate.
func spell(s string) string {
	return repeated.ReplaceAllStringFunc(s, func(m string) string {
		parts := repeated.FindStringSubmatch(m)
		n, _ := strconv.Atoi(parts[2])
		return strings.Repeat(parts[1], n)
	})
}

func vectors(t testing.TB) []vector {
	t.Helper()
	text, err := os.ReadFile("testdata/vectors.txt")
	if err != nil {
		t.Fatal(err)
	}
	var all []vector
	var v vector
	for line := range strings.Lines(string(text)) {
		line = spell(strings.TrimSpace(line))
		head, body, ok := strings.Cut(line, "|")
		switch {
		case line == "" || line[0] == '#':
		case line[0] == '{':
			v.json = line
			all = append(all, v)
		case ok:
			var n uint16
			v = vector{}
			if _, err := fmt.Sscanf(head, "%d v%d c%d", &n, &v.p.Version, &v.p.C); err != nil {
				t.Fatal(line, err)
			}
			if v.kind = catalogue.JIP3().Kind(v.p.Version, n); v.kind == nil {
				t.Fatal("no kind", n)
			}
			if v.body, err = hex.DecodeString(strings.ReplaceAll(body, " ", "")); err != nil {
				t.Fatal(line, err)
			}
		default:
			t.Fatal("what is", line)
		}
	}
	return all
}

func TestVectors(t *testing.T) {
	for _, v := range vectors(t) {
		t.Run(v.kind.Name, func(t *testing.T) {
			got, err := v.kind.AppendJSON(nil, v.p, v.body, catalogue.Style{})
			if err != nil || string(got) != v.json {
				t.Fatalf("%v\n got %s\nwant %s", err, got, v.json)
			}
			back, err := v.kind.FromJSON(nil, v.p, got)
			if err != nil || !bytes.Equal(back, v.body) {
				t.Fatalf("%v\n got %x\nwant %x", err, back, v.body)
			}
			if !json.Valid(got) {
				t.Fatal("not JSON")
			}
		})
	}
}

func TestEventsAsTARTWritesThem(t *testing.T) {
	for _, v := range vectors(t) {
		got, err := v.kind.AppendEvent([]byte("x"), 1<<60, v.p, v.body, catalogue.Style{})
		want := fmt.Sprintf(`x{%q:{"timestamp":"1152921504606846976",%s}`, v.kind.Name, v.json[1:])
		if err != nil || string(got) != want {
			t.Errorf("%v\n got %s\nwant %s", err, got, want)
		}
	}
}

func TestBytesAsArrays(t *testing.T) {
	k := catalogue.JIP3().Named("ConnectionRefused")
	body := append(bytes.Repeat([]byte{1}, 16), 2, 0)
	got, err := k.AppendJSON(nil, catalogue.Params{}, body, catalogue.Style{Arrays: true})
	want := `{"from":{"ipv6":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1],"port":2}}`
	if err != nil || string(got) != want {
		t.Fatalf("%s %v", got, err)
	}
	if back, err := k.FromJSON(nil, catalogue.Params{}, got); err != nil || !bytes.Equal(back, body) {
		t.Fatalf("%x %v", back, err)
	}
}
