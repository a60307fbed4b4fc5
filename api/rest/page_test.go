package rest

import (
	"compress/gzip"
	"io"
	"io/fs"
	"net/http"
	"strings"
	"testing"
	"testing/fstest"
)

func TestPage(t *testing.T) {
	a := newAPI(t, nil)
	for _, target := range []string{"/", "/m/standup", "/m/caf%C3%A9"} {
		w := call(a, "GET", target, "")
		if w.Code != 200 || w.Body.String() != string(client["index.html"].Data) || w.Header().Get("Cache-Control") != "no-cache" ||
			w.Header().Get("Content-Type") != "text/html; charset=utf-8" {
			t.Errorf("%s: %d %v %s", target, w.Code, w.Header(), w.Body)
		}
	}
	w := call(a, "GET", "/", "")
	if again := call(a, "GET", "/", "", "If-None-Match", w.Header().Get("ETag")); again.Code != http.StatusNotModified {
		t.Errorf("asked again: %d", again.Code)
	}
	if w := call(a, "HEAD", "/", ""); w.Code != 200 {
		t.Errorf("HEAD: %d", w.Code)
	}
	if w := call(a, "GET", "/icon.svg", ""); w.Header().Get("Content-Type") != "image/svg+xml" || w.Header().Get("Cache-Control") != "no-cache" {
		t.Errorf("icon: %d %v", w.Code, w.Header())
	}
}

func TestAssets(t *testing.T) {
	a := newAPI(t, nil)
	const target = "/assets/main-ABCDEF.js"
	content := string(client["assets/main-ABCDEF.js"].Data)
	w := call(a, "GET", target, "")
	if w.Code != 200 || w.Body.String() != content || w.Header().Get("Cache-Control") != "public, max-age=31536000, immutable" ||
		w.Header().Get("Content-Type") != "text/javascript; charset=utf-8" || w.Header().Get("Vary") != "Accept-Encoding" {
		t.Errorf("plain: %d %v", w.Code, w.Header())
	}
	w = call(a, "GET", target, "", "Accept-Encoding", "br, gzip;q=0.8")
	if w.Header().Get("Content-Encoding") != "gzip" {
		t.Fatalf("not compressed: %v", w.Header())
	}
	z, err := gzip.NewReader(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(z); err != nil || string(got) != content {
		t.Errorf("compressed: %d bytes, %v", len(got), err)
	}
	if w := call(a, "GET", target, "", "Accept-Encoding", "gzip;q=0"); w.Header().Get("Content-Encoding") != "" {
		t.Error("compressed for somebody who does not want it")
	}
	for _, gone := range []string{"/assets/main-OLD.js", "/assets/", "/assets/../index.html"} {
		if w := call(a, "GET", gone, ""); w.Code == 200 {
			t.Errorf("%s: %d", gone, w.Code)
		}
	}
}

func TestPageThatIsNotBuilt(t *testing.T) {
	for what, from := range map[string]fs.FS{"none": nil, "empty": fstest.MapFS{}} {
		a := newAPI(t, func(o *Options) { o.Page = from })
		w := call(a, "GET", "/m/standup", "")
		if w.Code != 503 || !strings.Contains(w.Body.String(), "npm run build") {
			t.Errorf("%s: %d %s", what, w.Code, w.Body)
		}
	}
}
