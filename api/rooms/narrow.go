package rooms

import (
	"time"

	"parley/api/media"
)

// A client on a narrow path gets what is sent one after the other: sound that comes while a large
// picture is on its way waits until that is there. So it is sent little at a time, and no pictures
// that would hold up sound for long. To ask for keyframes all the time would not help it, and make
// the others pay.

const (
	// batchTime is how long a batch may be on its way to a client that is behind, and batchLeast what it
	// may have in any case, in bytes.
	batchTime  = 100 * time.Millisecond
	batchLeast = 6 << 10

	// pictureTime is how long a picture may hold up sound.
	pictureTime = 400 * time.Millisecond

	// narrowPause is the time until another keyframe is asked for instead of one that was too large.
	narrowPause = 2 * time.Second
)

// gauged makes q send no more at a time than a client takes soon. Where the node is busy nobody takes what
// they could, and small batches would cost what it does not have. It is called before the first Push.
func (q *Queue) gauged(c media.GaugedConn, busy func() bool) { q.rate, q.busy = c.Rate, busy }

// isWide reports whether nobody need care how fast the client is; q.mu is held. It asks what no cache holds but
// right after a write.
func (q *Queue) isWide() bool { return q.rate == nil || q.rate() == 0 }

// takes returns how much the client takes in that time, in bytes, and most where it is not known to be
// less or does not matter.
func (q *Queue) takes(long time.Duration, most int) int {
	if q.rate == nil {
		return most
	}
	if r := q.rate(); r > 0 && !q.busy() {
		return min(int(float64(r)*long.Seconds()), most)
	}
	return most
}

// batchMost ends a batch of what waits, in bytes; q.mu is held.
func (q *Queue) batchMost() int {
	if q.wide {
		return batchBytes
	}
	return max(q.takes(batchTime, batchBytes), batchLeast)
}

// isTooLarge reports whether f, a picture, would hold up sound; q.mu is held.
func (q *Queue) isTooLarge(f *media.Frame) bool {
	const any = 1 << 30
	return q.heard && !q.wide && len(f.Wire) > q.takes(pictureTime, any)
}
