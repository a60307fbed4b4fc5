package calls_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	healthv1 "parley/protobuf/health/v1"
)

// elsewhere are the fields of reports that leave no trace, because the connection knows them
// better, or because they name people.
var elsewhere = []string{"session_id", "meeting_id", "reporting_user_id", "display_name"}

// TestEveryFieldOfReportsLeavesATrace sends one report for each field that there is, which has
// only that set, after one that has nothing.
func TestEveryFieldOfReportsLeavesATrace(t *testing.T) { synctest.Test(t, everyFieldLeavesATrace) }

// The clock stands still, so its connections, which no hub has, are not taken for gone.
func everyFieldLeavesATrace(t *testing.T) {
	w := newWorld(t)
	w.Connected(stats(1, "ada"))
	w.Connected(stats(2, "bob"))
	empty := func() *healthv1.HealthPacket {
		return &healthv1.HealthPacket{SessionId: "2", SendQueueBytes: proto.Uint64(0), PeerStats: map[string]*healthv1.PeerStats{"1": {AudioEnabled: true, VideoEnabled: true, VideoStats: &healthv1.VideoStats{}, NeteqStats: &healthv1.NetEqStats{}}}}
	}
	said := func(p *healthv1.HealthPacket) string {
		report(t, w, p)
		if err := w.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.page.mu.Lock()
		defer w.page.mu.Unlock()
		var all []string
		for _, l := range w.page.lines {
			if l.name == "ServerStatus" { // the node says how it is at any time
				continue
			}
			delete(l.fields, "interval_ms")
			delete(l.fields, "last_id")
			all = append(all, fmt.Sprint(l.name, l.fields))
		}
		w.page.lines = nil
		return strings.Join(all, "\n")
	}
	said(empty())
	count := 0
	for _, path := range leaves((&healthv1.HealthPacket{}).ProtoReflect().Descriptor(), nil, nil) {
		name := string(path[len(path)-1].Name())
		if len(path) == 1 && slices.Contains(elsewhere, name) {
			continue
		}
		count++
		said(empty())
		nothing := said(empty())
		p := empty()
		set(p.ProtoReflect(), path)
		if got := said(p); got == nothing {
			t.Errorf("%v leaves no trace", path)
		}
	}
	if count < 140 {
		t.Errorf("only %d fields", count)
	}
}

// leaves returns the paths to all fields that are no messages.
func leaves(d protoreflect.MessageDescriptor, path []protoreflect.FieldDescriptor, all [][]protoreflect.FieldDescriptor) [][]protoreflect.FieldDescriptor {
	for i := range d.Fields().Len() {
		f := d.Fields().Get(i)
		at := append(slices.Clone(path), f)
		switch {
		case f.IsMap() && f.MapValue().Message() != nil:
			all = leaves(f.MapValue().Message(), at, all)
		case !f.IsMap() && f.Message() != nil:
			all = leaves(f.Message(), at, all)
		default:
			all = append(all, at)
		}
	}
	return all
}

// set gives the field at the end of path a value that is not what it is without.
func set(m protoreflect.Message, path []protoreflect.FieldDescriptor) {
	f := path[0]
	switch {
	case f.IsMap():
		values, key := m.Mutable(f).Map(), protoreflect.ValueOfString("1").MapKey()
		if f.MapValue().Message() == nil {
			values.Set(key, protoreflect.ValueOfUint32(1))
			return
		}
		set(values.Mutable(key).Message(), path[1:])
	case f.IsList() && f.Message() != nil:
		set(m.Mutable(f).List().AppendMutable().Message(), path[1:])
	case f.IsList():
		m.Mutable(f).List().Append(other(f, protoreflect.Value{}))
	case f.Message() != nil:
		set(m.Mutable(f).Message(), path[1:])
	default:
		m.Set(f, other(f, m.Get(f)))
	}
}

func other(f protoreflect.FieldDescriptor, is protoreflect.Value) protoreflect.Value {
	switch f.Kind() {
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(!is.IsValid() || !is.Bool())
	case protoreflect.DoubleKind:
		return protoreflect.ValueOfFloat64(7)
	case protoreflect.Uint32Kind:
		return protoreflect.ValueOfUint32(7)
	case protoreflect.Uint64Kind:
		return protoreflect.ValueOfUint64(7)
	case protoreflect.EnumKind:
		return protoreflect.ValueOfEnum(2)
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes([]byte("x"))
	default:
		if f.Name() == "active_server_url" {
			return protoreflect.ValueOfString("https://Example.org:4433/lobby?token=secret")
		}
		if f.Name() == "active_server_type" {
			return protoreflect.ValueOfString("webtransport")
		}
		return protoreflect.ValueOfString("x")
	}
}

func TestReportsTellNoSecrets(t *testing.T) {
	w := newWorld(t)
	w.Connected(stats(2, "bob"))
	report(t, w, &healthv1.HealthPacket{
		SessionId: "2", DisplayName: proto.String("Robert"), ActiveServerUrl: "wss://Example.org/lobby/bob/room?token=secret",
		ClientOs: proto.String(strings.Repeat("x", 100)),
	})
	if l := w.last(t, "ClientChanged"); l.fields["address"] != "wss://example.org" || len(l.fields["os"].(string)) != 64 {
		t.Errorf("%+v", l.fields)
	}
	report(t, w, &healthv1.HealthPacket{SessionId: "2", ActiveServerUrl: "wss://example.org/other"})
	w.last(t, "HealthSample")
	for _, l := range w.page.lines {
		if text := fmt.Sprint(l.fields); strings.Contains(text, "secret") || strings.Contains(text, "Robert") {
			t.Error(text)
		}
	}
}

func TestTotalsOfClientsAreToldAsTheyGrow(t *testing.T) {
	w := newWorld(t)
	w.Connected(stats(2, "bob"))
	for _, drops := range []uint64{5, 5, 12} { // the first may be of an earlier call
		report(t, w, &healthv1.HealthPacket{SessionId: "2", DatagramDropsTotal: &drops})
	}
	if got := strings.Count(w.names(t), "ClientCounted"); got != 1 {
		t.Errorf("told %d times", got)
	}
	if l := w.last(t, "ClientCounted"); l.fields["what"] != "datagram_drops" || l.fields["count"] != 7.0 {
		t.Errorf("%+v", l.fields)
	}
}
