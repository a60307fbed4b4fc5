package fault

import (
	"io"
	"math"
	"net/http"
	"strconv"
)

// Answer answers a request that may not become a connection with the status and the message of
// err, as plain text, and returns its code.
func Answer(w http.ResponseWriter, err error) Code {
	f := From(err)
	out, ok := Codes[f.Code]
	if !ok {
		out = Codes[Internal]
	}
	if f.Retry > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(f.Retry.Seconds()))))
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(out.HTTP)
	_, _ = io.WriteString(w, f.Message) // a client that left needs no answer
	return f.Code
}
