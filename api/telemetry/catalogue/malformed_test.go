package catalogue_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math"
	"runtime"
	"strings"
	"testing"

	"parley/api/telemetry/catalogue"
)

// body reads hexadecimal digits as the vectors have them.
func body(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(spell(s), " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestMalformedBodies(t *testing.T) {
	for _, c := range []struct {
		name, kind, body string
		want             error
	}{
		{"nothing", "BestBlockChanged", "", catalogue.ErrShort},
		{"half a number", "BestBlockChanged", "0100", catalogue.ErrShort},
		{"a byte too few", "BestBlockChanged", "01000000 (00*31)", catalogue.ErrShort},
		{"a byte too many", "BestBlockChanged", "01000000 (00*33)", catalogue.ErrTrailing},
		{"a bool of 2", "SyncStatusChanged", "02", catalogue.ErrValue},
		{"an option of 2", "Disconnected", "(00*32) 02 00 00", catalogue.ErrValue},
		{"a side of 2", "Disconnected", "(00*32) 01 02 00", catalogue.ErrValue},
		{"a direction of 2", "SendingBlockRequest", "(00*64) 02 00000000", catalogue.ErrValue},
		{"a discard reason of 5", "GuaranteeDiscarded", "(00*36) 00 05", catalogue.ErrValue},
		{"an attempt of 2", "TicketTransferred", "(00*32) 00 00 00000000 02 (00*32)", catalogue.ErrValue},
		{"a reason longer than the rest", "ConnectInFailed", "(00*8) 02 61", catalogue.ErrShort},
		{"a reason longer than permitted", "ConnectInFailed", "(00*8) 8081 (61*129)", catalogue.ErrLong},
		{"a reason that is no text", "ConnectInFailed", "(00*8) 01 ff", catalogue.ErrValue},
		{"a surrogate", "ConnectInFailed", "(00*8) 03 eda080", catalogue.ErrValue},
		{"a length in two bytes without need", "ConnectInFailed", "(00*8) 8001 61 (00*20)", catalogue.ErrValue},
		{"a length that ends too early", "ConnectInFailed", "(00*8) 80", catalogue.ErrShort},
		{"501 services", "BlockExecuted", "(00*8) 81f5 (00*72144)", catalogue.ErrLong},
		{"2^64-1 tickets", "TicketsGenerated", "(00*8) (ff*9)", catalogue.ErrLong},
		{"4096 tickets of which none is there", "TicketsGenerated", "(00*8) 9000", catalogue.ErrShort},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := catalogue.JIP3().Named(c.kind)
			b := body(t, c.body)
			if err := k.Check(catalogue.Params{}, b); !errors.Is(err, c.want) {
				t.Errorf("check: %v", err)
			}
			if _, err := k.Decode(catalogue.Params{}, b); !errors.Is(err, c.want) {
				t.Errorf("decode: %v", err)
			}
			if got, err := k.AppendJSON([]byte("as it was"), catalogue.Params{}, b, catalogue.Style{}); !errors.Is(err, c.want) || string(got) != "as it was" {
				t.Errorf("JSON: %s, %v", got, err)
			}
		})
	}
}

func TestDeclaredLengthsReserveNothing(t *testing.T) {
	k := catalogue.JIP3().Named("BlockExecuted")
	b := body(t, "(00*8) 81f4 (00*40)") // 500 services of 144 bytes
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 100 {
		if _, err := k.Decode(catalogue.Params{}, b); !errors.Is(err, catalogue.ErrShort) {
			t.Fatal(err)
		}
	}
	runtime.ReadMemStats(&after)
	if per := (after.TotalAlloc - before.TotalAlloc) / 100; per > 4<<10 {
		t.Errorf("%d bytes for a body of %d", per, len(b))
	}
}

func TestNumbersThatAreNone(t *testing.T) {
	k := catalogue.Call().Named("HealthSample")
	b, err := k.Encode(nil, catalogue.Params{}, health(1))
	if err != nil {
		t.Fatal(err)
	}
	at := 4 + 8 + 1 // rtt_ms
	copy(b[at:], []byte{0, 0, 0x80, 0x7f})
	if err := k.Check(catalogue.Params{}, b); !errors.Is(err, catalogue.ErrValue) {
		t.Errorf("infinity: %v", err)
	}
	for _, v := range []any{math.NaN(), math.Inf(-1), 1e300, "much", nil, -1} {
		if _, err := k.Encode(nil, catalogue.Params{}, health(v)); !errors.Is(err, catalogue.ErrValue) {
			t.Errorf("%v: %v", v, err)
		}
	}
}

func health(rtt any) map[string]any {
	d := map[string]any{"worst": 1.5, "median": float32(1)}
	return map[string]any{
		"interval_ms": 1000, "claimed_at": 0, "transport": "webtransport", "rtt_ms": rtt, "audio_on": true, "video_on": false,
		"peers": 1, "heard": 1, "seen": 1, "concealment": d, "buffer_ms": d, "fps": d, "kbps": d, "waiting_packets": d,
	}
}

func TestJSONThatIsNoBody(t *testing.T) {
	for _, c := range []struct{ kind, text string }{
		{"SyncStatusChanged", ``},
		{"SyncStatusChanged", `{}`},
		{"SyncStatusChanged", `[]`},
		{"SyncStatusChanged", `{"synced":"true"}`},
		{"SyncStatusChanged", `{"synced":2}`},
		{"SyncStatusChanged", `{"synced":true,"more":1}`},
		{"SyncStatusChanged", `{"synced":true} {}`},
		{"BestBlockChanged", `{"slot":4294967296,"hash":"` + strings.Repeat("00", 32) + `"}`},
		{"BestBlockChanged", `{"slot":1.5,"hash":"` + strings.Repeat("00", 32) + `"}`},
		{"BestBlockChanged", `{"slot":-1,"hash":"` + strings.Repeat("00", 32) + `"}`},
		{"BestBlockChanged", `{"slot":1,"hash":"00"}`},
		{"BestBlockChanged", `{"slot":1,"hash":"zz"}`},
		{"BestBlockChanged", `{"slot":1,"hash":[256]}`},
		{"ConnectionRefused", `{"from":{"ipv6":"fe80::1%eth0","port":1}}`},
		{"ConnectionRefused", `{"from":{"ipv6":"here","port":1}}`},
		{"ConnectionRefused", `{"from":{"ipv6":"::1","port":65536}}`},
		{"ConnectInFailed", `{"connecting_id":1,"reason":"` + strings.Repeat("a", 129) + `"}`},
		{"ConnectInFailed", `{"connecting_id":18446744073709551616,"reason":""}`},
		{"Disconnected", `{"peer":"` + strings.Repeat("00", 32) + `","terminator":"Nobody","reason":""}`},
		{"BlockExecuted", `{"authoring_or_importing_id":1,"accumulate_costs":[[1]]}`},
		{"BlockExecuted", `{"authoring_or_importing_id":1,"accumulate_costs":{}}`},
	} {
		k := catalogue.JIP3().Named(c.kind)
		if b, err := k.FromJSON([]byte{1}, catalogue.Params{}, []byte(c.text)); err == nil || !bytes.Equal(b, []byte{1}) {
			t.Errorf("%s: %x, %v", c.text, b, err)
		}
	}
}

func FuzzBodies(f *testing.F) {
	for _, v := range vectors(f) {
		f.Add(byte(v.kind.Number), v.p.Version, v.p.C, false, v.body)
		f.Add(byte(v.kind.Number), v.p.Version, v.p.C, true, v.body)
	}
	f.Fuzz(func(t *testing.T, number, version byte, c uint16, call bool, data []byte) {
		all := catalogue.JIP3()
		if call {
			all = catalogue.Call()
		}
		k := all.Kind(version, uint16(number))
		if k == nil {
			return
		}
		for _, form := range []catalogue.LengthForm{catalogue.JAM, catalogue.LEB128} {
			p := catalogue.Params{Version: version, C: c, Form: form}
			var found catalogue.Found
			err := k.Scan(p, data, &found)
			text, second := k.AppendJSON(nil, p, data, catalogue.Style{})
			if (err == nil) != (second == nil) {
				t.Fatalf("scanned: %v; written: %v", err, second)
			}
			if err != nil {
				continue
			}
			back, err := k.FromJSON(nil, p, text)
			if err != nil || !bytes.Equal(back, data) {
				t.Fatalf("%v\n got %x\nwant %x\n     %s", err, back, data, text)
			}
		}
	})
}

func BenchmarkScan(b *testing.B) {
	for _, name := range []string{"BestBlockChanged", "Status", "ConnectInFailed", "WorkPackageReceived"} {
		for _, v := range vectors(b) {
			if v.kind.Name != name {
				continue
			}
			b.Run(name, func(b *testing.B) {
				b.ReportAllocs()
				var found catalogue.Found
				for b.Loop() {
					if err := v.kind.Scan(v.p, v.body, &found); err != nil {
						b.Fatal(err)
					}
				}
			})
			b.Run(name+"/JSON", func(b *testing.B) {
				b.ReportAllocs()
				var text []byte
				for b.Loop() {
					text, _ = v.kind.AppendJSON(text[:0], v.p, v.body, catalogue.Style{})
				}
			})
			break
		}
	}
}
