package wt_test

import (
	"fmt"
	"net/http"
	"regexp"
	"sync/atomic"
	"testing"

	"parley/api/client"
	"parley/api/media"
	"parley/api/media/mediatest"
	"parley/api/wt"
)

// An idle session has one goroutine for streams, one for datagrams, one that takes what they
// read, one that writes, and one that serves the connection. The others are of the libraries.
func TestIdleSessionsAreSmall(t *testing.T) {
	mediatest.Idle{
		Serve: func(t *testing.T, hub *media.Hub) func() {
			var users atomic.Int64
			s := newSite(t, func(o *wt.Options) {
				o.Hub = hub
				o.Admit = func(*http.Request) (media.Peer, error) {
					return media.Peer{Room: "room", User: fmt.Sprint("user ", users.Add(1))}, nil
				}
			})
			return func() {
				c, err := client.Dial(t.Context(), s.url, client.Options{TLS: s.secure})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = c.Close() })
				if _, err := c.Session(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
		},
		Of:         regexp.MustCompile(`parley/api/(wt|media)\.`),
		Goroutines: 5.5,
	}.Run(t)
}
