package catalogue

import (
	"encoding/hex"
	"math"
	"net/netip"
	"strconv"
)

// Style is how JSON looks where there is a choice.
type Style struct {
	// Arrays writes bytes and addresses as arrays of numbers, as TART does, rather than
	// bytes as lower-case hexadecimal digits and addresses as people write them.
	Arrays bool
}

// exact is the largest number that every reader of JSON keeps. Larger ones are strings.
const exact = 1<<53 - 1

// AppendJSON appends a body as a JSON object of its fields. Numbers are numbers up to 2^53-1
// and strings of decimal digits above, so that no reader loses any. It fails when the body
// is not exactly of the kind; dst is then returned as it was.
func (k *Kind) AppendJSON(dst []byte, p Params, body []byte, s Style) ([]byte, error) {
	w := jsonWriter{b: dst, style: s}
	if err := k.Body.walk(p, body, &w, nil); err != nil {
		return dst, err
	}
	return w.b, nil
}

// AppendEvent appends an event as TART writes it: an object with the name of the kind as the
// only key, and in it the time by the catalogue's epoch before the fields of the body.
func (k *Kind) AppendEvent(dst []byte, micros uint64, p Params, body []byte, s Style) ([]byte, error) {
	w := jsonWriter{b: dst, style: s}
	w.b = append(appendString(append(w.b, '{'), k.Name), `:{"timestamp":`...)
	w.uint(micros)
	start := len(w.b)
	if err := k.Body.walk(p, body, &w, nil); err != nil {
		return dst, err
	}
	// The body wrote an object of its own: its brace becomes the comma, or goes.
	if w.b[start+1] == '}' {
		w.b = append(w.b[:start], '}')
	} else {
		w.b[start] = ','
	}
	return append(w.b, '}'), nil
}

// jsonWriter is a visitor that writes JSON.
type jsonWriter struct {
	b     []byte
	style Style
	root  bool // something is written
}

// comma separates elements. A value never ends in one of the characters that it looks for.
func (w *jsonWriter) comma() {
	if !w.root {
		w.root = true
		return
	}
	switch w.b[len(w.b)-1] {
	case '{', '[', ':':
	default:
		w.b = append(w.b, ',')
	}
}

func (w *jsonWriter) uint(v uint64) {
	if v <= exact {
		w.b = strconv.AppendUint(w.b, v, 10)
		return
	}
	w.b = append(strconv.AppendUint(append(w.b, '"'), v, 10), '"')
}

func (w *jsonWriter) number(t *Type, v uint64) {
	w.comma()
	switch t.Form {
	case Bool:
		w.b = strconv.AppendBool(w.b, v == 1)
	case Enum:
		w.b = appendString(w.b, t.Values[v])
	default:
		w.uint(v)
	}
}

func (w *jsonWriter) float(t *Type, v float64) {
	w.comma()
	bits := 64
	if t.Form == F32 {
		bits = 32
	}
	format := byte('f')
	if a := math.Abs(v); a != 0 && (a < 1e-6 || a >= 1e21) {
		format = 'e'
	}
	w.b = strconv.AppendFloat(w.b, v, format, -1, bits)
}

func (w *jsonWriter) bytes(t *Type, b []byte) {
	w.comma()
	switch {
	case w.style.Arrays || t.Form == PerC:
		w.b = append(w.b, '[')
		for i, x := range b {
			if i > 0 {
				w.b = append(w.b, ',')
			}
			w.b = strconv.AppendUint(w.b, uint64(x), 10)
		}
		w.b = append(w.b, ']')
	case t.Form == Addr:
		w.b = append(w.b, '"')
		w.b = netip.AddrFrom16([16]byte(b)).Unmap().AppendTo(w.b)
		w.b = append(w.b, '"')
	default:
		w.b = append(hex.AppendEncode(append(w.b, '"'), b), '"')
	}
}

func (w *jsonWriter) text(_ *Type, b []byte) {
	w.comma()
	w.b = appendString(w.b, b)
}

func (w *jsonWriter) marked(t *Type, root []byte, which int, index uint16) {
	w.comma()
	w.b = append(appendString(append(w.b, `{"root_identifier":{`...), t.Values[which]), ':')
	w.bytes(t, root)
	w.b = append(strconv.AppendUint(append(w.b, `},"export_index":`...), uint64(index), 10), '}')
}

func (w *jsonWriter) option(present bool) {
	if !present {
		w.comma()
		w.b = append(w.b, "null"...)
	}
}

func (w *jsonWriter) open(t *Type, _ int) {
	w.comma()
	if t.Form == Struct {
		w.b = append(w.b, '{')
	} else {
		w.b = append(w.b, '[')
	}
}

func (w *jsonWriter) field(t *Type, f int) {
	w.comma()
	w.b = append(w.b, t.Fields[f].key...)
}

func (w *jsonWriter) close(t *Type) {
	if t.Form == Struct {
		w.b = append(w.b, '}')
	} else {
		w.b = append(w.b, ']')
	}
}

// appendString appends valid UTF-8 as a JSON string.
func appendString[S string | []byte](dst []byte, s S) []byte {
	const digits = "0123456789abcdef"
	dst = append(dst, '"')
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c < 0x20 || c == 0x7f:
			dst = append(dst, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}
