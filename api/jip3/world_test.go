package jip3

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	"parley/api/postgres/postgrestest"
	"parley/api/telemetry"
	"parley/api/telemetry/catalogue"
)

// patience bounds each wait of a test for what normally takes milliseconds.
const patience = 2 * time.Minute

func TestMain(m *testing.M) { postgrestest.Main(m) }

// memory is an engine that keeps what it is told.
type memory struct {
	refuse  error
	discard bool // count records only

	mu        sync.Mutex
	sessions  []*kept
	discarded int
	busy      func() // while an event is taken in
	changed   chan struct{}
}

// kept is one session in memory.
type kept struct {
	m       *memory
	id      telemetry.SessionID
	source  telemetry.Source
	records []telemetry.Record
	lost    []telemetry.Loss
	ended   string
}

var (
	_ telemetry.Ingest = (*memory)(nil)
	_ telemetry.Feed   = (*kept)(nil)
)

func (m *memory) Begin(_ context.Context, s telemetry.Source) (telemetry.Feed, error) {
	if m.refuse != nil {
		return nil, m.refuse
	}
	var k *kept
	m.change(func() {
		k = &kept{m: m, source: s, id: telemetry.SessionID(len(m.sessions) + 1)}
		m.sessions = append(m.sessions, k)
	})
	return k, nil
}

// change does something and tells who waits.
func (m *memory) change(f func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f()
	if m.changed != nil {
		close(m.changed)
		m.changed = nil
	}
}

// await waits until a condition holds and returns what it looked at.
func (m *memory) await(t testing.TB, what string, ok func() bool) {
	t.Helper()
	timeout := time.NewTimer(2 * time.Minute)
	defer timeout.Stop()
	for {
		m.mu.Lock()
		if ok() {
			m.mu.Unlock()
			return
		}
		if m.changed == nil {
			m.changed = make(chan struct{})
		}
		changed := m.changed
		m.mu.Unlock()
		select {
		case <-changed:
		case <-timeout.C:
			t.Fatal("waited in vain for", what)
		}
	}
}

// only waits until the one session has ended.
func (m *memory) only(t testing.TB) *kept {
	t.Helper()
	m.await(t, "the end of the session", func() bool { return len(m.sessions) == 1 && m.sessions[0].ended != "" })
	return m.sessions[0]
}

func (k *kept) ID() telemetry.SessionID { return k.id }

func (k *kept) Record(r telemetry.Record) {
	if k.m.busy != nil {
		k.m.busy()
	}
	if k.m.discard {
		k.m.change(func() { k.m.discarded++ })
		return
	}
	r.Raw = bytes.Clone(r.Raw)
	r.Hot.Subject = bytes.Clone(r.Hot.Subject)
	r.Hot.Samples = append([]telemetry.Sample(nil), r.Hot.Samples...)
	k.m.change(func() { k.records = append(k.records, r) })
}

func (k *kept) Lost(cause telemetry.Cause, first, n uint64) {
	k.m.change(func() {
		k.lost = append(k.lost, telemetry.Loss{Cause: cause, First: first, Last: first + n - 1, Count: n})
	})
}

func (k *kept) End(reason string) { k.m.change(func() { k.ended = reason }) }

// kinds lists what was recorded as number and kind.
func (k *kept) kinds() string {
	var b bytes.Buffer
	for _, r := range k.records {
		fmt.Fprintf(&b, "%d:%d ", r.Seq, r.Kind)
	}
	return string(bytes.TrimSpace(b.Bytes()))
}

// losses lists the ledger as first number, how many, and why.
func (k *kept) losses() string {
	var b bytes.Buffer
	for _, l := range k.lost {
		fmt.Fprintf(&b, "%d+%d %s; ", l.First, l.Count, l.Cause)
	}
	return string(bytes.TrimSpace(b.Bytes()))
}

// quiet is the log of tests.
func quiet(t testing.TB) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// site is a server with an address.
type site struct {
	*Server
	*memory
	addr string
	stop func()
}

// serve starts a server that ends with the test, or before it by stop.
func serve(t testing.TB, o Options) *site {
	t.Helper()
	m := &memory{}
	if o.Ingest == nil {
		o.Ingest = m
	}
	if o.Log == nil {
		o.Log = quiet(t)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := New(o)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, l) }() // stop waits for it
	stop := sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return &site{s, m, l.Addr().String(), stop}
}

// dial connects a node that has not said anything yet.
func (s *site) dial(t testing.TB) net.Conn {
	t.Helper()
	conn, err := (&net.Dialer{Timeout: 20 * time.Second}).DialContext(t.Context(), "tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return conn
}

// hello is an introduction; change, if any, alters it.
func hello(t testing.TB, p catalogue.Params, peer byte, change func(map[string]any)) []byte {
	t.Helper()
	chain := map[string]any{}
	for _, f := range catalogue.JIP3().Hello.Body.Fields[1].Type.Fields {
		chain[f.Name] = 1
	}
	chain["core_count"] = p.C
	v := map[string]any{
		"protocol_version": p.Version, "params": chain, "genesis": bytes.Repeat([]byte{9}, 32),
		"details": map[string]any{
			"peer_id":      bytes.Repeat([]byte{peer}, 32),
			"peer_address": map[string]any{"ipv6": "10.1.2.3", "port": 30333},
		},
		"flags": 1, "implementation_name": "test", "implementation_version": "1.2", "gp_version": "0.7", "additional_info": "note",
	}
	if change != nil {
		change(v)
	}
	b, err := catalogue.JIP3().Hello.Encode(nil, p, v)
	if err != nil {
		t.Fatal(err)
	}
	return AppendMessage(nil, b)
}

// made is the time of events of tests.
var made = time.Date(2026, 2, 3, 4, 5, 6, 7000, time.UTC)

// event is an event as a message.
func event(t testing.TB, p catalogue.Params, name string, v map[string]any) []byte {
	t.Helper()
	k := catalogue.JIP3().Named(name)
	if p.Version == 0 {
		k = catalogue.JIP3().Kind(0, k.Number)
	}
	b, err := k.Encode(nil, p, v)
	if err != nil {
		t.Fatal(err)
	}
	return AppendEvent(nil, catalogue.JIP3().Micros(made), byte(k.Number), b)
}

// synced is a short event.
func synced(t testing.TB) []byte {
	return event(t, catalogue.Params{}, "SyncStatusChanged", map[string]any{"synced": true})
}

// gone stands for n events.
func gone(t testing.TB, n uint64) []byte {
	return event(t, catalogue.Params{}, "Dropped", map[string]any{"last_timestamp": 1, "num": n})
}

// raw is a message of some kind with any body.
func raw(kind byte, body []byte) []byte {
	return AppendEvent(nil, catalogue.JIP3().Micros(made), kind, body)
}

// length is a length alone.
func length(n uint32) []byte { return binary.LittleEndian.AppendUint32(nil, n) }

// send writes messages and ends the connection.
func send(t testing.TB, conn net.Conn, messages ...[]byte) {
	t.Helper()
	if _, err := conn.Write(bytes.Join(messages, nil)); err != nil {
		t.Fatal(err)
	}
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
}
