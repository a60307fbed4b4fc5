package rooms

import (
	"parley/api/media"
)

// lane is a first-in-first-out list of frames that knows how many bytes it holds. The zero
// value is empty. It reuses its memory: a steady flow of frames does not allocate.
type lane struct {
	frames []*media.Frame // a ring
	head   int
	count  int
	bytes  int
}

func (l *lane) len() int { return l.count }

func (l *lane) push(f *media.Frame) {
	if l.count == len(l.frames) {
		l.grow()
	}
	l.frames[(l.head+l.count)&(len(l.frames)-1)] = f
	l.count++
	l.bytes += len(f.Wire)
}

// oldest returns the frame that pop would remove.
func (l *lane) oldest() *media.Frame { return l.frames[l.head] }

// pop removes the oldest frame of a lane that is not empty.
func (l *lane) pop() *media.Frame {
	f := l.frames[l.head]
	l.frames[l.head] = nil
	l.head = (l.head + 1) & (len(l.frames) - 1)
	l.count--
	l.bytes -= len(f.Wire)
	return f
}

// unpop puts back what pop removed.
func (l *lane) unpop(f *media.Frame) {
	if l.count == len(l.frames) {
		l.grow()
	}
	l.head = (l.head - 1) & (len(l.frames) - 1)
	l.frames[l.head] = f
	l.count++
	l.bytes += len(f.Wire)
}

// appendTo appends the frames of l, oldest first.
func (l *lane) appendTo(to []*media.Frame) []*media.Frame {
	for i := range l.count {
		to = append(to, l.frames[(l.head+i)&(len(l.frames)-1)])
	}
	return to
}

// remove takes out every frame of some sessions and keeps the order of the others.
func (l *lane) remove(of func(media.SessionID) bool) {
	for range l.count {
		if f := l.pop(); !of(f.From) {
			l.push(f)
		}
	}
}

// skipToKey takes out the frames of a stream up to its next keyframe. It reports how many
// it removed and whether there is such a keyframe.
func (l *lane) skipToKey(id media.StreamID) (removed int, found bool) {
	for range l.count {
		f := l.pop()
		found = found || f.Key && f.Stream() == id
		if found || f.Stream() != id {
			l.push(f)
		} else {
			removed++
		}
	}
	return removed, found
}

// grow doubles the ring; its length is a power of two.
func (l *lane) grow() {
	next := make([]*media.Frame, max(16, 2*len(l.frames)))
	n := copy(next, l.frames[l.head:])
	copy(next[n:], l.frames[:l.head])
	l.frames, l.head = next, 0
}
