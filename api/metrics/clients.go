package metrics

import (
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/proto"

	"parley/api/media"
	healthv1 "parley/protobuf/health/v1"
)

const (
	// reportTime is for how long a report of a client holds: clients send one every five
	// seconds.
	reportTime = 30 * time.Second

	// mostClients and mostPeers bound the series of one node.
	mostClients = 5000
	mostPeers   = 64
)

// Clients answers under the names that dashboards of videocall-rs know: what clients report
// of their calls, and who is connected. It implements [media.Reporter] and
// [prometheus.Collector]. Series have names of rooms and people, so they are for the internal
// address alone.
type Clients struct {
	next             media.Reporter
	instance, region string
	begun            time.Time

	mu          sync.Mutex
	events      uint64
	reports     uint64
	connections map[media.SessionID]media.SessionStats
	healths     map[string]clientHealth // by session
}

// clientHealth is the last report of a client.
type clientHealth struct {
	at     time.Time
	packet *healthv1.HealthPacket
}

// NewClients returns a Clients that passes on what it is told to next, which may be nil.
func NewClients(next media.Reporter, instance, region string) *Clients {
	return &Clients{
		next: next, instance: instance, region: region, begun: time.Now(),
		connections: map[media.SessionID]media.SessionStats{}, healths: map[string]clientHealth{},
	}
}

var (
	_ media.Reporter       = (*Clients)(nil)
	_ prometheus.Collector = (*Clients)(nil)
)

// Connected implements media.Reporter.
func (c *Clients) Connected(s media.SessionStats) {
	if c.next != nil {
		c.next.Connected(s)
	}
	c.note(s, false)
}

// Traffic implements media.Reporter.
func (c *Clients) Traffic(s media.SessionStats) {
	if c.next != nil {
		c.next.Traffic(s)
	}
	c.note(s, false)
}

// Disconnected implements media.Reporter.
func (c *Clients) Disconnected(s media.SessionStats) {
	if c.next != nil {
		c.next.Disconnected(s)
	}
	c.note(s, true)
}

func (c *Clients) note(s media.SessionStats, ended bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.events++
	_, known := c.connections[s.Session]
	switch {
	case ended:
		delete(c.connections, s.Session)
		delete(c.healths, strconv.FormatUint(uint64(s.Session), 10))
	case known || len(c.connections) < mostClients:
		c.connections[s.Session] = s
	}
}

// Health implements media.Reporter.
func (c *Clients) Health(packet []byte) {
	if c.next != nil {
		c.next.Health(packet)
	}
	p := &healthv1.HealthPacket{}
	if proto.Unmarshal(packet, p) != nil {
		return // the hub read it, so this is no packet of a client
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reports++
	if _, known := c.healths[p.GetSessionId()]; known || len(c.healths) < mostClients {
		c.healths[p.GetSessionId()] = clientHealth{time.Now(), p}
	}
}

// series are the values of one answer. A later one with the same labels replaces an earlier
// one: people may be in a room twice.
type series map[*prometheus.Desc]map[string]sample

type sample struct {
	labels []string
	value  float64
}

func (s series) set(d *prometheus.Desc, v float64, labels ...string) { s.at(d, labels, v, false) }

func (s series) add(d *prometheus.Desc, v float64, labels ...string) { s.at(d, labels, v, true) }

func (s series) at(d *prometheus.Desc, labels []string, v float64, sum bool) {
	for i, l := range labels {
		labels[i] = strings.ToValidUTF8(l, "\uFFFD")
		if l == "" {
			labels[i] = "unknown"
		}
	}
	if s[d] == nil {
		s[d] = map[string]sample{}
	}
	key := strings.Join(labels, "\x00")
	if sum {
		v += s[d][key].value
	}
	s[d][key] = sample{labels, v}
}

// measured sets a value unless it is 0, which older clients send for what they do not know.
func (s series) measured(d *prometheus.Desc, v float64, labels ...string) {
	if v != 0 {
		s.set(d, v, labels...)
	}
}

// Describe implements prometheus.Collector.
func (*Clients) Describe(to chan<- *prometheus.Desc) { describe(to, clientDescs...) }

// Collect implements prometheus.Collector.
func (c *Clients) Collect(to chan<- prometheus.Metric) {
	all := series{}
	c.mu.Lock()
	for id, h := range c.healths {
		if time.Since(h.at) > reportTime {
			delete(c.healths, id)
			continue
		}
		all.report(h.packet)
	}
	for _, s := range c.connections {
		all.connection(s, c.instance, c.region)
	}
	events, reports := c.events, c.reports
	c.mu.Unlock()
	for d, samples := range all {
		for _, s := range samples {
			out(to).gauge(d, s.value, s.labels...)
		}
	}
	out(to).counter(serverEventsDesc, float64(events))
	out(to).counter(reportsDesc, float64(reports))
	out(to).gauge(startupDesc, float64(c.begun.Unix()))
}

func (s series) connection(c media.SessionStats, instance, region string) {
	id, over, room := strconv.FormatUint(uint64(c.Session), 10), string(c.Transport), string(c.Room)
	s.set(connectedDesc, 1, id, over, c.User, room, instance, region)
	s.set(usersDesc, 1, c.User, room, region)
	s.add(protocolDesc, 1, over, c.User, room, region)
	s.set(dataDesc, float64(c.BytesSent), "sent", id, over, c.User, room, instance, region)
	s.set(dataDesc, float64(c.BytesReceived), "received", id, over, c.User, room, instance, region)
}

// report enters what one client says of itself and of others.
func (s series) report(p *healthv1.HealthPacket) {
	room, session, who := p.GetMeetingId(), p.GetSessionId(), string(p.GetReportingUserId())
	s.set(activeDesc, 1, room, session)
	s.set(participantsDesc, float64(len(p.GetPeerStats())), room)
	s.set(selfAudioDesc, bit(p.GetReportingAudioEnabled()), room, who)
	s.set(selfVideoDesc, bit(p.GetReportingVideoEnabled()), room, who)
	if url := p.GetActiveServerUrl(); url != "" {
		s.set(activeServerDesc, 1, room, session, who, url, p.GetActiveServerType())
		s.measured(activeRTTDesc, p.GetActiveServerRttMs(), room, session, who, url, p.GetActiveServerType())
	}
	s.newerClient(p, room, session, who)
	n := 0
	for other, peer := range p.GetPeerStats() {
		if n++; n > mostPeers {
			return
		}
		s.peer(peer, room, session, who, other)
	}
}

// peer enters how who hears and sees another.
func (s series) peer(p *healthv1.PeerStats, room, session, who, other string) {
	set := func(d *prometheus.Desc, v float64) { s.set(d, v, room, session, who, other) }
	some := func(d *prometheus.Desc, v float64) { s.measured(d, v, room, session, who, other) }
	s.set(peersDesc, 1, room, other)
	set(listenDesc, bit(p.GetCanListen()))
	set(seeDesc, bit(p.GetCanSee()))
	set(peerAudioDesc, bit(p.GetAudioEnabled()))
	set(peerVideoDesc, bit(p.GetVideoEnabled()))
	if q := p.GetNeteqStats(); q != nil {
		some(bufferDesc, q.GetCurrentBufferSizeMs())
		some(awaitingDesc, q.GetPacketsAwaitingDecode())
		some(packetRateDesc, q.GetPacketsPerSec())
		if o := q.GetNetwork().GetOperationCounters(); o != nil {
			for i, v := range []float64{
				o.GetNormalPerSec(), o.GetExpandPerSec(), o.GetAcceleratePerSec(), o.GetFastAcceleratePerSec(), o.GetPreemptiveExpandPerSec(),
				o.GetMergePerSec(), o.GetComfortNoisePerSec(), o.GetDtmfPerSec(), o.GetUndefinedPerSec(),
			} {
				set(operationDescs[i], v)
			}
		}
	}
	if v := p.GetVideoStats(); v != nil {
		some(fpsDesc, v.GetFpsReceived())
		some(bufferedDesc, v.GetFramesBuffered())
	}
	s.newerPeer(p, room, session, who, other)
}

func bit(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
