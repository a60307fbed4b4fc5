package rest

import (
	"net/http"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
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
