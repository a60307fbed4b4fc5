package catalogue

import "encoding/json"

// Form is the shape of a [Type].
type Form string

// The forms. All numbers are little-endian.
const (
	U8     Form = "u8"
	U16    Form = "u16"
	U32    Form = "u32"
	U64    Form = "u64"
	Nat    Form = "nat"    // 1 to 9 bytes, see [LengthForm]
	F32    Form = "f32"    // IEEE 754; infinities and NaN are refused
	F64    Form = "f64"    //
	Bool   Form = "bool"   // one byte, 0 or 1
	Time   Form = "time"   // u64, microseconds since the catalogue's epoch
	Event  Form = "event"  // u64, number of an event of the same session
	Enum   Form = "enum"   // one byte, index of Values
	String Form = "string" // length as Nat, at most Max, then so many bytes of UTF-8
	Bytes  Form = "bytes"  // Size bytes
	Addr   Form = "addr"   // 16 bytes: an IPv6 address, or an IPv4 one mapped into it
	PerC   Form = "bytesC" // one byte for each of the sender's cores (Params.C)
	BitsC  Form = "bitsC"  // one bit for each of them, in ceil(C/8) bytes
	Option Form = "option" // one byte, 0 or 1; after 1 follows Elem
	List   Form = "list"   // length as Nat, at most Max, then so many Elem
	Struct Form = "struct" // Fields in order; a JSON object
	Tuple  Form = "tuple"  // Fields in order; a JSON array
	Marked Form = "marked" // 32 bytes, then a u16 whose highest bit says which of Values they are
)

// Type is how a value is written. It is a tree without cycles; every [Kind] has its own.
type Type struct {
	Form   Form     `json:"form"`
	Name   string   `json:"name,omitempty"`   // what the catalogue calls it, if it has a name
	Max    uint64   `json:"max,omitempty"`    // String: bytes; List: elements; numbers: largest allowed, 0 for any
	Size   int      `json:"size,omitempty"`   // Bytes: how many
	Elem   *Type    `json:"elem,omitempty"`   // Option, List
	Fields []Field  `json:"fields,omitempty"` // Struct, Tuple
	Values []string `json:"values,omitempty"` // Enum, Marked
	Links  []uint16 `json:"links,omitempty"`  // Event: kinds it may name; none when nothing says

	role  role // that values of the type have in the events they are in
	weak  bool // the role gives way to one that is not weak
	min   int  // fewest bytes a value takes
	plain bool // always min bytes, and any bytes will do

	found  role // the role of this one in the event
	dim    bool // roll-ups count its values apart
	hist   int  // index + 1 in Kind.Hists; 0 for none
	wanted bool // this or something below is wanted by Scan
}

// role is what a value is to its event.
type role uint8

const (
	none role = iota
	link
	subject
	number
	index
)

// Field is a named part of a struct. The fields of a tuple have no names.
type Field struct {
	Name string `json:"name,omitempty"`
	Type *Type  `json:"type"`

	key string // the name as JSON, with its colon
}

// MarshalJSON writes types that have a name as that name: the catalogue lists them once.
func (f Field) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Name string `json:"name,omitempty"`
		Type any    `json:"type"`
	}{f.Name, f.Type.reference()})
}

// reference is what stands for a type inside another one.
func (t *Type) reference() any {
	if t.Name != "" {
		return t.Name
	}
	return t.definition()
}

// definition is the type spelled out one level deep.
func (t *Type) definition() any {
	d := struct {
		*Type
		Name struct{} `json:"name,omitzero"`
		Elem any      `json:"elem,omitempty"`
	}{Type: t}
	if t.Elem != nil {
		d.Elem = t.Elem.reference()
	}
	return d
}

// width is the size of a fixed-size number, 0 for other forms.
func (f Form) width() int {
	switch f {
	case U8, Bool, Enum:
		return 1
	case U16:
		return 2
	case U32, F32:
		return 4
	case U64, F64, Time, Event:
		return 8
	}
	return 0
}

// number says whether values of the form are unsigned numbers.
func (f Form) number() bool {
	switch f {
	case U8, U16, U32, U64, Nat, Bool, Enum, Time, Event:
		return true
	}
	return false
}

// clone copies the tree, so that a kind can mark its own.
func (t *Type) clone() *Type {
	c := *t
	if t.Elem != nil {
		c.Elem = t.Elem.clone()
	}
	c.Fields = make([]Field, len(t.Fields))
	for i, f := range t.Fields {
		f.Type = f.Type.clone()
		c.Fields[i] = f
	}
	return &c
}

// measure fills in what the walker knows in advance.
func (t *Type) measure() {
	t.plain = false
	switch t.Form {
	case Nat, String, List, Option:
		t.min = 1
	case Struct, Tuple:
		t.min, t.plain = 0, true
	case Bytes:
		t.min, t.plain = t.Size, true
	case Addr:
		t.min, t.plain = 16, true
	case Marked:
		t.min, t.plain = 34, true
	case PerC, BitsC:
		t.min = 0
	default:
		t.min = t.Form.width()
		t.plain = t.Max == 0 && t.Form != Bool && t.Form != Enum && t.Form != F32 && t.Form != F64
	}
	t.wanted = t.found != none || t.dim || t.hist > 0
	if t.Elem != nil {
		t.Elem.measure()
		t.wanted = t.wanted || t.Elem.wanted
	}
	for _, f := range t.Fields {
		f.Type.measure()
		t.min += f.Type.min
		t.plain = t.plain && f.Type.plain
		t.wanted = t.wanted || f.Type.wanted
	}
}
