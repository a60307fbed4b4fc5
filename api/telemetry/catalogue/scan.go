package catalogue

import "strconv"

// Found is what [Kind.Scan] takes out of a body. The zero value is ready to use, and one
// may be used again and again.
type Found struct {
	Link      uint64 // number of an earlier event of the session
	Linked    bool
	Subject   []byte // part of the body; nil for none
	Number    uint64
	Numbered  bool
	Index     uint64
	Indexed   bool
	Dimension []byte        // values of [Kind.Dims], with a slash between; used again by the next Scan
	Samples   []Measurement // used again by the next Scan
}

// Measurement is one value for a histogram.
type Measurement struct {
	Hist  int // index in [Kind.Hists]
	Value float64
}

// Check says what is wrong with a body.
func (k *Kind) Check(p Params, body []byte) error {
	return k.Body.walk(p, body, nil, nil)
}

// Scan checks a body and takes out of it what events are found by and counted by. It does
// not allocate once into has grown.
func (k *Kind) Scan(p Params, body []byte, into *Found) error {
	*into = Found{Dimension: into.Dimension[:0], Samples: into.Samples[:0]}
	return k.Body.walk(p, body, nil, into)
}

func (f *Found) number(t *Type, v uint64) {
	switch t.found {
	case link:
		f.Link, f.Linked = v, true
	case number:
		f.Number, f.Numbered = v, true
	case index:
		f.Index, f.Indexed = v, true
	}
	if t.hist > 0 {
		f.sample(t, float64(v))
	}
	if !t.dim {
		return
	}
	f.separate()
	switch t.Form {
	case Enum:
		f.Dimension = append(f.Dimension, t.Values[v]...)
	case Bool:
		f.Dimension = strconv.AppendBool(f.Dimension, v == 1)
	default:
		f.Dimension = strconv.AppendUint(f.Dimension, v, 10)
	}
}

func (f *Found) text(t *Type, b []byte) {
	if t.found == subject {
		f.Subject = b
	}
	if t.dim {
		f.separate()
		f.Dimension = append(f.Dimension, b...)
	}
}

func (f *Found) sample(t *Type, v float64) {
	f.Samples = append(f.Samples, Measurement{t.hist - 1, v})
}

func (f *Found) separate() {
	if len(f.Dimension) > 0 {
		f.Dimension = append(f.Dimension, '/')
	}
}
