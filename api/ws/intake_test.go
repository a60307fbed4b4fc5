package ws_test

import (
	"testing"

	"parley/api/client"
	"parley/api/fault"
	"parley/api/intake"
	"parley/api/ws"
)

// Large packets on their way in share what memory there is for them, and give it back once their session
// asks for the next.
func TestLargePacketsShareMemory(t *testing.T) {
	const most = 256 << 10
	packets := intake.New(most)
	s := newSite(t, false, func(o *ws.Options) { o.Intake = packets })
	send := func(size int) error {
		t.Helper()
		c, held := s.dial(t, client.Options{})
		defer held.End(nil)
		if err := c.Send(t.Context(), make([]byte, size)); err != nil {
			return err
		}
		p, err := held.Conn.Read(t.Context())
		if err != nil {
			return err
		}
		if len(p.Data) != size || packets.Held() < int64(size) {
			t.Errorf("%d of %d bytes came, %d are held", len(p.Data), size, packets.Held())
		}
		if err = c.Send(t.Context(), []byte{8, 1}); err != nil {
			return err
		}
		_, err = held.Conn.Read(t.Context())
		return err
	}
	for range 3 {
		if err := send(200 << 10); err != nil {
			t.Errorf("there is room: %v", err)
		}
	}
	if err := send(most + 1); fault.CodeOf(err) != fault.Slow {
		t.Errorf("there is no room: %v", err)
	}
	if err := send(200 << 10); err != nil {
		t.Errorf("there is room again: %v", err)
	}
	if held := packets.Held(); held != 0 {
		t.Errorf("%d bytes are held", held)
	}
}
