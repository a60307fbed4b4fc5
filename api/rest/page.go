package rest

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"
)

// page serves the built browser client from memory.
type page struct{ files map[string]*file }

// file is one file of the client.
type file struct {
	contentType string
	cache       string
	etag        string // without quotes
	plain       []byte
	zipped      []byte // nil when that saves nothing
}

// newPage reads the client; a missing one is no error.
func newPage(from fs.FS) (*page, error) {
	p := &page{files: map[string]*file{}}
	if from == nil {
		return p, nil
	}
	err := fs.WalkDir(from, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(path.Base(name), ".") {
			return err
		}
		content, err := fs.ReadFile(from, name)
		if err != nil {
			return err
		}
		p.files[name] = newFile(name, content)
		return nil
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read browser client: %w", err)
	}
	return p, nil
}

func newFile(name string, content []byte) *file {
	sum := sha256.Sum256(content)
	f := &file{
		contentType: contentType(name),
		cache:       "no-cache", // kept, but asked for each time
		etag:        hex.EncodeToString(sum[:8]),
		plain:       content,
	}
	if strings.HasPrefix(name, "assets/") {
		f.cache = "public, max-age=31536000, immutable" // its name changes with its content
	}
	if zipped := compress(content); len(zipped) < len(content)*9/10 {
		f.zipped = zipped
	}
	return f
}

func compress(content []byte) []byte {
	var out bytes.Buffer
	z, _ := gzip.NewWriterLevel(&out, gzip.BestCompression) // the level is valid
	_, _ = z.Write(content)                                 // memory takes everything
	_ = z.Close()
	return out.Bytes()
}

// contentType does not ask the machine: what a browser runs must not depend on its files.
func contentType(name string) string {
	switch ext := path.Ext(name); ext {
	case ".html":
		return "text/html; charset=utf-8"
	case ".js", ".mjs":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".json", ".map":
		return "application/json"
	case ".webmanifest":
		return "application/manifest+json"
	case ".wasm":
		return "application/wasm"
	case ".woff2":
		return "font/woff2"
	case ".txt":
		return "text/plain; charset=utf-8"
	case ".ico":
		return "image/x-icon"
	default:
		if known := mime.TypeByExtension(ext); known != "" {
			return known
		}
		return "application/octet-stream"
	}
}

// others returns the files beside index.html and assets, sorted: icons and the like.
func (p *page) others() []string {
	var names []string
	for name := range p.files {
		if name != "index.html" && !strings.HasPrefix(name, "assets/") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// index serves the page itself.
func (p *page) index(w http.ResponseWriter, r *http.Request) {
	f, ok := p.files["index.html"]
	if !ok {
		writePage(w, http.StatusServiceUnavailable, notBuilt)
		return
	}
	f.serve(w, r)
}

// serve answers with the file that the path names.
func (p *page) serve(w http.ResponseWriter, r *http.Request) {
	f, ok := p.files[strings.TrimPrefix(r.URL.Path, "/")]
	if !ok {
		p.missing(w)
		return
	}
	f.serve(w, r)
}

// missing answers a person who followed a wrong link.
func (p *page) missing(w http.ResponseWriter) { writePage(w, http.StatusNotFound, notFound) }

func (f *file) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", f.contentType)
	h.Set("Cache-Control", f.cache)
	content, etag := f.plain, f.etag
	if f.zipped != nil {
		h.Add("Vary", "Accept-Encoding")
		if takesGzip(r.Header.Get("Accept-Encoding")) {
			h.Set("Content-Encoding", "gzip")
			content, etag = f.zipped, f.etag+"-gz"
		}
	}
	h.Set("ETag", `"`+etag+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
}

// takesGzip reads an Accept-Encoding header.
func takesGzip(header string) bool {
	for part := range strings.SplitSeq(header, ",") {
		name, q, _ := strings.Cut(part, ";")
		if strings.TrimSpace(name) == "gzip" {
			q = strings.ReplaceAll(q, " ", "")
			return q != "q=0" && q != "q=0.0"
		}
	}
	return false
}

func writePage(w http.ResponseWriter, status int, html string) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, html)
}

const notBuilt = `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Parley</title>
<h1>The browser client is not part of this binary</h1>
<p>The server runs; only its page was not built. In the source tree:</p>
<pre>cd web &amp;&amp; npm ci &amp;&amp; npm run build
make build</pre>
<p>Then start it again. <a href="/version">What runs here</a></p>
</html>
`

const notFound = `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Not found – Parley</title>
<h1>There is nothing at this address</h1>
<p>A link to a meeting looks like <code>/m/name-of-the-meeting</code>. <a href="/">To the start</a></p>
</html>
`
