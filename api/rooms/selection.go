package rooms

import (
	"math"
	"math/bits"
	"sync/atomic"
	"time"

	"parley/api/media"
	"parley/api/wire"
	callv1 "parley/protobuf/call/v1"
)

// Pictures come in simulcast layers, and a receiver gets what it asked for:
//
//	VIEWPORT          cameras of others are left out; none named means all are wanted
//	LAYER_PREFERENCE  one layer of a stream, the others are left out; of streams that are not
//	                  named all layers are sent
//
// What is left out never gets to the queue. A receiver that wants another layer goes on with
// the one it has until the new one has a keyframe, for which its publisher is asked. Where the
// wanted layer is not sent it gets the next one below. Sound is never hidden, nor is what nobody
// can tell from sound; clients that send it in layers as well are treated alike, but that every
// packet of it is a keyframe.
//
// A receiver that shows no sign of knowing layers would decode them all as one stream. It gets
// the lowest, and publishers are told of it in a hint, so that they can send that in full.

// selection is what one receiver asked for. It is replaced, not changed; only the places of
// its choices move. Nil stands for a receiver that asked for nothing.
type selection struct {
	narrow bool // only cameras that are shown are wanted
	wishes table[wish]
}

// of returns the wish about a source, or nil.
func (s *selection) of(id media.SessionID) *wish { return s.wishes.find(media.StreamID{Session: id}) }

// hides reports whether a kind of picture is not wanted, given the wish about its source.
func (s *selection) hides(w *wish, kind media.Kind) bool {
	return s.narrow && kind == media.Video && (w == nil || !w.shown)
}

// wish is what a receiver wants of one session; nil stands for no wish.
type wish struct {
	shown  bool
	layers [layered]uint32
	places [layered]*place // nil where no layer was chosen
}

// choice returns what was chosen of a kind, if anything was.
func (w *wish) choice(kind media.Kind) (c choice, ok bool) {
	if w == nil {
		return choice{}, false
	}
	c = choice{w.layers[index(kind)], w.places[index(kind)]}
	return c, c.at != nil
}

// Pictures are the kinds that need keyframes.
const (
	firstPicture = media.Screen
	pictures     = media.KindCount - firstPicture
)

// layered is how many kinds have layers.
const layered = 3

// index numbers the kinds that have layers: it maps Audio, Screen and Video to 0, 1 and 2.
func index(k media.Kind) int { return int(k) / 2 }

// choice is the layer that a receiver wants of one stream. Successive choices about the same
// stream share their place.
type choice struct {
	layer uint32
	at    *place
}

// place is what a receiver gets of a stream right now.
type place struct {
	layer atomic.Uint32
	asked atomic.Int64 // Unix ns; when a keyframe was last wanted
}

// Places that are no layer.
const (
	// everyLayer is the place of a receiver that got all layers before it chose one: it may be
	// decoding any of them.
	everyLayer = math.MaxUint32
	// noLayer is the place of one that was sent nothing.
	noLayer = math.MaxUint32 - 1
)

// takes decides about a frame of which layers up to most may be sent. Ask says that a keyframe
// of the layer of f is wanted, and before is the place that f is not of, while it goes on with f.
func (c choice) takes(f *media.Frame, most uint32) (yes, ask bool, before uint32) {
	at := c.at.layer.Load()
	within := f.Layers & (2<<min(c.layer, most) - 1)
	if best := uint32(bits.Len8(within)) - 1; within != 0 && f.Layer == best && at != best {
		if f.Key || f.Opaque {
			c.at.layer.Store(best)
			return true, !f.Key && c.at.mayAsk(f.Received), at
		}
		ask = c.at.mayAsk(f.Received)
	}
	return at == f.Layer || at == everyLayer, ask, f.Layer
}

// why returns the reason for which a receiver gets a layer, of which those up to most may be sent.
func (c choice) why(layer, most uint32) media.LayerReason {
	switch {
	case layer == c.layer:
		return media.LayerWanted
	case layer == most:
		return media.LayerStrained
	}
	return media.LayerMissing
}

// mayAsk reports whether the last question is long enough ago to be repeated.
func (p *place) mayAsk(now time.Time) bool {
	last := p.asked.Load()
	return now.UnixNano()-last >= int64(askAgain) && p.asked.CompareAndSwap(last, now.UnixNano())
}

// selects decides whether a frame that may have layers goes to s. It takes no lock and does not
// allocate.
func (s *Session) selects(f *media.Frame) (yes, ask bool) {
	sel, most := s.selection.Load(), uint32(wire.MaxLayer)
	if f.Kind.IsPicture() {
		most = s.strain.ceiling()
	}
	if sel == nil {
		return f.Layer == 0 || s.knowsLayers() && f.Layer <= most, false
	}
	w := sel.of(f.From)
	if !f.Unknown && sel.hides(w, f.Kind) {
		return false, false
	}
	c, ok := w.choice(f.Kind)
	if !ok {
		return f.Layer <= most, false
	}
	yes, ask, before := c.takes(f, most)
	if before != f.Layer {
		s.room.hub.watcher.LayerChanged(media.LayerChange{
			Receiver: s.id, Sender: f.From, Kind: f.Kind, From: before, To: f.Layer, Why: c.why(f.Layer, most),
		})
	}
	return yes, ask
}

// knowsLayers reports whether the client of s, which asked for nothing, can be sent several
// layers: those that cannot do not say which client they are either.
func (s *Session) knowsLayers() bool { return s.peer.Instance != "" }

// gets reports whether frames of a stream go to s as it is.
func (s *Session) gets(sel *selection, id media.StreamID) bool {
	if sel == nil {
		return id.Layer == 0 || s.knowsLayers()
	}
	w := sel.of(id.Session)
	if sel.hides(w, id.Kind) {
		return false
	}
	c, ok := w.choice(id.Kind)
	if !ok {
		return true
	}
	at := c.at.layer.Load()
	return at == id.Layer || at == everyLayer
}

// preferences are what a client said last, for its next selection. The read goroutine of its
// session uses them.
type preferences struct {
	shown  []uint64
	layers []wire.LayerChoice

	// The streams that these came on, see [media.Packet]: a client whose packets overtake each other means
	// what it said last, and not what came last.
	shownOn, layersOn uint64
}

// prefer does what the client of s asks for on a stream. What does not parse, or was said before what
// is known already, changes nothing.
func (s *Session) prefer(info *wire.Info, stream uint64) {
	prefs := &s.preferences
	switch info.Type {
	case callv1.PacketWrapper_VIEWPORT:
		shown, ok := wire.ReadViewport(info.Data)
		if !ok || overtaken(stream, &prefs.shownOn) {
			return
		}
		prefs.shown = shown
	case callv1.PacketWrapper_LAYER_PREFERENCE:
		layers, ok := wire.ReadLayerPreference(info.Data)
		if !ok || overtaken(stream, &prefs.layersOn) {
			return
		}
		prefs.layers = layers
	}
	old := s.selection.Load()
	next := s.choose(old)
	s.out.await(func(id media.StreamID) bool { return s.gets(next, id) && !s.gets(old, id) })
	s.selection.Store(next)
	s.room.recountSoon()
}

// overtaken reports whether what came on a stream is older than what came last, on the stream that
// last says, and else notes that it is the last now.
func overtaken(stream uint64, last *uint64) bool {
	if stream != 0 && stream < *last {
		return true
	}
	*last = stream
	return false
}

// choose makes a selection of what the client of s said.
func (s *Session) choose(old *selection) *selection {
	next := new(selection)
	wishOf := func(id media.SessionID) *wish { return next.wishes.at(media.StreamID{Session: id}) }
	for _, id := range s.preferences.shown {
		if id != uint64(s.id) {
			next.narrow = true
			wishOf(media.SessionID(id)).shown = true
		}
	}
	for _, c := range s.preferences.layers {
		id, kind := media.SessionID(c.Session), kindOfStream(c.Stream)
		w := wishOf(id)
		w.layers[index(kind)], w.places[index(kind)] = c.Layer, s.placeIn(old, id, kind)
	}
	return next
}

// placeIn returns where s is with a stream.
func (s *Session) placeIn(old *selection, id media.SessionID, kind media.Kind) *place {
	p := new(place) // a client that knows no layers got the lowest
	if old == nil {
		if s.knowsLayers() {
			p.layer.Store(everyLayer)
		}
		return p
	}
	w := old.of(id)
	if c, ok := w.choice(kind); ok {
		return c.at
	}
	if old.hides(w, kind) {
		p.layer.Store(noLayer)
	} else {
		p.layer.Store(everyLayer)
	}
	return p
}
