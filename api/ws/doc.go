// Package ws carries sessions over WebSocket: one binary message is one packet.
//
// A request goes through Admit first and through the WebSocket handshake second, so that a
// client with a bad token learns of the token whatever else is wrong with its request. Any
// origin is accepted: who enters is decided by a token that a page has to be given, never by
// a cookie that a browser adds on its own, so a foreign page gains nothing by connecting.
//
// Reading: text messages are ignored but count as a sign of life, as does every byte that
// arrives. Writing: packets become frames here, beneath the library, and a batch of them is corked,
// which means collected in one buffer and handed to the kernel in one call; over TLS it becomes one
// run of records. Control frames go between two packets. The kernel takes little more than is on its
// way, so that what waits waits in the queue of the session.
//
// An idle connection is one goroutine, which reads, and no buffers; a timer pings. The server waits for
// all that is under way.
package ws
