package signin

import (
	"errors"
	"strings"
	"testing"
)

func TestReturns(t *testing.T) {
	r, err := newReturns("https://app.example/", []string{"http://localhost:3000/deep/path"})
	if err != nil {
		t.Fatal(err)
	}
	for to, want := range map[string]string{
		"":                               "https://app.example/",
		"  /m/x ":                        "https://app.example/m/x",
		"/m/x?a=b#c":                     "https://app.example/m/x?a=b#c",
		"https://app.example/m/x":        "https://app.example/m/x",
		"https://app.example:443/m/x":    "https://app.example:443/m/x",
		"https://APP.example/m/x":        "https://APP.example/m/x",
		"http://localhost:3000/":         "http://localhost:3000/",
		"http://app.example/m/x":         "https://app.example/", // another scheme
		"https://app.example:8443/m/x":   "https://app.example/", // another port
		"http://localhost/":              "https://app.example/",
		"https://app.example.evil/":      "https://app.example/",
		"https://app.example@evil.test/": "https://app.example/",
		"https://user@app.example/":      "https://app.example/",
		"//evil.test/":                   "https://app.example/",
		"/\\evil.test/":                  "https://app.example/",
		"/\t/evil.test/":                 "https://app.example/",
		"/m\r\nSet-Cookie: a=b":          "https://app.example/",
		"https:/\\app.example/":          "https://app.example/",
		"javascript:alert(1)":            "https://app.example/",
		"data:text/html,x":               "https://app.example/",
		"m/x":                            "https://app.example/",
		"/" + strings.Repeat("x", 4096):  "https://app.example/",
	} {
		if got := r.address(r.accept(to)); got != want {
			t.Errorf("%q leads to %q, want %q", to, got, want)
		}
	}
	home, err := newReturns("/", nil)
	if err != nil {
		t.Fatal(err)
	}
	for to, want := range map[string]string{"": "/", "/m/x": "/m/x", "https://app.example/": "/"} {
		if got := home.address(home.accept(to)); got != want {
			t.Errorf("%q leads to %q, want %q", to, got, want)
		}
	}
}

func TestIdentities(t *testing.T) {
	yes, no := true, false
	for _, c := range []struct {
		claims
		user, name string
	}{
		{claims{Email: " ada@example.org ", Verified: &yes, Name: "Ada  L"}, "ada@example.org", "Ada L"},
		{claims{Email: "ada@example.org", Given: "Ada", Family: "Lovelace"}, "ada@example.org", "Ada Lovelace"},
		{claims{Email: "ada@example.org", Given: "Ada"}, "ada@example.org", "Ada"},
		{claims{Email: "ada@example.org", Name: " "}, "ada@example.org", "ada@example.org"},
		{claims{Email: "ada@example.org", Verified: &no}, "", ""},
		{claims{Name: "Ada"}, "", ""},
		{claims{Email: "ada"}, "", ""},
		{claims{Email: "ada@example.org\x00"}, "", ""},
		{claims{Email: strings.Repeat("a", 300) + "@example.org"}, "", ""},
	} {
		user, name, err := c.identity()
		if user != c.user || name != c.name {
			t.Errorf("%+v is %q, %q", c.claims, user, name)
		}
		if _, is := errors.AsType[*refused](err); is != (c.user == "") {
			t.Errorf("%+v: %v", c.claims, err)
		}
	}
}
