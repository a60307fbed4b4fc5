package catalogue

import (
	"encoding/binary"
	"math/bits"
)

// LengthForm is how a natural number is written.
type LengthForm uint8

// The forms. They agree below 128.
const (
	// JAM is the general natural number of the Gray Paper: as many leading ones in the first
	// byte as bytes follow, the rest of it the high bits, the others the low part.
	JAM LengthForm = iota
	// LEB128 is seven bits per byte, low group first. No specification says so, but TART
	// and some nodes use it.
	LEB128
)

// String returns the name of the form.
func (f LengthForm) String() string {
	if f == LEB128 {
		return "leb128"
	}
	return "jam"
}

// AppendNat appends v in the form f.
func AppendNat(dst []byte, f LengthForm, v uint64) []byte {
	if f == LEB128 {
		return binary.AppendUvarint(dst, v)
	}
	extra := max(0, bits.Len64(v)-1) / 7 // each byte that follows costs one bit of the first
	if extra >= 8 {
		return binary.LittleEndian.AppendUint64(append(dst, 0xff), v)
	}
	dst = append(dst, ^byte(0xff>>extra)|byte(v>>(8*extra)))
	for i := range extra {
		dst = append(dst, byte(v>>(8*i)))
	}
	return dst
}

// Natural reads a number in the form f from the start of b and returns it with the bytes it
// took. Zero bytes mean that b ends too early or that there is a shorter way to write the
// number: both forms have exactly one encoding of each.
func Natural(b []byte, f LengthForm) (v uint64, n int) {
	if len(b) == 0 {
		return 0, 0
	}
	if b[0] < 0x80 {
		return uint64(b[0]), 1
	}
	if f == LEB128 {
		v, n = binary.Uvarint(b)
		if n <= 0 || b[n-1] == 0 {
			return 0, 0
		}
		return v, n
	}
	extra := bits.LeadingZeros8(^b[0])
	if len(b) <= extra {
		return 0, 0
	}
	for i := range extra {
		v |= uint64(b[1+i]) << (8 * i)
	}
	least := uint64(1) << (7 * extra)
	if extra < 8 {
		v |= uint64(b[0]&(0xff>>(extra+1))) << (8 * extra)
	}
	if v < least {
		return 0, 0
	}
	return v, 1 + extra
}
