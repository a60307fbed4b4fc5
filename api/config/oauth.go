package config

import (
	"fmt"
	"net/url"
	"strings"
)

// check returns every mistake in o. What an ID token says counts only when its signature can
// be checked, so there have to be keys.
func (o *OAuth) check() (mistakes []error) {
	wrong := func(text string, args ...any) { mistakes = append(mistakes, fmt.Errorf(text, args...)) }
	for _, u := range []struct{ at, value string }{
		{"--oauth-redirect-url (OAUTH_REDIRECT_URL)", o.RedirectURL},
		{"--oauth-issuer (OAUTH_ISSUER)", o.Issuer},
		{"--oauth-auth-url (OAUTH_AUTH_URL)", o.AuthURL},
		{"--oauth-token-url (OAUTH_TOKEN_URL)", o.TokenURL},
		{"--oauth-jwks-url (OAUTH_JWKS_URL)", o.JWKSURL},
		{"--oauth-userinfo-url (OAUTH_USERINFO_URL)", o.UserInfoURL},
	} {
		if u.value != "" && !isAddress(u.value) {
			wrong("%s: %q is not an address such as https://id.example.org/", u.at, u.value)
		}
	}
	for _, a := range o.AllowedRedirects {
		if !isAddress(a) {
			wrong("--allowed-redirect-urls (ALLOWED_REDIRECT_URLS): %q is not an address such as https://example.org/", a)
		}
	}
	if a := o.AfterLogin; !isAddress(a) && (!strings.HasPrefix(a, "/") || strings.HasPrefix(a, "//")) {
		wrong("--after-login-url (AFTER_LOGIN_URL): %q is neither a path nor an address such as https://example.org/", a)
	}
	if o.ClientID == "" {
		if o.Issuer != "" || o.AuthURL != "" || o.Secret != "" {
			wrong("--oauth-client-id (OAUTH_CLIENT_ID): is missing, while a provider is given")
		}
		return mistakes
	}
	if o.RedirectURL == "" {
		wrong("--oauth-redirect-url (OAUTH_REDIRECT_URL): is missing; it is the public address of /login/callback")
	}
	if o.Issuer == "" && (o.AuthURL == "" || o.TokenURL == "" || o.JWKSURL == "") {
		wrong("--oauth-issuer (OAUTH_ISSUER): is missing; or else give --oauth-auth-url, --oauth-token-url and --oauth-jwks-url")
	}
	if !strings.Contains(" "+o.Scopes+" ", " openid ") {
		wrong("--oauth-scopes (OAUTH_SCOPES): %q lacks openid, without which there is no ID token", o.Scopes)
	}
	return mistakes
}

func isAddress(a string) bool {
	u, err := url.Parse(a)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.User == nil
}
