package meeting

import (
	"context"
	"time"
)

// write is an entry or an exit on its way to the store.
type write struct {
	Attendance
	at          time.Time
	exit        bool
	endWithHost bool // of an exit

	answered chan struct{} // closed when there is an answer, or none to be had soon
	settled  chan struct{} // closed when written or given up

	// Guarded by the mu of the backlog:
	running    bool
	isAnswered bool
	isSettled  bool
	started    Started // of an entry: a guess, then what the store says
	ended      Ended   // of an exit
}

// await blocks until there is an answer, at most for patience.
func (w *write) await(ctx context.Context, patience time.Duration) {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-w.answered:
	case <-timer.C:
	case <-ctx.Done():
	}
}

func (w *write) answer() {
	if !w.isAnswered {
		w.isAnswered = true
		close(w.answered)
	}
}

func (w *write) settle() {
	w.answer()
	w.isSettled = true
	close(w.settled)
}

// room is what this node knows of a room, and the writes that wait for it. It is guarded by
// the mu of the backlog.
type room struct {
	name     string
	sessions map[uint64]struct{} // those of this node
	meeting  Started             // At is zero while unknown
	pending  []*write            // in order; the first ones may be running
	singly   int                 // how many of those are tried one by one
	alone    bool                // they are not written together with those of other rooms
	busy     bool                // in one of the lists of the backlog, or being written
	parked   bool                // in the list of those whose last try failed
}

// guess returns what to tell an entering session without asking the store, and remembers it
// so that the next is told the same.
func (r *room) guess(w *write) Started {
	if r.meeting.At.IsZero() {
		r.meeting = Started{At: w.at, Creator: w.User, Guess: true}
	}
	guess := r.meeting
	guess.First = len(r.sessions) == 0
	return guess
}

// learn remembers what the store says of the meeting.
func (r *room) learn(w *write) {
	switch {
	case !w.exit:
		r.meeting = Started{At: w.started.At, Creator: w.started.Creator}
	case w.ended.Over:
		r.meeting = Started{}
	}
}
