package media

// PopReady empties what is ready without waiting.
func (q *Queue) PopReady(batch []*Frame) ([]*Frame, error) { return q.popReady(batch) }

// AskAgain is how long a queue waits for a keyframe it asked for.
const AskAgain = askAgain
