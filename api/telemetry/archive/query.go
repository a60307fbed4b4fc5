package archive

import (
	"fmt"
	"strconv"
	"strings"
)

// where collects the conditions of a query and their values.
type where struct {
	terms  []string
	values []any
}

// add adds a condition in which each ? stands for the next value.
func (w *where) add(term string, values ...any) {
	for _, v := range values {
		w.values = append(w.values, v)
		term = strings.Replace(term, "?", "$"+strconv.Itoa(len(w.values)), 1)
	}
	w.terms = append(w.terms, term)
}

// sql returns the conditions as a clause.
func (w *where) sql() string {
	if len(w.terms) == 0 {
		return ""
	}
	return " where " + strings.Join(w.terms, " and ")
}

// limit returns the clause that limits a query to n rows.
func (w *where) limit(n int) string {
	w.values = append(w.values, n)
	return " limit $" + strconv.Itoa(len(w.values))
}

// Page is the part of a list that is asked for: what comes after a cursor, "" for the first,
// and at most so many.
type Page struct {
	After string
	Limit int
}

// CursorError says that a cursor is not one of ours.
type CursorError struct{ Cursor string }

// Error implements error.
func (e *CursorError) Error() string {
	return fmt.Sprintf("%.64q is not a cursor of this list", e.Cursor)
}

// cursor reads the n numbers of a cursor; nil when it is "".
func cursor(text string, n int) ([]int64, error) {
	if text == "" {
		return nil, nil
	}
	parts := strings.Split(text, ".")
	if len(parts) != n {
		return nil, &CursorError{text}
	}
	at := make([]int64, n)
	for i, p := range parts {
		v, err := strconv.ParseInt(p, 36, 64)
		if err != nil {
			return nil, &CursorError{text}
		}
		at[i] = v
	}
	return at, nil
}

// mark is the inverse of cursor.
func mark(at ...int64) string {
	parts := make([]string, len(at))
	for i, v := range at {
		parts[i] = strconv.FormatInt(v, 36)
	}
	return strings.Join(parts, ".")
}
