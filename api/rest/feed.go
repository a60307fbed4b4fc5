package rest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"
)

const (
	// feedBeat is the pause between comments that keep a silent stream open: proxies close
	// those that say nothing for half a minute or more.
	feedBeat = 15 * time.Second
	// maxStreams is how many streams somebody may have open on a node: a tab has one.
	maxStreams = 16
	// feedPatience is how long a client may take to take an event.
	feedPatience = 20 * time.Second
)

// lifeKey is where guard keeps the context of a request without the deadline of answers.
type lifeKey struct{}

// lifeOf returns the context of a request whose answer goes on.
func lifeOf(r *http.Request) context.Context {
	if life, ok := r.Context().Value(lifeKey{}).(context.Context); ok {
		return life
	}
	return r.Context()
}

// opensStream refuses, and answers that, when user has too many streams open. Else the caller
// closes it.
func (a *API) opensStream(w http.ResponseWriter, r *http.Request, user string) bool {
	if a.streams.open(user) {
		return true
	}
	a.fail(w, r, &problem{
		status: statusFor(tooManyStreams), code: string(tooManyStreams),
		message: fmt.Sprintf("You have %d of these open already.", maxStreams),
	})
	return false
}

// changedMeeting is what a stream says of a change. Existing clients know the reason, which
// is always the same: to read the list again.
type changedMeeting struct {
	Reason string `json:"reason"`
	Room   string `json:"meeting_id"`
}

// feedStream tells the caller, as server-sent events, which of their meetings changed, until
// the client leaves, the caller has signed out or the node stops.
func (a *API) feedStream(w http.ResponseWriter, r *http.Request) {
	by, session, err := a.identify(r, signedIn)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	if !a.opensStream(w, r, by.User) {
		return
	}
	defer a.streams.close(by.User)
	news, stop := a.Meetings.Watch(by)
	defer stop()
	life := lifeOf(r)
	out := openEvents(w)
	beat := time.NewTicker(feedBeat)
	defer beat.Stop()
	for event := ": here they come\n\n"; ; {
		if out.write(event) != nil {
			return
		}
		select {
		case room := <-news:
			data, _ := json.Marshal(changedMeeting{"refresh", room}) // strings always marshal
			event = fmt.Sprintf("event: feed-changed\ndata: %s\n\n", data)
		case <-beat.C:
			event = ": still here\n\n"
		case <-life.Done():
			return
		case <-a.Ending:
			return
		}
		if a.SignOuts.Has(session) {
			return
		}
	}
}

// streams counts who has how many open. The zero value has none.
type streams struct {
	mu sync.Mutex
	of map[string]int // user
}

// open reports whether user may have one more, which close gives back.
func (s *streams) open(user string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.of == nil {
		s.of = map[string]int{}
	}
	if s.of[user] >= maxStreams {
		return false
	}
	s.of[user]++
	return true
}

func (s *streams) close(user string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.of[user]--; s.of[user] == 0 {
		delete(s.of, user)
	}
}
