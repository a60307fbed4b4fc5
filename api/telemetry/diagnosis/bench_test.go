package diagnosis_test

import (
	"fmt"
	"testing"
)

// BenchmarkLook judges the last seconds of a call of ten.
func BenchmarkLook(b *testing.B) {
	c := good(12, tenPeople()...)
	for b.Loop() {
		c.Look()
	}
}

// BenchmarkHistory judges an hour of a call of ten.
func BenchmarkHistory(b *testing.B) {
	c := good(3600, tenPeople()...)
	for b.Loop() {
		c.History()
	}
}

func tenPeople() (names []string) {
	for i := range 10 {
		names = append(names, fmt.Sprint("p", i))
	}
	return names
}
