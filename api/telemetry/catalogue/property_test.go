package catalogue_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"parley/api/telemetry/catalogue"
)

// draw makes a value of the type as Decode returns it.
func draw(r *rapid.T, t *catalogue.Type, p catalogue.Params) any {
	most := func(bits int) uint64 {
		if t.Max > 0 {
			return t.Max
		}
		return math.MaxUint64 >> (64 - bits)
	}
	size := func() int { return rapid.IntRange(0, min(int(t.Max), 300)).Draw(r, "size") }
	blob := func(n int) []byte { return rapid.SliceOfN(rapid.Byte(), n, n).Draw(r, "bytes") }
	switch t.Form {
	case catalogue.U8:
		return rapid.Uint64Range(0, most(8)).Draw(r, "u8")
	case catalogue.U16:
		return rapid.Uint64Range(0, most(16)).Draw(r, "u16")
	case catalogue.U32:
		return rapid.Uint64Range(0, most(32)).Draw(r, "u32")
	case catalogue.U64, catalogue.Nat, catalogue.Time, catalogue.Event:
		return rapid.Uint64Range(0, most(64)).Draw(r, "u64")
	case catalogue.F32:
		return float64(rapid.Float32Range(-math.MaxFloat32, math.MaxFloat32).Draw(r, "f32"))
	case catalogue.F64:
		return rapid.Float64Range(-math.MaxFloat64, math.MaxFloat64).Draw(r, "f64")
	case catalogue.Bool:
		return rapid.Bool().Draw(r, "bool")
	case catalogue.Enum:
		return rapid.SampledFrom(t.Values).Draw(r, "enum")
	case catalogue.String:
		return rapid.StringN(0, -1, size()).Draw(r, "text")
	case catalogue.Bytes:
		return blob(t.Size)
	case catalogue.Addr:
		return blob(16)
	case catalogue.PerC:
		return blob(int(p.C))
	case catalogue.BitsC:
		return blob((int(p.C) + 7) / 8)
	case catalogue.Option:
		if rapid.Bool().Draw(r, "absent") {
			return nil
		}
		return draw(r, t.Elem, p)
	case catalogue.List:
		all := make([]any, rapid.IntRange(0, min(int(t.Max), 3)).Draw(r, "elements"))
		if t.Elem.Form == catalogue.U16 && rapid.Bool().Draw(r, "many") {
			all = make([]any, min(int(t.Max), 200)) // more than one byte of length
		}
		for i := range all {
			all[i] = draw(r, t.Elem, p)
		}
		return all
	case catalogue.Tuple:
		all := make([]any, len(t.Fields))
		for i, f := range t.Fields {
			all[i] = draw(r, f.Type, p)
		}
		return all
	case catalogue.Struct:
		all := make(map[string]any)
		for _, f := range t.Fields {
			all[f.Name] = draw(r, f.Type, p)
		}
		return all
	case catalogue.Marked:
		return map[string]any{
			"root_identifier": map[string]any{rapid.SampledFrom(t.Values).Draw(r, "root"): blob(32)},
			"export_index":    rapid.Uint64Range(0, 1<<15-1).Draw(r, "index"),
		}
	}
	r.Fatalf("form %s is not drawn", t.Form)
	return nil
}

// everyKind runs a test for every kind there is.
func everyKind(t *testing.T, test func(t *testing.T, k *catalogue.Kind, p catalogue.Params)) {
	for _, c := range catalogue.All() {
		kinds := c.Kinds
		if c.Hello != nil {
			kinds = append(kinds[:len(kinds):len(kinds)], c.Hello)
		}
		for _, k := range kinds {
			p := catalogue.Params{C: 13}
			if k.Version != nil {
				p.Version = *k.Version
			}
			t.Run(c.ID+"/"+k.Name, func(t *testing.T) { test(t, k, p) })
		}
	}
}

func TestEveryKindSurvivesTheRoundTrip(t *testing.T) {
	everyKind(t, func(t *testing.T, k *catalogue.Kind, p catalogue.Params) {
		rapid.Check(t, func(r *rapid.T) {
			p := p
			p.Form = rapid.SampledFrom([]catalogue.LengthForm{catalogue.JAM, catalogue.LEB128}).Draw(r, "form")
			v := draw(r, k.Body, p).(map[string]any)
			body, err := k.Encode(nil, p, v)
			if err != nil {
				r.Fatal(err)
			}
			check(r, k, p, v, body)
			other := p
			other.Form = 1 - p.Form
			recoded, err := k.Recode(nil, p, body, other.Form)
			if err != nil {
				r.Fatal(err)
			}
			check(r, k, other, v, recoded)
		})
	})
}

// check reads the body in every way there is.
func check(r *rapid.T, k *catalogue.Kind, p catalogue.Params, v map[string]any, body []byte) {
	if err := k.Check(p, body); err != nil {
		r.Fatalf("check %x: %v", body, err)
	}
	var found catalogue.Found
	if err := k.Scan(p, body, &found); err != nil {
		r.Fatalf("scan %x: %v", body, err)
	}
	if want, ok := v[k.Link].(uint64); ok != found.Linked || want != found.Link {
		r.Fatalf("link %v instead of %v", found, v[k.Link])
	}
	decoded, err := k.Decode(p, body)
	if err != nil || !reflect.DeepEqual(decoded, v) {
		r.Fatalf("decode: %v\n got %v\nwant %v", err, decoded, v)
	}
	for _, style := range []catalogue.Style{{}, {Arrays: true}} {
		text, err := k.AppendJSON(nil, p, body, style)
		if err != nil || !json.Valid(text) {
			r.Fatalf("JSON: %v %s", err, text)
		}
		back, err := k.FromJSON(nil, p, text)
		if err != nil || !bytes.Equal(back, body) {
			r.Fatalf("from JSON: %v\n got %x\nwant %x\n     %s", err, back, body, text)
		}
	}
	if _, err := k.Decode(p, append(body, 0)); !errors.Is(err, catalogue.ErrTrailing) {
		r.Fatalf("a byte more: %v", err)
	}
	for n := 0; n < len(body); n += 1 + len(body)/50 {
		if err := k.Check(p, body[:n]); err == nil {
			r.Fatalf("%d of %d bytes are enough", n, len(body))
		}
	}
}

func TestNaturalNumbers(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		v := rapid.Uint64().Draw(r, "v") >> rapid.IntRange(0, 63).Draw(r, "shift")
		for _, f := range []catalogue.LengthForm{catalogue.JAM, catalogue.LEB128} {
			b := catalogue.AppendNat(nil, f, v)
			got, n := catalogue.Natural(append(b, 7), f)
			if got != v || n != len(b) {
				r.Fatalf("%s: %d as %x is %d in %d bytes", f, v, b, got, n)
			}
			for i := range b {
				if _, n := catalogue.Natural(b[:i], f); n != 0 {
					r.Fatalf("%s: %d of %x are enough", f, i, b)
				}
			}
		}
	})
}
