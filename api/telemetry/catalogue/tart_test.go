package catalogue

import (
	"bytes"
	"encoding/hex"
	"errors"
	"reflect"
	"strings"
	"testing"
)

// typed is a kind with one value of a type.
func typed(t *testing.T, text string) *Kind {
	t.Helper()
	c, err := parse("type Cost { gas_used u64, elapsed_ns u64 } 1 K meta { v " + text + " }")
	if err != nil {
		t.Fatal(err)
	}
	return c.Kinds[0]
}

// both writes a value as want says, in hexadecimal digits, and reads back what it wrote, also
// by way of JSON. Without want the bytes may be any; they are returned.
func both(t *testing.T, k *Kind, p Params, v any, want string) []byte {
	t.Helper()
	all, ok := v.(map[string]any)
	if !ok {
		all = map[string]any{"v": v}
	}
	b, err := k.Encode(nil, p, all)
	if err != nil {
		t.Fatal(err)
	}
	if want != "" && hex.EncodeToString(b) != strings.ReplaceAll(want, " ", "") {
		t.Errorf("%v is written as %x instead of %s", v, b, want)
	}
	got, err := k.Decode(p, b)
	if err != nil || !reflect.DeepEqual(got, all) {
		t.Errorf("%x is read as %v instead of %v: %v", b, got, all, err)
	}
	text, err := k.AppendJSON(nil, p, b, Style{})
	if err != nil {
		t.Fatal(err)
	}
	if back, err := k.FromJSON(nil, p, text); err != nil || !bytes.Equal(back, b) {
		t.Errorf("%s is read as %x: %v", text, back, err)
	}
	return b
}

// bad wants a body to be refused.
func bad(t *testing.T, k *Kind, p Params, digits string, want error) {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(digits, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.Decode(p, b); !errors.Is(err, want) {
		t.Errorf("%s: %v instead of %v", digits, err, want)
	}
}

func filled(n int, b byte) []byte { return bytes.Repeat([]byte{b}, n) }

func digits(n int, b byte) string { return hex.EncodeToString(filled(n, b)) }

// TestContractOfTARTsEncoding has a subtest for each test of the encoding there, by its name.
// Where the specification wants something else than TART does, it decides: lengths are
// written as it says, and texts that are too long or no UTF-8 are refused.
func TestContractOfTARTsEncoding(t *testing.T) {
	var p Params
	t.Run("test_u8_encoding_decoding", func(t *testing.T) {
		for v, want := range map[uint64]string{0: "00", 1: "01", 127: "7f", 128: "80", 255: "ff"} {
			both(t, typed(t, "u8"), p, v, want)
		}
	})
	t.Run("test_u16_encoding_decoding", func(t *testing.T) {
		for v, want := range map[uint64]string{0: "0000", 1: "0100", 255: "ff00", 256: "0001", 32767: "ff7f", 32768: "0080", 65535: "ffff"} {
			both(t, typed(t, "u16"), p, v, want)
		}
	})
	t.Run("test_u32_encoding_decoding", func(t *testing.T) {
		for v, want := range map[uint64]string{0: "00000000", 65536: "00000100", 1<<31 - 1: "ffffff7f", 1 << 31: "00000080", 1<<32 - 1: "ffffffff"} {
			both(t, typed(t, "u32"), p, v, want)
		}
	})
	t.Run("test_u64_encoding_decoding", func(t *testing.T) {
		for v, want := range map[uint64]string{0: "0000000000000000", 1 << 32: "0000000001000000", 1<<63 - 1: "ffffffffffffff7f", 1 << 63: "0000000000000080", 1<<64 - 1: "ffffffffffffffff"} {
			both(t, typed(t, "u64"), p, v, want)
		}
	})
	t.Run("test_bool_encoding_decoding", func(t *testing.T) {
		both(t, typed(t, "bool"), p, false, "00")
		both(t, typed(t, "bool"), p, true, "01")
	})
	t.Run("test_bool_decode_invalid", func(t *testing.T) {
		for _, v := range []string{"02", "03", "0a", "ff"} {
			bad(t, typed(t, "bool"), p, v, ErrValue)
		}
	})
	t.Run("test_option_encoding_decoding", func(t *testing.T) {
		k := typed(t, "option u32")
		both(t, k, p, map[string]any{"v": nil}, "00")
		both(t, k, p, uint64(0), "01 00000000")
		both(t, k, p, uint64(42), "01 2a000000")
		both(t, k, p, uint64(1<<32-1), "01 ffffffff")
	})
	t.Run("test_fixed_array_encoding_decoding", func(t *testing.T) {
		both(t, typed(t, "bytes 32"), p, filled(32, 42), digits(32, 42))
		both(t, typed(t, "addr"), p, []byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}, "0102030405060708090a0b0c0d0e0f10")
	})
	t.Run("test_variable_length_encoding", func(t *testing.T) {
		leb := Params{Form: LEB128}
		for _, c := range []struct {
			v         uint64
			jam, tart string
		}{{0, "00", "00"}, {127, "7f", "7f"}, {128, "8080", "8001"}, {255, "80ff", "ff01"}, {16383, "bfff", "ff7f"}, {16384, "c00040", "808001"}, {99999, "c19f86", "9f8d06"}} {
			both(t, typed(t, "nat"), p, c.v, c.jam)
			both(t, typed(t, "nat"), leb, c.v, c.tart)
		}
	})
	t.Run("test_vec_u8_encoding_decoding", func(t *testing.T) {
		k := typed(t, "list 1000 u8")
		for n, want := range map[int]string{0: "00", 1: "01", 5: "05", 128: "8080", 256: "8100"} {
			v := make([]any, n)
			for i := range v {
				v[i] = uint64(42)
			}
			both(t, k, p, v, want+digits(n, 42))
		}
	})
	t.Run("test_bounded_string_encoding_decoding", func(t *testing.T) {
		k := typed(t, "string 32")
		both(t, k, p, "", "00")
		both(t, k, p, "Hello, JAM!", "0b"+hex.EncodeToString([]byte("Hello, JAM!")))
		both(t, k, p, "Hello 🚀", "0a 48656c6c6f20 f09f9a80")
		both(t, k, p, strings.Repeat("a", 32), "20"+digits(32, 'a'))
	})
	t.Run("test_bounded_string_too_long", func(t *testing.T) {
		k := typed(t, "string 32")
		if _, err := k.Encode(nil, p, map[string]any{"v": strings.Repeat("a", 33)}); !errors.Is(err, ErrLong) {
			t.Error(err)
		}
		bad(t, k, p, "21"+digits(33, 'a'), ErrLong)
	})
	t.Run("test_bounded_string_invalid_utf8", func(t *testing.T) {
		bad(t, typed(t, "string 32"), p, "04 fffefdfc", ErrValue)
	})
	t.Run("test_decode_insufficient_data", func(t *testing.T) {
		bad(t, typed(t, "u32"), p, "010203", ErrShort)
		bad(t, typed(t, "bytes 32"), p, digits(31, 0), ErrShort)
	})
	// test_message_frame_encoding and test_message_frame_size_limits are about package jip3.
}

// TestContractOfTARTsTypes has a subtest for each test of composite types there.
func TestContractOfTARTsTypes(t *testing.T) {
	var p Params
	event := func(name string) *Kind { return JIP3().Named(name) }
	cost := func(n uint64) map[string]any { return map[string]any{"gas_used": n, "elapsed_ns": n + 1} }
	accumulate := func(n uint64) map[string]any {
		return map[string]any{
			"num_calls": n, "num_transfers": n + 1, "num_items": n + 2, "total": cost(n), "load_ns": n,
			"host_call": map[string]any{
				"state": cost(n), "lookup": cost(n), "preimage": cost(n), "service": cost(n), "transfer": cost(n),
				"transfer_dest_gas": n, "other": cost(n),
			},
		}
	}
	spec := func(name string, index uint64) map[string]any {
		return map[string]any{"root_identifier": map[string]any{name: filled(32, 9)}, "export_index": index}
	}
	item := map[string]any{
		"service_id": uint64(1), "payload_size": uint64(2), "refine_gas_limit": uint64(3), "accumulate_gas_limit": uint64(4),
		"sum_of_extrinsic_lengths": uint64(5), "imports": []any{spec("SegmentsRoot", 10), spec("WorkPackageHash", 20)}, "num_exported_segments": uint64(6),
	}
	work := map[string]any{
		"work_package_size": uint64(1), "work_package_hash": filled(32, 1), "anchor": filled(32, 2), "lookup_anchor_slot": uint64(3),
		"prerequisites": []any{filled(32, 4)}, "work_items": []any{item},
	}
	guarantee := map[string]any{"work_report_hash": filled(32, 1), "slot": uint64(2), "guarantors": []any{uint64(1), uint64(2), uint64(3)}}

	t.Run("test_peer_address_encoding_decoding", func(t *testing.T) {
		b := both(t, event("ConnectionRefused"), p, map[string]any{"from": map[string]any{"ipv6": filled(16, 1), "port": uint64(30333)}}, "")
		if len(b) != 18 || b[16] != 0x7d || b[17] != 0x76 {
			t.Errorf("%x", b)
		}
	})
	t.Run("test_connection_side_encoding_decoding", func(t *testing.T) {
		both(t, typed(t, "enum(Local, Remote)"), p, "Local", "00")
		both(t, typed(t, "enum(Local, Remote)"), p, "Remote", "01")
		bad(t, typed(t, "enum(Local, Remote)"), p, "02", ErrValue)
	})
	t.Run("test_outline_encoding_decoding", func(t *testing.T) {
		outline := map[string]any{"hash": filled(32, 7)}
		for i, name := range []string{"size_bytes", "num_tickets", "num_preimages", "total_preimages_size", "num_guarantees", "num_assurances", "num_dispute_verdicts"} {
			outline[name] = uint64(i + 1)
		}
		both(t, event("Authored"), p, map[string]any{"authoring_id": uint64(0), "outline": outline},
			"0000000000000000 01000000"+digits(32, 7)+"020000000300000004000000050000000600000007000000")
	})
	t.Run("test_exec_cost_encoding_decoding", func(t *testing.T) {
		both(t, typed(t, "Cost"), p, map[string]any{"v": cost(5)}, "0500000000000000 0600000000000000")
	})
	t.Run("test_accumulate_cost_encoding_decoding", func(t *testing.T) {
		v := map[string]any{"authoring_or_importing_id": uint64(1), "accumulate_costs": []any{[]any{uint64(7), accumulate(3)}}}
		if b := both(t, event("BlockExecuted"), p, v, ""); len(b) != 8+1+4+140 {
			t.Errorf("%d bytes", len(b))
		}
	})
	t.Run("test_import_spec_encoding", func(t *testing.T) {
		k := typed(t, "marked(SegmentsRoot, WorkPackageHash)")
		both(t, k, p, map[string]any{"v": spec("SegmentsRoot", 10)}, digits(32, 9)+"0a00")
		both(t, k, p, map[string]any{"v": spec("WorkPackageHash", 10)}, digits(32, 9)+"0a80")
	})
	t.Run("test_guarantee_discard_reason_encoding", func(t *testing.T) {
		for i, reason := range []string{"PackageReportedOnChain", "ReplacedByBetter", "CannotReportOnChain", "TooManyGuarantees", "Other"} {
			b := both(t, event("GuaranteeDiscarded"), p, map[string]any{"outline": guarantee, "reason": reason}, "")
			if b[len(b)-1] != byte(i) {
				t.Errorf("%s is %d", reason, b[len(b)-1])
			}
		}
	})
	t.Run("test_work_item_summary_encoding", func(t *testing.T) {
		v := map[string]any{"submission_or_share_id": uint64(0), "core": uint64(0), "outline": work}
		if b := both(t, event("WorkPackageReceived"), p, v, ""); len(b) != 10+72+1+32+1+(28+1+2*34+2) {
			t.Errorf("%d bytes", len(b))
		}
	})
	t.Run("test_work_package_summary_encoding", func(t *testing.T) {
		empty := map[string]any{}
		for name, v := range work {
			empty[name] = v
		}
		empty["prerequisites"], empty["work_items"] = []any{}, []any{}
		v := map[string]any{"submission_or_share_id": uint64(0), "core": uint64(0), "outline": empty}
		if b := both(t, event("WorkPackageReceived"), p, v, ""); len(b) != 10+72+2 {
			t.Errorf("%d bytes", len(b))
		}
	})
	t.Run("test_work_report_summary_encoding_decoding", func(t *testing.T) {
		v := map[string]any{"submission_or_share_id": uint64(0), "outline": map[string]any{
			"work_report_hash": filled(32, 1), "bundle_size": uint64(2), "erasure_root": filled(32, 3), "segments_root": filled(32, 4),
		}}
		both(t, event("WorkReportBuilt"), p, v, "0000000000000000"+digits(32, 1)+"02000000"+digits(32, 3)+digits(32, 4))
	})
	t.Run("test_guarantee_summary_encoding", func(t *testing.T) {
		both(t, event("GuaranteeBuilt"), p, map[string]any{"submission_id": uint64(0), "outline": guarantee},
			"0000000000000000"+digits(32, 1)+"02000000 03 010002000300")
	})
	t.Run("test_service_id_accumulate_cost_tuple_decoding", func(t *testing.T) {
		both(t, typed(t, "tuple(u32, Cost)"), p, []any{uint64(42), cost(1)}, "2a000000 0100000000000000 0200000000000000")
	})
	t.Run("test_vec_of_tuples_decoding", func(t *testing.T) {
		both(t, typed(t, "list 500 tuple(u32, u8)"), p, []any{[]any{uint64(1), uint64(2)}, []any{uint64(3), uint64(4)}}, "02 01000000 02 03000000 04")
	})
	t.Run("test_import_spec_bit_flags", func(t *testing.T) {
		k := typed(t, "marked(SegmentsRoot, WorkPackageHash)")
		both(t, k, p, map[string]any{"v": spec("SegmentsRoot", 32767)}, digits(32, 9)+"ff7f")
		both(t, k, p, map[string]any{"v": spec("WorkPackageHash", 0)}, digits(32, 9)+"0080")
		both(t, k, p, map[string]any{"v": spec("WorkPackageHash", 32767)}, digits(32, 9)+"ffff")
		if _, err := k.Encode(nil, p, map[string]any{"v": spec("WorkPackageHash", 32768)}); err == nil {
			t.Error("an index of 16 bits is written")
		}
	})
	t.Run("test_complex_nested_structures", func(t *testing.T) {
		both(t, typed(t, "option option option u32"), p, uint64(42), "01 01 01 2a000000")
		many := map[string]any{}
		for name, v := range work {
			many[name] = v
		}
		imports, items, before := make([]any, 50), make([]any, 10), make([]any, 100)
		for i := range imports {
			imports[i] = spec("WorkPackageHash", 32767)
		}
		for i := range items {
			one := map[string]any{}
			for name, v := range item {
				one[name] = v
			}
			one["imports"] = imports
			items[i] = one
		}
		for i := range before {
			before[i] = filled(32, 0xaa)
		}
		many["work_items"], many["prerequisites"] = items, before
		v := map[string]any{"submission_or_share_id": uint64(0), "core": uint64(0), "outline": many}
		if b := both(t, event("WorkPackageReceived"), p, v, ""); len(b) < 20000 {
			t.Errorf("%d bytes", len(b))
		}
	})
	t.Run("test_event_edge_cases", func(t *testing.T) {
		status := map[string]any{"shards_size": uint64(1<<64 - 1), "num_guarantees": filled(1000, 3)}
		for _, name := range []string{"num_peers", "num_val_peers", "num_sync_peers", "num_shards", "num_preimages", "preimages_size"} {
			status[name] = uint64(1<<32 - 1)
		}
		both(t, event("Status"), Params{C: 1000}, status, "")
		// As many services as the specification allows; there are tests of TART with twice as many.
		costs := make([]any, 500)
		for i := range costs {
			costs[i] = []any{uint64(i), accumulate(uint64(i))}
		}
		both(t, event("BlockExecuted"), p, map[string]any{"authoring_or_importing_id": uint64(42), "accumulate_costs": costs}, "")
		if _, err := event("BlockExecuted").Encode(nil, p, map[string]any{"authoring_or_importing_id": uint64(42), "accumulate_costs": append(costs, costs...)}); !errors.Is(err, ErrLong) {
			t.Error(err)
		}
	})
}

// TestContractOfTARTsErrors has a subtest for each test of errors there that is about bodies.
func TestContractOfTARTsErrors(t *testing.T) {
	var p Params
	t.Run("test_decode_insufficient_data_errors", func(t *testing.T) {
		for text, have := range map[string]string{"u8": "", "u16": "ff", "u32": "ffffff", "u64": digits(7, 255), "bytes 32": digits(31, 255)} {
			bad(t, typed(t, text), p, have, ErrShort)
		}
	})
	t.Run("test_invalid_discriminator_errors", func(t *testing.T) {
		bad(t, typed(t, "bool"), p, "02", ErrValue)
		bad(t, typed(t, "option u32"), p, "02 00000000", ErrValue)
		bad(t, typed(t, "enum(Local, Remote)"), p, "02", ErrValue)
	})
	t.Run("test_string_length_limit_errors", func(t *testing.T) {
		for text, have := range map[string]string{"string 32": "21" + digits(33, 'x'), "string 128": "8081" + digits(129, 'x'), "string 512": "8201" + digits(513, 'x')} {
			bad(t, typed(t, text), p, have, ErrLong)
		}
	})
	t.Run("test_invalid_utf8_errors", func(t *testing.T) {
		for _, have := range []string{"02 fffe", "02 c080", "03 eda080", "04 f4908080", "01 c2", "02 e080", "03 f08080"} {
			bad(t, typed(t, "string 128"), p, have, ErrValue)
		}
	})
	t.Run("test_variable_length_overflow", func(t *testing.T) {
		for _, form := range []LengthForm{JAM, LEB128} {
			p := Params{Form: form}
			if _, err := typed(t, "nat").Decode(p, append(filled(10, 255), 1)); err == nil {
				t.Errorf("%s: a number of more than 64 bits is read", form)
			}
		}
	})
	t.Run("test_event_invalid_discriminators", func(t *testing.T) {
		gaps := []uint16{}
		for _, span := range [][2]uint16{{1, 9}, {14, 19}, {29, 39}, {48, 59}, {69, 79}, {85, 89}, {114, 119}, {132, 139}, {154, 159}, {179, 189}, {200, 255}} {
			for n := span[0]; n <= span[1]; n++ {
				gaps = append(gaps, n)
			}
		}
		for _, n := range gaps {
			if k := JIP3().Kind(1, n); k != nil {
				t.Errorf("%d is %s", n, k.Name)
			}
		}
		if len(gaps)+115 != 256 {
			t.Errorf("%d numbers are free", len(gaps))
		}
	})
	t.Run("test_maximum_value_edge_cases", func(t *testing.T) {
		for text, size := range map[string]int{"u8": 1, "u16": 2, "u32": 4, "u64": 8} {
			both(t, typed(t, text), p, uint64(1<<(8*size-1)-1)*2+1, digits(size, 255))
		}
	})
	t.Run("test_zero_length_sequences", func(t *testing.T) {
		both(t, typed(t, "list 10 u8"), p, []any{}, "00")
		both(t, typed(t, "string 32"), p, "", "00")
	})
	t.Run("test_reason_string_edge_cases", func(t *testing.T) {
		k := typed(t, "string 128")
		both(t, k, p, strings.Repeat("a", 128), "8080"+digits(128, 'a'))
		both(t, k, Params{Form: LEB128}, strings.Repeat("a", 128), "8001"+digits(128, 'a'))
		both(t, k, p, "Error: 🚨 Critical failure 💥", "")
	})
	// test_message_frame_errors, test_node_information_protocol_version and
	// test_node_flags_validation are about package jip3.
}

// TestContractOfTARTsEvents has the discriminators and names that its events have, as
// test_event_type_discriminators there.
func TestContractOfTARTsEvents(t *testing.T) {
	for number, name := range map[uint16]string{
		0: "Dropped", 10: "Status", 11: "BestBlockChanged", 12: "FinalizedBlockChanged", 13: "SyncStatusChanged",
		20: "ConnectionRefused", 21: "ConnectingIn", 22: "ConnectInFailed", 23: "ConnectedIn", 24: "ConnectingOut",
		25: "ConnectOutFailed", 26: "ConnectedOut", 27: "Disconnected", 40: "Authoring", 41: "AuthoringFailed",
		42: "Authored", 43: "Importing", 44: "BlockVerificationFailed", 45: "BlockVerified", 46: "BlockExecutionFailed", 47: "BlockExecuted",
	} {
		if k := JIP3().Kind(0, number); k == nil || k.Name != name {
			t.Errorf("%d is not %s", number, name)
		}
	}
}
