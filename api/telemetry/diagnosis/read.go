package diagnosis

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"parley/api/telemetry"
	"parley/api/telemetry/catalogue"
)

// Kinds are the numbers of the kinds of calls that are looked at: of participants, and of
// servers.
func Kinds() (participants, servers []uint16) {
	number := func(name string) uint16 { return catalogue.Call().Named(name).Number }
	return []uint16{
		number("FlowSample"), number("ClientSample"), number("ReceptionSample"), number("ReconnectStarted"), number("KeyFrameRequested"),
	}, []uint16{number("ServerStatus"), number("ServerBusy")}
}

// Add adds an event of a session; [Call.Sort] has to follow. It reports whether it could be read;
// kinds that are not looked at are.
func (c *Call) Add(r *telemetry.Row, source *telemetry.Source) bool {
	kind := catalogue.Call().Kind(0, r.Kind)
	if kind == nil {
		return false
	}
	at := time.UnixMicro(r.At)
	if server, ok := strings.CutPrefix(source.Identity, "server "); ok {
		s := c.Server(server)
		s.Processors, _ = strconv.Atoi(source.Labels["processors"])
		switch kind.Name {
		case "ServerStatus":
			return add(kind, r, &s.States, func(s *State) { s.At = at })
		case "ServerBusy":
			return add(kind, r, &s.Strains, func(s *Strain) { s.At = at })
		}
		return true
	}
	p := c.Device(source.Identity, source.Labels["session"])
	p.Server = source.Labels["server"]
	switch kind.Name {
	case "FlowSample":
		return add(kind, r, &p.Flows, func(f *Flow) { f.At = at })
	case "ClientSample":
		return add(kind, r, &p.Reports, func(r *Report) { r.At = at })
	case "ReceptionSample":
		return add(kind, r, &p.Hearings, func(h *Hearing) { h.At = at })
	case "ReconnectStarted":
		return add(kind, r, &p.Reconnects, func(r *Reconnect) { r.At = at })
	case "KeyFrameRequested":
		return add(kind, r, &p.Keyframes, func(k *Keyframe) { k.At = at })
	}
	return true
}

// add reads the body of r as the next of a list.
func add[E any](kind *catalogue.Kind, r *telemetry.Row, to *[]E, stamp func(*E)) bool {
	text, err := kind.AppendJSON(nil, catalogue.Params{}, r.Body, catalogue.Style{})
	if err != nil {
		return false
	}
	var e E
	if json.Unmarshal(text, &e) != nil {
		return false
	}
	stamp(&e)
	*to = append(*to, e)
	return true
}

// Sort puts everything in the order of time, for events that did not come so.
func (c *Call) Sort() {
	for _, p := range c.Devices {
		slices.SortStableFunc(p.Flows, func(a, b Flow) int { return a.At.Compare(b.At) })
		slices.SortStableFunc(p.Reports, func(a, b Report) int { return a.At.Compare(b.At) })
		slices.SortStableFunc(p.Hearings, func(a, b Hearing) int { return a.At.Compare(b.At) })
		slices.SortStableFunc(p.Reconnects, func(a, b Reconnect) int { return a.At.Compare(b.At) })
		slices.SortStableFunc(p.Keyframes, func(a, b Keyframe) int { return a.At.Compare(b.At) })
	}
	for _, s := range c.Servers {
		slices.SortStableFunc(s.States, func(a, b State) int { return a.At.Compare(b.At) })
		slices.SortStableFunc(s.Strains, func(a, b Strain) int { return a.At.Compare(b.At) })
	}
}
