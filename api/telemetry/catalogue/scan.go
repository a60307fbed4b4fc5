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
	Dimension string        // values of [Kind.Dims], with a slash between
	Samples   []Measurement // used again by the next Scan

	dims  []byte            // text of the dimension
	words map[string]string // dimensions there were
}

// maxWords is how many dimensions a [Found] remembers the text of, rather than make it anew.
const maxWords = 32

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
	*into = Found{dims: into.dims[:0], words: into.words, Samples: into.Samples[:0]}
	err := k.Body.walk(p, body, nil, into)
	if err == nil && len(into.dims) > 0 {
		into.Dimension = into.word()
	}
	return err
}

// word is the dimension as a string. Kinds have few, so most are there already.
func (f *Found) word() string {
	if w, ok := f.words[string(f.dims)]; ok {
		return w
	}
	w := string(f.dims)
	if f.words == nil {
		f.words = make(map[string]string)
	}
	if len(f.words) < maxWords {
		f.words[w] = w
	}
	return w
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
		f.dims = append(f.dims, t.Values[v]...)
	case Bool:
		f.dims = strconv.AppendBool(f.dims, v == 1)
	default:
		f.dims = strconv.AppendUint(f.dims, v, 10)
	}
}

func (f *Found) text(t *Type, b []byte) {
	if t.found == subject {
		f.Subject = b
	}
	if t.dim {
		f.separate()
		f.dims = append(f.dims, b...)
	}
}

func (f *Found) sample(t *Type, v float64) {
	f.Samples = append(f.Samples, Measurement{t.hist - 1, v})
}

func (f *Found) separate() {
	if len(f.dims) > 0 {
		f.dims = append(f.dims, '/')
	}
}
