package app_test

import (
	"bufio"
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"parley/api/token"
)

// Whoever looks at their meetings on one node hears at once of who comes and goes on another.
func TestFeedIsLiveAcrossNodes(t *testing.T) {
	c := newCluster(t)
	managed := []string{"meeting_management=true", "waiting_room_default=false"}
	a, b := c.start(managed...), c.start(managed...)
	room := newRoom()
	a.inside(overWS, "ada", room)
	bob := a.inside(overWS, "bob", room)

	session, err := c.tokens.MintSession(token.Session{User: "ada", Name: "Ada"}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, "GET", b.HTTP+"/api/v1/meetings/feed/stream", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+session)
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	answer, err := (&http.Client{Transport: transport}).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	lines := bufio.NewScanner(answer.Body)
	lines.Scan() // from now on nothing is missed
	present := func() any {
		list, _ := b.ask("ada", "GET", "/feed", "")["meetings"].([]any)
		return list[0].(map[string]any)["participant_count"]
	}
	for present() != 2.0 { // an earlier change may still be on its way
		lines.Scan()
	}
	_ = bob.Close()
	for heard := 0; present() != 1.0; {
		if !lines.Scan() {
			t.Fatalf("nothing after %d changes, with %v present: %v", heard, present(), lines.Err())
		}
		if strings.HasPrefix(lines.Text(), "event: ") {
			heard++
		}
	}
}
