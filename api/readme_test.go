package api

import (
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestReadmeNamesTestsThatExist keeps the table of counterparts true.
func TestReadmeNamesTestsThatExist(t *testing.T) {
	var source strings.Builder
	root := os.DirFS("..")
	err := fs.WalkDir(root, ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && (d.Name() == "node_modules" || d.Name() == ".git") {
			return fs.SkipDir
		}
		if err != nil || !strings.HasSuffix(path, "_test.go") && !strings.HasSuffix(path, ".test.ts") {
			return err
		}
		b, err := fs.ReadFile(root, path)
		source.Write(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	names := regexp.MustCompile("`(Test[A-Za-z]+)`").FindAllStringSubmatch(string(readme), -1)
	if len(names) < 40 {
		t.Fatalf("only %d tests are named", len(names))
	}
	for _, n := range names {
		if !strings.Contains(source.String(), "func "+n[1]+"(t *testing.T)") {
			t.Errorf("README.md names %s, which does not exist", n[1])
		}
	}
	for row := range strings.Lines(string(readme)) {
		if !strings.HasPrefix(row, "| e2e ") {
			continue
		}
		titles := regexp.MustCompile(`"([^"]+)"`).FindAllStringSubmatch(row, -1)
		if len(titles) == 0 {
			t.Errorf("%q names no scenario", row)
		}
		for _, title := range titles {
			if !regexp.MustCompile("scenario\\([\"`]" + regexp.QuoteMeta(title[1])).MatchString(source.String()) {
				t.Errorf("README.md names the scenario %q, which does not exist", title[1])
			}
		}
	}
}
