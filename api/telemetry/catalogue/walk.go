package catalogue

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"unicode/utf8"
)

// Why a body is not what its kind says. The errors that come out of the codec wrap one of
// these and name the place.
var (
	ErrShort    = errors.New("ends too early")
	ErrTrailing = errors.New("bytes follow after the end")
	ErrLong     = errors.New("longer than permitted")
	ErrValue    = errors.New("value not permitted")
)

// visitor is told the values of a body in order. Slices are parts of the body.
type visitor interface {
	number(t *Type, v uint64) // forms that [Form.number] is true for
	float(t *Type, v float64)
	bytes(t *Type, b []byte) // Bytes, Addr, PerC, BitsC
	text(t *Type, b []byte)
	marked(t *Type, root []byte, which int, index uint16)
	option(present bool)  // the value follows if it is
	open(t *Type, n int)  // Struct, Tuple, List of n
	field(t *Type, f int) // the next value is this field of a Struct
	close(t *Type)
}

// walker goes through one body.
type walker struct {
	b    []byte // the rest of it
	c    int    // core count
	form LengthForm

	// to is told everything. Without a visitor the body is only checked, and found, if
	// any, is filled.
	to    visitor
	found *Found
}

// walk checks that body is exactly one value of the type.
func (t *Type) walk(p Params, body []byte, to visitor, found *Found) error {
	w := walker{b: body, c: int(p.C), form: p.Form, to: to, found: found}
	if err := w.value(t); err != nil {
		return err
	}
	if len(w.b) > 0 {
		return fmt.Errorf("%d %w", len(w.b), ErrTrailing)
	}
	return nil
}

// take takes n bytes of the rest.
func (w *walker) take(n int) ([]byte, error) {
	if len(w.b) < n {
		return nil, ErrShort
	}
	b := w.b[:n:n]
	w.b = w.b[n:]
	return b, nil
}

func (w *walker) value(t *Type) error {
	if t.plain && w.to == nil && (!t.wanted || w.found == nil) {
		_, err := w.take(t.min)
		return err
	}
	switch t.Form {
	case F32, F64:
		return w.float(t)
	case String:
		return w.text(t)
	case Bytes, Addr:
		return w.bytes(t, t.min)
	case PerC:
		return w.bytes(t, w.c)
	case BitsC:
		return w.bytes(t, (w.c+7)/8)
	case Marked:
		return w.marked(t)
	case Option:
		return w.option(t)
	case List:
		return w.list(t)
	case Struct, Tuple:
		return w.fields(t)
	}
	return w.number(t)
}

func (w *walker) number(t *Type) error {
	var v uint64
	if t.Form == Nat {
		n := 0
		if v, n = Natural(w.b, w.form); n == 0 {
			return w.badNatural()
		}
		w.b = w.b[n:]
	} else {
		b, err := w.take(t.Form.width())
		if err != nil {
			return err
		}
		switch len(b) {
		case 1:
			v = uint64(b[0])
		case 2:
			v = uint64(binary.LittleEndian.Uint16(b))
		case 4:
			v = uint64(binary.LittleEndian.Uint32(b))
		case 8:
			v = binary.LittleEndian.Uint64(b)
		}
	}
	if !t.permits(v) {
		return fmt.Errorf("%d: %w", v, ErrValue)
	}
	if w.found != nil {
		w.found.number(t, v)
	}
	if w.to != nil {
		w.to.number(t, v)
	}
	return nil
}

// permits says whether v is a value of a number form.
func (t *Type) permits(v uint64) bool {
	switch t.Form {
	case Bool:
		return v <= 1
	case Enum:
		return v < uint64(len(t.Values))
	case Nat:
		return t.Max == 0 || v <= t.Max
	}
	return v>>(8*t.Form.width()-1)>>1 == 0 && (t.Max == 0 || v <= t.Max)
}

// badNatural is why the rest does not begin with a natural number.
func (w *walker) badNatural() error {
	var whole [9]byte
	if n := copy(whole[:], w.b); n < len(whole) {
		return ErrShort
	}
	return fmt.Errorf("length not in its shortest form: %w", ErrValue)
}

// length takes the length of a string or list.
func (w *walker) length(t *Type, least int) (int, error) {
	v, n := Natural(w.b, w.form)
	if n == 0 {
		return 0, w.badNatural()
	}
	if v > t.Max {
		return 0, fmt.Errorf("%d where %d is the most: %w", v, t.Max, ErrLong)
	}
	w.b = w.b[n:]
	if int(v)*least > len(w.b) {
		return 0, ErrShort
	}
	return int(v), nil
}

func (w *walker) float(t *Type) error {
	b, err := w.take(t.Form.width())
	if err != nil {
		return err
	}
	var v float64
	if t.Form == F32 {
		v = float64(math.Float32frombits(binary.LittleEndian.Uint32(b)))
	} else {
		v = math.Float64frombits(binary.LittleEndian.Uint64(b))
	}
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return fmt.Errorf("%v: %w", v, ErrValue)
	}
	if w.found != nil && t.hist > 0 {
		w.found.sample(t, v)
	}
	if w.to != nil {
		w.to.float(t, v)
	}
	return nil
}

func (w *walker) text(t *Type) error {
	n, err := w.length(t, 1)
	if err != nil {
		return err
	}
	b, _ := w.take(n)
	if !utf8.Valid(b) {
		return fmt.Errorf("not UTF-8: %w", ErrValue)
	}
	if w.found != nil && t.wanted {
		w.found.text(t, b)
	}
	if w.to != nil {
		w.to.text(t, b)
	}
	return nil
}

func (w *walker) bytes(t *Type, n int) error {
	b, err := w.take(n)
	if err != nil {
		return err
	}
	if w.found != nil && t.found == subject {
		w.found.Subject = b
	}
	if w.to != nil {
		w.to.bytes(t, b)
	}
	return nil
}

func (w *walker) marked(t *Type) error {
	b, err := w.take(t.min)
	if err != nil {
		return err
	}
	if w.to != nil {
		index := binary.LittleEndian.Uint16(b[32:])
		w.to.marked(t, b[:32], int(index>>15), index&0x7fff)
	}
	return nil
}

func (w *walker) option(t *Type) error {
	b, err := w.take(1)
	if err != nil {
		return err
	}
	if b[0] > 1 {
		return fmt.Errorf("option %d: %w", b[0], ErrValue)
	}
	if w.to != nil {
		w.to.option(b[0] == 1)
	}
	if b[0] == 0 {
		return nil
	}
	return w.value(t.Elem)
}

func (w *walker) list(t *Type) error {
	n, err := w.length(t, t.Elem.min)
	if err != nil {
		return err
	}
	if w.to == nil && t.Elem.plain {
		_, err := w.take(n * t.Elem.min)
		return err
	}
	if w.to != nil {
		w.to.open(t, n)
	}
	for i := range n {
		if err := w.value(t.Elem); err != nil {
			return fmt.Errorf("%d: %w", i, err)
		}
	}
	if w.to != nil {
		w.to.close(t)
	}
	return nil
}

func (w *walker) fields(t *Type) error {
	if w.to != nil {
		w.to.open(t, len(t.Fields))
	}
	for i := range t.Fields {
		f := &t.Fields[i]
		if w.to != nil && t.Form == Struct {
			w.to.field(t, i)
		}
		if err := w.value(f.Type); err != nil {
			if f.Name == "" {
				return err
			}
			return fmt.Errorf("%s: %w", f.Name, err)
		}
	}
	if w.to != nil {
		w.to.close(t)
	}
	return nil
}
