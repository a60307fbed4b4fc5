package flagfeed

import (
	"fmt"
	"unicode/utf8"

	"parley/api/flags"
	"parley/api/token"
)

// MaxReason is the longest reason for a change, in bytes.
const MaxReason = 500

// Check returns o with its value in the one form in which it is kept. It fails with a
// *[flags.UnknownError], a *[flags.ValueError] or a *[flags.FieldError].
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
		return o, &flags.FieldError{Field: "room", Want: fmt.Sprintf("a meeting id: 1 to %d letters, digits, _ and -", token.MaxRoom)}
	case len(o.Reason) > MaxReason || !printable(o.Reason):
		return o, &flags.FieldError{Field: "reason", Want: fmt.Sprintf("one line of at most %d bytes", MaxReason)}
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
