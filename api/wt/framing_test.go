package wt_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/webtransport-go"

	"parley/api/client"
	"parley/api/fault"
	"parley/api/media"
	"parley/api/wire"
)

// framed returns packets as a long-lived stream carries them.
func framed(packets ...[]byte) []byte {
	var b []byte
	for _, p := range packets {
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(p))), p...)
	}
	return b
}

func packet(first byte, size int) []byte { return bytes.Repeat([]byte{first}, size) }

// Whatever way the bytes of a long-lived stream arrive in, its packets come out whole.
func TestFramedStreamsAreRead(t *testing.T) {
	sess, held := newSite(t, nil).dialLibrary(t)
	str, err := sess.OpenUniStreamSync(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var want [][]byte
	for i, size := range []int{1, 160, 4091, 4092, 4093, 4096, 70_000, 3, 64 << 10, 1 << 20, wire.MaxPacket, 5} {
		want = append(want, packet(byte(i+1), size))
	}
	all := framed(want...)
	sent := make(chan error, 1)
	go func() {
		rest := all
		for n := 1; len(rest) > 0; n = 3*n + 1 { // not where packets end
			n = min(n, len(rest), 100_000)
			if _, err := str.Write(rest[:n]); err != nil {
				sent <- err
				return
			}
			rest = rest[n:]
		}
		sent <- nil
	}()
	for _, w := range want {
		p, err := held.Conn.Read(t.Context())
		if err != nil || !bytes.Equal(p.Data, w) || p.Datagram {
			t.Fatalf("%d bytes of %#x, %v; want %d of %#x", len(p.Data), p.Data[:1], err, len(w), w[0])
		}
		if cap(p.Data)-len(p.Data) < wire.StampRoom {
			t.Errorf("%d bytes without room for a stamp", len(p.Data))
		}
	}
	if err := <-sent; err != nil {
		t.Error(err)
	}
}

// A length that no packet has ends its stream, not the session.
func TestImpossibleLengths(t *testing.T) {
	sess, held := newSite(t, nil).dialLibrary(t)
	got := make(chan string, 1)
	go func() { // until there is something, at the latest the end of the session
		p, err := held.Conn.Read(t.Context())
		got <- fmt.Sprint(string(p.Data), err)
	}()
	for _, b := range [][]byte{
		{0, 0, 0, 0},
		binary.BigEndian.AppendUint32(nil, wire.MaxPacket+1),
		append(framed([]byte("whole")), 0, 0xff, 0xff, 0xff),
	} {
		str, err := sess.OpenUniStreamSync(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := str.Write(b); err != nil {
			t.Fatal(err)
		}
		select {
		case <-str.Context().Done(): // refused
		case <-t.Context().Done():
			t.Fatalf("% x was not refused", b)
		}
	}
	if got := <-got; got != "whole<nil>" {
		t.Errorf("read %s", got)
	}
}

func TestFramingIsChosenByTheClient(t *testing.T) {
	s := newSite(t, nil)
	base := s.url
	for query, want := range map[string]bool{
		"": false, "?framing=packet&instance_id=1": false, "?framing=stream": true, "?instance_id=1": true,
	} {
		s.url = base + query
		_, held := s.dial(t, client.Options{})
		if _, each := held.Conn.(media.RationedConn); each == want {
			t.Errorf("%q: a stream for each packet %v", query, each)
		}
	}
	_, err := client.Dial(t.Context(), base+"?framing=carrier-pigeon", client.Options{TLS: s.secure})
	if e, ok := errors.AsType[*client.RefusedError](err); !ok || e.Status != 400 {
		t.Errorf("unknown framing: %v", err)
	}
}

// lasting streams are opened first: for control, audio, and the pictures without one.
const lasting = 3

// reader takes streams as they come and says what was on them.
type reader struct {
	t    *testing.T
	sess *webtransport.Session
}

// next returns the n streams that were opened next, in their order.
func (r reader) next(n int) []*webtransport.ReceiveStream {
	r.t.Helper()
	var streams []*webtransport.ReceiveStream
	for range n {
		str, err := r.sess.AcceptUniStream(r.t.Context())
		if err != nil {
			r.t.Fatal(err)
		}
		streams = append(streams, str)
	}
	slices.SortFunc(streams, func(a, b *webtransport.ReceiveStream) int { return int(a.StreamID() - b.StreamID()) })
	return streams
}

func (r reader) reads(str io.Reader, want ...[]byte) {
	r.t.Helper()
	got := make([]byte, len(framed(want...)))
	if _, err := io.ReadFull(str, got); err != nil || !bytes.Equal(got, framed(want...)) {
		r.t.Fatalf("%v: read % x, want % x", err, got[:min(len(got), 20)], framed(want...)[:min(len(got), 20)])
	}
}

func (s *site) dialStreams(t *testing.T) (reader, media.PictureConn) {
	t.Helper()
	s.url += "?framing=stream"
	sess, held := s.dialLibrary(t)
	return reader{t, sess}, held.Conn.(media.PictureConn)
}

func picture(from media.SessionID, key bool, wire []byte) *media.Frame {
	return &media.Frame{From: from, Kind: media.Video, Key: key, Wire: wire}
}

// Every group of pictures has a stream, which ends when the next one begins.
func TestGroupsOfPicturesHaveStreams(t *testing.T) {
	r, conn := newSite(t, nil).dialStreams(t)
	a, b := []byte{10}, []byte{20}
	write := func(frames ...*media.Frame) {
		t.Helper()
		if err := conn.WritePictures(t.Context(), frames); err != nil {
			t.Fatal(err)
		}
	}
	write(picture(1, true, a), picture(2, true, b), picture(1, false, a), picture(2, false, b), picture(1, false, a))
	groups := r.next(lasting + 2)[lasting:]
	one, two := groups[0], groups[1]
	r.reads(one, a, a, a)
	r.reads(two, b, b)

	write(picture(1, false, a), picture(1, true, []byte{11}), picture(2, false, b), picture(1, false, []byte{12}))
	r.reads(one, a)
	if _, err := one.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("the first group ends with %v", err)
	}
	r.reads(two, b)
	r.reads(r.next(1)[0], []byte{11}, []byte{12})
}

// What steers the call and voices have streams that last.
func TestVoicesShareAStream(t *testing.T) {
	r, conn := newSite(t, nil).dialStreams(t)
	control, audio, data := &media.Frame{Wire: []byte{1}}, &media.Frame{Kind: media.Audio, Wire: []byte{2}}, &media.Frame{Kind: media.Data, Wire: []byte{3}}
	if err := conn.Write(t.Context(), []*media.Frame{control, audio, audio, data}); err != nil {
		t.Fatal(err)
	}
	if err := conn.Write(t.Context(), []*media.Frame{audio, control}); err != nil {
		t.Fatal(err)
	}
	streams := r.next(lasting)
	r.reads(streams[0], control.Wire, data.Wire, control.Wire)
	r.reads(streams[1], audio.Wire, audio.Wire, audio.Wire)
}

// A receiver that skips gets nothing more of the old group, and who blocks on it goes on.
func TestSkippedPicturesAreTakenBack(t *testing.T) {
	r, conn := newSite(t, nil).dialStreams(t)
	blocked := make(chan error, 1)
	go func() { // nobody reads: more than the windows hold
		blocked <- conn.WritePictures(t.Context(), []*media.Frame{picture(1, true, packet(10, wire.MaxPacket)), picture(1, false, packet(11, wire.MaxPacket))})
	}()
	streams := r.next(lasting + 1)
	old := streams[lasting]
	if _, err := io.ReadFull(old, make([]byte, 5)); err != nil { // it has begun
		t.Fatal(err)
	}
	// Voices do not wait for it.
	if err := conn.Write(t.Context(), []*media.Frame{{Kind: media.Audio, Wire: []byte{2}}}); err != nil {
		t.Fatal(err)
	}
	r.reads(streams[1], []byte{2})

	conn.Skip(media.StreamID{Session: 1, Kind: media.Video})
	if err := <-blocked; err != nil {
		t.Fatalf("write: %v", err)
	}
	_, err := io.Copy(io.Discard, old)
	if _, ok := errors.AsType[*webtransport.StreamError](err); !ok {
		t.Errorf("the old group ends with %v", err)
	}
	if err := conn.WritePictures(t.Context(), []*media.Frame{picture(1, true, []byte{12})}); err != nil {
		t.Fatal(err)
	}
	r.reads(r.next(1)[0], []byte{12})
}

// What was taken from the queue before its stream skipped, and comes after that, is not sent: what
// it changes was taken back.
func TestLatePicturesOfAStreamThatSkipped(t *testing.T) {
	r, conn := newSite(t, nil).dialStreams(t)
	write := func(frames ...*media.Frame) {
		t.Helper()
		if err := conn.WritePictures(t.Context(), frames); err != nil {
			t.Fatal(err)
		}
	}
	write(picture(1, true, []byte{10}), picture(1, false, []byte{11}))
	r.next(lasting + 1)
	conn.Skip(media.StreamID{Session: 1, Kind: media.Video})
	write(picture(1, false, []byte{12}), picture(2, true, []byte{20}), picture(1, false, []byte{13}), picture(1, true, []byte{14}), picture(1, false, []byte{15}))
	streams := r.next(2)
	r.reads(streams[0], []byte{20})
	r.reads(streams[1], []byte{14}, []byte{15})
	write(picture(1, false, []byte{16}))
	r.reads(streams[1], []byte{16})
}

// A client may refuse a group of pictures; it gets the next.
func TestRefusedPictures(t *testing.T) {
	r, conn := newSite(t, nil).dialStreams(t)
	if err := conn.WritePictures(t.Context(), []*media.Frame{picture(1, true, []byte{10})}); err != nil {
		t.Fatal(err)
	}
	r.next(lasting + 1)[lasting].CancelRead(0)
	for next := byte(20); ; next++ {
		if err := conn.WritePictures(t.Context(), []*media.Frame{picture(1, false, []byte{11}), picture(1, true, []byte{next})}); err != nil {
			t.Fatal(err)
		}
		r.reads(r.next(1)[0], []byte{next})
		if next == 25 {
			return
		}
	}
}

// A client that refuses what steers the call cannot stay.
func TestRefusedControl(t *testing.T) {
	r, conn := newSite(t, nil).dialStreams(t)
	frames := []*media.Frame{{Wire: []byte{1}}}
	err := conn.Write(t.Context(), frames)
	r.next(lasting)[0].CancelRead(0)
	for err == nil { // the refusal is on its way
		err = conn.Write(t.Context(), frames)
	}
	if fault.CodeOf(err) != fault.Protocol {
		t.Errorf("write: %v, want code %s", err, fault.Protocol)
	}
}

// Who is granted few streams gets all pictures on those.
func TestFewStreamsForPictures(t *testing.T) {
	c, held := newSite(t, nil).dial(t, client.Options{Framing: client.FramingStream, QUIC: &quic.Config{MaxIncomingUniStreams: 9}})
	conn := held.Conn.(media.PictureConn)
	const publishers = 20
	written := make(chan error, 1)
	go func() {
		var errs []error
		for i := range 10 {
			var frames []*media.Frame
			for from := range publishers {
				frames = append(frames, picture(media.SessionID(from+1), i%5 == 0, []byte{byte(from + 1), byte(i)}))
			}
			errs = append(errs, conn.WritePictures(t.Context(), frames))
		}
		written <- errors.Join(errs...)
	}()
	seen := make(map[string]int)
	for range 10 * publishers {
		p, err := c.Receive(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		seen[string(p.Data)]++
	}
	if err := <-written; err != nil {
		t.Error(err)
	}
	if len(seen) != 10*publishers {
		t.Errorf("%d different packets", len(seen))
	}
}
