package jip3

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/api/postgres/postgrestest"
	"parley/api/telemetry"
	"parley/api/telemetry/archive"
	"parley/api/telemetry/catalogue"
)

// stored is a server with an engine and a database.
type stored struct {
	*site
	engine  *telemetry.Engine
	archive *archive.Archive
	start   telemetry.Cursor // in the stream of events
}

func store(t *testing.T) *stored {
	t.Helper()
	a, err := archive.Open(t.Context(), postgrestest.URL(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	engine, err := telemetry.New(telemetry.Options{
		Store: a, Catalogues: []telemetry.Catalogue{catalogue.JIP3().ForEngine()}, Log: quiet(t),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- engine.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return &stored{serve(t, Options{Ingest: engine}), engine, a, engine.Subscribe(telemetry.Filter{}, nil).Cursor()}
}

// finish ends a connection, waits until the server has read it all, and flushes.
func (s *stored) finish(t *testing.T, conns ...net.Conn) {
	t.Helper()
	for _, conn := range conns {
		if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
	}
	s.flush(t)
}

func (s *stored) flush(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := s.engine.Flush(ctx); err != nil {
		t.Fatal(err)
	}
}

// connect connects a node, which says something.
func (s *stored) connect(t *testing.T, peer byte, messages ...[]byte) net.Conn {
	t.Helper()
	conn := s.dial(t)
	if _, err := conn.Write(append(hello(t, v1, peer, nil), bytes.Join(messages, nil)...)); err != nil {
		t.Fatal(err)
	}
	return conn
}

// nowhere is the address of who has none.
var nowhere netip.AddrPort

// awaitEvents waits until so many events are in the database, of connections that may go on.
func (s *stored) awaitEvents(t *testing.T, n uint64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	seen := s.engine.Subscribe(telemetry.Filter{}, &s.start)
	for got := uint64(0); got < n; {
		news, err := seen.Next(ctx)
		if err != nil {
			t.Fatalf("%d of %d events: %v", got, n, err)
		}
		got += uint64(len(news.Events)) + news.Lagged
	}
	s.flush(t)
}

// sources counts the nodes that are known.
func (s *stored) sources(t *testing.T) int {
	t.Helper()
	sources, _, err := s.archive.Sources(t.Context(), archive.SourceQuery{Page: archive.Page{Limit: 100}})
	if err != nil {
		t.Fatal(err)
	}
	return len(sources)
}

func identity(peer byte) string { return strings.Repeat(fmt.Sprintf("%02x", peer), 32) }

// shown lists the events of a node as JSON, the first first.
func (s *stored) shown(t *testing.T, peer byte) []string {
	t.Helper()
	events, next, err := s.archive.Events(t.Context(), archive.EventQuery{Source: identity(peer), Page: archive.Page{Limit: 2000}})
	if err != nil || next != "" {
		t.Fatal(next, err)
	}
	var all []string
	for _, e := range slices.Backward(events) {
		k := catalogue.JIP3().Kind(uint8(e.Session.Version), e.Kind)
		text, err := k.AppendEvent(nil, 0, catalogue.ParamsOf(e.Session.Source), e.Body, catalogue.Style{})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, string(text))
	}
	return all
}

// open lists who is connected.
func (s *stored) open(t *testing.T) (all []string) {
	t.Helper()
	sessions, _, err := s.archive.Sessions(t.Context(), archive.SessionQuery{Open: true, Page: archive.Page{Limit: 100}})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range sessions {
		all = append(all, o.Identity[:2])
	}
	slices.Sort(all)
	return all
}

func best(t testing.TB, slot int) []byte {
	return event(t, v1, "BestBlockChanged", map[string]any{"slot": slot, "hash": bytes.Repeat([]byte{byte(slot)}, 32)})
}

func status(t testing.TB, peers int) []byte {
	return event(t, v1, "Status", map[string]any{
		"num_peers": peers, "num_val_peers": 5, "num_sync_peers": 8, "num_guarantees": []byte{0, 1},
		"num_shards": 50, "shards_size": 1 << 60, "num_preimages": 3, "preimages_size": 7,
	})
}

// TestContractOfTARTsServer has a subtest for each test of a running server there, by its
// name. They read back from the database what they sent.
func TestContractOfTARTsServer(t *testing.T) {
	t.Run("test_tcp_connection_and_node_info", func(t *testing.T) {
		s := store(t)
		conn := s.connect(t, 42, synced(t))
		s.awaitEvents(t, 1)
		if got := s.open(t); fmt.Sprint(got) != "[2a]" {
			t.Error(got)
		}
		s.finish(t, conn)
		sources, _, err := s.archive.Sources(t.Context(), archive.SourceQuery{Catalogue: "jip3", Page: archive.Page{Limit: 10}})
		if err != nil || len(sources) != 1 || sources[0].Identity != identity(42) || sources[0].Labels["implementation_name"] != "test" || sources[0].Open != 0 {
			t.Errorf("%+v %v", sources, err)
		}
	})
	t.Run("test_send_multiple_events", func(t *testing.T) {
		s := store(t)
		s.finish(t, s.connect(t, 1, synced(t), status(t, 10), best(t, 100),
			event(t, v1, "FinalizedBlockChanged", map[string]any{"slot": 95, "hash": bytes.Repeat([]byte{0xbb}, 32)}), synced(t)))
		want := []string{
			`{"SyncStatusChanged":{"timestamp":0,"synced":true}}`,
			`{"Status":{"timestamp":0,"num_peers":10,"num_val_peers":5,"num_sync_peers":8,"num_guarantees":[0,1],"num_shards":50,"shards_size":"1152921504606846976","num_preimages":3,"preimages_size":7}}`,
			`{"BestBlockChanged":{"timestamp":0,"slot":100,"hash":"` + identity(100) + `"}}`,
			`{"FinalizedBlockChanged":{"timestamp":0,"slot":95,"hash":"` + identity(0xbb) + `"}}`,
			`{"SyncStatusChanged":{"timestamp":0,"synced":true}}`,
		}
		if got := s.shown(t, 1); !slices.Equal(got, want) {
			t.Errorf("\n got %s\nwant %s", strings.Join(got, "\n     "), strings.Join(want, "\n     "))
		}
	})
	t.Run("test_multiple_concurrent_connections", func(t *testing.T) { nodesAtOnce(t, 5, 10) })
	t.Run("test_optimized_server_handles_multiple_connections", func(t *testing.T) { nodesAtOnce(t, 10, 5) })
	t.Run("test_connection_without_node_info", func(t *testing.T) {
		s := store(t)
		conn := s.dial(t)
		if _, err := conn.Write(synced(t)); err != nil {
			t.Fatal(err)
		}
		hungUp(t, conn)
		s.flush(t)
		if got := s.sources(t); got != 0 {
			t.Errorf("%d nodes are known", got)
		}
	})
	t.Run("test_invalid_message_handling", func(t *testing.T) {
		s := store(t)
		conn := s.connect(t, 1, best(t, 1), length(1<<32-1))
		hungUp(t, conn)
		s.flush(t)
		sessions, _, err := s.archive.Sessions(t.Context(), archive.SessionQuery{Page: archive.Page{Limit: 10}})
		if err != nil || len(sessions) != 1 || sessions[0].Reason != "announced a message of impossible length" || len(s.shown(t, 1)) != 1 {
			t.Errorf("%+v %v", sessions, err)
		}
	})
	t.Run("test_connection_tracking", func(t *testing.T) {
		s := store(t)
		if got := s.open(t); got != nil {
			t.Error(got)
		}
		one := s.connect(t, 1, synced(t))
		s.awaitEvents(t, 1)
		if got := s.open(t); fmt.Sprint(got) != "[01]" {
			t.Error(got)
		}
		two := s.connect(t, 2, synced(t))
		s.awaitEvents(t, 2)
		if got := s.open(t); fmt.Sprint(got) != "[01 02]" {
			t.Error(got)
		}
		s.finish(t, one)
		if got := s.open(t); fmt.Sprint(got) != "[02]" {
			t.Error(got)
		}
		s.finish(t, two)
		if got := s.open(t); got != nil {
			t.Error(got)
		}
	})
	t.Run("test_large_event_handling", func(t *testing.T) {
		s := store(t)
		costs := map[string]any{}
		cost := map[string]any{"gas_used": 1_000_000, "elapsed_ns": 500_000}
		for _, name := range []string{"state", "lookup", "preimage", "service", "transfer", "other"} {
			costs[name] = cost
		}
		costs["transfer_dest_gas"] = 5
		services := make([]any, 100)
		for i := range services {
			services[i] = []any{i, map[string]any{"num_calls": i, "num_transfers": 2, "num_items": 3, "total": cost, "load_ns": 4, "host_call": costs}}
		}
		s.finish(t, s.connect(t, 1, event(t, v1, "BlockExecuted", map[string]any{"authoring_or_importing_id": 42, "accumulate_costs": services})))
		if got := s.shown(t, 1); len(got) != 1 || !strings.Contains(got[0], `[99,{"num_calls":99,`) {
			t.Errorf("%.200v", got)
		}
	})
	t.Run("test_rapid_event_sending", func(t *testing.T) { rapid(t, 1000) })
	t.Run("test_rate_limiting", func(t *testing.T) {
		// 200 at once are few here; TestTooManyEvents is about too many.
		rapid(t, 200)
	})
	t.Run("test_connection_limit", func(t *testing.T) { nodesAtOnce(t, 50, 1) })
	t.Run("test_batch_writer_flushes", func(t *testing.T) {
		s := store(t)
		conn := s.connect(t, 1, slices.Repeat([][]byte{best(t, 7)}, 10)...)
		s.awaitEvents(t, 10) // of a connection that goes on
		if got := s.shown(t, 1); len(got) != 10 {
			t.Error(got)
		}
		s.finish(t, conn)
	})
	t.Run("test_bounded_buffer_protection", func(t *testing.T) {
		s := store(t)
		s.finish(t, s.connect(t, 1,
			event(t, v1, "Disconnected", map[string]any{"peer": make([]byte, 32), "terminator": "Local", "reason": strings.Repeat("x", 128)}),
			length(MaxEvent+1), make([]byte, MaxEvent+1), synced(t)))
		lost, err := s.archive.Lost(t.Context(), archive.LossQuery{})
		if got := s.shown(t, 1); len(got) != 2 || err != nil || lost[telemetry.TooLarge] != 1 {
			t.Errorf("%v, lost %v, %v", got, lost, err)
		}
	})
	t.Run("test_database_writes_actually_work", func(t *testing.T) {
		s := store(t)
		s.finish(t, s.connect(t, 1, best(t, 9)))
		hash, _ := hex.DecodeString(identity(9))
		events, _, err := s.archive.Events(t.Context(), archive.EventQuery{Catalogue: "jip3", Subject: hash, Number: telemetry.Of(9), Page: archive.Page{Limit: 10}})
		if err != nil || len(events) != 1 || events[0].Kind != 11 || !time.UnixMicro(events[0].At).Equal(made) {
			t.Errorf("%+v %v", events, err)
		}
	})
	t.Run("test_node_id_from_peer_id", func(t *testing.T) {
		in, err := introduce(hello(t, v1, 0xab, nil)[prefix:], nowhere)
		if err != nil || in.source.Identity != identity(0xab) {
			t.Errorf("%+v %v", in, err)
		}
	})
	t.Run("test_node_flags_validation", func(t *testing.T) {
		for _, flags := range []uint64{0, 1} {
			s := serve(t, Options{})
			send(t, s.dial(t), hello(t, v1, 1, func(v map[string]any) { v["flags"] = flags }))
			if got := s.only(t).source.Parameters[ParamFlags]; got != flags {
				t.Errorf("%d", got)
			}
		}
	})
	t.Run("test_node_information_protocol_version", func(t *testing.T) {
		for version := range 4 {
			message := hello(t, v1, 1, nil)[prefix:]
			message[0] = byte(version)
			if _, err := introduce(message, nowhere); (err == nil) != (version < 2) {
				t.Errorf("version %d: %v", version, err)
			}
		}
	})
	t.Run("test_message_frame_encoding", func(t *testing.T) {
		if got := AppendMessage(nil, []byte{1, 2, 3, 4, 5}); !bytes.Equal(got, []byte{5, 0, 0, 0, 1, 2, 3, 4, 5}) {
			t.Errorf("%x", got)
		}
		if got := AppendEvent(nil, 1, 13, []byte{1}); !bytes.Equal(got, []byte{10, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 13, 1}) {
			t.Errorf("%x", got)
		}
	})
}

// nodesAtOnce connects nodes that each send some events, and reads all of them back.
func nodesAtOnce(t *testing.T, nodes, events int) {
	s := store(t)
	conns := make([]net.Conn, nodes)
	for i := range conns {
		var all [][]byte
		for j := range events {
			all = append(all, status(t, j))
		}
		conns[i] = s.connect(t, byte(i), all...)
	}
	s.awaitEvents(t, uint64(nodes*events))
	if got := len(s.open(t)); got != nodes {
		t.Errorf("%d are connected", got)
	}
	s.finish(t, conns...)
	for i := range conns {
		got := s.shown(t, byte(i))
		for j, text := range got {
			if !strings.HasPrefix(text, fmt.Sprintf(`{"Status":{"timestamp":0,"num_peers":%d,`, j)) {
				t.Errorf("event %d of node %d: %s", j, i, text)
			}
		}
		if len(got) != events {
			t.Errorf("%d events of node %d", len(got), i)
		}
	}
}

// rapid sends many events at once and reads all of them back.
func rapid(t *testing.T, n int) {
	s := store(t)
	var all [][]byte
	for i := range n {
		all = append(all, best(t, i))
	}
	s.finish(t, s.connect(t, 1, all...))
	got := s.shown(t, 1)
	for i, text := range got {
		if want := fmt.Sprintf(`{"BestBlockChanged":{"timestamp":0,"slot":%d,"hash":"%s"}}`, i, identity(byte(i))); text != want {
			t.Fatalf("%s instead of %s", text, want)
		}
	}
	if len(got) != n {
		t.Errorf("%d of %d", len(got), n)
	}
}

// hungUp waits until the server has closed the connection.
func hungUp(t *testing.T, conn net.Conn) {
	t.Helper()
	if n, err := conn.Read(make([]byte, 1)); n > 0 || err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("%d bytes, %v", n, err)
	}
}
