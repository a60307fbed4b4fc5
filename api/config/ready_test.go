package config

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
)

func TestReadyFileIsWrittenInOneStep(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ready.json")
	ready := func(id string) Ready {
		return Ready{HTTP: "http://127.0.0.1:1", WebTransport: "https://127.0.0.1:2", CertificateSHA256: "ab", NodeID: id}
	}
	if err := ready("a").Write(path); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for range 50 {
			if err := ready("b").Write(path); err != nil {
				t.Error(err)
			}
		}
	})
	for range 50 {
		got, err := ReadReady(path)
		if err != nil || got != ready("a") && got != ready("b") {
			t.Fatalf("half a file: %+v, %v", got, err)
		}
	}
	wg.Wait()
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if err := ready("a").Write(filepath.Join(path, "below", "a", "file")); err == nil {
		t.Error("written below a file")
	}
}

func TestDevSecretStays(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	first, err := DevSecret(dir)
	if err != nil || len(first) < 32 {
		t.Fatalf("%q, %v", first, err)
	}
	if again, err := DevSecret(dir); err != nil || again != first {
		t.Errorf("another secret: %v", err)
	}
	if other, err := DevSecret(t.TempDir()); err != nil || other == first {
		t.Errorf("the same secret elsewhere: %v", err)
	}
}
