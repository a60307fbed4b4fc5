package rest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"parley/api/management"
)

// schemaPrefix is where the document keeps the shapes of bodies.
const schemaPrefix = "#/components/schemas/"

// document describes routes as OpenAPI 3.1. Shapes come from the Go types that the routes
// read and write; their fields say what they mean with the tag doc.
func document(routes []route, version, cookieName string) *huma.OpenAPI {
	shapes := huma.NewMapRegistry(schemaPrefix, huma.DefaultSchemaNamer)
	doc := &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info: &huma.Info{
			Title: "Parley", Version: version,
			Description: "Answers are {\"success\": true, \"result\": …}; failures have success false and a result with a code for " +
				"programs, a message for people and the id of the request. Fields that are absent are left out, never null. " +
				"Times are Unix seconds, but milliseconds in MeetingInfo and FeedMeeting.",
		},
		Components: &huma.Components{Schemas: shapes, SecuritySchemes: map[string]*huma.SecurityScheme{
			"cookie":  {Type: "apiKey", In: "cookie", Name: cookieName, Description: "The session of a sign-in. It wins over a bearer token."},
			"session": {Type: "http", Scheme: "bearer", BearerFormat: "JWT", Description: "The session token of a sign-in."},
			"guest":   {Type: "http", Scheme: "bearer", BearerFormat: "JWT", Description: "The room or observer token of somebody without an account."},
		}},
		Paths: map[string]*huma.PathItem{},
	}
	for _, r := range routes {
		describe(doc, shapes, r)
	}
	for _, s := range shapes.Map() {
		neverNull(s)
	}
	return doc
}

// extensible makes doc tell clients that there may be fields it does not know of.
func extensible(doc *huma.OpenAPI) *huma.OpenAPI {
	for _, s := range doc.Components.Schemas.Map() {
		if s.AdditionalProperties == false {
			s.AdditionalProperties = nil
		}
	}
	return doc
}

// neverNull is what our lists are.
func neverNull(s *huma.Schema) *huma.Schema {
	if s.Type == huma.TypeArray {
		s.Nullable = false
		neverNull(s.Items)
	}
	for _, property := range s.Properties {
		neverNull(property)
	}
	return s
}

// describe adds r to doc.
func describe(doc *huma.OpenAPI, shapes huma.Registry, r route) {
	path := strings.ReplaceAll(r.path(), "{$}", "")
	item := doc.Paths[path]
	if item == nil {
		item = &huma.PathItem{}
		doc.Paths[path] = item
	}
	o := &huma.Operation{
		OperationID: operationID(r), Summary: r.summary, Description: r.remark, Tags: []string{r.group},
		Responses: map[string]*huma.Response{}, Parameters: slices.Clone(r.query), Security: r.auth.schemes(),
	}
	for _, name := range placeholders.FindAllStringSubmatch(path, -1) {
		o.Parameters = append(o.Parameters, &huma.Param{
			Name: name[1], In: "path", Required: true, Schema: &huma.Schema{Type: huma.TypeString},
		})
	}
	if r.in != nil {
		o.RequestBody = &huma.RequestBody{Required: !r.mayOmitBody, Content: content("application/json", shapes.Schema(r.in, true, ""))}
	}
	o.Responses[strconv.Itoa(r.status)] = success(shapes, r)
	for status, codes := range r.failures() {
		o.Responses[strconv.Itoa(status)] = failure(shapes, status, codes)
	}
	switch r.method() {
	case http.MethodGet:
		item.Get = o
	case http.MethodPut:
		item.Put = o
	case http.MethodPost:
		item.Post = o
	case http.MethodPatch:
		item.Patch = o
	case http.MethodDelete:
		item.Delete = o
	default:
		panic("no such method in OpenAPI: " + r.pattern)
	}
}

var (
	placeholders = regexp.MustCompile(`\{(\w+)(?:\.\.\.)?\}`)
	notWord      = regexp.MustCompile(`\W+`)
)

// operationID names a route for generated clients.
func operationID(r route) string {
	path := strings.TrimPrefix(strings.TrimPrefix(r.path(), "/api/v1"), "/")
	return strings.ToLower(r.method()) + "_" + strings.Trim(notWord.ReplaceAllString(path, "_"), "_")
}

func content(contentType string, s *huma.Schema) map[string]*huma.MediaType {
	return map[string]*huma.MediaType{contentType: {Schema: s}}
}

func success(shapes huma.Registry, r route) *huma.Response {
	answer := &huma.Response{Description: http.StatusText(r.status)}
	switch {
	case r.produces != "":
		answer.Content = content(r.produces, &huma.Schema{Type: huma.TypeString})
	case r.bare && r.out != nil:
		answer.Content = content("application/json", shapes.Schema(r.out, true, ""))
	case !r.bare:
		result := &huma.Schema{Extensions: map[string]any{"type": "null"}}
		if r.out != nil {
			result = neverNull(shapes.Schema(r.out, true, ""))
		}
		answer.Content = content("application/json", enveloped(true, result))
	}
	return answer
}

// failure describes the answers with a status and one of codes.
func failure(shapes huma.Registry, status int, codes []management.Code) *huma.Response {
	names := make([]string, len(codes))
	enum := make([]any, len(codes))
	for i, c := range codes {
		names[i], enum[i] = string(c), string(c)
	}
	result := &huma.Schema{AllOf: []*huma.Schema{
		shapes.Schema(reflect.TypeFor[problemResult](), true, ""),
		{Type: huma.TypeObject, Properties: map[string]*huma.Schema{"code": {Type: huma.TypeString, Enum: enum}}},
	}}
	return &huma.Response{
		Description: fmt.Sprintf("%s: %s", http.StatusText(status), strings.Join(names, ", ")),
		Content:     content("application/json", enveloped(false, result)),
	}
}

func enveloped(success bool, result *huma.Schema) *huma.Schema {
	return &huma.Schema{
		Type: huma.TypeObject, Required: []string{"success", "result"},
		Properties: map[string]*huma.Schema{
			"success": {Type: huma.TypeBoolean, Enum: []any{success}},
			"result":  result,
		},
	}
}

// openAPI answers with the document.
func (a *API) openAPI(w http.ResponseWriter, _ *http.Request) {
	body, err := json.Marshal(a.document())
	if err != nil {
		panic(err) // our own types; the guard answers
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-cache")
	_, _ = w.Write(body)
}
