package catalogue

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"parley/api/telemetry"
)

// mustParse is Parse for the texts that are part of the program.
func mustParse(name, text string) *Catalogue {
	c, err := parse(text)
	if err != nil {
		panic(fmt.Sprintf("catalogue: %s: %v", name, err))
	}
	return c
}

// parse reads a catalogue. jip3.txt explains the language.
func parse(text string) (c *Catalogue, err error) {
	p := &parser{c: &Catalogue{}, types: map[string]*Type{}, line: 1}
	for _, f := range []Form{U8, U16, U32, U64, Nat, F32, F64, Bool, Time, Addr, PerC, BitsC} {
		p.types[string(f)] = &Type{Form: f}
	}
	p.split(text)
	defer func() {
		if r := recover(); r != nil {
			bad, ok := r.(syntax)
			if !ok {
				panic(r)
			}
			c, err = nil, fmt.Errorf("line %d: %w", p.line, bad.error)
		}
	}()
	for p.peek() != "" {
		p.statement()
	}
	p.c.index()
	return p.c, nil
}

// syntax carries an error out of the parser.
type syntax struct{ error }

// parser reads words one after the other. It gives up by panicking with a syntax.
type parser struct {
	c     *Catalogue
	types map[string]*Type
	group string

	words []string
	lines []int
	line  int
}

var word = regexp.MustCompile(`\n|#[^\n]*|"[^"\n]*"|[\w.:-]+|[^\s\w]`)

func (p *parser) split(text string) {
	line := 1
	for _, w := range word.FindAllString(text, -1) {
		switch {
		case w == "\n":
			line++
		case w[0] != '#':
			p.words, p.lines = append(p.words, w), append(p.lines, line)
		}
	}
}

func (p *parser) fail(format string, args ...any) {
	panic(syntax{fmt.Errorf(format, args...)})
}

func (p *parser) peek() string {
	if len(p.words) == 0 {
		return ""
	}
	return p.words[0]
}

func (p *parser) next() string {
	if len(p.words) == 0 {
		p.fail("unexpected end")
	}
	w := p.words[0]
	p.line = p.lines[0]
	p.words, p.lines = p.words[1:], p.lines[1:]
	return w
}

// accept takes the next word if it is w.
func (p *parser) accept(w string) bool {
	if p.peek() != w {
		return false
	}
	p.next()
	return true
}

func (p *parser) expect(w string) {
	if got := p.next(); got != w {
		p.fail("%q instead of %q", got, w)
	}
}

// number takes a number that fits into so many bits.
func (p *parser) number(bits int) uint64 {
	n, err := strconv.ParseUint(p.next(), 10, bits)
	if err != nil {
		p.fail("%w", errors.Unwrap(err))
	}
	return n
}

// list takes "(a, b, c)", or the same with another separator.
func (p *parser) list(separator string) []string {
	p.expect("(")
	all := []string{p.next()}
	for p.accept(separator) {
		all = append(all, p.next())
	}
	p.expect(")")
	return all
}

func (p *parser) statement() {
	switch w := p.next(); w {
	case "catalogue":
		p.heading()
	case "type":
		p.define()
	case "group":
		p.group = p.next()
		p.c.Groups = append(p.c.Groups, p.group)
	case "hello":
		p.c.Hello = &Kind{Name: p.next(), Class: telemetry.Meta, Body: p.typ()}
		p.finish(p.c.Hello)
	default:
		n, err := strconv.ParseUint(w, 10, 16)
		if err != nil {
			p.fail("%q instead of a statement", w)
		}
		p.kind(uint16(n))
	}
}

func (p *parser) heading() {
	p.c.ID = p.next()
	p.c.Title = strings.Trim(p.next(), `"`)
	p.expect("epoch")
	epoch, err := time.Parse(time.RFC3339, p.next())
	if err != nil {
		p.fail("%w", err)
	}
	p.c.Epoch = epoch
	p.expect("versions")
	for p.peek() != "" && p.peek()[0] >= '0' && p.peek()[0] <= '9' {
		p.c.Versions = append(p.c.Versions, uint8(p.number(8)))
	}
}

// define gives a type a name. Only what is defined already can be part of it, so there are
// no cycles.
func (p *parser) define() {
	name := p.next()
	if p.types[name] != nil {
		p.fail("type %s is there already", name)
	}
	t := p.typ()
	t.Name = name
	t.measure()
	p.types[name] = t
	p.c.Types = append(p.c.Types, t)
}

// typ takes a type and what is said about it. The tree belongs to the caller.
func (p *parser) typ() *Type {
	t := p.bare()
	for {
		switch {
		case p.accept("max"):
			t.Max = p.number(64)
		case p.accept("weakly"):
			t.weak = true
		case p.accept("subject"):
			t.role = subject
		case p.accept("number"):
			t.role = number
		case p.accept("index"):
			t.role = index
		default:
			return t
		}
	}
}

func (p *parser) bare() *Type {
	switch w := p.next(); w {
	case "{":
		return p.fields()
	case "tuple":
		t := &Type{Form: Tuple}
		p.expect("(")
		for {
			t.Fields = append(t.Fields, Field{Type: p.typ()})
			if !p.accept(",") {
				break
			}
		}
		p.expect(")")
		return t
	case "enum":
		return &Type{Form: Enum, Values: p.list(",")}
	case "marked":
		return &Type{Form: Marked, Values: p.list(",")}
	case "string":
		return &Type{Form: String, Max: p.number(16)}
	case "bytes":
		return &Type{Form: Bytes, Size: int(p.number(16))}
	case "option":
		return &Type{Form: Option, Elem: p.typ()}
	case "list":
		return &Type{Form: List, Max: p.number(16), Elem: p.typ()}
	case "event":
		t := &Type{Form: Event, role: link}
		if p.peek() == "(" {
			for _, w := range p.list("|") {
				n, err := strconv.ParseUint(w, 10, 16)
				if err != nil {
					p.fail("%w", err)
				}
				t.Links = append(t.Links, uint16(n))
			}
		}
		return t
	default:
		if p.types[w] == nil {
			p.fail("no type %q above", w)
		}
		return p.types[w].clone()
	}
}

func (p *parser) fields() *Type {
	t := &Type{Form: Struct}
	if p.accept("}") {
		return t
	}
	for {
		f := Field{Name: p.next()}
		if slices.ContainsFunc(t.Fields, func(o Field) bool { return o.Name == f.Name }) {
			p.fail("field %s is there twice", f.Name)
		}
		f.key = strconv.Quote(f.Name) + ":"
		f.Type = p.typ()
		t.Fields = append(t.Fields, f)
		if !p.accept(",") {
			break
		}
	}
	p.expect("}")
	return t
}

func (p *parser) kind(n uint16) {
	k := &Kind{Number: n, Name: p.next(), Group: p.group}
	class := p.next()
	known := false
	if k.Class, known = telemetry.ParseClass(class); !known {
		p.fail("no class %q", class)
	}
	k.Soft = p.accept("soft")
	if p.accept("version") {
		v := byte(p.number(8))
		k.Version = &v
	}
	if p.accept("dims") {
		k.Dims = p.list(",")
	}
	if p.accept("hists") {
		k.Hists = p.list(",")
	}
	if k.Body = p.typ(); k.Body.Form != Struct {
		p.fail("the body of %s is not a struct", k.Name)
	}
	for _, o := range p.c.Kinds {
		if (o.Number == n || o.Name == k.Name) && (o.Version == nil || k.Version == nil || *o.Version == *k.Version) {
			p.fail("kind %d %s is there already", n, k.Name)
		}
	}
	p.finish(k)
	p.c.Kinds = append(p.c.Kinds, k)
}

// finish marks in the body of a kind what Scan looks for.
func (p *parser) finish(k *Kind) {
	for role, path := range map[role]*string{link: &k.Link, subject: &k.Subject, number: &k.NumberedBy, index: &k.Index} {
		t, at := k.Body.having(role, false)
		if weak, where := k.Body.having(role, true); t == nil {
			t, at = weak, where
		}
		if t != nil {
			t.found, *path = role, at
			k.LinkedTo = append(k.LinkedTo, t.Links...)
		}
	}
	for _, path := range k.Dims {
		t := p.at(k, path)
		if !t.Form.number() && t.Form != String {
			p.fail("%s of %s cannot be a dimension", path, k.Name)
		}
		t.dim = true
	}
	for i, path := range k.Hists {
		t := p.at(k, path)
		if !t.Form.number() && t.Form != F32 && t.Form != F64 {
			p.fail("%s of %s is not a number", path, k.Name)
		}
		t.hist = i + 1
	}
	k.Body.measure()
}

// having finds the first value with a role that is in no event more than once, and its path.
func (t *Type) having(r role, weak bool) (*Type, string) {
	if t.role == r && t.weak == weak {
		return t, ""
	}
	if t.Form == Option {
		return t.Elem.having(r, weak)
	}
	if t.Form != Struct {
		return nil, ""
	}
	for _, f := range t.Fields {
		if found, path := f.Type.having(r, weak); found != nil {
			return found, strings.TrimSuffix(f.Name+"."+path, ".")
		}
	}
	return nil, ""
}

// at finds a value by its path.
func (p *parser) at(k *Kind, path string) *Type {
	t := k.Body
	for name := range strings.SplitSeq(path, ".") {
		i := slices.IndexFunc(t.Fields, func(f Field) bool { return f.Name == name })
		if i < 0 || t.Form != Struct {
			p.fail("no %s in %s", path, k.Name)
		}
		t = t.Fields[i].Type
	}
	return t
}
