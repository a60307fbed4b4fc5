package wt_test

import (
	"testing"
	"time"

	"github.com/quic-go/quic-go"

	"parley/api/client"
	"parley/api/media"
)

// A client that has no room for anything keeps its connection when pictures that were not even
// begun are taken back, and gets what was said.
func TestPicturesTakenBackBeforeThereIsRoom(t *testing.T) {
	inFakeTime(t, func(t *testing.T, w world) {
		const window, voice = 64 << 10, 200_000
		read := make(chan struct{})
		got := make(chan int, 1)
		c, err := client.Dial(t.Context(), worldURL, client.Options{
			TLS: w.secure, DialQUIC: w.dial, Framing: client.FramingStream,
			QUIC: &quic.Config{
				KeepAlivePeriod: time.Second, MaxIncomingUniStreams: 100,
				InitialConnectionReceiveWindow: window, MaxConnectionReceiveWindow: window,
			},
			On: func(p client.Packet) {
				<-read
				got <- len(p.Data)
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		held := w.hold.Next(t)
		conn := held.Conn.(media.PictureConn)
		spoken := make(chan error, 1)
		go func() {
			spoken <- conn.Write(t.Context(), []*media.Frame{{Kind: media.Audio, Wire: packet(2, 100)}, {Kind: media.Audio, Wire: packet(2, voice)}})
		}()
		<-time.After(time.Second) // now nothing more gets through
		for from := range media.SessionID(5) {
			shown := make(chan error, 1)
			go func() {
				shown <- conn.WritePictures(t.Context(), []*media.Frame{picture(from+1, true, packet(10, 20_000))})
			}()
			<-time.After(100 * time.Millisecond)
			conn.Skip(media.StreamID{Session: from + 1, Kind: media.Video})
			if err := <-shown; err != nil {
				t.Fatalf("pictures: %v", err)
			}
		}
		<-time.After(100 * time.Millisecond) // the client has heard of it
		close(read)
		if first, second := <-got, <-got; first != 100 || second != voice {
			t.Errorf("%d and %d bytes arrived", first, second)
		}
		if err := <-spoken; err != nil {
			t.Errorf("voices: %v", err)
		}
		held.End(nil)
		<-c.Done()
		_ = c.Close()
	})
}
