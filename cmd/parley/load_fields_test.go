package main

import (
	"os"
	"reflect"
	"strings"
	"testing"

	"parley/api/load"
	"parley/api/load/flood"
	"parley/api/load/telemetry"
)

// Scripts read these names.
func TestReadmeNamesEveryField(t *testing.T) {
	readme, err := os.ReadFile("../../api/load/README.md")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[reflect.Type]bool{}
	var check func(reflect.Type)
	check = func(typ reflect.Type) {
		if seen[typ] {
			return
		}
		seen[typ] = true
		switch typ.Kind() {
		case reflect.Map, reflect.Pointer, reflect.Slice:
			check(typ.Elem())
		case reflect.Struct:
			for i := range typ.NumField() {
				f := typ.Field(i)
				name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
				if f.IsExported() && name != "" && !strings.Contains(string(readme), "`"+name+"`") && !strings.Contains(string(readme), "`"+name+".<") {
					t.Errorf("README.md says nothing of %s", name)
				}
				check(f.Type)
			}
		}
	}
	check(reflect.TypeFor[load.Report]())
	check(reflect.TypeFor[flood.Report]())
	check(reflect.TypeFor[telemetry.Report]())
}
