package wt_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/quic-go/quic-go"

	"parley/api/client"
	"parley/api/fault"
	"parley/api/media"
	"parley/api/wt"
)

var framings = map[string]client.Framing{"packet": client.FramingPacket, "stream": client.FramingStream}

// numbered is a packet that says which one it is.
func numbered(i, size int) []byte {
	b := bytes.Repeat([]byte{byte(i) | 1}, max(size, 8))
	binary.BigEndian.PutUint32(b[1:], uint32(i))
	return b
}

// bring offers frames, and writes what is left as a session does. It counts the offers that left some.
func bring(
	ctx context.Context, frames []*media.Frame, full *int,
	offer func([]*media.Frame) ([]*media.Frame, bool), write func(context.Context, []*media.Frame) error,
) error {
	left, ok := offer(frames)
	if ok {
		return nil
	}
	*full++
	return write(ctx, left)
}

// Whether packets are offered or written, all arrive, and on streams that last in order.
func TestOfferedPacketsArrive(t *testing.T) {
	const batches, each = 60, 3
	sizes := []int{8, 160, 1200, 1430, 1452, 2000, 9000, 40_000}
	for name, framing := range framings {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			c, held := newSite(t, nil).dial(t, client.Options{Framing: framing, QUIC: &quic.Config{MaxIncomingUniStreams: 50}})
			conn := held.Conn.(media.EagerConn)
			offer, write := conn.Offer, conn.Write
			if p, ok := held.Conn.(media.EagerPictureConn); ok {
				offer, write = p.OfferPictures, p.WritePictures
			}
			done := make(chan error, 1)
			go func() {
				full, written := 0, 0
				for b := range batches {
					var frames []*media.Frame
					for i := range each {
						n := b*each + i
						frames = append(frames, &media.Frame{From: 1, Kind: media.Video, Wire: numbered(n, sizes[n%len(sizes)])})
					}
					if err := bring(ctx, frames, &full, offer, write); err != nil {
						done <- err
						return
					}
					written++
				}
				if full == 0 || full == written {
					t.Errorf("%d of %d offers left something", full, written)
				}
				done <- nil
			}()
			var got []int
			for range batches * each {
				p, err := c.Receive(ctx)
				if err != nil {
					t.Fatal(err)
				}
				n := int(binary.BigEndian.Uint32(p.Data[1:]))
				if !bytes.Equal(p.Data, numbered(n, sizes[n%len(sizes)])) {
					t.Fatalf("packet %d arrived as %d bytes", n, len(p.Data))
				}
				got = append(got, n)
			}
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			if framing == client.FramingStream && !slices.IsSorted(got) {
				t.Errorf("order: %v", got)
			}
			slices.Sort(got)
			if got = slices.Compact(got); len(got) != batches*each {
				t.Errorf("%d different packets", len(got))
			}
		})
	}
}

// Nobody waits for a receiver that reads nothing: little is taken for it, and who writes hears that it
// is slow.
func TestOffersToWhoReadsNothing(t *testing.T) {
	for name, framing := range framings {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, func(o *wt.Options) { o.Write = 300 * time.Millisecond })
			const window = 64 << 10 // more than the client reads: it grants nothing anew
			_, held := s.dial(t, client.Options{Framing: framing, Inbox: 1, AtOnce: 1, QUIC: &quic.Config{
				MaxIncomingUniStreams:          1 << 40,
				InitialConnectionReceiveWindow: window, MaxConnectionReceiveWindow: window,
			}})
			conn := held.Conn.(media.EagerConn)
			frames := []*media.Frame{{Kind: media.Audio, Wire: packet(8, 1000)}}
			taken := 0
			var err error
			for err == nil {
				left, ok := conn.Offer(frames)
				if ok {
					taken++
					continue
				}
				if again, ok := conn.Offer(left); ok || len(again) != 1 {
					t.Fatal("what was left was taken by another offer")
				}
				if err = conn.Write(t.Context(), left); err == nil {
					taken++
				}
			}
			if fault.CodeOf(err) != fault.Slow {
				t.Errorf("write: %v, want code %s", err, fault.Slow)
			}
			if most := 2 * window / 1000; taken > most {
				t.Errorf("%d packets were taken, want %d at most", taken, most)
			}
		})
	}
}

// A group of pictures that was offered is taken back as one that was written, and so is what an offer
// left of it.
func TestOfferedPicturesAreTakenBack(t *testing.T) {
	r, picky := newSite(t, nil).dialStreams(t)
	conn := picky.(media.EagerPictureConn)
	offer := func(frames ...*media.Frame) []*media.Frame {
		t.Helper()
		left, ok := conn.OfferPictures(frames)
		if ok != (len(left) == 0) {
			t.Fatalf("%d frames left, %v", len(left), ok)
		}
		return left
	}
	if left := offer(picture(1, true, []byte{10})); len(left) != 1 { // no streams yet
		t.Fatal("taken")
	} else if err := conn.WritePictures(t.Context(), left); err != nil {
		t.Fatal(err)
	}
	if left := offer(picture(1, false, []byte{11}), picture(2, true, []byte{20})); len(left) != 0 {
		t.Fatal("not taken")
	}
	streams := r.next(lasting + 2)[lasting:]
	r.reads(streams[0], []byte{10}, []byte{11})
	r.reads(streams[1], []byte{20})

	large := packet(21, 100<<10)
	conn.Skip(media.StreamID{Session: 1, Kind: media.Video})
	left := offer(picture(1, false, []byte{12}), picture(2, false, large), picture(1, false, []byte{13}), picture(1, true, []byte{14}))
	if len(left) != 3 {
		t.Fatalf("%d frames left", len(left))
	}
	written := make(chan error, 1)
	go func() { written <- conn.WritePictures(t.Context(), left) }()
	r.reads(streams[1], large)
	r.reads(r.next(1)[0], []byte{14})
	if err := <-written; err != nil {
		t.Fatal(err)
	}
}

// Offers to a receiver that gives its streams up fail where writes do.
func TestOffersOnRefusedStreams(t *testing.T) {
	r, picky := newSite(t, nil).dialStreams(t)
	conn := picky.(media.EagerPictureConn)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	full := 0
	frames := []*media.Frame{{Wire: []byte{1}}}
	err := bring(ctx, frames, &full, conn.Offer, conn.Write)
	r.next(lasting)[0].CancelRead(0)
	for err == nil { // the refusal is on its way
		err = bring(ctx, frames, &full, conn.Offer, conn.Write)
	}
	if fault.CodeOf(err) != fault.Protocol || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("write: %v, want code %s", err, fault.Protocol)
	}
}
