// Package live shows the events of all nodes of a cluster as they come.
//
// A subscription follows each engine of the cluster on its own: it asks the node for what comes
// after a place in its stream and passes the filter, over core NATS, and the node answers as
// soon as there is something. So nothing is sent while nobody looks, no more than somebody
// wants, and never more than one batch ahead of who reads: the bound of what waits is one batch
// for each subscriber and node. Subscriptions of a node with the same filter ask together: what one
// of them was answered is there for the others, for a while, and each goes on from its own place. Who is slow asks late, finds that the ring of the engine went
// on, and is told by how much; no engine waits for anybody. A question or an answer that is
// lost is asked again from the same place, so nothing is missed and nothing comes twice.
// JetStream would store what PostgreSQL has anyway, whether somebody looks or not.
//
// A [Cursor] has a place for each engine, and any node can go on from it. What the ring of an
// engine has lost by then, or what an engine that is gone took in, is read from the archive: an
// engine first says up to where that is complete, and goes on from there. What an engine that was
// killed had only put into files comes once another node has stored it, after what is newer; who
// goes on from a cursor in between may get events of that engine twice, and misses none. Events of one engine
// come in their order; those of several as they arrive.
//
// Who may see what is decided by the node that serves the subscriber; nodes trust each other.
package live
