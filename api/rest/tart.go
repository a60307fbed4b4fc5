package rest

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"parley/api/tart"
)

// TART are routes that programs made for TART ask, and who may.
type TART struct {
	Routes []tart.Route
	// Access is who may use them now; it does not block.
	Access func() Access
}

// Access is who may use routes that can be switched off.
type Access struct {
	On   bool
	Open bool // without signing in; otherwise for admins alone
}

// tartTable lists them as they are described; they answer as TART does, without envelope.
func (a *API) tartTable() []route {
	var table []route
	for _, t := range a.TART.Routes {
		r := route{
			pattern: t.Pattern, summary: t.Summary, status: http.StatusOK, bare: true,
			produces: "application/json", serve: a.tart(t),
			remark: "As TART answers it, while the flag tart_routes is on; for admins, but for everybody in dev.",
		}
		r.codes = append(r.codes, notFoundCode, unauthorizedCode, forbidden)
		if t.Stream {
			r.codes = append(r.codes, tooManyStreams)
		}
		for _, name := range t.Query {
			r.query = append(r.query, text(name, "As in TART."))
		}
		table = append(table, r)
	}
	return table
}

// tart lets through who may ask.
func (a *API) tart(t tart.Route) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		user, err := a.mayTART(r)
		if err != nil {
			a.fail(w, r, err)
			return
		}
		if !t.Stream {
			t.Serve(w, r)
			return
		}
		if user != "" {
			if !a.streams.open(user) {
				a.fail(w, r, &problem{
					status: statusFor(tooManyStreams), code: string(tooManyStreams),
					message: fmt.Sprintf("You have %d of these open already.", maxStreams),
				})
				return
			}
			defer a.streams.close(user)
		}
		a.tartStream(w, r, t)
	}
}

// mayTART returns who asks, "" of anybody, or why they may not.
func (a *API) mayTART(r *http.Request) (user string, err error) {
	access := a.TART.Access()
	switch {
	case !access.On:
		return "", &problem{status: http.StatusNotFound, code: string(notFoundCode), message: "There is nothing at this address."}
	case access.Open:
		return "", nil
	}
	by, _, err := a.identify(r, admin)
	return by.User, err
}

// tartStream serves an answer that goes on until the client leaves, may not see it any more, or
// the node stops.
func (a *API) tartStream(w http.ResponseWriter, r *http.Request, t tart.Route) {
	life := lifeOf(r)
	life, cancel := context.WithCancel(life)
	var watch sync.WaitGroup
	defer watch.Wait()
	defer cancel()
	watch.Go(func() {
		beat := time.NewTicker(streamLook)
		defer beat.Stop()
		for {
			if _, err := a.mayTART(r); err != nil { // signed out, or switched off
				cancel()
				return
			}
			select {
			case <-beat.C:
			case <-a.Ending:
				cancel()
				return
			case <-life.Done():
				return
			}
		}
	})
	t.Serve(w, r.WithContext(life))
}

// OriginHosts returns the hosts of origins, whose pages may open WebSockets.
func OriginHosts(origins []string) (hosts []string) {
	for _, origin := range origins {
		if _, host, ok := strings.Cut(origin, "://"); ok {
			hosts = append(hosts, host)
		}
	}
	return hosts
}
