// Package fault holds the one error type that a client may see and the one table that
// says what each code means outside: HTTP status, close code, whether to come back.
package fault

import (
	"errors"
	"fmt"
	"net/http"
	"time"
)

// Code is the stable name of a failure: a lower-case word that clients may compare.
type Code string

// The codes that Parley answers with.
const (
	Bye         Code = "bye"           // the peer or the server ended the session politely
	GoingAway   Code = "going_away"    // the node shuts down: come back, to another node
	Internal    Code = "internal"      // our mistake
	Slow        Code = "slow"          // the peer does not take its control packets
	Idle        Code = "idle"          // nothing heard of the peer for too long
	Protocol    Code = "protocol"      // the peer broke the transport's rules
	BadRequest  Code = "bad_request"   // malformed input
	Expired     Code = "expired"       // the token was good once
	Invalid     Code = "invalid"       // the token was never good, or not for this
	Forbidden   Code = "forbidden"     // known, but not allowed
	Reserved    Code = "reserved"      // the identity belongs to the server
	NotFound    Code = "not_found"     //
	Gone        Code = "gone"          // this way in is closed
	Conflict    Code = "conflict"      //
	TooLarge    Code = "too_large"     // a packet above the limit
	Ended       Code = "ended"         // the meeting is over
	Removed     Code = "removed"       // rejected, removed or banned by somebody
	SignedOut   Code = "signed_out"    // the person ended the session that this was opened with
	Unavailable Code = "unavailable"   // a part this needs is down
	Misconfig   Code = "misconfigured" // the operator has to act
)

// Outcome is what a code means outside the process.
type Outcome struct {
	HTTP  int    // status of a REST answer or of a refused upgrade
	Close uint16 // WebSocket close code and WebTransport session error code
}

// Codes is the only place where a code meets the outside.
//
// Close codes 3000–3499 tell the client to reconnect, 3500–3999 not to. 1000, 1001 and
// 1008 are those of RFC 6455, kept where existing clients look for them.
var Codes = map[Code]Outcome{
	Bye:         {http.StatusOK, 1000},
	GoingAway:   {http.StatusServiceUnavailable, 1001},
	Internal:    {http.StatusInternalServerError, 3004},
	Unavailable: {http.StatusServiceUnavailable, 3005},
	Slow:        {http.StatusTooManyRequests, 3008},
	Idle:        {http.StatusRequestTimeout, 3009},
	Protocol:    {http.StatusBadRequest, 3500},
	BadRequest:  {http.StatusBadRequest, 3502},
	Forbidden:   {http.StatusForbidden, 3503},
	NotFound:    {http.StatusNotFound, 3504},
	Expired:     {http.StatusUnauthorized, 3505},
	Invalid:     {http.StatusForbidden, 3506},
	Reserved:    {http.StatusForbidden, 1008},
	Gone:        {http.StatusGone, 3507},
	Conflict:    {http.StatusConflict, 3509},
	TooLarge:    {http.StatusRequestEntityTooLarge, 3510},
	Ended:       {http.StatusGone, 3511},
	Misconfig:   {http.StatusInternalServerError, 3512},
	Removed:     {http.StatusForbidden, 3513},
	SignedOut:   {http.StatusUnauthorized, 3514},
}

// Error is a failure that a client may see. Code is stable; Message and Hint are for
// people and may change; Err is for the log and never leaves the server.
type Error struct {
	Code    Code
	Message string
	Hint    string        // what the caller can do about it, or ""
	Retry   time.Duration // 0: do not retry automatically
	Err     error
}

// New returns an Error with a message for people.
func New(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Wrap returns an Error that hides err behind a message for people.
func Wrap(err error, code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...), Err: err}
}

func (e *Error) Error() string {
	if e.Err != nil {
		return string(e.Code) + ": " + e.Message + ": " + e.Err.Error()
	}
	return string(e.Code) + ": " + e.Message
}

func (e *Error) Unwrap() error { return e.Err }

// Is makes two Errors of the same code equal for errors.Is.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

// From returns the Error in err's chain, or one with code Internal and a neutral message.
// It returns nil for nil.
func From(err error) *Error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return &Error{Code: Internal, Message: "something went wrong on the server", Err: err}
}

// CodeOf returns the code that closes a connection which ended with err; Bye for nil.
func CodeOf(err error) Code {
	if err == nil {
		return Bye
	}
	return From(err).Code
}
