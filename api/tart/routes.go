package tart

import (
	"cmp"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"parley/api/jip3"
	"parley/api/telemetry"
	"parley/api/telemetry/archive"
	"parley/api/telemetry/catalogue"
	"parley/api/telemetry/live"
)

// Options are what the routes are made of. Engine, Archive, Live and Log are required.
type Options struct {
	Engine  *telemetry.Engine
	Archive *archive.Archive
	Live    *live.Cluster // events of nodes that are connected to any server
	Nodes   *jip3.Server  // nil where no nodes connect
	Log     *slog.Logger
	Version string // of this server

	// Origins are the hosts of other origins whose pages may open the WebSocket.
	Origins []string
	// Sockets is how many WebSockets there may be at once; [DefaultSockets].
	Sockets int
}

// DefaultSockets is how many WebSockets there may be at once: an event is written to each.
const DefaultSockets = 256

// TART answers its routes.
type TART struct {
	o       Options
	began   time.Time
	recent  memory
	sockets atomic.Int64
}

// New returns what answers. It starts nothing.
func New(o Options) *TART {
	o.Sockets = cmp.Or(o.Sockets, DefaultSockets)
	return &TART{o: o, began: time.Now()}
}

// Route is something that can be asked.
type Route struct {
	Pattern string // of a mux, with a method
	Summary string
	Query   []string // what may be in the query
	Serve   http.HandlerFunc

	// Stream is whether an answer goes on until the context of its request ends.
	Stream bool
}

// Routes lists what can be asked.
func (t *TART) Routes() []Route {
	page, shape := []string{"limit", "offset", "cursor"}, "bytes"
	of := func(pattern, summary string, serve answer, query ...string) Route {
		return Route{Pattern: "GET /api/" + pattern, Summary: summary, Query: query, Serve: t.answering(serve)}
	}
	all := []Route{
		of("health", "Whether it answers", t.health),
		of("health/detailed", "How the parts are", t.healthOfParts),
		of("stats", "Blocks of a time", t.stats, "duration"),
		of("network", "What nodes say of their network", t.network),
		of("nodes", "All nodes, connected ones first", t.nodes, "limit", "offset"),
		of("nodes/{id}", "A node", t.node),
		of("nodes/{id}/events", "Events of a node", t.nodeEvents, append(page, shape)...),
		of("nodes/{id}/status", "What a node said last", t.nodeStatus, shape),
		of("nodes/{id}/status/enhanced", "The same, with what it works on", t.nodeStatusEnhanced, shape),
		of("nodes/{id}/peers", "How many peers a node has", t.nodePeers),
		of("nodes/{id}/timeline", "Events of a node by category", t.nodeTimeline, "start_time", "end_time", "categories", "limit", shape),
		of("events", "Events, the last first", t.events, append(page, shape)...),
		of("events/search", "Events that are looked for", t.search,
			append(page, "event_types", "node_id", "core_index", "wp_hash", "start_time", "end_time", shape)...),
		of("metrics/live", "The last seconds", t.live),
		of("metrics/realtime", "The last minutes by second", t.realtime, "seconds"),
		of("metrics/timeseries", "The last hours", t.timeseries, "metric", "interval", "duration"),
		of("metrics/timeseries/grouped", "The last hours, each of a sort on its own", t.timeseriesGrouped, "metric", "group_by", "interval", "duration"),
	}
	all = append(all, Route{Pattern: "GET /api/ws", Summary: "Events as they come, over a WebSocket", Serve: t.socket, Query: []string{shape}, Stream: true})
	for _, what := range []string{"stats", "services", "cores"} {
		all = append(all, of("jam/"+what, "What a node of the chain would know: there is none", t.noChain))
	}
	return all
}

// kinds is the catalogue of what they send.
var kinds = catalogue.JIP3()

// noChain answers what TART asks the node of a chain. There is none here.
func (t *TART) noChain(*ask) (any, error) {
	return nil, &problem{http.StatusServiceUnavailable, "there is no node of a chain to ask"}
}
