package flagfeed

import (
	"fmt"
	"unicode/utf8"

	"parley/api/flags"
	"parley/api/token"
)

// MaxReason is the longest reason for a change, in bytes.
const MaxReason = 500

// FieldError says what is wrong with an order besides flag and value.
type FieldError struct {
	Field string // "room" or "reason"
	Want  string // to follow the words "is not"
}

func (e *FieldError) Error() string { return e.Field + " is not " + e.Want }

// Check returns o with its value in the one form in which it is kept. It fails with a
// *[flags.UnknownError], a *[flags.ValueError] or a *[FieldError].
func Check(o flags.Order) (flags.Order, error) {
	if err := flags.Known(o.Flag); err != nil {
		return o, err
	}
	if o.Value != nil {
		value, err := flags.Canonical(o.Flag, *o.Value)
		if err != nil {
			return o, err
		}
		o.Value = &value
	}
	switch {
	case o.Room != "" && !token.ValidRoom(o.Room):
		return o, &FieldError{"room", fmt.Sprintf("a meeting id: 1 to %d letters, digits, _ and -", token.MaxRoom)}
	case len(o.Reason) > MaxReason || !printable(o.Reason):
		return o, &FieldError{"reason", fmt.Sprintf("one line of at most %d bytes", MaxReason)}
	}
	return o, nil
}

// printable reports whether text may go into a terminal.
func printable(text string) bool {
	for _, r := range text {
		if r == utf8.RuneError || r < ' ' || 0x7f <= r && r < 0xa0 {
			return false
		}
	}
	return true
}
