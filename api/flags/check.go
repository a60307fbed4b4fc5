package flags

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// UnknownError says that no flag has a name.
type UnknownError struct {
	Name string
	Near []string // flags with similar names, the most similar first; may be empty
}

func (e *UnknownError) Error() string {
	text := fmt.Sprintf("no flag %.100q", e.Name)
	if len(e.Near) > 0 {
		text += "; is it " + strings.Join(e.Near, " or ") + "?"
	}
	return text
}

// ValueError says that a flag cannot have a value.
type ValueError struct {
	Name  string // of the flag
	Value string // as it was given
	Want  string // what can be given, to follow the words "is not"
}

func (e *ValueError) Error() string {
	return fmt.Sprintf("%s: %.100q is not %s", e.Name, e.Value, e.Want)
}

// FieldError says what is wrong with an [Order] besides flag and value.
type FieldError struct {
	Field string // "room" or "reason"
	Want  string // to follow the words "is not"
}

func (e *FieldError) Error() string { return e.Field + " is not " + e.Want }

// Known returns nil if there is a flag called name, else an *[UnknownError].
func Known(name string) error {
	_, err := declarationOf(name)
	return err
}

// Canonical returns value in the one form in which it is kept: "yes" becomes "true". It fails
// with an *[UnknownError] or a *[ValueError].
func Canonical(name, value string) (string, error) {
	d, v, err := read(Assignment{Name: name, Value: value})
	if err != nil {
		return "", err
	}
	return d.format(v), nil
}

const (
	nearest = 3 // how many similar names are suggested at most

	// similar is how many letters of ten, but at least two, may differ in a suggestion.
	similar = 3
)

// unknown returns the error for a name that none of all has.
func unknown(name string, all []*declaration) error {
	type suggestion struct {
		name string
		far  int
	}
	var near []suggestion
	asked := strings.ToLower(name[:min(len(name), 64)])
	asked = strings.ReplaceAll(strings.TrimPrefix(asked, "feature_"), "-", "_")
	for _, d := range all {
		far := distance(asked, d.name)
		switch {
		case far <= max(2, similar*len(d.name)/10):
		case len(asked) >= 3 && strings.Contains(d.name, asked): // "guest", "room"
			far += len(d.name) // after those that are merely misspelt
		default:
			continue
		}
		near = append(near, suggestion{d.name, far})
	}
	slices.SortFunc(near, func(a, b suggestion) int {
		return cmp.Or(cmp.Compare(a.far, b.far), cmp.Compare(a.name, b.name))
	})
	e := &UnknownError{Name: name}
	for _, s := range near[:min(len(near), nearest)] {
		e.Near = append(e.Near, s.name)
	}
	return e
}

// distance is how many bytes have to be inserted, removed or replaced to turn a into b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}
