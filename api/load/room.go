package load

import "context"

// room is a room of the server as it is known here.
type room struct {
	run     *run
	name    string
	members []*participant
	streams []*stream

	tried  chan struct{} // closed when the first member has been let in or refused
	answer func()        // closes it

	// Guarded by run.mu.
	opened  bool  // the first member has been in
	refusal error // why it was not at its last attempt
}

// opens notes how the first member fared, for whom the others wait.
func (m *room) opens(refusal error) {
	m.run.mu.Lock()
	m.opened, m.refusal = m.opened || refusal == nil, refusal
	m.run.mu.Unlock()
	m.answer()
}

// open waits until the first member has been in, or fails as that did.
func (m *room) open(ctx context.Context) error {
	select {
	case <-m.tried:
	case <-ctx.Done():
		return ctx.Err()
	}
	m.run.mu.Lock()
	defer m.run.mu.Unlock()
	if m.opened {
		return nil
	}
	return m.refusal
}
