package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"parley/api/load"
	"parley/api/load/flood"
)

// unhurried lets connections outlive the pauses of a machine that is too busy.
const unhurried = "QUIC_MAX_IDLE_TIMEOUT_SECS=120"

// comesTrue tries until what a run has to show is there: a machine with too much else to do may give
// packets no time to arrive, and publishers none to send any. What holds of every run, the runs
// assert themselves. Each has twice the time of the one before to get going.
func comesTrue(t *testing.T, try func(warmUp time.Duration) (wrong string)) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for warmUp := time.Second; ; warmUp = min(2*warmUp, 30*time.Second) {
		wrong := try(warmUp)
		if wrong == "" || t.Failed() {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(wrong)
		}
		t.Logf("with %v to warm up: %s", warmUp, wrong)
	}
}

// runUntil runs parley load until good finds nothing wrong.
func runUntil(t *testing.T, good func(*load.Report) (wrong string), args ...string) {
	t.Helper()
	comesTrue(t, func(warmUp time.Duration) string {
		var r load.Report
		loadInto(t, &r, append([]string{"--ramp=200ms", "--warm-up=" + warmUp.String()}, args...)...)
		return good(&r)
	})
}

// loadInto runs parley load and reads its report.
func loadInto(t *testing.T, report any, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "parley", append([]string{"load"}, append(args, "--json", "--quiet")...)...)
	cmd.Env = append(parley(nil).Env, "TMPDIR="+t.TempDir(), unhurried)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v: %v\n%s", args, err, errs.Bytes())
	}
	if err := json.Unmarshal(out.Bytes(), report); err != nil {
		t.Fatalf("%v\n%s", err, out.Bytes())
	}
	t.Logf("%s", out.Bytes())
}

// Each packet is expected by everybody else in its room, over any transport.
func TestLoadOfItsOwnNode(t *testing.T) {
	runUntil(t, func(r *load.Report) string {
		if s := r.Server; s == nil || s.Error != "" || s.CPUSeconds <= 0 || s.RSS == 0 || s.RSSBefore == 0 || s.Goroutines == 0 || s.Switches == 0 {
			t.Errorf("server: %+v", s)
		}
		if added := r.Server.Ages["audio"]; added.Count == 0 || added.P50 <= 0 || added.P99 < added.P50 {
			return fmt.Sprintf("the server had audio for %+v", added)
		}
		return accountsForEveryPacket(t, r)
	}, append([]string{"--self", "--transport=ws,wt,wss"}, twoRooms...)...)
}

// twoRooms have five people each, three of whom send.
var twoRooms = []string{
	"--rooms=2", "--publishers=3", "--viewers=2", "--screens=1", "--video=300", "--keyframe-every=1s", "--duration=2s", "--drain=5s",
}

// accountsForEveryPacket checks a report of two rooms.
func accountsForEveryPacket(t *testing.T, r *load.Report) (wrong string) {
	t.Helper()
	got := r.Received["healthy"]
	if got.Delivered+got.Lost != got.Expected || got.Duplicated != 0 {
		t.Errorf("accounts: %+v", got)
	}
	if uint64(got.Latency.Count) != got.Delivered || got.Delivered > 0 && (got.Latency.P50 <= 0 || got.Latency.P50 > got.Latency.Max) {
		t.Errorf("latency: %+v of %d", got.Latency, got.Delivered)
	}
	var ofKinds uint64
	for _, k := range r.Kinds {
		ofKinds += k.Expected
	}
	if ofKinds != got.Expected {
		t.Errorf("kinds expect %d, all of them %d", ofKinds, got.Expected)
	}
	if r.Joins.In != 10 || r.Joins.Failed != 0 || r.Joins.First.Count != 10 || got.Delivered == 0 {
		return fmt.Sprintf("%d packets are delivered, joins: %+v", got.Delivered, r.Joins)
	}
	return everybodyExpects(r, 4, "audio", "video", "screen")
}

// everybodyExpects checks that all packets are expected by so many others. Of pictures it may
// be less: a keyframe that was asked for in the warm-up may have come late.
func everybodyExpects(r *load.Report, others int, kinds ...string) (wrong string) {
	for _, kind := range kinds {
		want, got := r.Sent[kind].Packets*uint64(others), r.Kinds[kind].Expected
		if want == 0 || got == 0 || got > want || got < want && kind == "audio" {
			return fmt.Sprintf("%d packets of %s are expected, want %d", got, kind, want)
		}
	}
	return ""
}

func TestLoadOfANode(t *testing.T) {
	n := startNode(t, t.TempDir()+"/data", "FEATURE_BUSY_KBIT_BUDGET=64000", "PARLEY_TELEMETRY_ADDR=127.0.0.1:0", unhurried) // the machine may be
	both := []string{"--url=" + ws(n.HTTP), "--url=" + n.WebTransport}
	watched := []string{fmt.Sprint("--pid=", n.cmd.Process.Pid), "--metrics=" + n.HTTP + "/metrics"}

	t.Run("over long-lived streams", func(t *testing.T) {
		runUntil(t, func(r *load.Report) string {
			if r.Server != nil {
				t.Error("nobody said who the server is")
			}
			return accountsForEveryPacket(t, r)
		}, append(append(both, "--framing=stream"), twoRooms...)...)
	})

	// Who asks for one layer gets that one alone, and publishers stop making what nobody watches.
	t.Run("in layers", func(t *testing.T) {
		runUntil(t, func(r *load.Report) string {
			if got := r.Received["healthy"]; got.Unwanted != 0 || got.Delivered == 0 {
				return fmt.Sprintf("%+v", got)
			}
			if mbit := float64(r.Sent["video"].Bytes) * 8e-6 / r.Seconds / 3; mbit > .3 {
				return fmt.Sprintf("cameras send %.2f Mbit/s where a sixteenth of 0.9 is wanted", mbit)
			}
			return everybodyExpects(r, 3, "audio", "video")
		}, append(both, "--duration=1s", "--drain=5s", "--publishers=3", "--viewers=1", "--video=900", "--layers=3", "--watch-layer=0")...)
	})

	// People who lose their connections come back, and what they missed meanwhile is nobody's loss.
	t.Run("with storms", func(t *testing.T) {
		runUntil(t, func(r *load.Report) string {
			got := r.Received["healthy"]
			if got.Delivered+got.Lost != got.Expected || got.Duplicated != 0 {
				t.Errorf("accounts: %+v", got)
			}
			if r.Received["slow"].Participants != 1 || got.Participants != 5 {
				t.Errorf("slow: %+v", r.Received["slow"])
			}
			if got.Delivered == 0 || r.Joins.Again.Count < 6 || r.Joins.In != 6 {
				return fmt.Sprintf("%d packets are delivered, joins: %+v", got.Delivered, r.Joins)
			}
			return ""
		}, append(both, "--duration=2s", "--drain=5s",
			"--publishers=2", "--viewers=4", "--storm-every=1500ms", "--storm-share=1", "--video=300", "--slow=0.25")...)
	})

	// Floods are counted on both sides, and people get in and hear each other meanwhile.
	t.Run("with floods", func(t *testing.T) {
		comesTrue(t, func(warmUp time.Duration) string {
			var r flood.Report
			loadInto(t, &r, append(append(append([]string{"flood", "--warm-up=" + warmUp.String()}, both...), watched...), "--nice=19",
				"--sessions=2", "--rate=20000", "--frame-size=1000000", "--uploads=20", "--handshakes=30", "--connects=4", "--nodes=8", "--telemetry="+n.Telemetry,
				"--duration=1s", "--settle=0s", "--publishers=1", "--viewers=2", "--visits=5")...)
			return floodedOnce(t, &r)
		})
	})

	// Who stops reading misses what others get.
	t.Run("with receivers that are stuck", func(t *testing.T) {
		runUntil(t, func(r *load.Report) string {
			if s := r.Server; s == nil || s.Error != "" || s.Goroutines == 0 {
				t.Errorf("server: %+v", s)
			}
			stuck, others := r.Received["stalled"], r.Received["healthy"]
			if stuck.Participants != 2 || stuck.Lost < stuck.Expected/2 || others.Delivered < 2*stuck.Delivered || others.Delivered == 0 {
				return fmt.Sprintf("stalled: %+v, others: %+v", stuck, others)
			}
			return ""
		}, append(watched[:1], "--url="+ws(n.HTTP), "--duration=2s", "--publishers=1", "--viewers=4", "--steady-rate=200", "--steady-size=20000", "--stalled=0.5")...)
	})

	// What the network loses is sent again.
	t.Run("with receivers whose network loses packets", func(t *testing.T) {
		runUntil(t, func(r *load.Report) string {
			bad, others := r.Received["lossy"], r.Received["healthy"]
			if sound, pictures := bad.Kinds["audio"], bad.Kinds["video"]; sound.Expected+pictures.Expected != bad.Expected {
				t.Errorf("of the %d that they expect %d are sound and %d pictures", bad.Expected, sound.Expected, pictures.Expected)
			}
			if bad.Participants != 2 || bad.Kinds["audio"].Delivered == 0 || others.Delivered == 0 {
				return fmt.Sprintf("lossy: %+v, others: %+v", bad, others)
			}
			return ""
		}, append(both, "--duration=1s", "--publishers=1", "--viewers=4", "--lossy=0.5", "--loss=0.1")...)
	})
	if err := n.stop(); err != nil {
		t.Error(err)
	}
}

// While the server is calm another one is flooded, and nothing of that gets to the first.
func TestFloodElsewhere(t *testing.T) {
	comesTrue(t, func(warmUp time.Duration) string {
		var r flood.Report
		loadInto(t, &r, "flood", "packets", "--self", "--elsewhere", "--nice=19", "--warm-up="+warmUp.String(), "--sessions=2", "--rate=20000",
			"--duration=1s", "--settle=0s", "--publishers=1", "--viewers=1", "--visits=5")
		round := r.Rounds[0]
		if len(round.Elsewhere) != 1 || round.Elsewhere[0].Kind != flood.Packets {
			t.Fatalf("elsewhere: %+v", round.Elsewhere)
		}
		calm, flooded := dropped(round.Server.CalmCounts), dropped(round.Server.Counts)
		if calm > 0 || len(round.Server.CalmCounts) == 0 || round.Server.Error != "" {
			t.Errorf("where it is calm %v packets are dropped of those of a flood: %+v", calm, round.Server)
		}
		if people := round.Calm; round.Elsewhere[0].Packets == 0 || flooded == 0 || people.Joins.Visits.Count == 0 || people.Received["healthy"].Delivered == 0 {
			return fmt.Sprintf("%v are dropped, elsewhere: %+v, people: %+v", flooded, round.Elsewhere, people.Joins)
		}
		return ""
	})
}

// dropped adds up what a server counted of the packets that it dropped as those of a flood.
func dropped(counts map[string]float64) (all float64) {
	for name, n := range counts {
		if strings.Contains(name, `packets_dropped_total{cause="flooding"`) {
			all += n
		}
	}
	return all
}

// floodedOnce checks the report of one round with all kinds of floods.
func floodedOnce(t *testing.T, r *flood.Report) (wrong string) {
	t.Helper()
	round := r.Rounds[0]
	if s := round.Server; len(round.Flood) != 14 || s.RSSBefore == 0 || s.RSSMost < s.RSSBefore || s.RSSAfter == 0 || s.Error != "" {
		t.Errorf("%d ways, server: %+v", len(round.Flood), s)
	}
	for _, f := range round.Flood {
		if f.Most > f.Wanted {
			t.Errorf("%+v", f)
		}
		if f.Most == 0 || f.Begun < uint64(f.Wanted) || len(f.Refused) > 0 {
			return fmt.Sprintf("%+v", f)
		}
	}
	for _, people := range []*load.Report{round.Calm, round.Flooded} {
		if people.Joins.Failed != 0 || people.Joins.Visits.Count == 0 || people.Received["healthy"].Delivered == 0 {
			return fmt.Sprintf("%+v", people.Joins)
		}
	}
	if lost := dropped(round.Server.Counts); lost == 0 || r.Ratios.JoinP99 <= 0 || r.Ratios.MediaP99 <= 0 {
		return fmt.Sprintf("%v are dropped, %+v", lost, r.Ratios)
	}
	return ""
}

// A managed meeting is opened and joined by the REST API; a secret does without.
func TestLoadGetsIn(t *testing.T) {
	const secret = "the-secret-of-a-node-under-load!!"
	n := startNode(t, t.TempDir()+"/data", "FEATURE_PATH_ENDPOINTS=off", "JWT_SECRET="+secret, unhurried)
	for what, args := range map[string][]string{
		"by secret":         {"--jwt-secret=" + secret},
		"by API, by name":   {"--api=" + n.HTTP},
		"by API and secret": {"--api=" + n.HTTP, "--jwt-secret=" + secret},
	} {
		runUntil(t, func(r *load.Report) string {
			if got := r.Received["healthy"]; r.Joins.In != 3 || got.Delivered == 0 {
				return fmt.Sprintf("%s: %+v, %+v", what, r.Joins, got)
			}
			return everybodyExpects(r, 2, "audio", "video")
		}, append(args, "--url="+ws(n.HTTP), "--duration=500ms", "--publishers=1", "--viewers=2")...)
	}
	cmd := parley([]string{"load", "--quiet", "--ramp=0s", "--warm-up=1s", "--url=" + ws(n.HTTP)})
	out, err := cmd.CombinedOutput()
	if err == nil || !bytes.Contains(out, []byte("nobody got in")) || !bytes.Contains(out, []byte("refused with status 410")) {
		t.Errorf("without a token: %v\n%s", err, out)
	}
	if err := n.stop(); err != nil {
		t.Error(err)
	}
}

func TestLoadSaysAllMistakes(t *testing.T) {
	var out, errs bytes.Buffer
	status := run([]string{"load", "--url=ftp://x", "--talk=2", "--duration=0s"}, os.Getenv, &out, &errs)
	for _, want := range []string{"ftp://x", "talk is a share", "nothing to measure"} {
		if status != 2 || !bytes.Contains(errs.Bytes(), []byte(want)) {
			t.Errorf("status %d, %s lacks %q", status, errs.Bytes(), want)
		}
	}
	for want, args := range map[string][]string{
		"Try: parley load call --help":                {"call", "--duration=0s"},
		"parley: load flood: no server: give a URL, ": {"flood"},
		"or start one\nTry: parley load flood --help": {"flood"}, // once
		"connects needs WebTransport":                 {"flood", "connects", "--self"},
		"--elsewhere starts a second node":            {"flood", "--elsewhere", "--url=ws://127.0.0.1:1"},
		"to compare --same-room with":                 {"flood", "--elsewhere", "--self", "--same-room"},
		`"there" is no host and port`:                 {"telemetry", "--addr=there"},
		"there is no process 1073741824":              {"--url=ws://127.0.0.1:1", "--pid=1073741824"},
		"look at the server: there is no process":     {"telemetry", "--addr=127.0.0.1:1", "--pid=1073741824"},
		"no node got in":                              {"telemetry", "--addr=127.0.0.1:0", "--duration=100ms", "--nodes=1"},
	} {
		errs.Reset()
		if status := run(append([]string{"load"}, args...), os.Getenv, &out, &errs); status == 0 || !bytes.Contains(errs.Bytes(), []byte(want)) {
			t.Errorf("%v: status %d, %s lacks %q", args, status, errs.Bytes(), want)
		}
	}
	errs.Reset()
	if status := run([]string{"load", "--self", "--metrics=http://x"}, os.Getenv, &out, &errs); status != 2 || !bytes.Contains(errs.Bytes(), []byte("name another")) {
		t.Errorf("status %d, %s", status, errs.Bytes())
	}
}
