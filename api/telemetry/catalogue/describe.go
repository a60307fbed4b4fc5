package catalogue

import (
	"encoding/json"
	"slices"

	"parley/api/telemetry"
)

// Description is a catalogue as data for other programs.
type Description struct {
	*Catalogue
	Versions []int          `json:"versions"` // a slice of bytes would be text in JSON
	Types    map[string]any `json:"types"`    // by name; inside others they are named only
	Hello    any            `json:"hello,omitempty"`
}

// Describe returns what [Catalogue] says, ready to be written as JSON. Fields come in the
// order of the wire.
func (c *Catalogue) Describe() Description {
	d := Description{Catalogue: c, Types: make(map[string]any, len(c.Types))}
	for _, v := range c.Versions {
		d.Versions = append(d.Versions, int(v))
	}
	for _, t := range c.Types {
		d.Types[t.Name] = t.definition()
	}
	if c.Hello != nil {
		d.Hello = c.Hello
	}
	return d
}

// Describe returns all catalogues, see [Catalogue.Describe].
func Describe() []Description {
	var all []Description
	for _, c := range All() {
		all = append(all, c.Describe())
	}
	return all
}

// MarshalJSON describes the kind.
func (k *Kind) MarshalJSON() ([]byte, error) {
	d := struct {
		Number   uint16          `json:"number"`
		Name     string          `json:"name"`
		Group    string          `json:"group,omitempty"`
		Class    string          `json:"class"`
		Priority telemetry.Class `json:"priority"` // what goes first when not all can be kept: 1
		Soft     bool            `json:"soft,omitempty"`
		Version  *byte           `json:"version,omitempty"`
		Fields   []Field         `json:"fields"`
		Link     string          `json:"link,omitempty"`
		LinkedTo []uint16        `json:"linked_to,omitempty"`
		Subject  string          `json:"subject,omitempty"`
		Numbered string          `json:"numbered_by,omitempty"`
		Index    string          `json:"index,omitempty"`
		Dims     []string        `json:"dimensions,omitempty"`
		Hists    []string        `json:"histograms,omitempty"`
	}{
		k.Number, k.Name, k.Group, k.Class.String(), k.Class, k.Soft, k.Version, k.Body.Fields,
		k.Link, k.LinkedTo, k.Subject, k.NumberedBy, k.Index, k.Dims, k.Hists,
	}
	d.Fields = slices.Concat([]Field{}, d.Fields) // an empty body has [] rather than null
	return json.Marshal(d)
}
