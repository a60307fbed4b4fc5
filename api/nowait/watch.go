package nowait

import "net/netip"

// Watch sees packets come and go. What it calls must neither block nor keep them.
type Watch struct {
	Wants func(packet []byte, from netip.AddrPort) bool // reports whether what came is not dropped; nil wants all
	Sends func(packet []byte)                           // is called for what is written; nil is nobody
}
