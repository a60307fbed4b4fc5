package ws

import (
	"bytes"
	"crypto/sha1" // RFC 6455, 1.3 wants it; nothing is kept secret by it
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"time"
)

// keySuffix is what RFC 6455, 1.3 puts behind the key of a client before it is hashed.
const keySuffix = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

// errNoHandshake says that a request does not ask for a WebSocket.
var errNoHandshake = errors.New("this is no WebSocket handshake: GET over HTTP/1.1 with Connection, Upgrade, Sec-WebSocket-Version: 13 and a Sec-WebSocket-Key")

// accept answers the handshake and takes the connection from the HTTP server, which holds buffers
// and a request that nobody needs any more. What is no handshake is answered with 400. timeout is how
// long the client may take for the answer, and later for what a batch holds.
func accept(w http.ResponseWriter, r *http.Request, timeout time.Duration) (*link, error) {
	key := strings.TrimSpace(r.Header.Get("Sec-WebSocket-Key"))
	if !asksForWebSocket(r, key) {
		http.Error(w, errNoHandshake.Error(), http.StatusBadRequest)
		return nil, errNoHandshake
	}
	digest := sha1.Sum([]byte(key + keySuffix))
	h := w.Header()
	h.Set("Connection", "Upgrade")
	h.Set("Upgrade", "websocket")
	h.Set("Sec-WebSocket-Accept", base64.StdEncoding.EncodeToString(digest[:]))
	w.WriteHeader(http.StatusSwitchingProtocols)
	conn, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return nil, err
	}
	limitUnsent(conn)
	if err = conn.SetWriteDeadline(time.Now().Add(timeout)); err == nil {
		err = rw.Writer.Flush() // the status line and headers
	}
	var l *link
	if err == nil {
		start, _ := rw.Reader.Peek(rw.Reader.Buffered()) // what came with the request
		l, err = newLink(conn, bytes.Clone(start), timeout)
	}
	if err != nil {
		_ = conn.Close() // it broke during the handshake
		return nil, err
	}
	return l, nil
}

func asksForWebSocket(r *http.Request, key string) bool {
	nonce, err := base64.StdEncoding.DecodeString(key)
	return err == nil && len(nonce) == 16 && len(r.Header.Values("Sec-WebSocket-Key")) == 1 &&
		r.Method == http.MethodGet && r.ProtoAtLeast(1, 1) &&
		r.Header.Get("Sec-WebSocket-Version") == "13" &&
		names(r.Header, "Connection", "upgrade") && names(r.Header, "Upgrade", "websocket")
}

// names reports whether a list in the header has a word, in whatever case.
func names(h http.Header, list, word string) bool {
	for _, line := range h.Values(list) {
		for part := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.TrimSpace(part), word) {
				return true
			}
		}
	}
	return false
}
