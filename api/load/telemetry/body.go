package telemetry

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"parley/api/telemetry/catalogue"
)

// variants is how many bodies of each kind there are. They are made before the run: making
// one takes longer than sending it.
const variants = 4

// template is a kind with bodies to send.
type template struct {
	kind   *catalogue.Kind
	linked bool // the body begins with the number of another event
	bodies [][]byte
}

// templates makes bodies of the kinds to send, as nodes of a version write them.
func templates(p *Plan, version uint8) ([]template, error) {
	r := rand.New(rand.NewPCG(p.Seed, uint64(version)))
	params := catalogue.Params{Version: version, C: p.Cores, Form: p.Form}
	var all []template
	for _, k := range catalogue.JIP3().Kinds {
		chosen := len(p.Kinds) == 0 || slices.Contains(p.Kinds, k.Number)
		if k.Number == 0 || !chosen || k.Version != nil && *k.Version != version {
			continue
		}
		t := template{kind: k, linked: k.Body.Fields[0].Type.Form == catalogue.Event}
		for i := range variants {
			body, err := k.Encode(nil, params, value(r, k.Body, params, i).(map[string]any))
			if err != nil {
				return nil, fmt.Errorf("make a body of %s: %w", k.Name, err)
			}
			t.bodies = append(t.bodies, body)
		}
		all = append(all, t)
	}
	return all, nil
}

// value makes something of a type. Of the variants one has texts as long as they may be, so
// that their lengths take two bytes.
func value(r *rand.Rand, t *catalogue.Type, p catalogue.Params, variant int) any {
	number := func(most uint64) uint64 {
		if t.Max > 0 {
			most = t.Max
		}
		if most == math.MaxUint64 {
			return r.Uint64()
		}
		return r.Uint64N(most + 1)
	}
	blob := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		return b
	}
	switch t.Form {
	case catalogue.U8:
		return number(math.MaxUint8)
	case catalogue.U16:
		return number(math.MaxUint16)
	case catalogue.U32:
		return number(math.MaxUint32)
	case catalogue.U64, catalogue.Nat:
		return number(math.MaxUint64)
	case catalogue.F32, catalogue.F64:
		return r.Float64()
	case catalogue.Time:
		return number(1 << 50)
	case catalogue.Event:
		return uint64(0) // comes when it is sent
	case catalogue.Bool:
		return r.IntN(2) == 1
	case catalogue.Enum:
		return t.Values[r.IntN(len(t.Values))]
	case catalogue.String:
		n := int(t.Max)
		if variant != 0 {
			n = r.IntN(min(n, 40) + 1)
		}
		return strings.Repeat("why ", n/4+1)[:n]
	case catalogue.Bytes:
		return blob(t.Size)
	case catalogue.Addr:
		return blob(16)
	case catalogue.PerC:
		return blob(int(p.C))
	case catalogue.BitsC:
		return blob((int(p.C) + 7) / 8)
	case catalogue.Option:
		if variant%2 == 0 {
			return nil
		}
		return value(r, t.Elem, p, variant)
	case catalogue.List, catalogue.Tuple:
		var all []any
		for _, f := range t.Fields {
			all = append(all, value(r, f.Type, p, variant))
		}
		if t.Form == catalogue.List {
			for range r.IntN(4) {
				all = append(all, value(r, t.Elem, p, variant))
			}
		}
		return slices.Concat([]any{}, all)
	case catalogue.Marked:
		return map[string]any{
			"root_identifier": map[string]any{t.Values[r.IntN(len(t.Values))]: blob(32)},
			"export_index":    r.Uint64N(1 << 15),
		}
	}
	all := make(map[string]any, len(t.Fields)) // a struct
	for _, f := range t.Fields {
		all[f.Name] = value(r, f.Type, p, variant)
	}
	return all
}
