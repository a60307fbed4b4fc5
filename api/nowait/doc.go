// Package nowait reads from sockets and writes to them without waiting, and without telling the scheduler.
//
// What the scheduler is told costs little. But the first call of a process that was idle wakes the runtime's
// monitor thread, and that looks after the processors every 20 µs for a millisecond, in case one of them
// waits in the kernel, and takes processors from those whose calls last that long. In a call of a few hundred
// packets a second that thread never sleeps: with what it makes others do it is a tenth to a third of what
// the call costs. None of what is called here waits for a peer, so nobody has to look after it. Garbage
// collection waits for what the kernel takes to send.
package nowait
