package ws

import (
	"crypto/tls"
	"io"
	"net"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"parley/api/media"
)

// told is a connection that keeps what it is given, not a copy, and hands it on if there is one beneath.
type told struct {
	net.Conn
	given [][]byte
}

func (c *told) Write(p []byte) (int, error) {
	c.given = append(c.given, p)
	if c.Conn != nil {
		return c.Conn.Write(p)
	}
	return len(p), nil
}

func (c *told) NetConn() net.Conn { return c.Conn }

// newCorks makes batches take their memory from a pool of its own, and returns what that has made.
func newCorks(t *testing.T) *[]*[]byte {
	made, makeOne := new([]*[]byte), corks.New
	corks = sync.Pool{New: func() any {
		c := makeOne()
		*made = append(*made, c.(*[]byte))
		return c
	}}
	t.Cleanup(func() { corks = sync.Pool{New: makeOne} })
	return made
}

// lies reports whether p begins where a cork does.
func lies(p []byte, cork *[]byte) bool { return len(p) > 0 && &p[0] == &(*cork)[:1][0] }

// secured returns the server's end of a TLS connection whose far end discards what it gets.
func secured(t *testing.T) net.Conn {
	keys := httptest.NewTLSServer(nil)
	keys.Close()
	near, far := net.Pipe()
	server := tls.Server(newSpill(near), &tls.Config{Certificates: keys.TLS.Certificates})
	client := tls.Client(far, &tls.Config{InsecureSkipVerify: true}) // it is ours
	read := make(chan struct{})
	go func() {
		defer close(read)
		_, _ = io.Copy(io.Discard, client)
	}()
	t.Cleanup(func() {
		_ = near.Close()
		<-read
	})
	if err := server.HandshakeContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	return server
}

// Packets that are not large are copied once, one behind the other, for one call of the kernel, or of TLS; a
// large one is handed over as it is.
func TestWhatIsWrittenIsCopiedOnceOrNotAtAll(t *testing.T) {
	t.Run("plain", func(t *testing.T) {
		copied(t, func(c *told) *link { return &link{Conn: c} }, false)
	})
	t.Run("tls", func(t *testing.T) {
		conn := secured(t)
		copied(t, func(c *told) *link {
			c.Conn = conn
			l, err := newLink(c, nil, time.Minute)
			if err != nil {
				t.Fatal(err)
			}
			return l
		}, true)
	})
}

func copied(t *testing.T, open func(*told) *link, wait bool) {
	write := func(frames ...*media.Frame) [][]byte {
		c := new(told)
		if err := open(c).batch(frames, wait); err != nil {
			t.Fatal(err)
		}
		return c.given
	}
	packet := func(size int) *media.Frame { return &media.Frame{Wire: make([]byte, size)} }

	small := make([]*media.Frame, 50)
	for i := range small {
		small[i] = packet(1200)
	}
	const header = 4 // of a message of 126 to 65,535 bytes
	made := newCorks(t)
	given := write(small...)
	if len(given) != 1 || len(given[0]) != len(small)*(header+1200) {
		t.Fatalf("%d packets are handed over in %d pieces", len(small), len(given))
	}
	if len(*made) != 1 || !lies(given[0], (*made)[0]) {
		t.Errorf("what is handed over is not what packets were put together in, of which there are %d", len(*made))
	}

	large := packet(3*corkBytes + 1)
	at, pieces := 0, 0
	for _, p := range write(packet(1200), large, packet(1200)) {
		if at < len(large.Wire) && len(p) > 0 && &p[0] == &large.Wire[at] {
			at += len(p)
			pieces++
		}
	}
	if at != len(large.Wire) || pieces != 4 {
		t.Errorf("%d of %d bytes of a large packet are its own, in %d pieces", at, len(large.Wire), pieces)
	}
}

// wired returns both ends of a connection.
func wired(t *testing.T) (near *spill, far *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	dialed, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = dialed.Close() })
	conn, err := Listener(l).Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn.(*spill), dialed.(*net.TCPConn)
}

// What is written to a connection is what the kernel gets, not a copy.
func TestTheKernelGetsWhatIsWritten(t *testing.T) {
	s, _ := wired(t)
	if s.raw == nil {
		t.Skip("nothing is written without waiting here")
	}
	var pieces [][]byte
	now := s.now
	s.now = func(fd uintptr) {
		pieces = append(pieces, s.piece)
		now(fd)
	}
	if err := s.eager(); err != nil {
		t.Fatal(err)
	}
	p := make([]byte, corkBytes)
	if _, err := s.Write(p); err != nil {
		t.Fatal(err)
	}
	if len(pieces) != 1 || len(pieces[0]) != len(p) || &pieces[0][0] != &p[0] {
		t.Errorf("it is handed over as something else, in %d pieces", len(pieces))
	}
}
