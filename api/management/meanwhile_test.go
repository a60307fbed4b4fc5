package management_test

import (
	"context"
	"sync"
	"testing"

	"parley/api/management"
)

// meanwhile is a store in which something happens after it was first looked at.
type meanwhile struct {
	management.Store
	once sync.Once
	do   func()
}

func (m *meanwhile) Look(ctx context.Context, room, user string) (management.Meeting, *management.Participant, error) {
	meeting, p, err := m.Store.Look(ctx, room, user)
	m.once.Do(m.do)
	return meeting, p, err
}

func TestJoinSeesThePasswordThatIsSet(t *testing.T) {
	h := newHouse(t, management.Settings{WaitingRoom: open})
	set := func(room, password string) func() {
		return func() {
			if _, err := h.Change(t.Context(), caller("ada"), room, management.Patch{Password: &password}); err != nil {
				t.Error(err)
			}
		}
	}
	for _, c := range []struct {
		name                    string
		before, meanwhile, said string
		want                    management.Code
	}{
		{"set", "", "new", "", management.PasswordRequired},
		{"set and known", "", "new", "new", ""},
		{"another", "old", "new", "old", management.WrongPassword},
		{"another and known", "old", "new", "new", ""},
		{"taken away", "old", "", "old", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			room := "r-" + c.before + "-" + c.meanwhile + "-" + c.said
			h.ask("ada", room)
			set(room, c.before)()
			m := management.New(&meanwhile{Store: h.store, do: set(room, c.meanwhile)}, &recorder{}, management.Settings{WaitingRoom: open}, h.log)
			a, err := m.Join(t.Context(), caller("bob"), room, management.Request{Password: c.said})
			if c.want == "" && (err != nil || a.Status != management.Admitted) {
				t.Error(a, err)
			} else if c.want != "" {
				want(t, "bob", err, c.want)
			}
		})
	}
	t.Run("another meeting took the room", func(t *testing.T) {
		h.ask("ada", "again")
		m := management.New(&meanwhile{Store: h.store, do: func() {
			if err := h.Delete(t.Context(), caller("ada"), "again"); err != nil {
				t.Error(err)
			}
			if _, err := h.Create(t.Context(), caller("cyd"), management.Draft{Room: "again", Password: "p"}); err != nil {
				t.Error(err)
			}
			h.ask("cyd", "again")
		}}, &recorder{}, management.Settings{WaitingRoom: open}, h.log)
		_, err := m.Join(t.Context(), caller("bob"), "again", management.Request{})
		want(t, "bob", err, management.PasswordRequired)
	})
}
