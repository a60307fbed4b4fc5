// Package flood does to a server what it must not mind: sessions that send too much, requests and
// packets that come byte by byte, handshakes that never finish, connections that never ask for
// anything. It counts what the server did about it, and a [Trial] measures meanwhile how people in a
// normal room fare, with the flood and without.
//
// A flood is bounded: in time, in how much goes on at once, and in how much begins a second. What
// the server ends begins again.
//
// # Concurrency
//
// Each attempt that goes on has a goroutine, and those of its connection. [Run] waits for all of
// them.
package flood
