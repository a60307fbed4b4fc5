package rest

import (
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"time"

	"parley/api/telemetry"
	"parley/api/telemetry/archive"
	"parley/api/telemetry/catalogue"
)

// Access is who may use routes that can be switched off.
type Access struct {
	On   bool
	Open bool // without signing in; otherwise for admins alone
}

// tartCatalogue is what TART's routes are about.
const tartCatalogue = "jip3"

// tartTable is what clients of TART ask, as far as it makes sense without a node of the chain.
// Failures are a status with an empty body, as they expect.
func (a *API) tartTable() []route {
	table := []route{}
	add := func(path, summary string, serve func(http.ResponseWriter, *http.Request) (any, int)) {
		table = append(table, open("GET /api/"+path, summary, nil, a.asTart(serve)).noting("While the flag tart_routes is on; for admins, but for everybody in dev."))
	}
	add("health", "Whether telemetry is there", a.tartHealth)
	add("health/detailed", "How its parts are", a.tartHealthDetailed)
	add("stats", "Blocks in short", a.tartStats)
	add("nodes", "Who sends", a.tartNodes)
	add("nodes/{node}", "One of them", a.tartNode)
	add("nodes/{node}/events", "What it sent", a.tartNodeEvents)
	add("events", "Events, the newest first", a.tartEvents)
	add("events/search", "Events of these kinds, of a core, about a work package", a.tartSearch)
	add("metrics/live", "Counts of the last seconds", a.tartLive)
	add("metrics/realtime", "Counts by second", a.tartRealtime)
	add("metrics/timeseries", "Counts over hours", a.tartTimeseries)
	socket := open("GET /api/ws", "Events as they come", nil, a.tartSocket).noting("A WebSocket, under the same conditions.")
	socket.status = http.StatusSwitchingProtocols
	return append(table, socket)
}

// mayTart answers those who may not.
func (a *API) mayTart(w http.ResponseWriter, r *http.Request) bool {
	access := a.Telemetry.Tart()
	if !access.On {
		a.fail(w, r, &problem{status: http.StatusNotFound, code: "NOT_FOUND", message: "There is nothing at this address."})
		return false
	}
	if access.Open {
		return true
	}
	if _, _, err := a.identify(r, admin); err != nil {
		a.fail(w, r, err)
		return false
	}
	return true
}

func (a *API) asTart(serve func(http.ResponseWriter, *http.Request) (any, int)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !a.mayTart(w, r) {
			return
		}
		result, status := serve(w, r)
		if result == nil {
			w.WriteHeader(status)
			return
		}
		writeJSON(w, status, result)
	}
}

// broken logs what the database said and answers without it.
func (a *API) broken(r *http.Request, err error) (any, int) {
	a.Log.ErrorContext(r.Context(), "request failed", "route", r.Pattern, "err", err)
	return nil, http.StatusInternalServerError
}

// tartNode is a node as TART shows it.
type tartNode struct {
	Node       string          `json:"node_id"`
	Peer       string          `json:"peer_id"`
	Name       string          `json:"implementation_name"`
	Version    string          `json:"implementation_version"`
	Info       map[string]any  `json:"node_info"`
	Connected  string          `json:"connected_at"`
	Gone       *string         `json:"disconnected_at"`
	Seen       string          `json:"last_seen_at"`
	Is         bool            `json:"is_connected"`
	Events     uint64          `json:"event_count"`
	Address    string          `json:"address,omitempty"`
	Connection *tartConnection `json:"connection_info,omitempty"`
}

type tartConnection struct {
	Address string `json:"address"`
	Events  uint64 `json:"event_count"`
	Seconds int64  `json:"connected_duration_secs"`
}

func tartTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z") }

func tartNodeOf(l *archive.Latest) tartNode {
	n := tartNode{
		Node: l.Identity, Peer: l.Identity, Name: l.Labels["implementation_name"], Version: l.Labels["implementation_version"],
		Info: map[string]any{}, Connected: tartTime(l.Began), Seen: tartTime(l.Seen), Is: l.Open, Events: l.Events, Address: l.Labels["remote"],
	}
	if !l.Open {
		gone := tartTime(l.Seen)
		n.Gone = &gone
	}
	for name, v := range l.Labels {
		n.Info[name] = v
	}
	params := map[string]any{}
	for name, v := range l.Parameters {
		params[name] = exactly(v)
	}
	n.Info["params"] = params
	return n
}

// exactly returns n as JSON that no reader rounds.
func exactly(n uint64) any {
	if n > 1<<53-1 {
		return strconv.FormatUint(n, 10)
	}
	return n
}

// maxTartNodes is how many nodes are listed.
const maxTartNodes = 5000

func (a *API) tartNodes(_ http.ResponseWriter, r *http.Request) (any, int) {
	all, err := a.Telemetry.Archive.Latest(r.Context(), tartCatalogue, "", maxTartNodes)
	if err != nil {
		return a.broken(r, err)
	}
	nodes := []tartNode{}
	for i := range all {
		nodes = append(nodes, tartNodeOf(&all[i]))
	}
	return map[string]any{"nodes": nodes}, http.StatusOK
}

// nodeID returns the node of a path; false when it is none.
func nodeID(r *http.Request) (string, bool) {
	id := strings.ToLower(r.PathValue("node"))
	b, err := hex.DecodeString(id)
	return id, err == nil && len(b) == 32
}

func (a *API) tartNode(_ http.ResponseWriter, r *http.Request) (any, int) {
	id, ok := nodeID(r)
	if !ok {
		return nil, http.StatusBadRequest
	}
	all, err := a.Telemetry.Archive.Latest(r.Context(), tartCatalogue, id, 1)
	if err != nil {
		return a.broken(r, err)
	}
	if len(all) == 0 {
		return nil, http.StatusNotFound
	}
	n := tartNodeOf(&all[0])
	if n.Is {
		n.Connection = &tartConnection{n.Address, n.Events, int64(time.Since(all[0].Began).Seconds())}
	}
	n.Address = ""
	return n, http.StatusOK
}

// tartEvent is an event as TART shows it.
type tartEvent struct {
	Node    string  `json:"node_id"`
	Event   any     `json:"event_id"`
	Type    uint16  `json:"event_type"`
	Time    string  `json:"timestamp"`
	Data    rawJSON `json:"data"`
	Name    string  `json:"node_name,omitempty"`
	Version string  `json:"node_version,omitempty"`
}

func tartEventOf(r *telemetry.Row, s *telemetry.Source) tartEvent {
	return tartEvent{
		Node: s.Identity, Event: exactly(r.Seq), Type: r.Kind, Time: tartTime(time.UnixMicro(r.At)), Data: tartData(r, s),
		Name: s.Labels["implementation_name"], Version: s.Labels["implementation_version"],
	}
}

// tartData is the event with the name of its kind as the only key; of one that nobody
// understands the bytes.
func tartData(r *telemetry.Row, s *telemetry.Source) rawJSON {
	c, p := catalogue.JIP3(), catalogue.ParamsOf(*s)
	at := c.Micros(time.UnixMicro(r.At))
	if k := c.Kind(p.Version, r.Kind); k != nil {
		if data, err := k.AppendEvent(nil, at, p, r.Body, catalogue.Style{}); err == nil {
			return data
		}
	}
	return toJSON(map[string]any{"Unknown": map[string]any{"timestamp": exactly(at), "event_type": r.Kind, "raw": hex.EncodeToString(r.Body)}})
}
