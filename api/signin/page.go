package signin

import (
	"html/template"
	"net/http"
	"net/url"
	"strings"
)

// notice is what a person is told whose sign-in did not work.
type notice struct {
	Title, Detail string
	Said          string // by the provider
	Again         string // address to try again
}

var (
	providerAway = notice{
		Title:  "Signing in does not work right now",
		Detail: "The service that knows your account does not answer. Try again in a moment.",
	}
	providerWrong = notice{
		Title:  "Signing in failed",
		Detail: "The service that knows your account gave an answer that could not be used. Try again; if that does not help, tell who runs this server.",
	}
	stranger = notice{
		Title:  "This sign-in is over",
		Detail: "It was begun in another browser, too long ago, or is finished already. Begin again.",
	}
	noEmail = notice{
		Title:  "Your account has no mail address",
		Detail: "People are known here by their mail address, and the service that knows your account did not tell one.",
	}
	unverified = notice{
		Title:  "Your mail address is not confirmed",
		Detail: "Confirm it at the service that knows your account, then sign in again.",
	}
)

// from returns n for the sign-in a: trying again leads back to where that should have.
func (n notice) from(a attempt) notice {
	if a.ReturnTo != "" {
		n.Again = "/login?returnTo=" + url.QueryEscape(a.ReturnTo)
	}
	return n
}

// refusal explains an error code of the provider.
func refusal(code, said string) notice {
	n := notice{Title: "You were not signed in", Detail: "The service that knows your account refused.", Said: cut(said)}
	switch code {
	case "access_denied", "login_required", "consent_required", "interaction_required", "account_selection_required":
		n.Detail = "The sign-in was cancelled, or your account may not be used here."
	case "temporarily_unavailable", "server_error":
		n = providerAway
	}
	return n
}

// cut makes what somebody else wrote short enough to be shown and logged.
func cut(s string) string {
	const most = 200
	s = strings.Join(strings.Fields(strings.ToValidUTF8(s, "")), " ")
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}

var pageOf = template.Must(template.New("").Parse(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{.Title}} · Parley</title>
<style>
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 32rem; margin: 16vh auto 0; padding: 0 1.5rem; }
h1 { font-size: 1.5rem; }
blockquote { margin: 1rem 0; padding-left: 1rem; border-left: 3px solid currentColor; opacity: .8; }
a { display: inline-block; margin: 1rem 1rem 0 0; color: inherit; }
</style>
<main>
<h1>{{.Title}}</h1>
<p>{{.Detail}}</p>
{{with .Said}}<blockquote>{{.}}</blockquote>{{end}}
<p><a href="{{or .Again "/login"}}">Try again</a><a href="/">Start page</a></p>
</main>
</html>
`))

// page answers with n.
func (s *SignIn) page(w http.ResponseWriter, r *http.Request, status int, n notice) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	if r.Method == http.MethodHead {
		return
	}
	if err := pageOf.Execute(w, n); err != nil {
		s.Log.Debug("page not sent", "err", err)
	}
}
