package management

import (
	"context"
	"sync"
)

// watchers are those who want to know when one of their meetings changes.
type watchers struct {
	mu  sync.Mutex
	all map[*watcher]struct{}
}

type watcher struct {
	user  string
	admin bool
	news  chan string
}

// newsBacklog is how many changes wait for somebody who is slow; with more, the oldest are
// forgotten, for whoever looks at their list sees all of them anyway.
const newsBacklog = 16

// Watch returns a channel of room names whose meeting changed in the caller's lists, until
// the returned function is called. Admins hear of all.
func (m *Meetings) Watch(by Caller) (news <-chan string, stop func()) {
	w := &watcher{by.User, by.Admin, make(chan string, newsBacklog)}
	m.watchers.mu.Lock()
	defer m.watchers.mu.Unlock()
	if m.watchers.all == nil {
		m.watchers.all = map[*watcher]struct{}{}
	}
	m.watchers.all[w] = struct{}{}
	return w.news, func() {
		m.watchers.mu.Lock()
		defer m.watchers.mu.Unlock()
		delete(m.watchers.all, w)
	}
}

// Stale says that lists with the meeting of room have to be read again; [Rooms].Changed
// leads here on every node. Without watchers it does nothing.
func (m *Meetings) Stale(ctx context.Context, room string) {
	m.watchers.mu.Lock()
	idle := len(m.watchers.all) == 0
	m.watchers.mu.Unlock()
	if idle {
		return
	}
	related, err := m.store.Related(ctx, room)
	if err != nil {
		m.log.Warn("tell of a changed meeting", "room", room, "err", err)
		return
	}
	users := make(map[string]bool, len(related))
	for _, user := range related {
		users[user] = true
	}
	m.watchers.mu.Lock()
	defer m.watchers.mu.Unlock()
	for w := range m.watchers.all {
		if w.admin || users[w.user] {
			w.tell(room)
		}
	}
}

// tell never blocks: only one goroutine sends at a time, under the lock of watchers.
func (w *watcher) tell(room string) {
	for {
		select {
		case w.news <- room:
			return
		default:
		}
		select {
		case <-w.news:
		default:
		}
	}
}

func (m *Meetings) changed(ctx context.Context, room string) {
	if err := m.rooms.Changed(context.WithoutCancel(ctx), room); err != nil {
		m.log.Warn("tell of a changed meeting", "room", room, "err", err)
	}
}
