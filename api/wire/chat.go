package wire

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"

	callv1 "parley/protobuf/call/v1"
)

const (
	// MaxLine is the longest line of chat, in characters.
	MaxLine = 2_000
	// MaxChat is the largest ChatMessage that is read, in bytes: a line of four-byte characters
	// and what goes with it.
	MaxChat = 4*MaxLine + 512
	// maxRef is the longest ref of a line, in bytes.
	maxRef = 64
)

// ReadChat returns the line that a client wants to say, cleaned: text without white space
// around it and without what is not for people to see. false means that it cannot be said; its
// ref is right if it has one.
func ReadChat(data []byte) (line *callv1.ChatMessage, ok bool) {
	var m callv1.ChatMessage
	if len(data) > MaxChat || proto.Unmarshal(data, &m) != nil || m.Ref == "" || len(m.Ref) > maxRef {
		return &callv1.ChatMessage{}, false
	}
	text := strings.TrimSpace(strings.Map(visible, m.Text))
	if n := utf8.RuneCountInString(text); n == 0 || n > MaxLine {
		return &callv1.ChatMessage{Ref: m.Ref}, false
	}
	return &callv1.ChatMessage{Ref: m.Ref, Text: text}, true
}

// visible drops control characters but line breaks and tabs, and what turns text around.
func visible(r rune) rune {
	switch {
	case r == '\n' || r == '\t':
		return r
	case unicode.IsControl(r), r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069:
		return -1
	}
	return r
}

// ChatLine returns the packet of a line that session of user said.
func ChatLine(user string, session uint64, line *callv1.ChatMessage) []byte {
	return encode(&callv1.PacketWrapper{
		PacketType: callv1.PacketWrapper_CHAT, UserId: []byte(user), SessionId: session, Data: encode(line),
	})
}

// ChatRefused tells the sender of the line ref why nobody reads it.
func ChatRefused(ref string, why callv1.ChatMessage_Refusal) []byte {
	return ChatLine(SystemUser, 0, &callv1.ChatMessage{Ref: ref, Refusal: why})
}
