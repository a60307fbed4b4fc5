package ws

import (
	"bufio"
	"bytes"
	"net"
	"net/http"
	"time"
)

// upgrade is the ResponseWriter that the WebSocket library sees. It puts a link between the
// library and the network.
type upgrade struct {
	http.ResponseWriter
	timeout time.Duration
	link    *link
}

// Hijack takes the connection from the HTTP server.
func (u *upgrade) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(u.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	if raw := rawConn(conn); raw != nil {
		_ = raw.Control(func(fd uintptr) { limitUnsent(fd, unsentMost) }) // it fails for a closed connection
	}
	if err := conn.SetWriteDeadline(time.Now().Add(u.timeout)); err != nil {
		return nil, nil, err
	}
	if err := rw.Writer.Flush(); err != nil { // the status line and headers
		return nil, nil, err
	}
	start, _ := rw.Reader.Peek(rw.Reader.Buffered()) // what came with the request
	if u.link, err = newLink(conn, bytes.Clone(start), u.timeout); err != nil {
		return nil, nil, err
	}
	// The smallest buffers that will do: the link reads ahead, and is given whole control frames.
	return u.link, bufio.NewReadWriter(bufio.NewReaderSize(u.link, 16), bufio.NewWriterSize(u.link, controlMax)), nil
}

// WriteHeader answers every request that is no handshake with 400, where the library
// distinguishes 400, 405 and 426.
func (u *upgrade) WriteHeader(status int) {
	if status >= 400 && status < 500 {
		status = http.StatusBadRequest
	}
	u.ResponseWriter.WriteHeader(status)
}
