package ws

import (
	"bufio"
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
	limitUnsent(conn)
	u.link = newLink(conn, u.timeout)
	if err := conn.SetWriteDeadline(time.Now().Add(u.timeout)); err != nil {
		return nil, nil, err
	}
	if err := rw.Writer.Flush(); err != nil { // the status line and headers
		return nil, nil, err
	}
	// The smallest buffer there is: it holds the header of a message, so that a payload
	// passes it by and is copied once, into the cork.
	return u.link, bufio.NewReadWriter(rw.Reader, bufio.NewWriterSize(u.link, 16)), nil
}

// WriteHeader answers every request that is no handshake with 400, where the library
// distinguishes 400, 405 and 426.
func (u *upgrade) WriteHeader(status int) {
	if status >= 400 && status < 500 {
		status = http.StatusBadRequest
	}
	u.ResponseWriter.WriteHeader(status)
}
