package management

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// MaxRoom is the longest id of a meeting, in bytes; the column holds as many.
	MaxRoom = 255
	// MaxAttendees is the longest list of attendees.
	MaxAttendees = 100
	// MaxDisplayName is the longest name of a participant, in characters.
	MaxDisplayName = 50
	// MaxPassword is the longest password, in bytes: hashing reads all of it.
	MaxPassword = 128
	// MaxUser is the longest identity, in bytes; the column holds as many.
	MaxUser = 255
)

var roomPattern = regexp.MustCompile(`^[a-zA-Z0-9_-]+$`)

func checkRoom(room string) error {
	switch {
	case room == "":
		return refuse(InvalidMeetingID, "Invalid meeting ID: it must not be empty")
	case len(room) > MaxRoom:
		return refuse(InvalidMeetingID, "Invalid meeting ID: %d characters at most, these are %d", MaxRoom, len(room))
	case !roomPattern.MatchString(room):
		return refuse(InvalidMeetingID, "Invalid meeting ID: only letters, digits, _ and - are possible")
	}
	return nil
}

func checkAttendees(list []string) ([]string, error) {
	if len(list) > MaxAttendees {
		return nil, refuse(TooManyAttendees, "Too many attendees: %d provided, maximum is %d", len(list), MaxAttendees)
	}
	clean := make([]string, 0, len(list))
	for _, who := range list {
		who = strings.TrimSpace(who)
		if err := checkUser("attendees", who); err != nil {
			return nil, err
		}
		clean = append(clean, who)
	}
	return clean, nil
}

func checkUser(field, user string) error {
	switch {
	case user == "":
		return invalid(field, "%s must not be empty", field)
	case len(user) > MaxUser:
		return invalid(field, "%s has more than %d bytes", field, MaxUser)
	case !utf8.ValidString(user) || strings.ContainsRune(user, 0):
		return invalid(field, "%s is not a text", field)
	}
	return nil
}

func checkPassword(password string) error {
	if len(password) > MaxPassword {
		return invalid("password", "A password has at most %d bytes", MaxPassword)
	}
	return nil
}

// CleanName makes a display name of what people type: no control or format characters that
// could pretend to be another name, single spaces, at most [MaxDisplayName] characters. ""
// stays "".
func CleanName(name string) (string, error) {
	if !utf8.ValidString(name) {
		return "", invalid("display_name", "A display name is text")
	}
	words := strings.Fields(strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r) || unicode.Is(unicode.Cf, r) && r != '\u200d': // emoji join with that
			return -1
		}
		return r
	}, name))
	name = strings.Join(words, " ")
	if utf8.RuneCountInString(name) > MaxDisplayName {
		return "", invalid("display_name", "A display name has at most %d characters", MaxDisplayName)
	}
	return name, nil
}
