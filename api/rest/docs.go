package rest

import (
	"bytes"
	_ "embed" // the look of the page
	"html/template"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

var (
	//go:embed docs/docs.html
	docsHTML string
	//go:embed docs/docs.css
	docsCSS []byte

	docsTemplate = template.Must(template.New("docs").Funcs(template.FuncMap{
		"name": func(ref string) string { return strings.TrimPrefix(ref, schemaPrefix) },
		"type": typeOf,
	}).Parse(docsHTML))
)

// docs shows the document to people. It needs no script, and nothing from elsewhere.
func (a *API) docs(w http.ResponseWriter, _ *http.Request) {
	doc := a.document()
	schemas := doc.Components.Schemas.Map()
	view := docsView{Doc: doc}
	for _, name := range slices.Sorted(maps.Keys(schemas)) {
		view.Shapes = append(view.Shapes, docsShape{name, docsFields(schemas[name])})
	}
	for _, r := range a.table {
		if n := len(view.Groups); n == 0 || view.Groups[n-1].Name != r.group {
			view.Groups = append(view.Groups, docsGroup{Name: r.group})
		}
		g := &view.Groups[len(view.Groups)-1]
		g.Routes = append(g.Routes, a.docsRoute(r))
	}
	var page bytes.Buffer
	if err := docsTemplate.Execute(&page, view); err != nil {
		panic(err) // our own template; the guard answers
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-cache")
	_, _ = w.Write(page.Bytes())
}

func (a *API) docsStyle(w http.ResponseWriter, _ *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "text/css; charset=utf-8")
	h.Set("Cache-Control", "no-cache")
	_, _ = w.Write(docsCSS)
}

// docsView is what the page is made of.
type docsView struct {
	Doc    *huma.OpenAPI
	Groups []docsGroup
	Shapes []docsShape
}

type docsGroup struct {
	Name   string
	Routes []docsRoute
}

type docsRoute struct {
	ID, Method, Path, Summary, Remark, Auth string
	Query                                   []*huma.Param
	In, Out                                 *huma.Schema
	MayOmitBody                             bool
	Status                                  int
	Produces                                string
	Failures                                []docsFailure
}

type docsFailure struct {
	Status int
	Codes  string
}

type docsShape struct {
	Name   string
	Fields []docsField
}

type docsField struct {
	Name, Doc string
	Required  bool
	Schema    *huma.Schema
}

func (a *API) docsRoute(r route) docsRoute {
	shapes := a.document().Components.Schemas
	v := docsRoute{
		ID: operationID(r), Method: r.method(), Path: strings.ReplaceAll(r.path(), "{$}", ""), Summary: r.summary, Remark: r.remark,
		Auth: r.auth.words(), Query: r.query, MayOmitBody: r.mayOmitBody, Status: r.status, Produces: r.produces,
	}
	if r.in != nil {
		v.In = shapes.Schema(r.in, true, "")
	}
	if r.out != nil {
		v.Out = shapes.Schema(r.out, true, "")
	}
	failures := r.failures()
	for _, status := range slices.Sorted(maps.Keys(failures)) {
		var codes []string
		for _, c := range failures[status] {
			codes = append(codes, string(c))
		}
		v.Failures = append(v.Failures, docsFailure{status, strings.Join(codes, ", ")})
	}
	return v
}

func docsFields(s *huma.Schema) []docsField {
	var fields []docsField
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		property := s.Properties[name]
		fields = append(fields, docsField{name, property.Description, slices.Contains(s.Required, name), property})
	}
	return fields
}

// typeOf names the type of a property for people; references are links of their own.
func typeOf(s *huma.Schema) string {
	switch {
	case len(s.Enum) > 0:
		var words []string
		for _, v := range s.Enum {
			if text, ok := v.(string); ok {
				words = append(words, text)
			}
		}
		return strings.Join(words, " | ")
	case s.Type == "":
		return "any"
	}
	return s.Type
}

// words says who may use a route.
func (a auth) words() string {
	switch a {
	case signedIn:
		return "with a session"
	case guest:
		return "with a guest's token"
	case admin:
		return "for admins"
	default:
		return "for everybody"
	}
}
