package rest

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"

	"parley/api/media"
	"parley/api/token"
)

// usualRooms and mostRooms bound one page of live rooms.
const (
	usualRooms = 100
	mostRooms  = 500
)

// roomsResult is who is in a call right now, on all nodes; the fullest rooms come first.
type roomsResult struct {
	Rooms        []liveRoom `json:"rooms"`
	Total        int        `json:"total"`        // rooms, on all pages
	Participants int        `json:"participants"` // connections, on all pages
	Limit        int        `json:"limit"`
	Offset       int        `json:"offset"`
}

// liveRoom is a room in which somebody is.
type liveRoom struct {
	Meeting      string            `json:"meeting_id"`
	Participants []liveParticipant `json:"participants"` // the first to come first
}

// liveParticipant is one connection; somebody with two tabs has two.
type liveParticipant struct {
	Session     string          `json:"session_id"` // decimal; too large for a number in JavaScript
	User        string          `json:"user_id"`
	DisplayName string          `json:"display_name"`
	Host        bool            `json:"is_host"`
	Guest       bool            `json:"is_guest"`
	Away        bool            `json:"away"` // the connection is lost, but may come back
	Node        string          `json:"node_id"`
	Transport   media.Transport `json:"transport"`
	Joined      int64           `json:"joined_at"` // Unix seconds
}

func (a *API) liveRooms(_ http.ResponseWriter, r *http.Request, _ token.Session) (any, error) {
	s, err := sliceOf(r.URL.Query(), usualRooms, mostRooms)
	if err != nil {
		return nil, err
	}
	members := a.Admin.Members(r.Context())
	slices.SortFunc(members, func(a, b media.Member) int {
		return cmp.Or(cmp.Compare(a.Room, b.Room), a.Joined.Compare(b.Joined), cmp.Compare(a.Session, b.Session))
	})
	rooms := []liveRoom{}
	for i, m := range members {
		if i == 0 || m.Room != members[i-1].Room {
			rooms = append(rooms, liveRoom{Meeting: string(m.Room)})
		}
		room := &rooms[len(rooms)-1]
		room.Participants = append(room.Participants, liveParticipant{
			Session: strconv.FormatUint(uint64(m.Session), 10), User: m.User, DisplayName: m.DisplayName,
			Host: m.Host, Guest: m.Guest, Away: m.Away, Node: string(m.Node), Transport: m.Transport, Joined: m.Joined.Unix(),
		})
	}
	slices.SortStableFunc(rooms, func(a, b liveRoom) int { return cmp.Compare(len(b.Participants), len(a.Participants)) })
	return roomsResult{cut(rooms, s), len(rooms), len(members), s.limit, s.offset}, nil
}
