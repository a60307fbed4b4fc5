//go:build !linux

package lossy

import "errors"

func drop(int, float64) error {
	return errors.New("only Linux loses packets on purpose")
}
