package catalogue

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"unicode/utf8"
)

// Encode appends the body made of values as [Kind.Decode] returns them, or as a decoder of
// JSON does that reads what [Kind.AppendJSON] wrote. Every field must be there and no other.
// Numbers may be of any type of Go that holds them. When it fails dst is returned as it was.
func (k *Kind) Encode(dst []byte, p Params, v map[string]any) ([]byte, error) {
	e := encoder{b: dst, p: p}
	if err := e.value(k.Body, v); err != nil {
		return dst, err
	}
	return e.b, nil
}

// FromJSON appends the body that data describes in either [Style].
func (k *Kind) FromJSON(dst []byte, p Params, data []byte) ([]byte, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var v map[string]any
	if err := d.Decode(&v); err != nil {
		return dst, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return dst, fmt.Errorf("JSON: %w", ErrTrailing)
	}
	return k.Encode(dst, p, v)
}

// encoder writes values of Go.
type encoder struct {
	b []byte
	p Params
}

func wrong(t *Type, v any) error {
	return fmt.Errorf("%T for %s: %w", v, t.Form, ErrValue)
}

func (e *encoder) value(t *Type, v any) error {
	switch t.Form {
	case Bool, Enum:
		return e.choice(t, v)
	case F32, F64:
		return e.float(t, v)
	case String:
		s, ok := v.(string)
		if !ok || !utf8.ValidString(s) {
			return wrong(t, v)
		}
		if err := e.length(t, len(s)); err != nil {
			return err
		}
		e.b = append(e.b, s...)
		return nil
	case Bytes, Addr:
		return e.bytes(t, v, max(t.Size, t.min))
	case PerC:
		return e.bytes(t, v, int(e.p.C))
	case BitsC:
		return e.bytes(t, v, (int(e.p.C)+7)/8)
	case Marked:
		return e.marked(t, v)
	case Option:
		if v == nil {
			e.b = append(e.b, 0)
			return nil
		}
		e.b = append(e.b, 1)
		return e.value(t.Elem, v)
	case List:
		return e.list(t, v)
	case Struct:
		return e.fields(t, v)
	case Tuple:
		return e.tuple(t, v)
	}
	n, ok := unsigned(v)
	if !ok || !t.permits(n) {
		return wrong(t, v)
	}
	if t.Form == Nat {
		e.b = AppendNat(e.b, e.p.Form, n)
		return nil
	}
	e.uint(t.Form.width(), n)
	return nil
}

func (e *encoder) uint(width int, n uint64) {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], n)
	e.b = append(e.b, b[:width]...)
}

func (e *encoder) length(t *Type, n int) error {
	if uint64(n) > t.Max {
		return fmt.Errorf("%d where %d is the most: %w", n, t.Max, ErrLong)
	}
	e.b = AppendNat(e.b, e.p.Form, uint64(n))
	return nil
}

// choice writes a bool or one of an enum, by name or number.
func (e *encoder) choice(t *Type, v any) error {
	n, ok := unsigned(v)
	switch v := v.(type) {
	case bool:
		if ok = t.Form == Bool; v {
			n = 1
		}
	case string:
		i := slices.Index(t.Values, v)
		n, ok = uint64(i), i >= 0
	}
	if !ok || !t.permits(n) {
		return wrong(t, v)
	}
	e.b = append(e.b, byte(n))
	return nil
}

func (e *encoder) float(t *Type, v any) error {
	var f float64
	switch v := v.(type) {
	case float64:
		f = v
	case float32:
		f = float64(v)
	case json.Number:
		parsed, err := v.Float64()
		if err != nil {
			return wrong(t, v)
		}
		f = parsed
	default:
		n, ok := unsigned(v)
		if !ok {
			return wrong(t, v)
		}
		f = float64(n)
	}
	if t.Form == F32 {
		f = float64(float32(f))
	}
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return wrong(t, v)
	}
	if t.Form == F32 {
		e.uint(4, uint64(math.Float32bits(float32(f))))
	} else {
		e.uint(8, math.Float64bits(f))
	}
	return nil
}

// bytes writes n bytes given as such, as hexadecimal digits, as an address or as numbers.
func (e *encoder) bytes(t *Type, v any, n int) error {
	var b []byte
	switch v := v.(type) {
	case []byte:
		b = v
	case [16]byte:
		b = v[:]
	case [32]byte:
		b = v[:]
	case netip.Addr:
		a := v.As16()
		b = a[:]
	case string:
		if t.Form == Addr {
			a, err := netip.ParseAddr(v)
			if err != nil || a.Zone() != "" {
				return wrong(t, v)
			}
			all := a.As16()
			b = all[:]
			break
		}
		digits, err := hex.DecodeString(v)
		if err != nil {
			return wrong(t, v)
		}
		b = digits
	case []any:
		for _, x := range v {
			x, ok := unsigned(x)
			if !ok || x > 255 {
				return wrong(t, v)
			}
			b = append(b, byte(x))
		}
	default:
		return wrong(t, v)
	}
	if len(b) != n {
		return fmt.Errorf("%d bytes where %d belong: %w", len(b), n, ErrValue)
	}
	e.b = append(e.b, b...)
	return nil
}

func (e *encoder) marked(t *Type, v any) error {
	m, ok := v.(map[string]any)
	if !ok || len(m) != 2 {
		return wrong(t, v)
	}
	root, _ := m["root_identifier"].(map[string]any)
	index, ok := unsigned(m["export_index"])
	if len(root) != 1 || !ok || index > 0x7fff {
		return wrong(t, v)
	}
	for name, bytes := range root {
		which := slices.Index(t.Values, name)
		if which < 0 {
			return wrong(t, v)
		}
		if err := e.bytes(t, bytes, 32); err != nil {
			return err
		}
		e.uint(2, index|uint64(which)<<15)
	}
	return nil
}

func (e *encoder) list(t *Type, v any) error {
	all, ok := v.([]any)
	if !ok {
		return wrong(t, v)
	}
	if err := e.length(t, len(all)); err != nil {
		return err
	}
	for i, x := range all {
		if err := e.value(t.Elem, x); err != nil {
			return fmt.Errorf("%d: %w", i, err)
		}
	}
	return nil
}

func (e *encoder) tuple(t *Type, v any) error {
	all, ok := v.([]any)
	if !ok || len(all) != len(t.Fields) {
		return wrong(t, v)
	}
	for i, f := range t.Fields {
		if err := e.value(f.Type, all[i]); err != nil {
			return fmt.Errorf("%d: %w", i, err)
		}
	}
	return nil
}

func (e *encoder) fields(t *Type, v any) error {
	m, ok := v.(map[string]any)
	if !ok {
		return wrong(t, v)
	}
	for _, f := range t.Fields {
		x, ok := m[f.Name]
		if !ok {
			return fmt.Errorf("%s is missing: %w", f.Name, ErrValue)
		}
		if err := e.value(f.Type, x); err != nil {
			return fmt.Errorf("%s: %w", f.Name, err)
		}
	}
	if len(m) > len(t.Fields) {
		return fmt.Errorf("%d fields where %d belong: %w", len(m), len(t.Fields), ErrValue)
	}
	return nil
}

// unsigned reads whatever holds a number that is not negative and has no fraction.
func unsigned(v any) (uint64, bool) {
	switch v := v.(type) {
	case uint64:
		return v, true
	case uint32:
		return uint64(v), true
	case uint16:
		return uint64(v), true
	case uint8:
		return uint64(v), true
	case int:
		return uint64(v), v >= 0
	case int64:
		return uint64(v), v >= 0
	case json.Number:
		n, err := strconv.ParseUint(v.String(), 10, 64)
		return n, err == nil
	case string:
		n, err := strconv.ParseUint(v, 10, 64)
		return n, err == nil
	}
	return 0, false
}
