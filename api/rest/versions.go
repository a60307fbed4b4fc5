package rest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"parley/api/observe"
	"parley/api/trace"
)

const (
	// versionTime is how long another service may take to say what it is.
	versionTime = 3 * time.Second
	// versionAge is how long that is believed: anybody may ask us, and others are not to be
	// flooded because of that.
	versionAge = 5 * time.Second
	// maxVersion is the longest such answer, in bytes.
	maxVersion = 16 << 10
)

// apiService is what this part of a node is called in the list of services.
const apiService = "meeting-api"

type versionsResult struct {
	Components []observe.Build `json:"components"` // this one first
}

// neighbours asks other services for their versions.
type neighbours struct {
	urls   []string // that answer with one
	client *http.Client

	mu    sync.Mutex // held while they are asked, so that the next who wants to know waits
	at    time.Time
	known []observe.Build
}

func (a *API) versions(w http.ResponseWriter, r *http.Request) {
	own := a.Build
	own.Service = apiService
	writeJSON(w, http.StatusOK, versionsResult{append([]observe.Build{own}, a.neighbours.versions(r.Context())...)})
}

// versions returns those that are known, in the order of the addresses; who does not answer in
// time is left out.
func (n *neighbours) versions(ctx context.Context) []observe.Build {
	if len(n.urls) == 0 {
		return nil
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if time.Since(n.at) < versionAge {
		return n.known
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), versionTime) // others wait for it as well
	defer cancel()
	answers := make([]*observe.Build, len(n.urls))
	var asking sync.WaitGroup
	for i, url := range n.urls {
		asking.Go(func() {
			if b, err := n.ask(ctx, url); err == nil {
				answers[i] = &b
			}
		})
	}
	asking.Wait()
	n.at, n.known = time.Now(), nil
	for _, b := range answers {
		if b != nil {
			n.known = append(n.known, *b)
		}
	}
	return n.known
}

// ask returns what is at url, if that looks like a version.
func (n *neighbours) ask(ctx context.Context, url string) (b observe.Build, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return b, err
	}
	trace.Inject(ctx, r.Header)
	answer, err := n.client.Do(r)
	if err != nil {
		return b, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return b, fmt.Errorf("%s: %s", url, answer.Status)
	}
	if err := json.NewDecoder(io.LimitReader(answer.Body, maxVersion)).Decode(&b); err != nil {
		return b, err
	}
	if b.Service == "" || b.Version == "" {
		return b, errors.New("no version")
	}
	return b, nil
}
