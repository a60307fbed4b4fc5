package nowait

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"
)

// ends are those of a TCP connection, of which the near one is read without telling the scheduler.
func ends(t *testing.T) (near net.Conn, far *net.TCPConn) {
	t.Helper()
	listener, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	out, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = out.Close() })
	in, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	near = Conn(in)
	if _, ok := near.(*stream); !ok {
		t.Fatal("an ordinary connection")
	}
	t.Cleanup(func() { _ = near.Close() })
	return near, out.(*net.TCPConn)
}

func TestConnReadsWhatComes(t *testing.T) {
	near, far := ends(t)
	sent := bytes.Repeat([]byte("what comes, "), 10_000)
	go func() {
		_, _ = far.Write(sent)
		_ = far.CloseWrite()
	}()
	if n, err := near.Read(nil); n != 0 || err != nil {
		t.Errorf("nothing was to be read: %d, %v", n, err)
	}
	came, err := io.ReadAll(near)
	if err != nil || !bytes.Equal(came, sent) {
		t.Errorf("%d of %d bytes came, %v", len(came), len(sent), err)
	}
	if n, err := near.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Errorf("after the end: %d, %v", n, err)
	}
}

func TestConnSaysWhyItCannotBeRead(t *testing.T) {
	for name, c := range map[string]struct {
		begin func(near net.Conn, far *net.TCPConn) error
		want  error
	}{
		"late":   {func(near net.Conn, _ *net.TCPConn) error { return near.SetReadDeadline(time.Unix(1, 0)) }, os.ErrDeadlineExceeded},
		"closed": {func(near net.Conn, _ *net.TCPConn) error { return near.Close() }, net.ErrClosed},
		"reset":  {func(_ net.Conn, far *net.TCPConn) error { return errors.Join(far.SetLinger(0), far.Close()) }, syscall.ECONNRESET},
	} {
		t.Run(name, func(t *testing.T) {
			near, far := ends(t)
			read := make(chan error)
			go func() {
				_, err := near.Read(make([]byte, 1))
				read <- err
			}()
			if err := c.begin(near, far); err != nil {
				t.Fatal(err)
			}
			err := <-read
			var op *net.OpError
			if !errors.Is(err, c.want) || !errors.As(err, &op) || op.Op != "read" || op.Source == nil || op.Addr == nil {
				t.Errorf("%#v", err)
			}
		})
	}
}

func TestConnReadsWithoutMemory(t *testing.T) {
	near, far := ends(t)
	packet, room := []byte("packet"), make([]byte, 100)
	if n := testing.AllocsPerRun(100, func() {
		if _, err := far.Write(packet); err != nil {
			t.Error(err)
		}
		if _, err := near.Read(room); err != nil {
			t.Error(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
