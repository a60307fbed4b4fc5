package load

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"parley/api/client"
)

func TestReason(t *testing.T) {
	for want, err := range map[string]error{
		"refused with status 410: use the other one": fmt.Errorf("dial: %w", &client.RefusedError{Status: 410, Body: "use the other one\nplease"}),
		"refused with status 502":                    &client.RefusedError{Status: 502, Body: "<html>Bad gateway</html>"},
		"refused with status 404: not here":          &client.RefusedError{Status: 404, Body: `{"success":false,"result":{"message":"not here","request_id":"EATA2"}}`},
		"refused with status 403":                    &client.RefusedError{Status: 403, Body: strings.Repeat("no", 200)},
		"closed with code 1008 no":                   &client.ClosedError{Code: 1008, Reason: "no"},
		"join: refused with status 404":              &stepError{"join", &client.RefusedError{Status: 404}},
		"join: took too long":                        &stepError{"join", fmt.Errorf("post: %w", context.DeadlineExceeded)},
		"connection refused":                         errors.New("dial: connect: connection refused"),
	} {
		if got := Reason(err); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// What an API says is passed on, and that it lets nobody in by name is no riddle.
func TestReasonsOfAPIs(t *testing.T) {
	answer, status := "", http.StatusNotFound
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, answer)
	}))
	defer api.Close()
	door := ByAPI{URL: api.URL, Client: api.Client()}
	for _, want := range []string{
		"sign in by name, as no secret is known: refused with status 404",
		"sign in by name, as no secret is known: refused with status 403: not today",
	} {
		if _, err := door.Open(t.Context(), "r", "alice", true); err == nil || Reason(err) != want {
			t.Errorf("%v, want %q", err, want)
		}
		answer, status = `{"success":false,"result":{"code":"X","message":"not today"}}`, http.StatusForbidden
	}
}
