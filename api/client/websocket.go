package client

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/coder/websocket"

	"parley/api/wire"
)

// closeTimeout bounds a polite goodbye.
const closeTimeout = time.Second

type webSocket struct {
	sock *websocket.Conn
	raw  net.Conn // beneath sock, to cut a goodbye short
}

func dialWebSocket(ctx context.Context, u *url.URL, opt Options) (*webSocket, error) {
	dial := opt.DialTCP
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	var raw net.Conn
	transport := &http.Transport{
		TLSClientConfig:   opt.TLS,
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := dial(ctx, network, addr)
			raw = conn
			return conn, err
		},
	}
	defer transport.CloseIdleConnections()
	sock, rsp, err := websocket.Dial(ctx, u.String(), &websocket.DialOptions{
		HTTPClient: &http.Client{Transport: transport},
		HTTPHeader: opt.Header,
	})
	if err != nil {
		if rsp != nil {
			return nil, refused(rsp)
		}
		return nil, err
	}
	sock.SetReadLimit(wire.MaxPacket + wire.StampRoom)
	return &webSocket{sock: sock, raw: raw}, nil
}

// refused turns the answer of a server into an error and closes its body.
func refused(rsp *http.Response) error {
	body, _ := io.ReadAll(io.LimitReader(rsp.Body, 1<<10)) // what came is enough
	_ = rsp.Body.Close()
	return &RefusedError{Status: rsp.StatusCode, Body: string(body)}
}

func (w *webSocket) send(ctx context.Context, packet []byte) error {
	return w.sock.Write(ctx, websocket.MessageBinary, packet)
}

func (w *webSocket) sendDatagram(packet []byte) error {
	return w.send(context.Background(), packet)
}

func (w *webSocket) read(_ context.Context, deliver func(Packet) error) error {
	for {
		var data []byte
		typ, message, err := w.sock.Reader(context.Background())
		if err == nil {
			data, err = readPacket(message)
		}
		if e, ok := errors.AsType[websocket.CloseError](err); ok {
			return &ClosedError{Code: int(e.Code), Reason: e.Reason}
		}
		if err != nil {
			_ = w.sock.CloseNow()
			return err
		}
		if typ != websocket.MessageBinary {
			continue
		}
		if err := deliver(Packet{Data: data}); err != nil {
			return err
		}
	}
}

func (w *webSocket) cut() { _ = w.raw.Close() }

func (w *webSocket) close() error {
	cut := time.AfterFunc(closeTimeout, func() { _ = w.raw.Close() })
	defer cut.Stop()
	err := w.sock.Close(websocket.StatusNormalClosure, "")
	if errors.Is(err, net.ErrClosed) || websocket.CloseStatus(err) != -1 {
		return nil // the server was first
	}
	return err
}
