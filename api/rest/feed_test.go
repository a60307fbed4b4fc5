package rest

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"parley/api/management"
)

// stream opens the live feed of user.
func (w world) stream(ctx context.Context, user string) *bufio.Scanner {
	w.Helper()
	r, err := http.NewRequestWithContext(ctx, "GET", w.url+"/api/v1/meetings/feed/stream", nil)
	if err != nil {
		w.Fatal(err)
	}
	r.Header.Set("Authorization", bearer(w, user, user))
	answer, err := w.client.Do(r)
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { answer.Body.Close() })
	if got := answer.Header.Get("Content-Type"); answer.StatusCode != 200 || got != "text/event-stream" {
		w.Fatalf("%d %s", answer.StatusCode, got)
	}
	lines := bufio.NewScanner(answer.Body)
	lines.Scan() // from now on nothing is missed
	return lines
}

// next returns the name and the data of the next event.
func next(lines *bufio.Scanner) (name, data string) {
	for lines.Scan() {
		if after, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
			name = after
		}
		if after, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			return name, after
		}
	}
	return "", ""
}

// Everybody hears of their own meetings, and of no others.
func TestFeedTellsOfChanges(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	id := w.running(`,"attendees":["cyd"]`)
	ada, cyd, eve := w.stream(ctx, "ada"), w.stream(ctx, "cyd"), w.stream(ctx, "eve")
	w.ask("bob", "POST", "", `{"meeting_id":"of-bob"}`, 201)
	w.ask("bob", "POST", "/"+id+"/join", "", 200)
	w.ask("eve", "POST", "", `{"meeting_id":"of-eve"}`, 201)
	for user, c := range map[string]struct {
		lines *bufio.Scanner
		room  string
	}{"ada": {ada, id}, "cyd": {cyd, id}, "eve": {eve, "of-eve"}} {
		if name, data := next(c.lines); name != "feed-changed" || data != `{"reason":"refresh","meeting_id":"`+c.room+`"}` {
			t.Errorf("%s first hears %s of %s", user, name, data)
		}
	}
}

// A stream outlives the limits of other answers, and ends with the node.
func TestFeedStaysOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ending := make(chan struct{})
		a := newAPI(t, func(o *Options) {
			o.Meetings = management.New(nil, nil, management.Settings{}, o.Log)
			o.Ending = ending
		})
		here, there := net.Pipe()
		server := &http.Server{Handler: a, ReadHeaderTimeout: time.Second, IdleTimeout: time.Minute}
		done := make(chan error)
		go func() { done <- server.Serve(&oneConn{far: there, closed: make(chan struct{})}) }()
		_, err := here.Write([]byte("GET /api/v1/meetings/feed/stream HTTP/1.1\r\nHost: x\r\nAuthorization: " + bearer(t, "ada", "Ada") + "\r\n\r\n"))
		if err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		lines := bufio.NewScanner(here)
		for comments := 0; comments < 20 && lines.Scan(); {
			if strings.HasPrefix(lines.Text(), ":") {
				comments++
			}
		}
		if took := time.Since(begin); took != 19*feedBeat || took < 2*bodyTime || took < 2*writeTime {
			t.Errorf("heard 20 comments in %v, %v", took, lines.Err())
		}
		close(ending)
		for lines.Scan() && lines.Text() != "0" { // the last chunk
		}
		if lines.Text() != "0" {
			t.Errorf("the stream ends with %q, %v", lines.Text(), lines.Err())
		}
		here.Close()
		server.Close()
		<-done
	})
}

func TestStreamsOfOnePersonAreBounded(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for range maxStreams {
		w.stream(ctx, "ada")
	}
	w.refused("ada", "GET", "/feed/stream", "", 429, "TOO_MANY_STREAMS")
	w.stream(ctx, "bob")
}
