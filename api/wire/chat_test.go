package wire_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"

	"parley/api/wire"
	callv1 "parley/protobuf/call/v1"
)

func TestReadChat(t *testing.T) {
	for text, want := range map[string]string{
		" hello\tyou\n ":                  "hello\tyou",
		"a\x00b\x1b[31m\u202ec\u2069":     "ab[31mc",
		"\U0001F468\u200d\U0001F469":      "\U0001F468\u200d\U0001F469", // joined emoji stay
		strings.Repeat("é", wire.MaxLine): strings.Repeat("é", wire.MaxLine),
	} {
		data, err := proto.Marshal(&callv1.ChatMessage{Text: text, Ref: "r", SentAtMs: 7, EventNumber: 8, DisplayName: []byte("system"), Past: true})
		if err != nil {
			t.Fatal(err)
		}
		// Of what only the server says nothing is left.
		got, ok := wire.ReadChat(data)
		if want := (&callv1.ChatMessage{Text: want, Ref: "r"}); !ok || !proto.Equal(got, want) {
			t.Errorf("%q is read as %v, want %v", text, got, want)
		}
	}
}

func FuzzReadChat(f *testing.F) {
	for _, v := range vectors(f) {
		if w, ok := v.message.(*callv1.PacketWrapper); ok {
			f.Add(w.Data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		line, ok := wire.ReadChat(data)
		if n := utf8.RuneCountInString(line.Text); ok == (n == 0) || n > wire.MaxLine || !utf8.ValidString(line.Text) || ok && line.Ref == "" {
			t.Fatalf("%x: %v, %v", data, line, ok)
		}
		if again, ok2 := wire.ReadChat(marshal(t, line)); ok && (!ok2 || !proto.Equal(line, again)) {
			t.Fatalf("%v is read as %v", line, again)
		}
	})
}
