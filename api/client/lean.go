package client

import (
	"bufio"
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha1"
	"crypto/tls"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"parley/api/nowait"
	"parley/api/wire"
)

// leanSocket is a WebSocket for those who take every packet as it arrives, and who are many: the
// library that webSocket uses takes five locks for each packet, which is more than the rest of it
// costs. It reads what a server may send (RFC 6455), without extensions.
type leanSocket struct {
	raw  net.Conn
	in   *bufio.Reader
	data []byte // of the last packet that did not fit into in

	mu  sync.Mutex // guards what follows
	out []byte     // a frame that is being made
	end bool       // there was a close frame
}

// leanBuffer holds the packets that are read at once.
const leanBuffer = 16 << 10

// Opcodes and bits of frames.
const (
	opContinuation = 0x0
	opBinary       = 0x2
	opClose        = 0x8
	opPing         = 0x9
	opPong         = 0xa

	finalBit = 0x80
	maskBit  = 0x80
	opcode   = 0x0f
	controls = 0x8 // opcodes from here on
	noStatus = 1005
)

func dialLean(ctx context.Context, u *url.URL, opt Options) (link, error) {
	dial := opt.DialTCP
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	port := map[string]string{"ws": "80", "wss": "443"}[u.Scheme]
	raw, err := dial(ctx, "tcp", net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), port)))
	if err != nil {
		return nil, err
	}
	raw = nowait.Conn(raw)
	cut := context.AfterFunc(ctx, func() { _ = raw.Close() })
	l, err := shake(ctx, raw, u, opt)
	if !cut() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		_ = raw.Close()
		return nil, err
	}
	return l, nil
}

// shake makes a connection a WebSocket.
func shake(ctx context.Context, raw net.Conn, u *url.URL, opt Options) (*leanSocket, error) {
	if u.Scheme == "wss" {
		conf := opt.TLS.Clone()
		if conf == nil {
			conf = new(tls.Config)
		}
		conf.ServerName = cmp.Or(conf.ServerName, u.Hostname())
		secure := tls.Client(raw, conf)
		if err := secure.HandshakeContext(ctx); err != nil {
			return nil, err
		}
		raw = secure
	}
	nonce := make([]byte, 16)
	_, _ = rand.Read(nonce) // never fails
	key := base64.StdEncoding.EncodeToString(nonce)
	target := *u
	target.Scheme = strings.Replace(u.Scheme, "ws", "http", 1)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), http.NoBody)
	if err != nil {
		return nil, err
	}
	if opt.Header != nil {
		req.Header = opt.Header.Clone()
	}
	req.Header.Set("Connection", "Upgrade")
	req.Header.Set("Upgrade", "websocket")
	req.Header.Set("Sec-WebSocket-Version", "13")
	req.Header.Set("Sec-WebSocket-Key", key)
	if err := req.Write(raw); err != nil {
		return nil, err
	}
	in := bufio.NewReaderSize(raw, leanBuffer)
	rsp, err := http.ReadResponse(in, req)
	if err != nil {
		return nil, err
	}
	if rsp.StatusCode != http.StatusSwitchingProtocols {
		return nil, refused(rsp)
	}
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	if rsp.Header.Get("Sec-WebSocket-Accept") != base64.StdEncoding.EncodeToString(sum[:]) {
		return nil, errors.New("the server did not answer the handshake")
	}
	return &leanSocket{raw: raw, in: in}, nil
}

func (l *leanSocket) read(_ context.Context, deliver func(Packet) error) error {
	defer l.raw.Close()
	for {
		op, data, err := l.message()
		if err != nil {
			return err
		}
		if op == opBinary {
			err = deliver(Packet{Data: data})
		}
		if err != nil {
			return err
		}
	}
}

// message reads the next message and deals with the control frames before it. The message is good
// until the next call.
func (l *leanSocket) message() (op byte, data []byte, err error) {
	l.data = l.data[:0]
	for {
		first, size, err := l.header()
		if err != nil {
			return 0, nil, err
		}
		if now := first & opcode; now >= controls {
			if err := l.control(now, size); err != nil {
				return 0, nil, err
			}
			continue
		} else if now != opContinuation {
			op = now
		}
		n := len(l.data)
		if uint64(n)+size > wire.MaxPacket+wire.StampRoom {
			return 0, nil, errors.New("the server sends more than a packet may hold")
		}
		if n == 0 && first&finalBit != 0 && size <= leanBuffer { // as nearly all are: it stays where it is
			if data, err = l.in.Peek(int(size)); err == nil {
				_, err = l.in.Discard(int(size))
			}
			return op, data, err
		}
		l.data = append(l.data, make([]byte, size)...)
		if _, err := io.ReadFull(l.in, l.data[n:]); err != nil {
			return 0, nil, err
		}
		if first&finalBit != 0 {
			return op, l.data, nil
		}
	}
}

// header reads the header of a frame: its first byte and the size of what follows.
func (l *leanSocket) header() (first byte, size uint64, err error) {
	h, err := l.in.Peek(2)
	if err != nil {
		return 0, 0, err
	}
	first, size = h[0], uint64(h[1])
	n := 2
	switch {
	case size&maskBit != 0:
		return 0, 0, errors.New("the server masks what it sends")
	case size == 126:
		n += 2
	case size == 127:
		n += 8
	}
	if h, err = l.in.Peek(n); err != nil {
		return 0, 0, err
	}
	switch n {
	case 4:
		size = uint64(binary.BigEndian.Uint16(h[2:]))
	case 10:
		size = binary.BigEndian.Uint64(h[2:])
	}
	_, err = l.in.Discard(n)
	return first, size, err
}

// control reads a control frame and answers it.
func (l *leanSocket) control(op byte, size uint64) error {
	if size > 125 {
		return errors.New("the server sends a control frame that is too long")
	}
	payload := make([]byte, size)
	if _, err := io.ReadFull(l.in, payload); err != nil {
		return err
	}
	switch op {
	case opPing:
		return l.frame(opPong, payload)
	case opClose:
		_ = l.frame(opClose, payload) // it may not wait for the answer
		closed := &ClosedError{Code: noStatus}
		if len(payload) >= 2 {
			closed.Code, closed.Reason = int(binary.BigEndian.Uint16(payload)), string(payload[2:])
		}
		return closed
	}
	return nil
}

// frame sends a frame of our own.
func (l *leanSocket) frame(op byte, payload []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.end {
		return net.ErrClosed
	}
	l.end = op == opClose
	b := append(l.out[:0], finalBit|op)
	switch n := len(payload); {
	case n < 126:
		b = append(b, maskBit|byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, maskBit|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, maskBit|127), uint64(n))
	}
	b = append(b, 0, 0, 0, 0) // a mask that changes nothing: no proxy is to be protected here
	l.out = append(b, payload...)
	if _, err := l.raw.Write(l.out); err != nil {
		return fmt.Errorf("send: %w", err)
	}
	return nil
}

func (l *leanSocket) send(ctx context.Context, packet []byte) error {
	if ctx.Done() != nil {
		defer context.AfterFunc(ctx, l.cut)()
	}
	return l.frame(opBinary, packet)
}

func (l *leanSocket) sendDatagram(packet []byte) error { return l.frame(opBinary, packet) }

func (l *leanSocket) cut() { _ = l.raw.Close() }

// close says goodbye; read returns once the server has answered.
func (l *leanSocket) close() error {
	_ = l.raw.SetDeadline(time.Now().Add(closeTimeout))
	err := l.frame(opClose, []byte{1000 >> 8, 1000 & 0xff})
	if errors.Is(err, net.ErrClosed) {
		return nil // the server was first
	}
	return err
}
