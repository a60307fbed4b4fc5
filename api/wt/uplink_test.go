package wt_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/quic-go/webtransport-go"

	"parley/api/media"
	"parley/api/media/mediatest"
	"parley/api/wire"
	"parley/api/wt"
)

// uplink is a client whose streams a test can treat badly.
type uplink struct {
	world
	t    *testing.T
	sess *webtransport.Session
	held *mediatest.Held
	read chan media.Packet // closed when no more can be read
}

// inUplink runs f with a session in fake time.
func inUplink(t *testing.T, f func(u *uplink)) {
	inFakeTime(t, func(t *testing.T, w world) {
		dialer := webtransport.Transport{TLSClientConfig: w.secure, DialAddr: w.dial}
		_, sess, err := dialer.Dial(t.Context(), worldURL, nil)
		if err != nil {
			t.Fatal(err)
		}
		u := &uplink{world: w, t: t, sess: sess, held: w.hold.Next(t), read: make(chan media.Packet, 1000)}
		go func() { // until the session ends below
			defer close(u.read)
			for {
				p, err := u.held.Conn.Read(context.WithoutCancel(t.Context()))
				if err != nil {
					return
				}
				u.read <- p
			}
		}()
		f(u)
		u.arrives([]byte("marker"), func() { _ = sess.SendDatagram([]byte("marker")) })
		u.held.End(nil)
		<-sess.Context().Done()
		for range u.read { // until it is closed
		}
	})
}

// open opens a stream and writes b to it.
func (u *uplink) open(b []byte) *webtransport.SendStream {
	u.t.Helper()
	str, err := u.sess.OpenUniStreamSync(u.t.Context())
	if err != nil {
		u.t.Fatal(err)
	}
	if _, err := str.Write(b); err != nil {
		u.t.Fatal(err)
	}
	return str
}

// arrives checks that want is the next packet once it was sent.
func (u *uplink) arrives(want []byte, send func()) {
	u.t.Helper()
	send()
	if p, ok := <-u.read; !ok || !bytes.Equal(p.Data, want) {
		u.t.Fatalf("read %d bytes %.20q, %t; want %.20q", len(p.Data), p.Data, ok, want)
	}
}

// refused checks how many streams were reset and why.
func (u *uplink) refused(want map[wt.Refusal]uint64) {
	u.t.Helper()
	for why, n := range u.refusals.All() {
		if n != want[why] {
			u.t.Errorf("%d streams are refused as %s, want %d", n, why, want[why])
		}
	}
}

// drip writes b byte by byte, each in a network packet of its own.
func (u *uplink) drip(str *webtransport.SendStream, b []byte, every time.Duration) error {
	for _, octet := range b {
		<-time.After(every)
		if _, err := str.Write([]byte{octet}); err != nil {
			return err
		}
	}
	return nil
}

// A packet that comes byte by byte, and in time, comes whole.
func TestDrippedPacketsComeWhole(t *testing.T) {
	inUplink(t, func(u *uplink) {
		want := packet(8, 300)
		str := u.open(nil)
		if err := u.drip(str, want, 30*time.Millisecond); err != nil {
			t.Fatal(err)
		}
		u.arrives(want, func() { _ = str.Close() })

		// On a long-lived stream every packet has that time.
		str = u.open(nil)
		for _, size := range []int{300, 1, 250} {
			want := packet(9, size)
			if err := u.drip(str, framed(want), 30*time.Millisecond); err != nil {
				t.Fatal(err)
			}
			u.arrives(want, func() {})
		}
		want = packet(10, 70_000) // larger than what is read ahead
		bytes := framed(want)
		if _, err := str.Write(bytes[:69_800]); err != nil {
			t.Fatal(err)
		}
		if err := u.drip(str, bytes[69_800:], 30*time.Millisecond); err != nil {
			t.Fatal(err)
		}
		u.arrives(want, func() {})
		u.refused(nil)
	})
}

// A packet without a byte is one even if its end comes later than its stream; one that is given up is none.
func TestEndsOfEmptyPacketsComeLate(t *testing.T) {
	inUplink(t, func(u *uplink) {
		str, given := u.open(nil), u.open(nil)
		<-time.After(time.Second)
		given.CancelWrite(0)
		u.arrives(nil, func() { _ = str.Close() })
		u.refused(nil)
	})
}

// A client that does not finish a packet loses its stream and nothing else, however it goes on.
func TestPacketsThatNeverEnd(t *testing.T) {
	for name, begin := range map[string][]byte{
		"packet":                {8},
		"framed, length":        {0, 0},
		"framed, small":         {0, 0, 1, 0, 8},
		"framed, large":         {0, 1, 0, 0, 8},
		"framed, after another": append(framed(packet(8, 20)), 0, 0, 1, 0, 8),
	} {
		t.Run(name, func(t *testing.T) {
			inUplink(t, func(u *uplink) {
				str := u.open(begin)
				if name == "framed, after another" {
					u.arrives(packet(8, 20), func() {})
				}
				start, err := time.Now(), error(nil)
				for err == nil {
					err = u.drip(str, []byte{8}, time.Second)
				}
				if took := time.Since(start); took < 9*time.Second || took > 12*time.Second {
					t.Errorf("stream failed after %v: %v", took, err)
				}
				u.refused(map[wt.Refusal]uint64{wt.TooSlow: 1})
			})
		})
	}
}

// Hundreds of streams that are never finished cost a client these streams, and what it opens
// meanwhile has to wait for them.
func TestHundredsOfUnfinishedStreams(t *testing.T) {
	const streams = 900 // of the 1024 that a client may have
	for name, begin := range map[string][]byte{"packet": []byte("half a pack"), "framed": {0, 0, 1, 0, 8}} {
		t.Run(name, func(t *testing.T) {
			inUplink(t, func(u *uplink) {
				var all []*webtransport.SendStream
				for range streams {
					all = append(all, u.open(begin))
				}
				str := u.open([]byte("whole"))
				u.arrives([]byte("whole"), func() { _ = str.Close() })
				for _, str := range all {
					<-str.Context().Done()
				}
				u.refused(map[wt.Refusal]uint64{wt.TooSlow: streams})
			})
		})
	}
}

// Long-lived streams may be silent, but not so many that no other stream is read.
func TestManySilentStreams(t *testing.T) {
	const streams, kept = 400, 64
	inUplink(t, func(u *uplink) {
		var all []*webtransport.SendStream
		for i := range streams {
			all = append(all, u.open(framed([]byte{8, byte(i), byte(i >> 8)})))
		}
		seen := make(map[string]bool)
		for range streams {
			seen[string((<-u.read).Data)] = true
		}
		if len(seen) != streams {
			t.Errorf("%d different packets of %d", len(seen), streams)
		}
		for range 5 { // a call in which somebody is silent for a minute
			<-time.After(12 * time.Second)
			u.arrives([]byte("here"), func() { _ = u.sess.SendDatagram([]byte("here")) })
		}
		u.refused(map[wt.Refusal]uint64{wt.TooSlow: streams - kept})
		left := slices.DeleteFunc(all, func(str *webtransport.SendStream) bool { return str.Context().Err() != nil })
		if len(left) != kept {
			t.Fatalf("%d streams are left, want %d", len(left), kept)
		}
		for i, str := range left {
			want := fmt.Append(nil, "after ", i)
			u.arrives(want, func() { _, _ = str.Write(framed(want)) })
		}
	})
}

// Every reason has a number of its own.
func TestRefusalsAreCounted(t *testing.T) {
	inUplink(t, func(u *uplink) {
		u.open([]byte{0, 0, 0, 0})
		u.open(binary.BigEndian.AppendUint32(nil, wire.MaxPacket+1))
		str := u.open(nil)
		_, _ = str.Write(packet(8, wire.MaxPacket+1))
		for range 2 {
			if both, err := u.sess.OpenStream(); err == nil {
				_, _ = both.Write([]byte("hello"))
			}
		}
		<-time.After(time.Second)
		u.refused(map[wt.Refusal]uint64{wt.Empty: 1, wt.TooLarge: 2, wt.TwoWay: 2})
	})
}
