//go:build !linux

package load

import "syscall"

// endWithParent does nothing: a process that is killed leaves the ones it started.
func endWithParent(*syscall.SysProcAttr) {}
