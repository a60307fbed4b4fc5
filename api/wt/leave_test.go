package wt_test

import (
	"io"
	"testing"
	"testing/synctest"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/webtransport-go"

	"parley/api/media"
)

// library opens a session whose streams a test reads when it wants to.
func (w world) library(t *testing.T, streams int64) (*webtransport.Session, media.Conn, func()) {
	secure := w.secure.Clone()
	secure.NextProtos = []string{"h3"}
	conn, err := w.dial(t.Context(), "", secure, &quic.Config{
		EnableDatagrams: true, EnableStreamResetPartialDelivery: true, MaxIncomingUniStreams: streams,
	})
	if err != nil {
		t.Fatal(err)
	}
	client, err := new(webtransport.Transport).NewClientConn(conn)
	if err != nil {
		t.Fatal(err)
	}
	_, sess, err := client.Dial(t.Context(), worldURL, nil)
	if err != nil {
		t.Fatal(err)
	}
	held := w.hold.Next(t)
	return sess, held.Conn, func() {
		held.End(nil)
		_ = conn.CloseWithError(0, "")
	}
}

// A voice gets the next stream that is granted, though a picture waited for it before.
func TestVoicesGoBeforePicturesThatWaitForAStream(t *testing.T) {
	inFakeTime(t, func(t *testing.T, w world) {
		sess, c, end := w.library(t, 8)
		defer end()
		conn := c.(media.EagerPictureConn)
		next := func() *webtransport.ReceiveStream {
			str, err := sess.AcceptUniStream(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return str
		}
		read := func(str *webtransport.ReceiveStream, want byte) { // which grants one more
			if b, err := io.ReadAll(str); err != nil || len(b) != 1 || b[0] != want {
				t.Errorf("% x came, %v; want %x", b, err, want)
			}
		}
		var begun []*webtransport.ReceiveStream
		for {
			if _, ok := conn.OfferPictures([]*media.Frame{picture(1, true, []byte{1})}); !ok {
				break
			}
			begun = append(begun, next())
		}
		if len(begun) == 0 {
			t.Fatal("there was no stream at all")
		}
		done := make(chan error, 2)
		go func() { done <- conn.WritePictures(t.Context(), []*media.Frame{picture(1, true, []byte{2})}) }()
		synctest.Wait()
		voice := &media.Frame{Kind: media.Audio, Wire: []byte{3}}
		go func() { done <- conn.Write(t.Context(), []*media.Frame{voice, voice}) }()
		synctest.Wait()
		if _, ok := conn.OfferPictures([]*media.Frame{picture(1, true, []byte{4})}); ok {
			t.Error("a picture was taken while voices wait")
		}
		read(begun[0], 1)
		for _, want := range []byte{3, 3, 2} {
			read(next(), want)
		}
		for range cap(done) {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	})
}
