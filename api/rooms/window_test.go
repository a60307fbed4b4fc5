package rooms_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"parley/api/media"
	"parley/api/media/mediatest"
	"parley/api/rooms"
)

const window = time.Millisecond

func TestPicturesThatComeTogetherGoOutTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := rooms.NewCarriage(0, window)
		defer g.End()
		a := new(taker)
		out := g.Add(a)
		say := func(kind media.Kind, text string) {
			out.Push(key(kind, text))
			synctest.Wait()
		}
		say(media.Video, "1") // after a pause: at once
		want(t, a.all(), "1")
		mediatest.Advance(t, window/4)
		say(media.Video, "2")
		say(media.Screen, "3")
		want(t, a.all(), "1")
		mediatest.Advance(t, 3*window/4)
		want(t, a.all(), "1", "3", "2")
		if len(a.offers) != 2 || a.written != 0 {
			t.Errorf("%d offers, %d written", len(a.offers), a.written)
		}
		mediatest.Advance(t, window)
		say(media.Video, "4")
		want(t, a.all(), "1", "3", "2", "4")
		say(media.Video, "5")
		say(media.Audio, "6") // waits for nobody, and pictures go along
		want(t, a.all(), "1", "3", "2", "4", "6", "5")
		mediatest.Advance(t, window)
		if len(a.offers) != 4 {
			t.Errorf("%d offers", len(a.offers))
		}
	})
}

// What is more urgent waits no longer for it, and takes along what is less.
func TestSoundMayHaveAWindowOfItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := rooms.NewCarriage(window, 3*window)
		defer g.End()
		c := new(taker)
		out := g.Add(c)
		say := func(kind media.Kind, text string) {
			out.Push(key(kind, text))
			synctest.Wait()
		}
		say(media.Video, "v1") // after a pause: at once
		say(media.Audio, "a1")
		want(t, c.all(), "v1", "a1")
		say(media.Video, "v2")
		say(media.Audio, "a2")
		mediatest.Advance(t, window/2)
		say(media.Audio, "a3")
		want(t, c.all(), "v1", "a1")
		mediatest.Advance(t, window/2)
		want(t, c.all(), "v1", "a1", "a2", "a3", "v2")
		say(media.Video, "v3")
		mediatest.Advance(t, window)
		want(t, c.all(), "v1", "a1", "a2", "a3", "v2")
		mediatest.Advance(t, window)
		want(t, c.all(), "v1", "a1", "a2", "a3", "v2", "v3")
		say(media.Audio, "a4")
		say(media.Audio, "a5")
		say(media.Control, "c1")
		want(t, c.all(), "v1", "a1", "a2", "a3", "v2", "v3", "a4", "c1", "a5")
		if len(c.offers) != 6 || c.written != 0 {
			t.Errorf("%d offers, %d written", len(c.offers), c.written)
		}
	})
}

// Where pictures go apart, sound does not take them along.
func TestPicturesApartWaitWhileSoundGoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := rooms.NewCarriage(0, window)
		defer g.End()
		c := new(gallery)
		out := g.Add(c)
		for _, text := range []string{"1", "2"} {
			out.Push(key(media.Video, "v"+text))
			synctest.Wait()
			mediatest.Advance(t, window/4)
			out.Push(frame(media.Audio, "a"+text))
			synctest.Wait()
		}
		want(t, c.all(), "a1", "a2")
		want(t, c.pictures.all(), "v1")
		mediatest.Advance(t, window/2)
		want(t, c.pictures.all(), "v1", "v2")
	})
}

// Sound that comes while a picture waits goes when that does, though its own window would open later.
func TestSoundDoesNotHoldUpPictures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := rooms.NewCarriage(window, window)
		defer g.End()
		a, b := new(taker), new(taker)
		toA, toB := g.Add(a), g.Add(b)
		toA.Push(key(media.Video, "v1"))
		mediatest.Advance(t, window/4)
		toA.Push(key(media.Video, "v2"))
		mediatest.Advance(t, window/4)
		toB.Push(frame(media.Audio, "a1")) // after a pause: at once
		synctest.Wait()
		want(t, b.all(), "a1")
		toA.Push(frame(media.Audio, "a2"))
		mediatest.Advance(t, window/2)
		want(t, a.all(), "v1", "a2", "v2")
	})
}

// Whatever comes when, control waits for nothing, and sound and pictures for no longer than their window. No
// connection is written to more often than a window has it, if that is for all that comes.
func TestNothingWaitsLongerThanTheWindow(t *testing.T) {
	for _, tc := range []struct {
		sound    time.Duration
		kinds    []media.Kind
		together time.Duration
	}{
		{0, []media.Kind{media.Control, media.Audio, media.Video}, 0},
		{0, []media.Kind{media.Video}, window},
		{window / 3, []media.Kind{media.Control, media.Audio, media.Video}, 0},
		{window, []media.Kind{media.Audio, media.Video}, 0},
		{window / 3, []media.Kind{media.Audio}, window / 3},
	} {
		waits := map[byte]time.Duration{'0' + byte(media.Audio): tc.sound, '0' + byte(media.Video): window}
		synctest.Test(t, func(t *testing.T) {
			g := rooms.NewCarriage(tc.sound, window)
			defer g.End()
			conns, outs := make([]*taker, 5), make([]*rooms.Queue, 5)
			for i := range conns {
				conns[i] = new(taker)
				outs[i] = g.Add(conns[i])
			}
			r := rand.New(rand.NewPCG(1, 2))
			pushed := 0
			for range 400 {
				kind := tc.kinds[r.IntN(len(tc.kinds))]
				f := key(kind, fmt.Sprint(int(kind), "-", pushed))
				for _, out := range outs {
					out.Push(f)
				}
				pushed++
				mediatest.Advance(t, time.Duration(r.IntN(int(3*window/2))))
			}
			mediatest.Advance(t, window)
			for _, c := range conns {
				if len(c.got) != pushed {
					t.Fatalf("%d of %d arrived", len(c.got), pushed)
				}
				for i, late := range c.delays {
					if late > waits[c.got[i][0]] {
						t.Errorf("%s waited %v", c.got[i], late)
					}
				}
				for i := 1; i < len(c.offers); i++ {
					if gap := c.offers[i].Sub(c.offers[i-1]); gap < tc.together {
						t.Fatalf("offered twice in %v", gap)
					}
				}
			}
		})
	}
}

// Sound whose window opens while connections get their pictures goes before the next of them.
func TestSoundDoesNotWaitForManyPictures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := rooms.NewCarriage(window, 4*window)
		defer g.End()
		const takes = window / 2 // as long as one connection takes
		var once sync.Once
		conns, outs := make([]*taker, 5), make([]*rooms.Queue, 5)
		for i := range conns {
			conns[i] = new(taker)
			outs[i] = g.Add(conns[i])
		}
		ear, said := conns[4], outs[4]
		outs[0].Push(key(media.Video, "1"))
		synctest.Wait()
		said.Push(frame(media.Audio, "1"))
		synctest.Wait()
		for _, out := range outs[:4] {
			out.Push(key(media.Video, "2"))
		}
		for _, c := range conns[:4] {
			c.mu.Lock()
			c.takes = func(n int) (int, bool) { <-time.After(takes); return n, true }
			c.mu.Unlock()
		}
		said.Push(frame(media.Audio, "2"))
		mediatest.Advance(t, 3*window)
		want(t, ear.all(), "1", "2")
		said.Push(frame(media.Audio, "3"))
		synctest.Wait()
		said.Push(frame(media.Audio, "4"))
		conns[0].mu.Lock()
		conns[0].tells = func(string) { once.Do(func() { said.Push(frame(media.Audio, "5")) }) }
		conns[0].mu.Unlock()
		mediatest.Advance(t, 10*window)
		want(t, ear.all(), "1", "2", "3", "4", "5")
		if late := ear.delays[4]; late > window+takes {
			t.Errorf("sound waited %v", late)
		}
	})
}

// When pictures go, so does sound that would have to a moment later, and when sound goes that has a window, the
// one of pictures begins as well.
func TestWindowsOpenInStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := rooms.NewCarriage(2*window, 4*window)
		defer g.End()
		ear, eye := new(taker), new(taker)
		said, shown := g.Add(ear), g.Add(eye)
		shown.Push(key(media.Video, "1"))
		synctest.Wait()
		shown.Push(key(media.Video, "2"))
		mediatest.Advance(t, 3*window)
		said.Push(frame(media.Audio, "1"))
		synctest.Wait()
		said.Push(frame(media.Audio, "2"))
		mediatest.Advance(t, window)
		want(t, eye.all(), "1", "2")
		want(t, ear.all(), "1", "2")
		mediatest.Advance(t, 10*window)
		said.Push(frame(media.Audio, "3"))
		synctest.Wait()
		shown.Push(key(media.Video, "3"))
		mediatest.Advance(t, 3*window)
		want(t, eye.all(), "1", "2")
		mediatest.Advance(t, window)
		want(t, eye.all(), "1", "2", "3")
	})
}

// Pictures that sound took along are no reason for those that come next to wait.
func TestPicturesThatWentAlongCountForNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := rooms.NewCarriage(0, window)
		defer g.End()
		c := new(taker)
		out := g.Add(c)
		out.Push(key(media.Video, "1"))
		synctest.Wait()
		out.Push(key(media.Video, "2"))
		out.Push(frame(media.Audio, "a"))
		synctest.Wait()
		want(t, c.all(), "1", "a", "2")
		mediatest.Advance(t, window+window/4)
		out.Push(key(media.Video, "3"))
		synctest.Wait()
		want(t, c.all(), "1", "a", "2", "3")
	})
}

// Pictures that sound took along are no reason for those that come next to go early, either.
func TestPicturesThatWentAlongBeginAWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := rooms.NewCarriage(2*window, 4*window)
		defer g.End()
		c := new(taker)
		out := g.Add(c)
		both := func(number string) {
			out.Push(key(media.Video, "v"+number))
			synctest.Wait()
			out.Push(frame(media.Audio, "a"+number))
			synctest.Wait()
		}
		both("1")
		both("2")
		mediatest.Advance(t, 3*window)
		both("3")
		mediatest.Advance(t, window)
		said := []string{"v1", "a1", "a2", "v2", "a3", "v3"}
		want(t, c.all(), said...)
		mediatest.Advance(t, window/2)
		out.Push(key(media.Video, "v4"))
		mediatest.Advance(t, 3*window+window/4)
		want(t, c.all(), said...)
		mediatest.Advance(t, window/4)
		want(t, c.all(), append(said, "v4")...)
	})
}

// More than one batch carries goes out batch after batch, and sound goes before the next connection.
func TestWindowOfManyPictures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := rooms.NewCarriage(0, window)
		defer g.End()
		var order []string
		conns, outs := make([]*taker, 3), make([]*rooms.Queue, 3)
		for i := range conns {
			conns[i] = new(taker)
			outs[i] = g.Add(conns[i])
		}
		outs[0].Push(key(media.Video, "first"))
		synctest.Wait()
		conns[0].tells = func(string) {
			if len(order) == 0 {
				outs[2].Push(frame(media.Audio, "sound"))
			}
			order = append(order, "0")
		}
		conns[1].tells = func(string) { order = append(order, "1") }
		conns[2].tells = func(string) { order = append(order, "2") }
		const many = 200 // of which a batch carries 64
		for range many {
			outs[0].Push(key(media.Video, "more"))
		}
		outs[1].Push(key(media.Video, "one"))
		mediatest.Advance(t, window)
		if n := len(conns[0].got); n != 1+many {
			t.Errorf("%d of %d pictures went out in their window", n, many)
		}
		if len(conns[1].got) != 1 || len(conns[2].got) != 1 {
			t.Fatalf("%q, %q", conns[1].got, conns[2].got)
		}
		if sound, picture := slices.Index(order, "2"), slices.Index(order, "1"); sound > picture {
			t.Error("sound waited for a connection that gets pictures")
		}
	})
}
