package rest

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestJoinChecksInOrder(t *testing.T) {
	a := newWorld(t).api
	auth := bearer(t, "ada", "Ada")
	const path = "/api/v1/meetings/standup/join"
	wantProblem(t, call(a, "POST", "/api/v1/meetings/a.b/join", "{", "Content-Type", asJSON), 401, "UNAUTHORIZED")
	for _, body := range []string{"", "{", "{} {}"} {
		wantProblem(t, call(a, "POST", path, body, "Authorization", auth, "Content-Type", asJSON), 400, "INVALID_JSON")
	}
	for _, body := range []string{`{"display_name":3}`, `[]`} {
		wantProblem(t, call(a, "POST", path, body, "Authorization", auth, "Content-Type", asJSON), 422, "INVALID_BODY")
	}
	wantProblem(t, call(a, "POST", path, `{}`, "Authorization", auth, "Content-Type", "text/plain"), 415, "UNSUPPORTED_MEDIA_TYPE")
	wantProblem(t, call(a, "POST", path, `{"display_name":"`+strings.Repeat("x", maxBody)+`"}`, "Authorization", auth, "Content-Type", asJSON), 413, "TOO_LARGE")
	for _, id := range []string{"a.b", "a%20b", "caf%C3%A9", "a%2Fb", strings.Repeat("x", 256)} {
		wantProblem(t, call(a, "POST", "/api/v1/meetings/"+id+"/join", "", "Authorization", auth), 400, "INVALID_MEETING_ID")
	}
	for _, body := range []string{"{}", `{"display_name":null}`, `{"unknown":1}`} {
		if w := call(a, "POST", path, body, "Authorization", auth, "Content-Type", "application/json; charset=utf-8"); w.Code != 200 {
			t.Errorf("%s: %d %s", body, w.Code, w.Body)
		}
	}
	if w := call(a, "POST", path, "", "Authorization", auth); w.Code != 200 { // no type, no body
		t.Errorf("%d %s", w.Code, w.Body)
	}
	wantProblem(t, call(a, "POST", "/api/v1/meetings", "", "Authorization", auth), 415, "UNSUPPORTED_MEDIA_TYPE")
}

// What the database says is for the log.
func TestStorageFailuresAreNotExplained(t *testing.T) {
	a := newAPI(t, nil) // its database is out of reach
	w := call(a, "POST", "/api/v1/meetings/standup/join", "", "Authorization", bearer(t, "ada", "Ada"))
	result := wantProblem(t, w, 500, "INTERNAL_ERROR")
	id := w.Header().Get("X-Request-Id")
	if strings.Contains(w.Body.String(), "127.0.0.1") || result["request_id"] != id || result["engineering_error"] != "request "+id {
		t.Errorf("got %s", w.Body)
	}
}

// FuzzRoutes looks for panics, for failures of the server, and for answers without envelope.
func FuzzRoutes(f *testing.F) {
	w := newWorld(f)
	w.api.Log = slog.New(slog.DiscardHandler)
	auth := bearer(f, "ada", "Ada")
	f.Add(0, "standup", "limit=1", `{"meeting_id":"standup"}`, asJSON)
	f.Add(9, "a.b", "q=%00", `{"display_name":"\u0000"}`, "")
	f.Add(16, "\x00", "offset=-1", `{"user_id":"\ud800"}`, "application/x+json")
	f.Fuzz(func(t *testing.T, route int, id, query, body, contentType string) {
		r := w.api.table[uint(route)%uint(len(w.api.table))]
		if r.bare {
			return
		}
		q := httptest.NewRequest(r.method(), "/", strings.NewReader(body))
		q.SetPathValue("id", id)
		q.URL.RawQuery = query
		q.Header = http.Header{"Authorization": {auth}, "Content-Type": {contentType}}
		answer := httptest.NewRecorder()
		w.api.answer(r)(answer, q)
		if text := answer.Body.String(); answer.Code >= 500 || !strings.HasPrefix(text, `{"success":`) {
			t.Errorf("%s %q %q %q: %d %s", r.pattern, id, query, body, answer.Code, text)
		}
	})
}
