package web_test

import (
	"io/fs"
	"regexp"
	"testing"

	"parley/web"
)

// Every file that the page refers to must be embedded, and nothing may leave the origin.
func TestPageRefersToEmbeddedFilesOnly(t *testing.T) {
	if !web.Built() {
		t.Fatal("dist/index.html is missing: run npm ci && npm run build in web/")
	}
	page, err := fs.ReadFile(web.FS(), "index.html")
	if err != nil {
		t.Fatal(err)
	}
	refs := regexp.MustCompile(`(?:src|href)="([^"]+)"`).FindAllStringSubmatch(string(page), -1)
	if len(refs) == 0 {
		t.Fatal("the page loads nothing")
	}
	for _, ref := range refs {
		if _, err := fs.Stat(web.FS(), ref[1][1:]); err != nil {
			t.Errorf("%s: %v", ref[1], err)
		}
	}
}
