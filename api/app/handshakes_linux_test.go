package app_test

import (
	"net"
	"testing"
	"time"
)

// Packets that might begin connections are dropped when too many come from one port, before they cost an answer.
// Operators see it, and others get in.
func TestFloodOfFirstPackets(t *testing.T) {
	n := newCluster(t).start()
	socket, err := net.Dial("udp", host(t, n.WebTransport))
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	packet := make([]byte, 1200)
	packet[0] = 0xc0 // a long header, of a version that nobody knows
	for deadline := time.Now().Add(patience); ; {
		for range 1000 { // more than a port may have at once, and than all may beyond it
			if _, err := socket.Write(packet); err != nil {
				t.Fatal(err)
			}
		}
		if series(t, n.page(n.Debug+"/metrics"), `parley_handshake_packets_dropped_total`) > 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("none was dropped")
		}
	}
	n.join(overWT, "ada", newRoom())
}
