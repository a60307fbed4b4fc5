package load

import (
	"math"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"parley/api/wire"
	callv1 "parley/protobuf/call/v1"
)

// source makes the frames of one stream in the order of time.
type source interface {
	// due returns when the next frame is, since the stream began, or never.
	due() time.Duration
	// take returns that frame and goes on to the next one.
	take() frame
}

const never time.Duration = math.MaxInt64

// noise returns what made-up frames consist of. It is shared: nobody writes to it.
var noise = sync.OnceValue(func() []byte {
	b := make([]byte, 2*wire.MaxPacket)
	_, _ = rand.NewChaCha8([32]byte{}).Read(b) // never fails
	return b
})

// maxFrame leaves room for the envelope within a packet that servers take.
const maxFrame = wire.MaxPacket - 4096

// made returns size bytes that differ from frame to frame.
func made(r *rand.Rand, size float64) []byte {
	n := int(min(max(size, 1), maxFrame))
	from := r.IntN(len(noise()) - n)
	return noise()[from : from+n]
}

// around returns a value whose mean is mean, up to 30 % off.
func around(r *rand.Rand, mean float64) float64 { return mean * (0.7 + 0.6*r.Float64()) }

// spell returns a duration whose mean is mean, spread as lengths of speech and silence are.
func spell(r *rand.Rand, mean time.Duration) time.Duration {
	return time.Duration(r.ExpFloat64() * float64(mean))
}

// Opus with silence suppression: 50 packets a second while somebody speaks, and otherwise one
// that describes the noise of the room every 400 ms (RFC 6716, 2.1.9).
const (
	opusFrame    = 20 * time.Millisecond
	comfortEvery = 400 * time.Millisecond
	comfortBytes = 3
	// talkSpell is how long people speak without a pause (ITU-T P.59).
	talkSpell = time.Second
)

// voice speaks and pauses by turns.
type voice struct {
	r       *rand.Rand
	size    float64 // mean bytes of a packet
	share   float64 // of the time that is speech, 0 to 1
	next    time.Duration
	talking bool
	until   time.Duration // talking, or not
}

func newVoice(r *rand.Rand, kbps int, share float64) *voice {
	v := &voice{r: r, size: float64(kbps) * 1000 / 8 * opusFrame.Seconds(), share: share}
	v.next = time.Duration(r.Float64() * float64(opusFrame)) // not everybody in step
	v.talking = r.Float64() < share
	v.turn()
	return v
}

// turn sets how long v goes on as it does.
func (v *voice) turn() {
	switch {
	case v.share >= 1 || v.share <= 0:
		v.until = never
	case v.talking:
		v.until = v.next + spell(v.r, talkSpell)
	default:
		v.until = v.next + spell(v.r, time.Duration(float64(talkSpell)*(1-v.share)/v.share))
	}
}

func (v *voice) due() time.Duration { return v.next }

func (v *voice) take() frame {
	f := frame{key: true, time: v.next, duration: opusFrame}
	if v.talking {
		f.data = made(v.r, around(v.r, v.size))
		v.next += opusFrame
	} else {
		f.data = made(v.r, comfortBytes)
		v.next = min(v.next+comfortEvery, max(v.until, v.next+opusFrame))
	}
	if v.next >= v.until {
		v.talking = !v.talking
		v.turn()
	}
	return f
}

// Keyframes of VP9 calls are this much larger than what is between them.
const (
	keyFactorLeast = 5
	keyFactorMost  = 10
)

// camera makes a picture at a steady rate, and a keyframe now and then or when asked.
type camera struct {
	r        *rand.Rand
	wantKey  *atomic.Bool
	interval time.Duration
	keyEvery time.Duration
	delta    float64 // mean bytes between keyframes
	next     time.Duration
	nextKey  time.Duration
}

func newCamera(r *rand.Rand, kbps, fps int, keyEvery time.Duration, wantKey *atomic.Bool) *camera {
	interval := time.Second / time.Duration(fps)
	group := max(1, float64(keyEvery)/float64(interval))
	perGroup := float64(kbps) * 1000 / 8 * interval.Seconds() * group
	c := &camera{
		r: r, wantKey: wantKey, interval: interval, keyEvery: keyEvery,
		delta: perGroup / (group - 1 + (keyFactorLeast+keyFactorMost)/2.),
		next:  time.Duration(r.Float64() * float64(interval)),
	}
	c.nextKey = c.next
	return c
}

func (c *camera) due() time.Duration { return c.next }

func (c *camera) take() frame {
	f := frame{time: c.next, duration: c.interval, codec: callv1.VideoCodec_VP9_PROFILE0_LEVEL10_8BIT}
	asked := c.wantKey.Swap(false)
	if f.key = asked || c.next >= c.nextKey; f.key {
		c.nextKey = c.next + c.keyEvery
		f.data = made(c.r, c.delta*(keyFactorLeast+(keyFactorMost-keyFactorLeast)*c.r.Float64()))
	} else {
		f.data = made(c.r, around(c.r, c.delta))
	}
	c.next += c.interval
	return f
}

// A shared screen is still most of the time; when somebody scrolls or turns a page it changes
// several times a second. Encoders mark the first picture of such a burst as a keyframe only
// when asked.
const (
	screenStill   = time.Second            // between pictures of a still screen
	screenMoving  = 100 * time.Millisecond // between pictures of one that changes
	stillSpell    = 6 * time.Second
	movingSpell   = 2 * time.Second
	stillFraction = 0.02 // size of a picture without a change, of one with
	screenKey     = 30 * time.Second
)

// screen shares a screen.
type screen struct {
	r       *rand.Rand
	wantKey *atomic.Bool
	size    float64 // mean bytes of a picture that changes
	next    time.Duration
	nextKey time.Duration
	moving  bool
	until   time.Duration // moving, or not
}

// newScreen returns a screen whose bursts have a bit rate of kbps.
func newScreen(r *rand.Rand, kbps int, wantKey *atomic.Bool) *screen {
	s := &screen{r: r, wantKey: wantKey, size: float64(kbps) * 1000 / 8 * screenMoving.Seconds()}
	s.next = time.Duration(r.Float64() * float64(screenMoving))
	s.nextKey = s.next
	s.until = s.next + spell(r, stillSpell)
	return s
}

func (s *screen) due() time.Duration { return s.next }

func (s *screen) take() frame {
	f := frame{time: s.next, codec: callv1.VideoCodec_VP9_PROFILE0_LEVEL10_8BIT, duration: screenStill}
	size := s.size
	if s.moving {
		f.duration = screenMoving
	} else {
		size *= stillFraction
	}
	asked := s.wantKey.Swap(false)
	if f.key = asked || s.next >= s.nextKey; f.key {
		s.nextKey = s.next + screenKey
		size = s.size * (keyFactorLeast + (keyFactorMost-keyFactorLeast)*s.r.Float64())
	}
	f.data = made(s.r, around(s.r, size))
	s.next += f.duration
	if s.next >= s.until {
		s.moving = !s.moving
		mean := stillSpell
		if s.moving {
			mean = movingSpell
		}
		s.until = s.next + spell(s.r, mean)
	}
	return f
}

// steady makes packets of one size at a fixed rate, as pictures: what does not arrive has to be
// followed by a keyframe.
type steady struct {
	wantKey  *atomic.Bool
	interval time.Duration
	keyEvery time.Duration
	data     []byte
	next     time.Duration
	nextKey  time.Duration
}

func newSteady(r *rand.Rand, perSecond float64, size int, keyEvery time.Duration, wantKey *atomic.Bool) *steady {
	s := &steady{
		wantKey: wantKey, interval: time.Duration(float64(time.Second) / perSecond), keyEvery: keyEvery, data: noise()[:size],
	}
	s.next = time.Duration(r.Float64() * float64(s.interval))
	s.nextKey = s.next
	return s
}

func (s *steady) due() time.Duration { return s.next }

func (s *steady) take() frame {
	f := frame{data: s.data, time: s.next, duration: s.interval, codec: callv1.VideoCodec_VP9_PROFILE0_LEVEL10_8BIT}
	asked := s.wantKey.Swap(false)
	if f.key = asked || s.next >= s.nextKey; f.key {
		s.nextKey = s.next + s.keyEvery
	}
	s.next += s.interval
	return f
}
