package flags

import "time"

// Order is what an admin wants changed.
type Order struct {
	Flag   string
	Room   string  // "" is everyone
	Value  *string // nil takes back what was set
	By     string  // who orders it
	Reason string  // for people, may be ""
}

// Change is one entry of the record of who changed what.
type Change struct {
	Revision int64     `json:"revision"` // 1 is the first change ever; the next is greater by one
	At       time.Time `json:"at"`
	By       string    `json:"by"`
	Flag     string    `json:"flag"`
	Room     string    `json:"room,omitempty"` // "" is everyone
	Before   *string   `json:"before"`         // nil: nothing was set
	After    *string   `json:"after"`          // nil: what was set is taken back
	Reason   string    `json:"reason"`
}

// Log is a part of the record, the newest change first.
type Log struct {
	Changes []Change `json:"changes"`
	Total   int      `json:"total"` // without limit and offset
}
