package places_test

import (
	"testing"

	"parley/api/places"
)

func TestDoorway(t *testing.T) {
	d := places.NewDoorway(2)
	for range 2 {
		if !d.Enter() {
			t.Error("there is no room for two")
		}
	}
	for range 2 {
		if d.Enter() {
			t.Error("there is room for a third")
		}
	}
	d.Leave()
	if !d.Enter() {
		t.Error("there is no room for who comes after one who left")
	}
	if d.Enter() {
		t.Error("those who were turned away left twice")
	}
}
