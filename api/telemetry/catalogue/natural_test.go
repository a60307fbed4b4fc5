package catalogue_test

import (
	"encoding/hex"
	"math"
	"testing"

	"parley/api/telemetry/catalogue"
)

func TestLengthsAsWritten(t *testing.T) {
	for _, c := range []struct {
		v           uint64
		jam, leb128 string
	}{
		{0, "00", "00"},
		{1, "01", "01"},
		{127, "7f", "7f"},
		{128, "8080", "8001"},
		{200, "80c8", "c801"},
		{255, "80ff", "ff01"},
		{256, "8100", "8002"},
		{1000, "83e8", "e807"},
		{16383, "bfff", "ff7f"},
		{16384, "c00040", "808001"},
		{99999, "c19f86", "9f8d06"},
		{1<<21 - 1, "dfffff", "ffff7f"},
		{1 << 21, "e0000020", "80808001"},
		{1 << 28, "f000000010", "8080808001"},
		{1<<56 - 1, "feffffffffffffff", "ffffffffffffff7f"},
		{1 << 56, "ff0000000000000001", "808080808080808001"},
		{math.MaxUint64, "ffffffffffffffffff", "ffffffffffffffffff01"},
	} {
		for form, want := range map[catalogue.LengthForm]string{catalogue.JAM: c.jam, catalogue.LEB128: c.leb128} {
			b := catalogue.AppendNat(nil, form, c.v)
			if got := hex.EncodeToString(b); got != want {
				t.Errorf("%d in %s is %s instead of %s", c.v, form, got, want)
			}
			if v, n := catalogue.Natural(b, form); v != c.v || n != len(b) {
				t.Errorf("%s in %s is %d in %d bytes", want, form, v, n)
			}
		}
	}
}

func TestNumbersHaveOneShortestForm(t *testing.T) {
	for form, all := range map[catalogue.LengthForm][]string{
		catalogue.JAM:    {"", "80", "807f", "c00000", "c0ff3f", "e0ffff1f", "ffffffffffffffff", "ff00000000000000", "ffffffffffffffff00"},
		catalogue.LEB128: {"", "80", "8000", "ff00", "808000", "ffffffffffffffffff02", "80808080808080808080"},
	} {
		for _, s := range all {
			b, _ := hex.DecodeString(s)
			if v, n := catalogue.Natural(b, form); n != 0 {
				t.Errorf("%s in %s is %d", s, form, v)
			}
		}
	}
}
