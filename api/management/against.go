package management

import (
	"context"
	"errors"
	"time"
)

// Connected is somebody with a connection.
type Connected struct {
	Room     string
	User     string
	Observer bool
	Since    time.Time // when their token was issued
}

// Looked is what is on record of somebody in a room.
type Looked struct {
	Meeting     *Meeting     // nil when there is none
	Participant *Participant // nil when there is no row
	Deleted     time.Time    // when the room last lost a meeting; zero is never
}

// lookMost is how many are looked at in one query.
const lookMost = 500

// Against returns why some of all may not be connected any more, by their index: what
// [Meetings.Entrant] would say of each of them, but for thousands in few queries.
func (m *Meetings) Against(ctx context.Context, all []Connected) (map[int]*Refusal, error) {
	refused := make(map[int]*Refusal)
	for begin := 0; begin < len(all); begin += lookMost {
		some := all[begin:min(begin+lookMost, len(all))]
		rooms, users := make([]string, len(some)), make([]string, len(some))
		for i, c := range some {
			rooms[i], users[i] = c.Room, c.User
		}
		seen, err := m.store.LookAll(ctx, rooms, users)
		if err != nil {
			return nil, err
		}
		for i := range seen {
			if r, ok := errors.AsType[*Refusal](seen[i].verdict(&some[i])); ok {
				refused[begin+i] = r
			}
		}
	}
	return refused, nil
}

func (l *Looked) verdict(c *Connected) error {
	if l.Meeting != nil {
		return entry(*l.Meeting, l.Participant, c.Observer, now())
	}
	if l.Deleted.After(c.Since) {
		return notActive(c.Room)
	}
	return nil
}
