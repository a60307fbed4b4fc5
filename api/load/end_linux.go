package load

import "syscall"

// endWithParent makes a process stop when this one is killed, which can then tell it nothing.
func endWithParent(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGTERM }
