package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"parley/api/media"
	"parley/api/rooms"
)

// hub is the packet path of a node.
type hub struct{ hub *rooms.Hub }

const sampled = " One in 64 is measured."

var (
	sessionsDesc  = desc("sessions", "Connected sessions. Those that test may yet choose another connection, observers are in a waiting room.", "transport", "standing")
	roomsDesc     = desc("rooms", "Rooms with members on this node.")
	packetsDesc   = desc("packets_total", "Packets from clients of this node (in), to them (out) and from other nodes (remote).", "direction", "kind")
	bytesDesc     = desc("packet_bytes_total", "Bytes of those packets.", "direction", "kind")
	droppedDesc   = desc("packets_dropped_total", "Packets that got no further: once for each receiver, or once where the sender may not send them.", "cause", "kind")
	rejectedDesc  = desc("packets_rejected_total", "Packets of clients that nobody can read or that only the server may send.", "cause")
	keyframesDesc = desc("keyframe_requests_total", "Keyframes asked for, by the server because a receiver skips or by a client.", "by")
	thinnedDesc   = desc("heartbeats_thinned_total", "Heartbeats that receivers in large rooms did not need.")
	limitedDesc   = desc("keyframe_requests_limited_total", "Keyframe requests of clients above the limit.")
	unwantedDesc  = desc("packets_unwanted_total", "Packets that their receivers did not select, as cameras out of sight and higher simulcast layers: what they are spared.", "kind")
	loweredDesc   = desc("layers_lowered_total", "Times that a receiver which did not keep up was sent a layer less.")
	hintsDesc     = desc("layer_hints_total", "Publishers told which simulcast layers are wanted.")
	congestDesc   = desc("congestions_total", "Senders told that a receiver loses their frames.")
	framesDesc    = desc("queue_frames", "Frames that wait for receivers.", "kind")
	queuedDesc    = desc("queue_bytes", "Bytes that wait for receivers.", "kind")
	stockDesc     = desc("queue_memory_bytes", "Memory of what waits for receivers or is being written to them, each frame once however many wait for it.")
	stockMostDesc = desc("queue_memory_limit_bytes", "How much that may be. Beyond it packets are dropped with the cause memory.")
	ageDesc       = desc("queue_age_seconds", "Time from reading a packet until it is handed to the transport of a receiver."+sampled, "kind")
	depthDesc     = desc("queue_depth_frames", "Frames in the queue of a receiver when it is served."+sampled)
	writeDesc     = desc("write_duration_seconds", "Time in which a transport takes a batch of frames."+sampled, "transport")
	ingestDesc    = desc("ingest_duration_seconds", "Time to check, stamp and fan out a packet of a client."+sampled)
)

// Describe implements prometheus.Collector.
func (h hub) Describe(to chan<- *prometheus.Desc) {
	describe(to, sessionsDesc, roomsDesc, packetsDesc, bytesDesc, droppedDesc, rejectedDesc, keyframesDesc, limitedDesc, thinnedDesc,
		congestDesc, unwantedDesc, loweredDesc, hintsDesc, framesDesc, queuedDesc, stockDesc, stockMostDesc, ageDesc, depthDesc, writeDesc, ingestDesc)
}

// Collect implements prometheus.Collector.
func (h hub) Collect(to chan<- prometheus.Metric) {
	o, census := out(to), h.hub.Census()
	for _, transport := range []media.Transport{media.WebSocket, media.WebTransport} {
		for _, standing := range []rooms.Standing{rooms.Testing, rooms.Active, rooms.Observer} {
			o.gauge(sessionsDesc, float64(census.Sessions[rooms.Group{Transport: transport, Standing: standing}]), string(transport), string(standing))
		}
	}
	o.gauge(roomsDesc, float64(len(census.Rooms)))
	for kind := range media.Kinds() {
		name := kind.String()
		for direction, f := range map[string]*rooms.Traffic{"in": &census.Total.In, "out": &census.Total.Out, "remote": &census.Total.Remote} {
			o.counter(packetsDesc, float64(f.Packets[kind]), direction, name)
			o.counter(bytesDesc, float64(f.Bytes[kind]), direction, name)
		}
		for cause := range rooms.Causes() {
			o.counter(droppedDesc, float64(census.Total.Drops[cause][kind]), cause.String(), name)
		}
		if kind == media.Audio || kind == media.Video || kind == media.Screen {
			o.counter(unwantedDesc, float64(h.hub.Counters().Unwanted[kind].Load()), name)
		}
		o.gauge(framesDesc, float64(census.Waiting[kind].Frames), name)
		o.gauge(queuedDesc, float64(census.Waiting[kind].Bytes), name)
	}
	stock := h.hub.Stock()
	o.gauge(stockDesc, float64(stock.Held))
	o.gauge(stockMostDesc, float64(stock.Most))
	c := h.hub.Counters()
	o.counter(rejectedDesc, float64(c.Forged.Load()), "forged")
	o.counter(rejectedDesc, float64(c.Malformed.Load()), "malformed")
	o.counter(rejectedDesc, float64(c.BadHealth.Load()), "bad_health")
	o.counter(keyframesDesc, float64(c.KeyframesAsked.Load()), "server")
	o.counter(keyframesDesc, float64(c.KeyframesForwarded.Load()), "client")
	o.counter(limitedDesc, float64(c.KeyframesLimited.Load()))
	o.counter(thinnedDesc, float64(c.Thinned.Load()))
	o.counter(congestDesc, float64(c.Congestions.Load()))
	o.counter(loweredDesc, float64(c.LayersLowered.Load()))
	o.counter(hintsDesc, float64(c.LayerHints.Load()))
	h.timings(o)
}

func (h hub) timings(o out) {
	t := h.hub.Timings()
	for kind := range media.Kinds() {
		o.histogram(ageDesc, t.Age[kind].Read(), kind.String())
	}
	o.histogram(depthDesc, t.Depth.Read())
	o.histogram(ingestDesc, t.Ingest.Read())
	for _, transport := range []media.Transport{media.WebSocket, media.WebTransport} {
		o.histogram(writeDesc, t.Write(transport), string(transport))
	}
}
