package tart

import (
	"net"
	"net/http"
	"slices"
	"strconv"
	"time"

	"parley/api/jip3"
	"parley/api/telemetry/archive"
	"parley/api/telemetry/catalogue"
)

// mostNodes is how many nodes one answer lists at most.
const mostNodes = 5000

// node is a node as lists show it.
type node struct {
	ID           string `json:"node_id"`
	Peer         string `json:"peer_id"`
	Name         string `json:"implementation_name"`
	Version      string `json:"implementation_version"`
	Info         object `json:"node_info"`
	Connected    string `json:"connected_at"`
	Disconnected any    `json:"disconnected_at"`
	LastSeen     string `json:"last_seen_at"`
	IsConnected  bool   `json:"is_connected"`
	Events       any    `json:"event_count"` // of all its connections
	Address      string `json:"address,omitempty"`
	Connection   object `json:"connection_info,omitempty"`
}

func (t *TART) nodes(q *ask) (any, error) {
	limit, offset := q.number("limit", mostNodes, 1, mostNodes), q.number("offset", 0, 0, 1<<31)
	if q.err != nil {
		return nil, q.err
	}
	sources, err := t.o.Archive.Latest(q.ctx, archive.SourceQuery{Catalogue: kinds.ID, Page: archive.Page{Limit: int(limit)}}, int(offset))
	if err != nil {
		return nil, err
	}
	all := make([]node, len(sources))
	for i := range sources {
		all[i] = describe(&sources[i])
	}
	return object{"nodes": all}, nil
}

// node answers with a node and, while it is connected, its connection.
func (t *TART) node(q *ask) (any, error) {
	l, err := t.latest(q)
	if err != nil {
		return nil, err
	}
	n := describe(l)
	n.Address = ""
	if c := t.connection(q.id); c != nil {
		n.Connection = object{
			"address": c.Remote, "event_count": exactly(c.Events), "connected_duration_secs": int64(q.now.Sub(c.Since).Seconds()),
		}
	} else if l.Open > 0 { // to another server, whose count is some seconds old
		n.Connection = object{
			"address": l.Labels[jip3.LabelRemote], "event_count": exactly(l.Events), "connected_duration_secs": max(0, int64(q.now.Sub(l.Began).Seconds())),
		}
	}
	return n, nil
}

// latest finds the node of a request.
func (t *TART) latest(q *ask) (*archive.Latest, error) {
	all, err := t.o.Archive.Latest(q.ctx, archive.SourceQuery{Catalogue: kinds.ID, Identity: q.id, Page: archive.Page{Limit: 1}}, 0)
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, &problem{http.StatusNotFound, "there is no such node"}
	}
	return &all[0], nil
}

// connection returns the last connection of a node to this server, nil without.
func (t *TART) connection(id string) *jip3.Connected {
	if t.o.Nodes == nil {
		return nil
	}
	for _, c := range slices.Backward(t.o.Nodes.Connected()) {
		if c.Peer == id {
			return &c
		}
	}
	return nil
}

// describe shows a node. One that is connected twice is connected until both are over.
func describe(l *archive.Latest) node {
	n := node{
		ID: l.Identity, Peer: l.Identity, Name: l.Labels["implementation_name"], Version: l.Labels["implementation_version"],
		Info: introduction(l), Connected: at(l.Began), LastSeen: at(l.Alive), IsConnected: l.Open > 0, Events: exactly(l.Total),
		Address: l.Labels[jip3.LabelRemote],
	}
	if l.Open == 0 {
		over := l.Ended
		if over.IsZero() {
			over = l.Alive // the server it was connected to died
		}
		n.Disconnected = at(over)
	}
	return n
}

// introduction is what a node said of itself when it connected.
func introduction(l *archive.Latest) object {
	info := object{
		"protocol_version": l.Version, "genesis": l.Labels["genesis"], "flags": l.Parameters[jip3.ParamFlags], "params": parameters(l),
		"details": object{"peer_id": l.Identity, "peer_address": address(l.Labels[jip3.LabelAddress])},
	}
	for _, name := range []string{"implementation_name", "implementation_version", "gp_version", "additional_info"} {
		info[name] = l.Labels[name]
	}
	return info
}

// chain are the names of the parameters of the chain.
var chain = func() (names []string) {
	for _, f := range kinds.Hello.Body.Fields {
		if f.Name == "params" {
			for _, p := range f.Type.Fields {
				names = append(names, p.Name)
			}
		}
	}
	return names
}()

func parameters(l *archive.Latest) object {
	all := object{}
	for _, name := range chain {
		if v, ok := l.Parameters[name]; ok {
			all[name] = exactly(v)
		}
	}
	return all
}

func address(text string) any {
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		return nil
	}
	n, _ := strconv.Atoi(port) // we wrote it
	return object{"ipv6": host, "port": n}
}

// network answers with what nodes say of theirs: the last one, for all should say the same.
func (t *TART) network(q *ask) (any, error) {
	all, err := t.o.Archive.Latest(q.ctx, archive.SourceQuery{Catalogue: kinds.ID, Page: archive.Page{Limit: mostNodes}}, 0)
	if err != nil {
		return nil, err
	}
	connected := 0
	implementations := []object{}
	seen := map[[2]string]bool{}
	for i := range all {
		if all[i].Open == 0 {
			continue
		}
		connected++
		name := [2]string{all[i].Labels["implementation_name"], all[i].Labels["implementation_version"]}
		if !seen[name] {
			seen[name] = true
			implementations = append(implementations, object{"name": name[0], "version": name[1]})
		}
	}
	answer := object{
		"network":         object{"connected_nodes": connected, "total_nodes": len(all), "genesis": nil},
		"topology":        object{"core_count": 0, "validator_count": 0, "epoch_period": 0, "slot_period_sec": 0},
		"protocol_params": nil, "implementations": implementations,
	}
	if connected > 0 {
		first := &all[0]
		p := first.Parameters
		answer["network"].(object)["genesis"] = first.Labels["genesis"]
		answer["protocol_params"] = parameters(first)
		answer["topology"] = object{
			"core_count": p[catalogue.ParamCores], "validator_count": p["val_count"],
			"epoch_period": p["epoch_period"], "slot_period_sec": p["slot_period_sec"],
		}
	}
	return answer, nil
}

// day is how far back what is counted of one node goes.
const day = 24 * time.Hour
