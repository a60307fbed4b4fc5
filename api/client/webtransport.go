package client

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"github.com/quic-go/webtransport-go"
)

// endless is a limit of streams that is never renewed. The library renews others with every stream
// that ends, in a packet which nearly doubles the traffic of those who get a stream for each packet;
// browsers do so once for dozens. What is not read yet is bounded by the window of the connection.
const endless = 1 << 60

type webTransport struct {
	conn   *quic.Conn
	sess   session
	follow bool                  // the server decides
	atOnce int                   // see Options.AtOnce
	lines  atomic.Pointer[lines] // of FramingStream, else nil
}

// session is one of WebTransport.
type session interface {
	OpenUniStreamSync(ctx context.Context) (sendStream, error)
	AcceptUniStream(ctx context.Context) (receiveStream, error)
	SendDatagram(b []byte) error
	ReceiveDatagram(ctx context.Context) ([]byte, error)
	CloseWithError(code webtransport.SessionErrorCode, reason string) error
}

type sendStream interface {
	io.WriteCloser
	CancelWrite(code webtransport.StreamErrorCode)
}

type receiveStream interface {
	io.Reader
	CancelRead(code webtransport.StreamErrorCode)
}

// current is a session as the library has it.
type current struct{ *webtransport.Session }

func (c current) OpenUniStreamSync(ctx context.Context) (sendStream, error) {
	return c.Session.OpenUniStreamSync(ctx)
}

func (c current) AcceptUniStream(ctx context.Context) (receiveStream, error) {
	return c.Session.AcceptUniStream(ctx)
}

func dialWebTransport(ctx context.Context, u *url.URL, opt Options) (*webTransport, error) {
	conf := &quic.Config{
		MaxIdleTimeout:        30 * time.Second,
		KeepAlivePeriod:       time.Second,
		MaxIncomingUniStreams: endless,
		MaxIncomingStreams:    -1, // the server opens none
	}
	if opt.QUIC != nil {
		conf = opt.QUIC.Clone()
	}
	conf.EnableDatagrams = true
	conf.EnableStreamResetPartialDelivery = true

	secure := opt.TLS.Clone()
	if secure == nil {
		secure = new(tls.Config)
	}
	secure.NextProtos = []string{http3.NextProtoH3}

	dial := opt.DialQUIC
	if dial == nil {
		dial = dialQUIC
	}
	addr := u.Host
	if u.Port() == "" {
		addr += ":443"
	}
	conn, err := dial(ctx, addr, secure, conf)
	if err != nil {
		return nil, err
	}
	sess, err := openSession(ctx, conn, u, opt)
	if err != nil {
		_ = conn.CloseWithError(quic.ApplicationErrorCode(http3.ErrCodeNoError), "")
		return nil, err
	}
	w := &webTransport{
		conn: conn, sess: sess, follow: opt.Framing == FramingAuto, atOnce: cmp.Or(opt.AtOnce, DefaultAtOnce),
	}
	if opt.Framing == FramingStream {
		w.lines.Store(new(lines))
	}
	return w, nil
}

func openSession(ctx context.Context, conn *quic.Conn, u *url.URL, opt Options) (session, error) {
	if !conn.ConnectionState().SupportsStreamResetPartialDelivery.Remote {
		return dialOlder(ctx, conn, u, opt.Header)
	}
	var transport webtransport.Transport
	cc, err := transport.NewClientConn(conn)
	if err != nil {
		return nil, err
	}
	rsp, sess, err := cc.Dial(ctx, u.String(), opt.Header)
	if err != nil {
		if rsp != nil {
			return nil, refused(rsp)
		}
		return nil, err
	}
	return current{sess}, nil
}

func (w *webTransport) send(ctx context.Context, packet []byte) error {
	if l := w.lines.Load(); l != nil {
		return l[lineOf(packet)].send(ctx, w.sess, packet)
	}
	str, err := w.sess.OpenUniStreamSync(ctx)
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { str.CancelWrite(0) })()
	if len(packet) > 0 {
		if _, err := str.Write(packet); err != nil {
			return err
		}
	}
	return str.Close()
}

func (w *webTransport) sendDatagram(packet []byte) error { return w.sess.SendDatagram(packet) }

func (w *webTransport) read(ctx context.Context, deliver func(Packet) error) error {
	var readers sync.WaitGroup
	readers.Go(func() {
		for {
			b, err := w.sess.ReceiveDatagram(ctx)
			if err != nil || deliver(Packet{Data: b, Datagram: true}) != nil {
				return
			}
		}
	})
	slots := make(chan struct{}, w.atOnce)
	var end error
	for {
		slots <- struct{}{} // a reader gives it back when it ends, as it does with ctx
		str, err := w.sess.AcceptUniStream(ctx)
		if err != nil {
			end = err
			break
		}
		readers.Go(func() {
			give := sync.OnceFunc(func() { <-slots })
			defer give()
			// A long-lived stream waits with one packet; the server grants itself few of them.
			long := func() {
				give()
				if w.follow {
					w.lines.CompareAndSwap(nil, new(lines))
				}
			}
			if err := readStream(str, w.lines.Load() != nil, deliver, long); err != nil { // ends with the session, too
				str.CancelRead(0)
			}
		})
	}
	if ctx.Err() == nil { // the server ended it
		_ = w.conn.CloseWithError(quic.ApplicationErrorCode(http3.ErrCodeNoError), "")
	}
	readers.Wait()
	if o, ok := w.sess.(*older); ok {
		o.readers.Wait() // the connection is closed, or about to be
	}
	if e, ok := errors.AsType[*webtransport.SessionError](end); ok && e.Remote {
		return &ClosedError{Code: int(e.ErrorCode), Reason: e.Message}
	}
	return end
}

func (w *webTransport) close() error {
	if err := w.sess.CloseWithError(0, ""); err != nil {
		return err
	}
	// The server closes the connection when it has read the goodbye.
	wait := time.NewTimer(closeTimeout / 2)
	defer wait.Stop()
	select {
	case <-w.conn.Context().Done():
		return nil
	case <-wait.C:
		return w.conn.CloseWithError(quic.ApplicationErrorCode(http3.ErrCodeNoError), "")
	}
}

func (w *webTransport) cut() {
	_ = w.conn.CloseWithError(quic.ApplicationErrorCode(http3.ErrCodeNoError), "")
}
