package jip3

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"parley/api/media/mediatest"
	"parley/api/telemetry"
	"parley/api/telemetry/catalogue"
)

var v1 = catalogue.Params{Version: 1, C: 2}

func TestNodesIntroduceThemselves(t *testing.T) {
	for _, version := range []byte{0, 1} {
		t.Run(fmt.Sprint("version ", version), func(t *testing.T) {
			s := serve(t, Options{})
			conn := s.dial(t)
			local := conn.LocalAddr().String()
			send(t, conn, hello(t, catalogue.Params{Version: version, C: 341}, 0xab, nil))
			got := s.only(t).source
			if got.Catalogue != "jip3" || got.Identity != strings.Repeat("ab", 32) || got.Version != int(version) || got.Scope != strings.Repeat("09", 32) {
				t.Errorf("%+v", got)
			}
			for name, want := range map[string]string{
				"remote": local, "address": "10.1.2.3:30333", "implementation_name": "test",
				"implementation_version": "1.2", "gp_version": "0.7", "additional_info": "note",
			} {
				if got.Labels[name] != want {
					t.Errorf("%s is %q instead of %q", name, got.Labels[name], want)
				}
			}
			if len(got.Parameters) != 34 || got.Parameters["core_count"] != 341 || got.Parameters["flags"] != 1 || got.Parameters["slot_period_sec"] != 1 {
				t.Errorf("%v", got.Parameters)
			}
			if s.only(t).ended != "closed by the node" {
				t.Error(s.only(t).ended)
			}
		})
	}
}

func TestEventsAreRecordedAsTheyCame(t *testing.T) {
	s := serve(t, Options{})
	before := time.Now()
	hash := bytes.Repeat([]byte{7}, 32)
	best := event(t, v1, "BestBlockChanged", map[string]any{"slot": 5, "hash": hash})
	send(t, s.dial(t), hello(t, v1, 1, nil),
		event(t, v1, "ConnectingIn", map[string]any{"from": map[string]any{"ipv6": "::1", "port": 1}}),
		event(t, v1, "ConnectInFailed", map[string]any{"connecting_id": 0, "reason": "no"}),
		best,
		event(t, v1, "Status", map[string]any{
			"num_peers": 1, "num_val_peers": 2, "num_sync_peers": 3, "num_guarantees": []byte{4, 5},
			"num_shards": 6, "shards_size": 7, "num_preimages": 8, "preimages_size": 9,
		}),
		synced(t))
	k := s.only(t)
	if got := k.kinds(); got != "0:21 1:22 2:11 3:10 4:13" || k.lost != nil {
		t.Fatalf("recorded %s, lost %s", got, k.losses())
	}
	if r := k.records[1]; !r.Linked || r.Link != 0 {
		t.Errorf("%+v", r)
	}
	r := k.records[2]
	if !r.At.Equal(made) || r.Received.Before(before) || r.Catalogue != "jip3" || !bytes.Equal(r.Raw, best[prefix+header:]) || r.Linked {
		t.Errorf("%+v", r)
	}
	if !bytes.Equal(r.Hot.Subject, hash) || r.Hot.Number != telemetry.Of(5) || r.Hot.Index.Known {
		t.Errorf("%+v", r.Hot)
	}
	if got := fmt.Sprint(k.records[3].Hot.Samples); got != "[{num_peers 1} {num_val_peers 2} {num_sync_peers 3} {num_shards 6} {shards_size 7} {num_preimages 8} {preimages_size 9}]" {
		t.Error(got)
	}
	if got := k.records[4].Hot.Dimension; got != "true" {
		t.Error(got)
	}
}

func TestNumbersOfEvents(t *testing.T) {
	ok := synced(t)
	for _, c := range []struct {
		name           string
		messages       [][]byte
		recorded, lost string
		ended          string
	}{
		{"dropped", [][]byte{ok, gone(t, 10), ok}, "0:13 1:0 11:13", "1+10 source_dropped;", ""},
		{"dropped first", [][]byte{gone(t, 7), ok}, "0:0 7:13", "0+7 source_dropped;", ""},
		{"nothing dropped", [][]byte{ok, gone(t, 0), ok}, "0:13 1:13", "", ""},
		{"more dropped than there are numbers", [][]byte{ok, gone(t, math.MaxUint64), ok}, "0:13", "", "more events than there are numbers"},
		{"all but the last number dropped", [][]byte{gone(t, math.MaxUint64), ok}, "0:0 18446744073709551615:13", "0+18446744073709551615 source_dropped;", "more events than there are numbers"},
		{"unknown kind", [][]byte{ok, raw(200, []byte("hm")), ok}, "0:13 1:200 2:13", "", ""},
		{"empty unknown kind", [][]byte{raw(1, nil), ok}, "0:1 1:13", "", ""},
		{"short", [][]byte{ok, raw(11, nil), ok}, "0:13 2:13", "1+1 undecodable;", ""},
		{"bytes after the end", [][]byte{raw(13, []byte{1, 0}), ok}, "1:13", "0+1 undecodable;", ""},
		{"bool of 2", [][]byte{raw(13, []byte{2}), ok}, "1:13", "0+1 undecodable;", ""},
		{"no kind", [][]byte{AppendMessage(nil, make([]byte, 8)), ok}, "1:13", "0+1 undecodable;", ""},
		{"empty", [][]byte{length(0), ok}, "1:13", "0+1 undecodable;", ""},
		{"no time", [][]byte{AppendEvent(nil, math.MaxInt64, 13, []byte{1}), ok}, "1:13", "0+1 undecodable;", ""},
		{"too large", [][]byte{length(MaxEvent + 1), make([]byte, MaxEvent+1), ok}, "1:13", "0+1 too_large;", ""},
		{"as large as read past", [][]byte{length(maxSkip), make([]byte, maxSkip), ok}, "1:13", "0+1 too_large;", ""},
		{"impossible length", [][]byte{ok, length(maxSkip + 1), ok}, "0:13", "1+1 too_large;", "announced a message of impossible length"},
		{"half a message", [][]byte{ok, ok[:7]}, "0:13", "1+1 undecodable;", "ended within a message"},
		{"half a length", [][]byte{ok, ok[:3]}, "0:13", "1+1 undecodable;", "ended within a message"},
		{"half a large message", [][]byte{ok, length(MaxEvent), make([]byte, 100000)}, "0:13", "1+1 undecodable;", "ended within a message"},
		{"half a message too large", [][]byte{ok, length(maxSkip), make([]byte, 100000)}, "0:13", "1+1 undecodable;", "ended within a message"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := serve(t, Options{})
			send(t, s.dial(t), append([][]byte{hello(t, v1, 1, nil)}, c.messages...)...)
			k := s.only(t)
			if c.ended == "" {
				c.ended = "closed by the node"
			}
			if k.kinds() != c.recorded || k.losses() != c.lost || k.ended != c.ended {
				t.Errorf("recorded %s instead of %s\nlost %s instead of %s\nended: %s instead of %s",
					k.kinds(), c.recorded, k.losses(), c.lost, k.ended, c.ended)
			}
		})
	}
}

func TestStreamClosedDiffersBetweenVersions(t *testing.T) {
	for version, fields := range []map[string]any{
		{"peer": make([]byte, 32), "closer": "Local", "reason": ""},
		{"opened_id": 0, "closer": "Local", "reason": ""},
	} {
		p := catalogue.Params{Version: uint8(version)}
		s := serve(t, Options{})
		send(t, s.dial(t), hello(t, p, 1, nil), synced(t), event(t, p, "BlockAnnouncementStreamClosed", fields))
		k := s.only(t)
		if k.kinds() != "0:13 1:61" || k.records[1].Linked != (version == 1) {
			t.Errorf("version %d: %s, %s", version, k.kinds(), k.losses())
		}
	}
}

func TestWhoIsGarbledIsSentAway(t *testing.T) {
	s := serve(t, Options{})
	messages := [][]byte{hello(t, v1, 1, nil)}
	for range maxBad - 1 {
		messages = append(messages, raw(11, nil))
	}
	messages = append(messages, synced(t)) // the count begins anew
	for range maxBad + 1 {
		messages = append(messages, raw(11, nil))
	}
	send(t, s.dial(t), messages...)
	k := s.only(t)
	if k.kinds() != "99:13" || len(k.lost) != 2*maxBad-1 || k.ended != "100 events in a row were unreadable" {
		t.Errorf("%s, %d lost, %s", k.kinds(), len(k.lost), k.ended)
	}
}

func TestLengthsOfOtherNodes(t *testing.T) {
	legacy := v1
	legacy.Form = catalogue.LEB128
	long := strings.Repeat("a", 128)
	failed := func(p catalogue.Params) []byte {
		return event(t, p, "ConnectInFailed", map[string]any{"connecting_id": 0, "reason": long})
	}
	want := failed(v1)[prefix+header:]
	t.Run("in an event", func(t *testing.T) {
		s := serve(t, Options{})
		send(t, s.dial(t), hello(t, v1, 1, nil), failed(legacy), failed(v1), failed(legacy), synced(t))
		k := s.only(t)
		if k.kinds() != "0:22 1:22 2:22 3:13" {
			t.Fatal(k.kinds(), k.losses())
		}
		for _, r := range k.records[:3] {
			if !bytes.Equal(r.Raw, want) {
				t.Errorf("stored as %x", r.Raw)
			}
		}
		if n := s.counters.Legacy.Load(); n != 2 {
			t.Errorf("counted %d times", n)
		}
	})
	t.Run("in the introduction", func(t *testing.T) {
		note := strings.Repeat("n", 512)
		for _, p := range []catalogue.Params{v1, legacy} {
			s := serve(t, Options{})
			send(t, s.dial(t), hello(t, p, 1, func(v map[string]any) { v["additional_info"] = note }), failed(p))
			k := s.only(t)
			if k.source.Labels["additional_info"] != note || k.kinds() != "0:22" || !bytes.Equal(k.records[0].Raw, want) {
				t.Errorf("%s: %s %s", p.Form, k.kinds(), k.losses())
			}
		}
	})
	t.Run("of neither form", func(t *testing.T) {
		s := serve(t, Options{})
		bad := failed(v1)
		bad[prefix+header+8] = 0xc0
		send(t, s.dial(t), hello(t, v1, 1, nil), bad, failed(v1))
		if k := s.only(t); k.kinds() != "1:22" || k.losses() != "0+1 undecodable;" {
			t.Error(k.kinds(), k.losses())
		}
	})
}

func TestLargeLegalEvents(t *testing.T) {
	imports := make([]any, 3072)
	for i := range imports {
		imports[i] = map[string]any{"root_identifier": map[string]any{"WorkPackageHash": bytes.Repeat([]byte{byte(i)}, 32)}, "export_index": i}
	}
	large := event(t, v1, "WorkPackageReceived", map[string]any{
		"submission_or_share_id": 0, "core": 1, "outline": map[string]any{
			"work_package_size": 1, "work_package_hash": make([]byte, 32), "anchor": make([]byte, 32), "lookup_anchor_slot": 1,
			"prerequisites": []any{}, "work_items": []any{map[string]any{
				"service_id": 1, "payload_size": 1, "refine_gas_limit": 1, "accumulate_gas_limit": 1,
				"sum_of_extrinsic_lengths": 1, "imports": imports, "num_exported_segments": 1,
			}},
		},
	})
	if len(large) < 100<<10 {
		t.Fatalf("only %d bytes", len(large))
	}
	s := serve(t, Options{})
	send(t, s.dial(t), hello(t, v1, 1, nil), synced(t), large, synced(t), large, large, synced(t))
	k := s.only(t)
	if k.kinds() != "0:13 1:94 2:13 3:94 4:94 5:13" || !bytes.Equal(k.records[4].Raw, large[prefix+header:]) {
		t.Fatal(k.kinds(), k.losses())
	}
	if n := len(s.large.free); n != largeBuffers {
		t.Errorf("%d buffers of %d came back", n, largeBuffers)
	}
	t.Run("when there is no room", func(t *testing.T) {
		s := serve(t, Options{})
		for range largeBuffers {
			s.large.lend()
		}
		send(t, s.dial(t), hello(t, v1, 1, nil), synced(t), large, synced(t))
		if k := s.only(t); k.kinds() != "0:13 2:13" || k.losses() != "1+1 queue_full;" {
			t.Error(k.kinds(), k.losses())
		}
	})
}

func TestOneByteAtATime(t *testing.T) {
	s := serve(t, Options{})
	conn := s.dial(t)
	for _, b := range bytes.Join([][]byte{hello(t, v1, 1, nil), synced(t), gone(t, 2), synced(t)}, nil) {
		if _, err := conn.Write([]byte{b}); err != nil {
			t.Fatal(err)
		}
	}
	send(t, conn)
	if k := s.only(t); k.kinds() != "0:13 1:0 3:13" {
		t.Error(k.kinds(), k.losses())
	}
}

func TestWhoIsNoNode(t *testing.T) {
	good := hello(t, v1, 1, nil)
	long := hello(t, v1, 1, func(v map[string]any) { v["additional_info"] = strings.Repeat("é", 256) })
	for name, bytes := range map[string][]byte{
		"nothing":            nil,
		"half":               good[:100],
		"empty":              length(0),
		"version 2":          append(append(length(uint32(len(good)-prefix)), 2), good[prefix+1:]...),
		"an event":           synced(t),
		"bytes after it":     append(append(length(uint32(len(good)-prefix+1)), good[prefix:]...), 0),
		"too large":          append(length(MaxHello+1), make([]byte, MaxHello+1)...),
		"HTTP":               []byte("GET / HTTP/1.1\r\nHost: here\r\n\r\n"),
		"a note that is cut": long[:len(long)-1],
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, Options{})
			send(t, s.dial(t), bytes)
			// Whoever comes next is the first.
			send(t, s.dial(t), good)
			s.only(t)
			s.stop()
			if n := s.counters.BadHello.Load(); n != 1 {
				t.Errorf("%d bad introductions", n)
			}
		})
	}
}

func TestDeadlines(t *testing.T) {
	good := hello(t, v1, 1, nil)
	ok := synced(t)
	for _, c := range []struct {
		name  string
		do    func(t *testing.T, write func([]byte))
		after time.Duration
		ended string // "" when there is no session
	}{
		{"says nothing", func(*testing.T, func([]byte)) {}, 10 * time.Second, ""},
		{"introduces itself byte by byte", func(t *testing.T, write func([]byte)) {
			for _, b := range good {
				write([]byte{b})
				mediatest.Advance(t, time.Second)
			}
		}, 10 * time.Second, ""},
		{"falls silent", func(t *testing.T, write func([]byte)) { write(good) }, time.Minute, "silent for too long"},
		{"falls silent after an event", func(t *testing.T, write func([]byte)) {
			write(good)
			mediatest.Advance(t, 59*time.Second)
			write(ok)
		}, 119 * time.Second, "silent for too long"},
		{"sends an event byte by byte", func(t *testing.T, write func([]byte)) {
			write(good)
			for _, b := range ok {
				write([]byte{b})
				mediatest.Advance(t, time.Second)
			}
		}, 10 * time.Second, "a message took too long to arrive"},
		{"sends a large event slowly", func(t *testing.T, write func([]byte)) {
			write(good)
			write(length(MaxEvent))
			for range MaxEvent / 1000 {
				write(make([]byte, 1000))
				mediatest.Advance(t, time.Second)
			}
		}, 10 * time.Second, "a message took too long to arrive"},
		{"sends slowly what is read past", func(t *testing.T, write func([]byte)) {
			write(good)
			write(length(maxSkip))
			for range maxSkip / 1000 {
				write(make([]byte, 1000))
				mediatest.Advance(t, time.Second)
			}
		}, 10 * time.Second, "a message took too long to arrive"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := pipe(t)
				start := time.Now()
				p.wg.Go(func() { c.do(t, func(b []byte) { _, _ = p.node.Write(b) }) })
				p.ended() // the server hung up
				if took := time.Since(start); took < c.after || took > c.after+5*lastChance {
					t.Errorf("after %s instead of %s", took, c.after)
				}
				p.close()
				if c.ended == "" {
					if len(p.sessions) > 0 {
						t.Error("there is a session")
					}
					return
				}
				if got := p.sessions[0].ended; got != c.ended {
					t.Error(got)
				}
				// What had begun to come is accounted for.
				if begun := c.ended == "a message took too long to arrive"; begun != (len(p.sessions[0].lost) == 1) {
					t.Errorf("lost: %s", p.sessions[0].losses())
				}
			})
		})
	}
}

func TestServerThatHasMuchToDoLetsNobodyGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pipe(t)
		p.busy = func() { mediatest.Advance(t, 2*time.Minute) }
		one := synced(t)
		send := func(parts ...[]byte) { // each is there when the server has time again
			for _, b := range parts {
				if _, err := p.node.Write(b); err != nil {
					t.Error(err)
				}
			}
		}
		send(hello(t, v1, 1, nil), append(one, one[:5]...), one[5:10], append(one[10:], one...), one)
		p.close()
		if k := p.sessions[0]; k.kinds() != "0:13 1:13 2:13 3:13" || k.losses() != "" {
			t.Error(k.kinds(), k.losses())
		}
	})
}
