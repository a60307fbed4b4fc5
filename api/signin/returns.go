package signin

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// maxReturn bounds an address to return to, in bytes: it travels in a cookie.
const maxReturn = 2048

// returns knows where people may go after they signed in.
type returns struct {
	home    string // of those who did not say
	origins []string
}

// newReturns fails when an address is not what it should be. home is an address or a path.
func newReturns(home string, allowed []string) (returns, error) {
	r := returns{home: home}
	all := allowed
	if !isPath(home) {
		all = append([]string{home}, allowed...)
	}
	for _, a := range all {
		o, ok := originOf(a)
		if !ok {
			return returns{}, fmt.Errorf("sign-in: people cannot return to %q, which is no address such as https://example.org/", a)
		}
		r.origins = append(r.origins, o)
	}
	return r, nil
}

// accept returns an address that is safe to return to, "" when to is none.
func (r returns) accept(to string) string {
	to = strings.TrimSpace(to)
	if isPath(to) {
		return to
	}
	if o, ok := originOf(to); ok && slices.Contains(r.origins, o) {
		return to
	}
	return ""
}

// address returns where to send a browser that was to return to an accepted address.
func (r returns) address(to string) string {
	switch to = r.accept(to); {
	case to == "":
		return r.home
	case isPath(to):
		return strings.TrimSuffix(r.home, "/") + to
	}
	return to
}

// isPath reports whether a is a path on whatever host. Browsers take a backslash for a slash
// and drop tabs and line breaks, so "/\host" and "/\t/host" would lead elsewhere.
func isPath(a string) bool {
	return strings.HasPrefix(a, "/") && !strings.HasPrefix(a, "//") && harmless(a)
}

func harmless(a string) bool {
	return len(a) <= maxReturn && !strings.ContainsFunc(a, func(r rune) bool { return r == '\\' || r < ' ' || r == 0x7f })
}

// originOf returns scheme, host and port of an http or https address.
func originOf(a string) (string, bool) {
	u, err := url.Parse(a)
	if err != nil || !harmless(a) || u.Host == "" || u.User != nil || (u.Scheme != "http" && u.Scheme != "https") {
		return "", false
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return u.Scheme + "://" + strings.ToLower(u.Hostname()) + ":" + port, true
}
