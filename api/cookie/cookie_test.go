package cookie_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/api/cookie"
)

// attributes returns the one cookie that do sets, by its parts: what comes first is its value,
// the order of the rest means nothing.
func attributes(t *testing.T, do func(http.ResponseWriter)) (value string, rest []string) {
	t.Helper()
	w := httptest.NewRecorder()
	do(w)
	if got := w.Header()["Set-Cookie"]; len(got) != 1 {
		t.Fatalf("cookies %q", got)
	}
	parts := strings.Split(w.Header().Get("Set-Cookie"), "; ")
	slices.Sort(parts[1:])
	return parts[0], parts[1:]
}

func TestAttributes(t *testing.T) {
	for what, c := range map[string]struct {
		cookie cookie.Session
		more   []string
	}{
		"plain":            {cookie.Session{Name: "session", Secure: true}, []string{"Secure"}},
		"without HTTPS":    {cookie.Session{Name: "session"}, nil},
		"domain":           {cookie.Session{Name: "preview", Secure: true, Domain: "example.org"}, []string{"Secure", "Domain=example.org"}},
		"domain, in clear": {cookie.Session{Name: "preview", Domain: "example.org"}, []string{"Domain=example.org"}},
	} {
		t.Run(what, func(t *testing.T) {
			want := func(more ...string) []string {
				return slices.Sorted(slices.Values(slices.Concat([]string{"HttpOnly", "Path=/", "SameSite=Lax"}, c.more, more)))
			}
			value, rest := attributes(t, func(w http.ResponseWriter) { c.cookie.Set(w, "a.b-c_d.e", 90*time.Second) })
			if value != c.cookie.Name+"=a.b-c_d.e" || !slices.Equal(rest, want("Max-Age=90")) {
				t.Errorf("set: %q %q", value, rest)
			}
			value, rest = attributes(t, c.cookie.Clear)
			if value != c.cookie.Name+"=" || !slices.Equal(rest, want("Max-Age=0")) {
				t.Errorf("cleared: %q %q", value, rest)
			}
		})
	}
	_, rest := attributes(t, func(w http.ResponseWriter) { cookie.Session{Name: "s"}.Set(w, "x", time.Millisecond) })
	if !slices.Contains(rest, "Max-Age=1") {
		t.Errorf("a life below a second clears the cookie: %q", rest)
	}
}

func TestValue(t *testing.T) {
	for want, headers := range map[string][]string{
		"":    {"", "other=x", "session=", "session2=x; Session=x; xsession=x", "session"},
		"tok": {"session=tok", "a=b; session=tok", "a=b;session= tok ;c=d", "session=; session=tok; session=other"},
		`a"b`: {`session=a"b`},
	} {
		for _, header := range headers {
			r := httptest.NewRequest("GET", "/", nil)
			r.Header.Set("Cookie", header)
			if got := (cookie.Session{Name: "session"}).Value(r); got != want {
				t.Errorf("%q: %q, want %q", header, got, want)
			}
		}
	}
	r := httptest.NewRequest("GET", "/", nil)
	r.Header["Cookie"] = []string{"a=b", "session=tok"}
	if got := (cookie.Session{Name: "session"}).Value(r); got != "tok" {
		t.Errorf("in a header of its own: %q", got)
	}
}
