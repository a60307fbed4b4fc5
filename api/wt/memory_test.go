package wt_test

import (
	"context"
	"encoding/binary"
	"testing"
	"time"

	"github.com/quic-go/webtransport-go"

	"parley/api/fault"
	"parley/api/intake"
	"parley/api/media"
	"parley/api/wire"
	"parley/api/wt"
)

// What the packets of one client occupy before they are complete is bounded, however many there are.
func TestLargePacketsThatNeverEnd(t *testing.T) {
	const size, streams = 3 << 20, 7
	for name, begin := range map[string][]byte{
		"packet": packet(8, size),
		"framed": append(binary.BigEndian.AppendUint32(nil, wire.MaxPacket), packet(8, size)...),
	} {
		t.Run(name, func(t *testing.T) {
			inUplink(t, func(u *uplink) {
				for range streams {
					str := u.open(nil)
					_, _ = str.Write(begin) // all of it, or until it is refused
				}
				held := wt.Partial(u.held.Conn)
				if held == 0 || held > 4*wire.MaxPacket {
					t.Errorf("%d bytes are held", held)
				}
				<-time.After(12 * time.Second)
				if held := wt.Partial(u.held.Conn); held != 0 {
					t.Errorf("%d bytes are still held", held)
				}
				n := make(map[wt.Refusal]uint64)
				for why, refused := range u.refusals.All() {
					n[why] = refused
				}
				if n[wt.TooMuch] == 0 || n[wt.TooSlow] == 0 || n[wt.TooMuch]+n[wt.TooSlow] != streams {
					t.Errorf("refused: %v", n)
				}
			})
		})
	}
}

// Who is slow with a large packet gives way to others when there is no memory for both.
func TestLargePacketsShareMemory(t *testing.T) {
	const size = 300 << 10 // of which two do not fit where 580 KiB are left
	for name, frame := range map[string]func(b []byte) []byte{
		"packet": func(b []byte) []byte { return b },
		"framed": func(b []byte) []byte { return append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...) },
	} {
		t.Run(name, func(t *testing.T) {
			inUplink(t, func(u *uplink) {
				_, _ = u.open(nil).Write(frame(packet(8, size))[:size-1])
				<-time.After(time.Second)
				others := u.intake.Begin(func() {})
				if !others.Hold(intakeBytes-580<<10, intakeBytes) {
					t.Fatal("there is no room")
				}
				<-time.After(time.Second)
				want := packet(9, size)
				u.arrives(want, func() {
					str := u.open(frame(want))
					_ = str.Close()
				})
				u.refused(map[wt.Refusal]uint64{wt.TooMuch: 1})
				others.Done()
				<-time.After(time.Second)
				if held := u.intake.Held(); held != 0 {
					t.Errorf("%d bytes are held", held)
				}
			})
		})
	}
}

// What says that it is large holds no more than came of it, and that of all streams of a client counts, however
// little each has.
func TestManyUnfinishedPacketsCount(t *testing.T) {
	const streams, claimed = 200, 60_000
	for name, begin := range map[string][]byte{
		"packet": packet(8, 5_000),
		"framed": append(binary.BigEndian.AppendUint32(nil, claimed), packet(8, 5_000)...),
	} {
		t.Run(name, func(t *testing.T) {
			inUplink(t, func(u *uplink) {
				for range streams {
					u.open(begin)
				}
				<-time.After(time.Second)
				held, most := wt.Partial(u.held.Conn), int64(streams*4*len(begin))
				if held < streams*int64(len(begin)) || held > most {
					t.Errorf("%d bytes are held, want up to %d", held, most)
				}
				if counted := u.intake.Held(); counted < held-intake.Free || counted > held {
					t.Errorf("%d bytes count of %d", counted, held)
				}
				<-time.After(12 * time.Second)
				if partial, counted := wt.Partial(u.held.Conn), u.intake.Held(); partial != 0 || counted != 0 {
					t.Errorf("%d bytes are still held, %d count", partial, counted)
				}
				u.refused(map[wt.Refusal]uint64{wt.TooSlow: streams})
			})
		})
	}
}

// Packets count until their session asks for the next one; a session that takes its time is ended when others
// need the memory.
func TestPacketsCountUntilTheyAreTaken(t *testing.T) {
	const size, packets = 300 << 10, 5
	for name, ends := range map[string]bool{"in time": false, "too late": true} {
		t.Run(name, func(t *testing.T) {
			inFakeTime(t, func(t *testing.T, w world) {
				dialer := webtransport.Transport{TLSClientConfig: w.secure, DialAddr: w.dial}
				_, sess, err := dialer.Dial(t.Context(), worldURL, nil)
				if err != nil {
					t.Fatal(err)
				}
				for range packets {
					str, err := sess.OpenUniStreamSync(t.Context())
					if err != nil {
						t.Fatal(err)
					}
					go func() { // until it is read, or the session ends
						_, _ = str.Write(packet(8, size))
						_ = str.Close()
					}()
				}
				held := w.hold.Next(t)
				<-time.After(time.Second)
				read := func() (media.Packet, error) { return held.Conn.Read(context.WithoutCancel(t.Context())) }
				if p, err := read(); err != nil || len(p.Data) != size {
					t.Fatalf("read %d bytes: %v", len(p.Data), err)
				}
				<-time.After(5 * time.Second) // the others come as well
				if held := w.intake.Held(); held < packets*size {
					t.Errorf("%d bytes are held of %d packets that nobody took", held, packets)
				}
				if ends {
					others := w.intake.Begin(func() {})
					if !others.Hold(intakeBytes-size, intakeBytes) {
						t.Error("there is no room for others")
					}
					others.Done()
				}
				left := 0
				for left < packets-1 {
					if _, err = read(); err != nil {
						break
					}
					left++
				}
				if left != packets-1 || err != nil {
					t.Errorf("%d packets of %d: %v", left, packets-1, err)
				}
				if ends {
					if _, err = read(); fault.CodeOf(err) != fault.Slow {
						t.Errorf("the session ends with %v", err)
					}
				}
				held.End(err)
				<-sess.Context().Done()
				<-time.After(time.Second)
				if held := w.intake.Held(); held != 0 {
					t.Errorf("%d bytes are still held", held)
				}
			})
		})
	}
}
