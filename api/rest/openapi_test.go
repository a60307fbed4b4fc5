package rest

import (
	"encoding/json"
	"net/http"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"parley/api/management"
)

// spec returns the document of a as a client reads it.
func spec(t testing.TB, a *API) *openapi3.T {
	t.Helper()
	w := call(a, "GET", "/openapi.json", "")
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != asJSON {
		t.Fatalf("%d %v", w.Code, w.Header())
	}
	doc, err := openapi3.NewLoader().LoadFromData(w.Body.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestDocumentIsValid(t *testing.T) {
	a, _ := newAdminAPI(t)
	doc := spec(t, a)
	if !strings.HasPrefix(doc.OpenAPI, "3.1.") {
		t.Errorf("version %q", doc.OpenAPI)
	}
	if err := doc.Validate(t.Context(), openapi3.IsOpenAPI31OrLater()); err != nil {
		t.Error(err)
	}
}

// pages are what the mux serves beside the API.
var pages = []string{
	"GET /{$}", "GET /m/{room}", "GET /assets/{file...}", "GET /icon.svg", "GET /admin", "GET /quality/{room}", "GET /docs", "GET /docs.css",
	"GET /openapi.json", "GET /metrics",
}

// Nothing is served that the document does not tell of, and the other way round.
func TestEveryRouteIsDocumented(t *testing.T) {
	a, _ := newAdminAPI(t)
	paths := spec(t, a).Paths
	documented := 0
	for _, item := range paths.Map() {
		documented += len(item.Operations())
	}
	served := 0
	for _, pattern := range a.mux.patterns {
		method, path, _ := strings.Cut(pattern, " ")
		if slices.Contains(pages, pattern) {
			continue
		}
		served++
		if item := paths.Value(path); item == nil || item.Operations()[method] == nil {
			t.Errorf("%s is not in the document", pattern)
		}
	}
	if served != documented || served < 40 {
		t.Errorf("%d routes are served, %d documented", served, documented)
	}
	ids := map[string]bool{}
	for _, r := range a.table {
		if r.summary == "" || r.group == "" || r.status == 0 || (r.result == nil) == (r.serve == nil) {
			t.Errorf("%s is incomplete", r.pattern)
		}
		if ids[operationID(r)] {
			t.Errorf("two routes are %s", operationID(r))
		}
		ids[operationID(r)] = true
	}
}

// What a client sends back as it got it is what it was.
func TestShapesSurviveARoundTrip(t *testing.T) {
	a, _ := newAdminAPI(t)
	schemas := spec(t, a).Components.Schemas
	seen := 0
	for _, r := range a.table {
		for _, shape := range []reflect.Type{r.in, r.out} {
			if shape == nil {
				continue
			}
			v := reflect.New(shape)
			fill(v.Elem())
			text, err := json.Marshal(v.Interface())
			if err != nil {
				t.Fatal(err)
			}
			again := reflect.New(shape)
			if err := json.Unmarshal(text, again.Interface()); err != nil || !reflect.DeepEqual(v.Interface(), again.Interface()) {
				t.Errorf("%s: %s became %+v, %v", shape, text, again.Elem(), err)
			}
			var plain any
			_ = json.Unmarshal(text, &plain)
			if s := schemas[strings.ToUpper(shape.Name()[:min(1, len(shape.Name()))])+shape.Name()[min(1, len(shape.Name())):]]; s != nil {
				seen++
				if err := s.Value.VisitJSON(plain, openapi3.EnableJSONSchema2020()); err != nil {
					t.Errorf("%s is not as documented: %v", shape, err)
				}
			}
		}
	}
	if seen < 40 {
		t.Errorf("only %d shapes are documented", seen)
	}
}

// fill gives every field a value that is not zero.
func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case reflect.Struct:
		if set, ok := v.Addr().Interface().(json.Unmarshaler); ok { // a time
			_ = set.UnmarshalJSON([]byte(`"2030-01-02T03:04:05Z"`))
			return
		}
		for i := range v.NumField() {
			fill(v.Field(i))
			words := strings.Split(v.Type().Field(i).Tag.Get("enum"), ",")
			if v.Field(i).Kind() == reflect.String && words[0] != "" {
				v.Field(i).SetString(words[len(words)-1])
			}
		}
	case reflect.Slice:
		if v.Type() == reflect.TypeFor[json.RawMessage]() {
			v.SetBytes([]byte(`true`))
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			fill(v.Index(i))
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		value := reflect.New(v.Type().Elem()).Elem()
		fill(value)
		v.SetMapIndex(reflect.ValueOf("room"), value)
	case reflect.String:
		v.SetString("text")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(7)
	case reflect.Uint64:
		v.SetUint(7)
	}
}

// Every refusal of the rules has its status, stated here once more.
func TestStatusesOfCodes(t *testing.T) {
	want := map[management.Code]int{
		"INVALID_MEETING_ID": 400, "TOO_MANY_ATTENDEES": 400, "MEETING_NOT_ACTIVE": 400, "BAD_REQUEST": 400, "INVALID_INPUT": 400,
		"UNAUTHORIZED": 401, "NOT_HOST": 403, "NOT_OWNER": 403, "GUESTS_NOT_ALLOWED": 403, "PASSWORD_REQUIRED": 403, "WRONG_PASSWORD": 403,
		"NOT_INVITED": 403, "MEETING_LOCKED": 403, "MEETING_FULL": 403, "BANNED": 403, "REMOVED": 403, "MEETING_NOT_FOUND": 404,
		"NOT_IN_MEETING": 404, "PARTICIPANT_NOT_FOUND": 404, "MEETING_EXISTS": 409, "TOO_MANY_ATTEMPTS": 429, "INTERNAL_ERROR": 500,
		"OVERLOADED": 503,
	}
	for code, status := range want {
		if got := statusFor(code); got != status {
			t.Errorf("%s is %d, want %d", code, got, status)
		}
	}
	source, err := os.ReadFile("../management/errors.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, found := range regexp.MustCompile(`Code += +"([A-Z_]+)"`).FindAllStringSubmatch(string(source), -1) {
		// Denied is for connections alone.
		if _, stated := want[management.Code(found[1])]; !stated && found[1] != string(management.Denied) {
			t.Errorf("%s has no status", found[1])
		}
	}
}

// The page for people names every route and every shape, and loads nothing from elsewhere.
func TestDocsPage(t *testing.T) {
	a, _ := newAdminAPI(t)
	w := call(a, "GET", "/docs", "")
	text := w.Body.String()
	if w.Code != http.StatusOK || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") {
		t.Fatalf("%d %v", w.Code, w.Header())
	}
	for _, r := range a.table {
		if !strings.Contains(text, `id="`+operationID(r)+`"`) {
			t.Errorf("%s is not on the page", r.pattern)
		}
	}
	for _, link := range regexp.MustCompile(`(?:href|src)="([^"]*)"`).FindAllStringSubmatch(text, -1) {
		if anchor, is := strings.CutPrefix(link[1], "#"); is {
			if !strings.Contains(text, `id="`+anchor+`"`) {
				t.Errorf("%s leads nowhere", link[1])
			}
		} else if !strings.HasPrefix(link[1], "/") || call(a, "GET", link[1], "").Code != http.StatusOK {
			t.Errorf("%s is not ours", link[1])
		}
	}
	if strings.Contains(text, "<script") || strings.Contains(text, "style=") || strings.Contains(text, "<style") {
		t.Error("the policy for content does not allow this")
	}
}
