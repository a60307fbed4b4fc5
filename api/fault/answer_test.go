package fault_test

import (
	"errors"
	"net/http/httptest"
	"testing"
	"time"

	"parley/api/fault"
)

func TestAnswer(t *testing.T) {
	for _, c := range []struct {
		err    error
		code   fault.Code
		status int
		retry  string
		text   string
	}{
		{fault.New(fault.Expired, "too late"), fault.Expired, 401, "", "too late"},
		{&fault.Error{Code: fault.GoingAway, Message: "later", Retry: 1500 * time.Millisecond}, fault.GoingAway, 503, "2", "later"},
		{errors.New("secret"), fault.Internal, 500, "", "something went wrong on the server"},
		{fault.New("unheard of", "odd"), "unheard of", 500, "", "odd"},
	} {
		w := httptest.NewRecorder()
		if got := fault.Answer(w, c.err); got != c.code || w.Code != c.status || w.Header().Get("Retry-After") != c.retry || w.Body.String() != c.text {
			t.Errorf("%v: %s %d %v %s", c.err, got, w.Code, w.Header(), w.Body)
		}
	}
}
