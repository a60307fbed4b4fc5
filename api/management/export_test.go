package management

import (
	"context"
	"time"
)

// Entry is the decision of [Meetings.Entrant] alone.
func (m *Meetings) Entry(ctx context.Context, room, user string, observer bool, issued time.Time) error {
	_, err := m.Entrant(ctx, room, user, observer, issued)
	return err
}
