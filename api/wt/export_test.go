package wt

import "parley/api/media"

// Partial returns how many bytes the packets of a client occupy that are not complete.
func Partial(c media.Conn) int64 { return c.(packetConn).partial.Load() }
