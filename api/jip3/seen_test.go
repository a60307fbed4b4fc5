package jip3

import (
	"encoding/hex"
	"encoding/json"
	"net"
	"strings"
	"testing"
)

func TestWhoIsConnectedCanBeSeen(t *testing.T) {
	s := serve(t, Options{})
	var conns []net.Conn
	for i := range 2 {
		conn := s.dial(t)
		if _, err := conn.Write(append(append(hello(t, v1, byte(i+1), nil), raw(11, []byte{7})...), synced(t)...)); err != nil {
			t.Fatal(err)
		}
		s.await(t, "the events", func() bool { return len(s.sessions) == i+1 && len(s.sessions[i].records) == 1 })
		conns = append(conns, conn)
	}
	// The event is counted before it is handed on.
	all := s.Connected()
	if len(all) != 2 {
		t.Fatalf("%+v", all)
	}
	for i, c := range all {
		if c.Peer != identity(byte(i+1)) || c.Remote != conns[i].LocalAddr().String() || c.Name != "test" || c.Version != 1 ||
			c.Events != 2 || c.Unreadable != 1 || c.Limited != 0 || c.Since.IsZero() || c.Session != s.sessions[i].id {
			t.Errorf("%+v", c)
		}
	}
	lost := s.Unreadable()
	want := hex.EncodeToString(raw(11, []byte{7})[prefix:])
	if len(lost) != 2 || lost[0].Bytes != want || lost[0].Seq != 0 || lost[0].Size != 10 || lost[0].Why != "slot: ends too early" || lost[1].Session != s.sessions[1].id {
		t.Errorf("%+v", lost)
	}
	if text, err := json.Marshal(lost[0]); err != nil || !strings.Contains(string(text), `"session":"1"`) {
		t.Errorf("%s %v", text, err)
	}
	s.stop()
	if all := s.Connected(); len(all) != 0 {
		t.Errorf("%+v", all)
	}
}

func TestOnlyTheLastUnreadableEventsAreKept(t *testing.T) {
	s := serve(t, Options{})
	messages := [][]byte{hello(t, v1, 1, nil)}
	for i := range keptUnreadable + 10 {
		messages = append(messages, raw(11, make([]byte, i)), synced(t))
	}
	send(t, s.dial(t), messages...)
	s.only(t)
	all := s.Unreadable()
	if len(all) != keptUnreadable {
		t.Fatalf("%d are kept", len(all))
	}
	for i := 1; i < len(all); i++ {
		if all[i].Seq <= all[i-1].Seq {
			t.Fatalf("%d comes after %d", all[i].Seq, all[i-1].Seq)
		}
	}
	if first, last := all[0], all[len(all)-1]; last.Seq-first.Seq < 2*(keptUnreadable-2) {
		t.Errorf("%d to %d", first.Seq, last.Seq)
	}
}
