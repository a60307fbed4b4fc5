package wire_test

import (
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	_ "parley/protobuf/health/v1" // registers the messages of the vectors
)

var update = flag.Bool("update", false, "rewrite the bytes of the golden packets")

const vectorFile = "testdata/packets.txtar"

// vector is one golden packet.
type vector struct {
	name    string
	message proto.Message
	bytes   []byte
}

// vectors reads the golden packets, or with -update writes their bytes first.
func vectors(t testing.TB) []vector {
	t.Helper()
	archive, err := txtar.ParseFile(vectorFile)
	if err != nil {
		t.Fatal(err)
	}
	var list []vector
	for i := 0; i+2 < len(archive.Files); i += 3 {
		name := strings.TrimSuffix(archive.Files[i].Name, "/type")
		v := vector{name: name, message: fromJSON(t, strings.TrimSpace(string(archive.Files[i].Data)), archive.Files[i+1].Data)}
		if *update {
			archive.Files[i+2].Data = []byte(hex.EncodeToString(marshal(t, v.message)) + "\n")
		}
		v.bytes, err = hex.DecodeString(strings.TrimSpace(string(archive.Files[i+2].Data)))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		list = append(list, v)
	}
	if *update {
		if err := os.WriteFile(vectorFile, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if len(list) == 0 {
		t.Fatal("no golden packets")
	}
	return list
}

// fromJSON builds a message of the named type; "$data" becomes its serialized data field.
func fromJSON(t testing.TB, name string, text []byte) proto.Message {
	t.Helper()
	var content map[string]json.RawMessage
	if err := json.Unmarshal(text, &content); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	if inner, ok := content["$data"]; ok {
		var typed map[string]json.RawMessage
		var of string
		if json.Unmarshal(inner, &typed) != nil || json.Unmarshal(typed["@type"], &of) != nil {
			t.Fatalf("%s: $data has no @type", text)
		}
		delete(typed, "@type")
		plain, _ := json.Marshal(typed)
		data, _ := json.Marshal(marshal(t, fromJSON(t, of, plain)))
		delete(content, "$data")
		content["data"] = data
	}
	plain, _ := json.Marshal(content)
	kind, err := protoregistry.GlobalTypes.FindMessageByName(protoreflect.FullName(name))
	if err != nil {
		t.Fatal(err)
	}
	m := kind.New().Interface()
	if err := protojson.Unmarshal(plain, m); err != nil {
		t.Fatalf("%s: %v", plain, err)
	}
	return m
}

func marshal(t testing.TB, m proto.Message) []byte {
	t.Helper()
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
