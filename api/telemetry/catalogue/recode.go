package catalogue

import (
	"encoding/binary"
	"math"
)

// Recode appends a body with its lengths in another form. The values stay what they are.
func (k *Kind) Recode(dst []byte, p Params, body []byte, to LengthForm) ([]byte, error) {
	w := recoder{b: dst, form: to}
	if err := k.Body.walk(p, body, &w, nil); err != nil {
		return dst, err
	}
	return w.b, nil
}

// recoder is a visitor that writes what it is told.
type recoder struct {
	b    []byte
	form LengthForm
}

func (w *recoder) number(t *Type, v uint64) {
	if t.Form == Nat {
		w.b = AppendNat(w.b, w.form, v)
		return
	}
	e := encoder{b: w.b}
	e.uint(t.Form.width(), v)
	w.b = e.b
}

func (w *recoder) float(t *Type, v float64) {
	e := encoder{b: w.b}
	if t.Form == F32 {
		e.uint(4, uint64(math.Float32bits(float32(v))))
	} else {
		e.uint(8, math.Float64bits(v))
	}
	w.b = e.b
}

func (w *recoder) bytes(_ *Type, b []byte) { w.b = append(w.b, b...) }

func (w *recoder) text(_ *Type, b []byte) {
	w.b = append(AppendNat(w.b, w.form, uint64(len(b))), b...)
}

func (w *recoder) marked(_ *Type, root []byte, which int, index uint16) {
	w.b = binary.LittleEndian.AppendUint16(append(w.b, root...), index|uint16(which)<<15)
}

func (w *recoder) option(present bool) {
	if present {
		w.b = append(w.b, 1)
	} else {
		w.b = append(w.b, 0)
	}
}

func (w *recoder) open(t *Type, n int) {
	if t.Form == List {
		w.b = AppendNat(w.b, w.form, uint64(n))
	}
}

func (w *recoder) field(*Type, int) {}
func (w *recoder) close(*Type)      {}
