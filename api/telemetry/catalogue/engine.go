package catalogue

import (
	"encoding/json"
	"errors"
	"slices"

	"parley/api/telemetry"
)

// Names of the parameters of a session that bodies depend on.
const (
	ParamCores = "core_count"
	ParamForm  = "length_form"
)

// Parameters returns what [ParamsOf] needs, except for the version.
func (p Params) Parameters() map[string]uint64 {
	return map[string]uint64{ParamCores: uint64(p.C), ParamForm: uint64(p.Form)}
}

// ParamsOf returns what bodies of a session depend on.
func ParamsOf(s telemetry.Source) Params {
	return Params{Version: uint8(s.Version), C: uint16(s.Parameters[ParamCores]), Form: LengthForm(s.Parameters[ParamForm])}
}

// ForEngine returns the catalogue as the engine of telemetry needs it.
func (c *Catalogue) ForEngine() telemetry.Catalogue {
	m := meaning{Catalogue: c}
	for _, k := range c.Kinds { // of several versions the newest stays
		if n := int(k.Number) + 1; n > len(m.kinds) {
			m.kinds = append(m.kinds, make([]*telemetry.Kind, n-len(m.kinds))...)
		}
		m.kinds[k.Number] = &telemetry.Kind{Name: k.Name, Group: k.Group, Class: k.Class, Opens: k.Opens}
	}
	return m
}

// meaning implements telemetry.Catalogue.
type meaning struct {
	*Catalogue
	kinds []*telemetry.Kind // by number
}

// ID implements telemetry.Catalogue.
func (m meaning) ID() string { return m.Catalogue.ID }

// Lookup implements telemetry.Catalogue.
func (m meaning) Lookup(kind uint16) (telemetry.Kind, bool) {
	if int(kind) >= len(m.kinds) || m.kinds[kind] == nil {
		return telemetry.Kind{}, false
	}
	return *m.kinds[kind], true
}

var errUnknownKind = errors.New("no such kind")

// Render implements telemetry.Catalogue.
func (m meaning) Render(s telemetry.Source, kind uint16, raw []byte) (json.RawMessage, error) {
	p := ParamsOf(s)
	k := m.Kind(p.Version, kind)
	if k == nil {
		return nil, errUnknownKind
	}
	return k.AppendJSON(nil, p, raw, Style{})
}

// Describe implements telemetry.Catalogue.
func (m meaning) Describe() any { return m.Catalogue.Describe() }

// Hot returns what was found in a body as records have it. Subject and samples are used again
// by the next Scan into f.
func (k *Kind) Hot(f *Found, samples []telemetry.Sample) telemetry.Hot {
	samples = slices.Grow(samples[:0], len(f.Samples))
	for _, s := range f.Samples {
		samples = append(samples, telemetry.Sample{Measure: k.Hists[s.Hist], Value: s.Value})
	}
	return telemetry.Hot{
		Subject: f.Subject, Number: telemetry.Number{Value: f.Number, Known: f.Numbered},
		Index: telemetry.Number{Value: f.Index, Known: f.Indexed}, Dimension: f.Dimension, Samples: samples,
	}
}
