package catalogue

import (
	"strings"
	"testing"
)

func TestTextsThatAreNoCatalogue(t *testing.T) {
	for text, want := range map[string]string{
		"hm":                                       `line 1: "hm" instead of a statement`,
		"type":                                     "unexpected end",
		"\ntype A { a B }":                         `line 2: no type "B" above`,
		"type A { a A }":                           `no type "A" above`,
		"type A u8 type A u8":                      "type A is there already",
		"type u8 u16":                              "type u8 is there already",
		"type A { a u8, a u8 }":                    "field a is there twice",
		"type A { a u8 b":                          `"b" instead of "}"`,
		"type A string x":                          "invalid syntax",
		"type A string 65536":                      "value out of range",
		"1 A odd {}":                               `no class "odd"`,
		"1 A meta u8":                              "the body of A is not a struct",
		"1 A meta {} 1 B meta {}":                  "kind 1 B is there already",
		"1 A meta {} 2 A meta {}":                  "kind 2 A is there already",
		"1 A meta dims(b) {}":                      "no b in A",
		"1 A meta dims(b) { b bytes 3 }":           "b of A cannot be a dimension",
		"1 A meta hists(b) { b string 3 }":         "b of A is not a number",
		"1 A meta hists(b.c) { b u8 }":             "no b.c in A",
		"1 A meta { b event(x) }":                  "invalid syntax",
		`catalogue a "b" epoch yesterday versions`: "cannot parse",
		"1 A meta version 0 {} 1 B meta {}":        "kind 1 B is there already",
		"type A tuple(u8":                          "unexpected end",
		"type A enum(":                             "unexpected end",
	} {
		_, err := parse(text)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v instead of %s", text, err, want)
		}
	}
}

func TestVersionsMayDifferInWhatTheyHave(t *testing.T) {
	c, err := parse("1 A meta version 0 { b u8 } 1 A meta version 1 { c u16 }")
	if err != nil {
		t.Fatal(err)
	}
	if c.Kind(0, 1).Body.Fields[0].Name != "b" || c.Kind(1, 1).Body.Fields[0].Name != "c" {
		t.Error("they do not")
	}
}
