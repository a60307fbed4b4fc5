package rest

import (
	"net/http"
	"time"

	"parley/api/token"
)

// maxDisplayName is the longest name in a meeting, in bytes; the database column holds as many.
const maxDisplayName = 255

// participant is the state of a person in a meeting. Times are Unix seconds.
type participant struct {
	User        string `json:"user_id"`
	DisplayName string `json:"display_name,omitempty"`
	Status      string `json:"status"`
	Host        bool   `json:"is_host"`
	Joined      int64  `json:"joined_at"`
	Admitted    int64  `json:"admitted_at,omitempty"`
	RoomToken   string `json:"room_token,omitempty"`
}

// join lets the caller into a meeting. Whoever comes first, or created it, is its host.
func (a *API) join(w http.ResponseWriter, r *http.Request) (any, error) {
	s, err := a.session(r)
	if err != nil {
		return nil, err
	}
	var body struct {
		DisplayName string `json:"display_name"`
	}
	if err := readJSON(w, r, &body, true); err != nil {
		return nil, err
	}
	room := r.PathValue("id")
	if !token.ValidRoom(room) {
		return nil, invalidMeetingID("1 to 255 letters, digits, _ and - are possible")
	}
	name := cleanName(body.DisplayName)
	if len(name) > maxDisplayName {
		return nil, &problem{http.StatusBadRequest, "INVALID_DISPLAY_NAME", "A display name has at most 255 bytes.", ""}
	}

	creator, open, err := a.Meetings.Creator(r.Context(), room)
	if err != nil {
		return nil, err
	}
	now := time.Now().Unix()
	p := participant{
		User: s.User, DisplayName: name, Status: "admitted", Host: !open || creator == s.User,
		Joined: now, Admitted: now,
	}
	shown := name
	if shown == "" {
		shown = s.User
	}
	p.RoomToken, err = a.Tokens.MintRoom(token.Room{
		User: s.User, Room: room, DisplayName: shown, Host: p.Host,
	}, a.TokenTTL)
	return p, err
}
