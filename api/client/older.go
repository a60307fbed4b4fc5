package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"github.com/quic-go/quic-go/quicvarint"
	"github.com/quic-go/webtransport-go"
)

// older is a session with a server of the drafts 2 to 7 of WebTransport over HTTP/3, such as those of
// the reference system: webtransport-go speaks later ones alone, and refuses servers that cannot reset
// streams reliably. What HTTP/3 has of it is http3's; this is the beginning of streams. It is the only
// session of its connection.
type older struct {
	conn     *quic.Conn
	request  *http3.RequestStream
	incoming chan *quic.ReceiveStream
	header   []byte // of each stream
	readers  sync.WaitGroup
}

// Numbers of the drafts.
const (
	olderEnable      = 0x2b603742 // SETTINGS_ENABLE_WEBTRANSPORT, draft 2
	olderMaxSessions = 0xc671706a // SETTINGS_WEBTRANSPORT_MAX_SESSIONS, draft 7
	uniStreamType    = 0x54
)

// dialOlder opens the session of a connection, which is closed when that fails.
func dialOlder(ctx context.Context, conn *quic.Conn, u *url.URL, header http.Header) (*older, error) {
	o := &older{conn: conn, incoming: make(chan *quic.ReceiveStream)}
	if err := o.open(ctx, u, header); err != nil {
		_ = o.CloseWithError(0, "")
		o.readers.Wait()
		return nil, err
	}
	return o, nil
}

func (o *older) open(ctx context.Context, u *url.URL, header http.Header) error {
	transport := &http3.Transport{
		EnableDatagrams:    true,
		AdditionalSettings: map[uint64]uint64{olderEnable: 1, olderMaxSessions: 1},
	}
	raw := transport.NewRawClientConn(o.conn)
	o.readers.Go(func() { o.accept(raw) })
	select {
	case <-raw.ReceivedSettings():
	case <-ctx.Done():
		return ctx.Err()
	case <-o.conn.Context().Done():
		return context.Cause(o.conn.Context())
	}
	if s := raw.Settings(); s.Other[olderEnable] == 0 && s.Other[olderMaxSessions] == 0 {
		return errors.New("the server does not speak WebTransport")
	}
	var err error
	if o.request, err = raw.OpenRequestStream(ctx); err != nil {
		return err
	}
	// A server that refuses may say so by never answering.
	defer context.AfterFunc(ctx, func() { o.request.CancelRead(quic.StreamErrorCode(http3.ErrCodeRequestCanceled)) })()
	if header == nil {
		header = make(http.Header)
	}
	err = o.request.SendRequestHeader(&http.Request{
		Method: http.MethodConnect, Proto: "webtransport", Header: header, Host: u.Host, URL: u,
	})
	if err != nil {
		return err
	}
	rsp, err := o.request.ReadResponse() //nolint:bodyclose // which is the session
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return fmt.Errorf("no answer, as from a server that does not let one in (%w)", err)
	case rsp.StatusCode != http.StatusOK:
		return &RefusedError{Status: rsp.StatusCode}
	}
	o.header = quicvarint.Append(quicvarint.Append(nil, uniStreamType), uint64(o.request.StreamID()))
	o.readers.Go(o.attend)
	return nil
}

// accept sorts the streams of the server until the connection ends.
func (o *older) accept(raw *http3.RawClientConn) {
	for {
		str, err := o.conn.AcceptUniStream(context.Background())
		if err != nil {
			return
		}
		o.readers.Go(func() {
			if typ, err := quicvarint.Peek(str); err != nil {
				return
			} else if typ != uniStreamType {
				raw.HandleUnidirectionalStream(str)
				return
			}
			r := quicvarint.NewReader(str)
			_, _ = quicvarint.Read(r) // the type
			if _, err := quicvarint.Read(r); err != nil {
				return
			}
			select {
			case o.incoming <- str:
			case <-o.conn.Context().Done():
			}
		})
	}
}

// attend ends the connection when the server ends the session.
func (o *older) attend() {
	_, _ = io.Copy(io.Discard, o.request)
	_ = o.conn.CloseWithError(quic.ApplicationErrorCode(http3.ErrCodeNoError), "")
}

func (o *older) OpenUniStreamSync(ctx context.Context) (sendStream, error) {
	str, err := o.conn.OpenUniStreamSync(ctx)
	if err != nil {
		return nil, err
	}
	return &olderSend{str, o.header}, nil
}

func (o *older) AcceptUniStream(ctx context.Context) (receiveStream, error) {
	select {
	case str := <-o.incoming:
		return olderReceive{str}, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-o.conn.Context().Done():
		return nil, context.Cause(o.conn.Context())
	}
}

func (o *older) SendDatagram(b []byte) error { return o.request.SendDatagram(b) }

func (o *older) ReceiveDatagram(ctx context.Context) ([]byte, error) {
	return o.request.ReceiveDatagram(ctx)
}

// CloseWithError ends the connection, which these servers take for the end of its session.
func (o *older) CloseWithError(webtransport.SessionErrorCode, string) error {
	return o.conn.CloseWithError(quic.ApplicationErrorCode(http3.ErrCodeNoError), "")
}

// olderSend sends the header with the first bytes.
type olderSend struct {
	*quic.SendStream
	header []byte // nil once it is sent
}

func (s *olderSend) Write(b []byte) (int, error) {
	if s.header == nil {
		return s.SendStream.Write(b)
	}
	n, err := s.SendStream.Write(append(s.header[:len(s.header):len(s.header)], b...))
	n = max(n-len(s.header), 0)
	s.header = nil
	return n, err
}

func (s *olderSend) Close() error {
	if s.header != nil {
		if _, err := s.Write(nil); err != nil {
			return err
		}
	}
	return s.SendStream.Close()
}

func (s *olderSend) CancelWrite(code webtransport.StreamErrorCode) {
	s.SendStream.CancelWrite(olderCode(code))
}

type olderReceive struct{ *quic.ReceiveStream }

func (s olderReceive) CancelRead(code webtransport.StreamErrorCode) {
	s.ReceiveStream.CancelRead(olderCode(code))
}

// olderCode returns a code of a stream as HTTP/3 has it.
func olderCode(code webtransport.StreamErrorCode) quic.StreamErrorCode {
	const first = 0x52e4a40fa8db
	return first + quic.StreamErrorCode(code) + quic.StreamErrorCode(code)/0x1e
}
