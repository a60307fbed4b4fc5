package app_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"parley/api/config"
	"parley/api/flags"
	"parley/api/token"
)

// asked returns the status of a route, and its answer.
func asked(n *node, path, bearer string) (int, map[string]any) {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(n.t.Context(), patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, n.HTTP+path, nil)
	if err != nil {
		n.t.Fatal(err)
	}
	if bearer != "" {
		r.Header.Set("Authorization", "Bearer "+bearer)
	}
	r.Close = true
	w, err := http.DefaultClient.Do(r)
	if err != nil {
		n.t.Fatal(err)
	}
	defer w.Body.Close()
	var o map[string]any
	if err := json.NewDecoder(w.Body).Decode(&o); err != nil {
		n.t.Fatalf("%s: %v", path, err)
	}
	return w.StatusCode, o
}

func TestRoutesOfTART(t *testing.T) {
	n := newCluster(t).start()
	if code, o := asked(n, "/api/health", ""); code != 200 || o["service"] != "tart-backend" {
		t.Errorf("in dev: %d %v", code, o)
	}
	if code, o := asked(n, "/api/nodes", ""); code != 200 || o["nodes"] == nil {
		t.Errorf("in dev: %d %v", code, o)
	}
	flags.Override(t, n.flags, flags.TartRoutes, "off")
	if code, o := asked(n, "/api/health", ""); code != 404 {
		t.Errorf("switched off: %d %v", code, o)
	}
}

func TestRoutesOfTARTAreForAdminsInServe(t *testing.T) {
	c := newCluster(t)
	c.mode = config.Serve
	n := c.start("tart_routes=on")
	sign := func(s token.Session) string {
		raw, err := c.tokens.MintSession(s, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	for _, path := range []string{"/api/health", "/api/nodes", "/api/events", "/api/ws"} {
		if code, _ := asked(n, path, ""); code != 401 {
			t.Errorf("%s for a stranger: %d", path, code)
		}
		if code, _ := asked(n, path, sign(token.Session{User: "ada", Name: "Ada"})); code != 403 {
			t.Errorf("%s for somebody: %d", path, code)
		}
		if !strings.HasSuffix(path, "ws") {
			if code, _ := asked(n, path, sign(token.Session{User: "root", Name: "Root", Admin: true})); code != 200 {
				t.Errorf("%s for an admin: %d", path, code)
			}
		}
	}
}

func TestSocketsOfTARTEndWithTheFlagAndWithTheNode(t *testing.T) {
	n := newCluster(t).start()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	open := func() *websocket.Conn {
		conn, _, err := websocket.Dial(ctx, n.address(overWS)+"/api/ws", nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.CloseNow() })
		if _, text, err := conn.Read(ctx); err != nil || !strings.Contains(string(text), `"connected"`) {
			t.Fatalf("%s %v", text, err)
		}
		return conn
	}
	over := func(conn *websocket.Conn) {
		t.Helper()
		for {
			if _, _, err := conn.Read(ctx); err != nil {
				if websocket.CloseStatus(err) != websocket.StatusGoingAway {
					t.Error(err)
				}
				return
			}
		}
	}
	first := open()
	flags.Override(t, n.flags, flags.TartRoutes, "off")
	over(first)
	flags.Override(t, n.flags, flags.TartRoutes, "on")
	last := open()
	if err := n.stop(); err != nil {
		t.Fatal(err)
	}
	over(last)
}
