package load

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"parley/api/client"
	"parley/api/token"
)

// Door lets participants in.
type Door interface {
	// Open returns how somebody who calls himself name gets into a room. The first of a room
	// is let in before Open is called for others; he may have to make the meeting.
	Open(ctx context.Context, room, name string, first bool) (Pass, error)
}

// Pass is the right to connect.
type Pass struct {
	User string // identity
	Path string // what follows the host in the URL
}

// ByPath is the open door of servers that believe what the path says.
type ByPath struct{}

// Open implements [Door].
func (ByPath) Open(_ context.Context, room, name string, _ bool) (Pass, error) {
	return Pass{name, "/lobby/" + url.PathEscape(name) + "/" + url.PathEscape(room)}, nil
}

// tokenTTL is how long tokens are good that are signed here.
const tokenTTL = 24 * time.Hour

// BySecret signs room tokens with the secret of the server.
type BySecret struct{ Tokens *token.Authority }

// Open implements [Door].
func (d BySecret) Open(_ context.Context, room, name string, first bool) (Pass, error) {
	raw, err := d.Tokens.MintRoom(token.Room{User: name, Room: room, DisplayName: name, Host: first}, tokenTTL)
	return withToken(name, raw), err
}

func withToken(user, raw string) Pass { return Pass{user, "/lobby?token=" + url.QueryEscape(raw)} }

// ByAPI gets room tokens from the REST API, as people's clients do.
type ByAPI struct {
	URL    string           // of the API, without /api/v1
	Tokens *token.Authority // signs session tokens; nil: everybody signs in by name, where that is possible
	Client *http.Client
}

// Open implements [Door].
func (d ByAPI) Open(ctx context.Context, room, name string, first bool) (Pass, error) {
	var session struct {
		User  string `json:"user_id"`
		Token string `json:"token"`
	}
	if d.Tokens != nil {
		raw, err := d.Tokens.MintSession(token.Session{User: name, Name: name}, tokenTTL)
		if err != nil {
			return Pass{}, &stepError{"sign a token", err}
		}
		session.User, session.Token = name, raw
	} else if _, err := d.post(ctx, "/login/demo", "", map[string]any{"name": name}, &session); err != nil {
		return Pass{}, &stepError{"sign in by name, as no secret is known", err}
	}
	if first {
		open := map[string]any{"meeting_id": room, "waiting_room_enabled": false}
		if status, err := d.post(ctx, "/api/v1/meetings", session.Token, open, nil); err != nil && status != http.StatusConflict {
			return Pass{}, &stepError{"make a meeting", err}
		}
	}
	var standing struct {
		Status string `json:"status"`
		Token  string `json:"room_token"`
	}
	path := "/api/v1/meetings/" + url.PathEscape(room) + "/join"
	if _, err := d.post(ctx, path, session.Token, map[string]any{}, &standing); err != nil {
		return Pass{}, &stepError{"join", err}
	}
	if standing.Token == "" {
		return Pass{}, &stepError{"join", fmt.Errorf("the meeting says %q", standing.Status)}
	}
	return withToken(session.User, standing.Token), nil
}

// stepError says at which step a door stayed shut.
type stepError struct {
	step  string
	cause error
}

func (e *stepError) Error() string { return e.step + ": " + e.cause.Error() }
func (e *stepError) Unwrap() error { return e.cause }

// maxAnswer bounds an answer of the API, in bytes.
const maxAnswer = 1 << 20

// post asks the API and returns the status of its answer, 0 without one.
func (d ByAPI) post(ctx context.Context, path, bearer string, body map[string]any, result any) (status int, err error) {
	b, err := json.Marshal(body)
	if err != nil {
		return 0, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(d.URL, "/")+path, bytes.NewReader(b))
	if err != nil {
		return 0, err
	}
	r.Header.Set("Content-Type", "application/json")
	if bearer != "" {
		r.Header.Set("Authorization", "Bearer "+bearer)
	}
	answer, err := d.Client.Do(r)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	switch {
	case err != nil:
		return answer.StatusCode, err
	case answer.StatusCode >= http.StatusBadRequest:
		return answer.StatusCode, &client.RefusedError{Status: answer.StatusCode, Body: message(raw)}
	case result == nil:
		return answer.StatusCode, nil
	}
	return answer.StatusCode, json.Unmarshal(raw, &struct {
		Result any `json:"result"`
	}{result})
}

// message returns what an API says for people when it refuses something, "" where it says nothing.
func message(answer []byte) string {
	var said struct {
		Result struct {
			Message string `json:"message"`
		} `json:"result"`
	}
	_ = json.Unmarshal(answer, &said)
	return said.Result.Message
}
