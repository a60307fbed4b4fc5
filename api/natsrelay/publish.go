package natsrelay

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"parley/api/histogram"
	"parley/api/media"
)

// stampKey is the header that marks a packet of a parley node. Its value is the node's name,
// a dot and the time from which the packet ages: milliseconds since 1970 on the server's
// clock, in base 36. Media age from when the node read them, and so does data, with a head
// start of what it may be older; all else ages from when it is sent.
const stampKey = "Parley"

// publisher empties an outbox. It belongs to one goroutine.
type publisher struct {
	relay *Relay
	msg   nats.Msg
	stamp []string // the one value of msg's header; nil for reports, which carry none
	when  int64    // what stamp says
	buf   []byte

	media bool        // were among what was taken last, and no more was there
	pause *time.Timer // stopped but while media wait for others

	sampler histogram.Sampler
}

func newPublisher(r *Relay, stamped bool) *publisher {
	p := &publisher{relay: r, pause: time.NewTimer(0)}
	p.pause.Stop()
	if stamped {
		p.stamp = make([]string, 1)
		p.msg.Header = nats.Header{stampKey: p.stamp}
	}
	return p
}

// run publishes what is put into o until ctx ends. Then it shuts o and publishes what is left
// if NATS is in reach.
func (p *publisher) run(ctx context.Context, o *outbox) {
	status := p.relay.nc.StatusChanged(nats.CONNECTED)
	defer p.relay.nc.RemoveStatusListener(status)
	batch := make([]parcel, 0, outboxBatch)
	for {
		if batch = p.next(ctx, o, batch); len(batch) == 0 {
			return
		}
		for i := range batch {
			for !p.relay.nc.IsConnected() {
				select {
				case <-status:
				case <-ctx.Done():
					return
				}
			}
			p.send(&batch[i])
		}
		clear(batch)
	}
}

// next moves what is to be published into batch, and blocks until there is something: after media, for
// a while, something that is in a hurry. When ctx has ended it shuts o, and there is nothing in the end.
func (p *publisher) next(ctx context.Context, o *outbox, batch []parcel) []parcel {
	if p.media && p.relay.window > 0 {
		p.pause.Reset(p.relay.window)
		select {
		case <-p.pause.C:
		case <-o.hurry:
		case <-ctx.Done():
		}
		p.pause.Stop()
	}
	for {
		ended := ctx.Err() != nil
		if ended {
			o.close()
		}
		if batch = o.take(batch[:0]); len(batch) > 0 || ended {
			p.media = len(batch) < cap(batch) && slices.ContainsFunc(batch, func(b parcel) bool { return b.waits })
			return batch
		}
		select {
		case <-o.wake:
		case <-ctx.Done():
		}
	}
}

func (p *publisher) send(b *parcel) {
	r := p.relay
	if b.passed != nil {
		close(b.passed)
		return
	}
	p.msg.Subject, p.msg.Data = b.subject, b.wire
	if b.from != 0 {
		p.buf = strconv.AppendUint(append(p.buf[:0], b.subject...), uint64(b.from), 10)
		p.msg.Subject = string(p.buf)
	}
	if p.stamp != nil && !p.mark(b) {
		r.stats.outdated.Add(1)
		return
	}
	if err := r.nc.PublishMsg(&p.msg); err != nil {
		r.stats.unsent.Add(1)
		return
	}
	r.stats.published.Add(1)
	r.stats.publishedBytes.Add(uint64(len(b.wire)))
}

// mark writes the stamp of b and reports whether b is young enough to be of use.
func (p *publisher) mark(b *parcel) bool {
	now := time.Now()
	since := now
	if b.lossy && b.ages.Before(now) {
		since = b.ages
		if p.sampler.Pick() {
			p.relay.stats.leave.Observe(now.Sub(since))
		}
	}
	if when := p.relay.serverTime(since); when != p.when {
		p.when, p.stamp[0] = when, string(p.relay.node)+"."+strconv.FormatInt(when, 36)
	}
	return now.Sub(since) <= p.relay.maxAge
}

// origin returns what the stamp of a packet says; false when a parley node did not send it.
func origin(h nats.Header) (node media.NodeID, when int64, ok bool) {
	v := h[stampKey]
	if len(v) != 1 {
		return "", 0, false
	}
	name, stamp, ok := strings.Cut(v[0], ".")
	if !ok {
		return "", 0, false
	}
	when, err := strconv.ParseInt(stamp, 36, 64)
	return media.NodeID(name), when, err == nil
}

// serverTime returns t on the server's clock, in milliseconds since 1970.
func (r *Relay) serverTime(t time.Time) int64 {
	return t.UnixMilli() - r.skew.Load()
}
