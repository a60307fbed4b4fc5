package rest

import (
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"parley/api/fault"
	"parley/api/token"
)

func TestWhoIsHost(t *testing.T) {
	a := newAPI(t, func(o *Options) {
		o.Meetings = creators{"of-ada": "ada", "of-bob": "bob", "broken": errors.New("secret detail"), "down": fault.New(fault.Unavailable, "the database is down")}
	})
	for room, host := range map[string]bool{"of-ada": true, "of-bob": false, "new": true} {
		_, result := decode(t, call(a, "POST", "/api/v1/meetings/"+room+"/join", "", "Authorization", bearer(t, "ada", "Ada")))
		if result["is_host"] != host {
			t.Errorf("%s: %v", room, result)
		}
		raw, _ := result["room_token"].(string)
		r, err := token.New(secret).CheckRoom(raw)
		if err != nil || r.Host != host || r.DisplayName != "ada" {
			t.Errorf("%s: token of %+v, %v", room, r, err)
		}
		if _, has := result["display_name"]; has {
			t.Errorf("%s: a name nobody gave", room)
		}
	}
	w := call(a, "POST", "/api/v1/meetings/broken/join", "", "Authorization", bearer(t, "ada", "Ada"))
	result := wantProblem(t, w, 500, "INTERNAL_ERROR")
	if strings.Contains(w.Body.String(), "secret detail") || result["engineering_error"] != "request "+w.Header().Get("X-Request-Id") {
		t.Errorf("got %s", w.Body)
	}
	wantProblem(t, call(a, "POST", "/api/v1/meetings/down/join", "", "Authorization", bearer(t, "ada", "Ada")), 503, "UNAVAILABLE")
}

func TestJoinChecksInOrder(t *testing.T) {
	a := newAPI(t, nil)
	auth := bearer(t, "ada", "Ada")
	const path = "/api/v1/meetings/standup/join"
	wantProblem(t, call(a, "POST", "/api/v1/meetings/a.b/join", "{", "Content-Type", asJSON), 401, "UNAUTHORIZED")
	wantProblem(t, call(a, "POST", path, "", "Authorization", auth, "Content-Type", asJSON), 400, "INVALID_JSON")
	wantProblem(t, call(a, "POST", path, "{", "Authorization", auth, "Content-Type", asJSON), 400, "INVALID_JSON")
	wantProblem(t, call(a, "POST", path, "{} {}", "Authorization", auth, "Content-Type", asJSON), 400, "INVALID_JSON")
	wantProblem(t, call(a, "POST", path, `{"display_name":3}`, "Authorization", auth, "Content-Type", asJSON), 422, "INVALID_BODY")
	wantProblem(t, call(a, "POST", path, `[]`, "Authorization", auth, "Content-Type", asJSON), 422, "INVALID_BODY")
	wantProblem(t, call(a, "POST", path, `{}`, "Authorization", auth, "Content-Type", "text/plain"), 415, "UNSUPPORTED_MEDIA_TYPE")
	wantProblem(t, call(a, "POST", path, `{"display_name":"`+strings.Repeat("x", maxBody)+`"}`, "Authorization", auth, "Content-Type", asJSON), 413, "TOO_LARGE")
	wantProblem(t, call(a, "POST", path, `{"display_name":"`+strings.Repeat("x", 256)+`"}`, "Authorization", auth, "Content-Type", asJSON), 400, "INVALID_DISPLAY_NAME")
	for _, id := range []string{"a.b", "a%20b", "caf%C3%A9", "a%2Fb", strings.Repeat("x", 256)} {
		wantProblem(t, call(a, "POST", "/api/v1/meetings/"+id+"/join", "", "Authorization", auth), 400, "INVALID_MEETING_ID")
	}
	for _, body := range []string{"{}", `{"display_name":null}`, `{"unknown":1}`} {
		if w := call(a, "POST", path, body, "Authorization", auth, "Content-Type", "application/json; charset=utf-8"); w.Code != 200 {
			t.Errorf("%s: %d %s", body, w.Code, w.Body)
		}
	}
}

// FuzzJoin looks for panics, and for answers without envelope.

func FuzzJoin(f *testing.F) {
	f.Add("standup", `{"display_name":"Ada"}`, asJSON)
	f.Add("a.b", `{"display_name":"\u0000"}`, "")
	f.Add("", `[`, "application/x+json")
	a := newAPI(f, func(o *Options) { o.Log = slog.New(slog.DiscardHandler) })
	auth := bearer(f, "ada", "Ada")
	f.Fuzz(func(t *testing.T, id, body, contentType string) {
		r := httptest.NewRequest("POST", "/", strings.NewReader(body))
		r.SetPathValue("id", id)
		r.Header = http.Header{"Authorization": {auth}, "Content-Type": {contentType}}
		w := httptest.NewRecorder()
		a.answer(a.join)(w, r)
		if success, result := decode(t, w); success {
			raw, _ := result["room_token"].(string)
			if got, err := a.Tokens.CheckRoom(raw); err != nil || got.Room != id || got.DisplayName == "" {
				t.Errorf("token of %+v, %v", got, err)
			}
		} else if w.Code >= 500 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}
