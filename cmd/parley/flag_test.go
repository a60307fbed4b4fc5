package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"parley/api/config"
)

// What the command line sets holds on nodes that run, within a second of its end.
func TestNodesFollowTheCommandLine(t *testing.T) {
	n := startNode(t, filepath.Join(t.TempDir(), "data"))
	value := func() string {
		r, err := http.NewRequestWithContext(t.Context(), "GET", n.HTTP+"/api/v1/admin/flags/max_participants", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+n.AdminToken)
		w, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer w.Body.Close()
		var e struct {
			Result struct {
				Value string `json:"value"`
			} `json:"result"`
		}
		if err := json.NewDecoder(w.Body).Decode(&e); err != nil || w.StatusCode != 200 {
			t.Fatalf("%s, %v", w.Status, err)
		}
		return e.Result.Value
	}
	defer http.DefaultClient.CloseIdleConnections()
	for _, want := range []string{"7", "8", "0"} {
		var out bytes.Buffer
		cmd := parley([]string{"flag", "set", "max_participants", want, "--data-dir", n.dir})
		cmd.Stdout, cmd.Stderr = &out, &out
		if err := cmd.Run(); err != nil {
			t.Fatalf("%v\n%s", err, &out)
		}
		set := time.Now()
		for value() != want {
			if time.Since(set) > patience {
				t.Fatalf("%s is not there after %v", want, time.Since(set))
			}
		}
		t.Logf("after %v", time.Since(set).Round(time.Millisecond))
	}
	if err := n.stop(); err != nil {
		t.Error(err)
	}
}

// What is not read on a terminal is kept somewhere: no place for a sign-in.
func TestOnlyATerminalIsToldTheAdminsSignIn(t *testing.T) {
	var out bytes.Buffer
	welcome(&out, config.Ready{HTTP: "http://localhost:1", AdminToken: "hush"}, config.Dev)
	if said := out.String(); strings.Contains(said, "hush") || !strings.Contains(said, "http://localhost:1") {
		t.Errorf("said %s", said)
	}
}
