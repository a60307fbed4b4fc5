// Package load fills rooms of a server with participants that send and receive like people in
// a call, and counts what became of every packet. It knows no more of the server than the wire
// contract, so any server that speaks it can be measured.
//
// A participant is one connection in one room. Publishers send streams (audio, video, a shared
// screen) and receive those of others; viewers receive alone. Each packet of a stream carries
// a tag behind its media, in a field that no decoder looks at: which stream it belongs to, its
// number in the stream, and when it was due.
//
// # What is counted
//
// A run ramps up, warms up, measures, and drains. Only packets that are due while it measures
// count, each once per participant who should get it. Who should is known exactly: everybody
// in the room but its sender, from the first packet that was not yet on its way when they were
// in. Of video and screens it is the first keyframe after that, for nothing before it can be
// shown, and until the connection is lost, or the end. A packet that is expected and has not
// come when the drain is over is lost; why (a queue was full, a stream skipped to a keyframe)
// is for the server to say.
//
// Latency runs from when a packet was due to when it was received. What the generator itself
// was late is taken off, and reported on its own: a publisher that is woken late says nothing
// about the server. Time during which the server did not take a packet stays in.
//
// # Concurrency
//
// Each participant has a goroutine that joins and sends, one that keeps its connection alive,
// and those of its connection, which count. [Run] waits for all of them.
package load
