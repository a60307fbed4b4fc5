package catalogue

// Decode returns the fields of a body by name:
//
//	numbers, times, events        uint64
//	f32, f64                      float64
//	bool                          bool
//	enum, string                  string
//	bytes, addr, bytesC, bitsC    []byte, copied
//	option                        nil or the value
//	list, tuple                   []any
//	struct                        map[string]any
//	marked                        map[string]any{"root_identifier": map[string]any{name: []byte}, "export_index": uint64}
//
// [Kind.Encode] takes the same.
func (k *Kind) Decode(p Params, body []byte) (map[string]any, error) {
	var b builder
	if err := k.Body.walk(p, body, &b, nil); err != nil {
		return nil, err
	}
	return b.root.(map[string]any), nil
}

// builder is a visitor that makes values of Go.
type builder struct {
	root  any
	stack []container
}

// container is a struct or list that is not complete.
type container struct {
	fields map[string]any
	name   string
	list   []any
}

func (b *builder) put(v any) {
	if len(b.stack) == 0 {
		b.root = v
		return
	}
	c := &b.stack[len(b.stack)-1]
	if c.fields != nil {
		c.fields[c.name] = v
		return
	}
	c.list = append(c.list, v)
}

func (b *builder) number(t *Type, v uint64) {
	switch t.Form {
	case Bool:
		b.put(v == 1)
	case Enum:
		b.put(t.Values[v])
	default:
		b.put(v)
	}
}

func (b *builder) float(_ *Type, v float64) { b.put(v) }
func (b *builder) bytes(_ *Type, v []byte)  { b.put(append([]byte{}, v...)) }
func (b *builder) text(_ *Type, v []byte)   { b.put(string(v)) }
func (b *builder) field(t *Type, f int)     { b.stack[len(b.stack)-1].name = t.Fields[f].Name }

func (b *builder) marked(t *Type, root []byte, which int, index uint16) {
	b.put(map[string]any{
		"root_identifier": map[string]any{t.Values[which]: append([]byte{}, root...)},
		"export_index":    uint64(index),
	})
}

func (b *builder) option(present bool) {
	if !present {
		b.put(nil)
	}
}

func (b *builder) open(t *Type, n int) {
	if t.Form == Struct {
		b.stack = append(b.stack, container{fields: make(map[string]any, n)})
		return
	}
	b.stack = append(b.stack, container{list: make([]any, 0, n)})
}

func (b *builder) close(*Type) {
	c := b.stack[len(b.stack)-1]
	b.stack = b.stack[:len(b.stack)-1]
	if c.fields != nil {
		b.put(c.fields)
	} else {
		b.put(c.list)
	}
}
