package signin

import (
	"bytes"
	"io"
	"net/http"
	"sync"
	"time"
)

// keysAge is how long an answer of the provider with its keys is good for tokens that no key
// fits. Strangers can make as many of these as they like; the provider is not to hear of them.
const keysAge = 5 * time.Second

// fresh asks for one address no more often than every keysAge.
type fresh struct {
	http.RoundTripper
	of string

	mu   sync.Mutex
	got  *http.Response // its body is in body
	body []byte
	at   time.Time
}

func (f *fresh) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.String() != f.of {
		return f.RoundTripper.RoundTrip(r)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.got == nil || time.Since(f.at) > keysAge {
		got, err := f.RoundTripper.RoundTrip(r)
		if err != nil || got.StatusCode != http.StatusOK {
			return got, err
		}
		defer got.Body.Close()
		body, err := io.ReadAll(got.Body)
		if err != nil {
			return nil, err
		}
		f.got, f.body, f.at = got, body, time.Now()
	}
	again := *f.got
	again.Header, again.Body, again.Request = f.got.Header.Clone(), io.NopCloser(bytes.NewReader(f.body)), r
	return &again, nil
}
