package app

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
	"runtime/debug"

	"parley/api/inspect"
	"parley/api/media"
	"parley/api/observe"
	"parley/api/rooms"
)

// openInspect opens the internal address, if there is to be one.
func (n *node) openInspect() (err error) {
	addr := n.Config.Listen.Debug
	if addr == "" {
		return nil
	}
	n.inspect, err = inspect.Listen(addr, inspect.Options{Metrics: n.metrics.Everything(), Pages: n.pages(), Log: n.Log.With("part", "debug")})
	if err != nil {
		return fmt.Errorf("listen for debugging: %w", err)
	}
	return nil
}

// show answers on the internal address until ctx ends, which is last: a node can be looked at
// while it drains.
func (n *node) show(ctx context.Context) error {
	if n.inspect == nil {
		return nil
	}
	return n.inspect.Run(ctx)
}

func (n *node) pages() []inspect.Page {
	now := func(show func() any) func(*http.Request) (any, error) {
		return func(*http.Request) (any, error) { return show(), nil }
	}
	return []inspect.Page{
		{Name: "build", About: "what this node was built from", Show: now(n.showBuild)},
		{Name: "config", About: "what it was configured with, without secrets", Show: now(func() any { return n.Settings })},
		{Name: "flags", About: "feature flags, and who decided them", Show: now(func() any { return n.Flags.States() })},
		{Name: "rooms", About: "rooms with members here, and what they passed on", Show: now(n.showRooms)},
		{Name: "sessions", About: "who is connected here; ?room= shows one room", Show: n.showSessions},
		{Name: "jip3", About: "nodes that send telemetry, and the last of their events that could not be read", Show: now(n.showNodes)},
		{Name: "nodes", About: "the nodes of the cluster that are alive", Show: func(r *http.Request) (any, error) { return n.relay.Nodes(r.Context()) }},
	}
}

func (n *node) showBuild() any {
	modules := map[string]string{}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			modules[m.Path] = m.Version
		}
	}
	return map[string]any{"node": n.id, "build": observe.ReadBuild(), "go": runtime.Version(), "modules": modules}
}

// roomView is a room on /debug/rooms.
type roomView struct {
	Room     media.RoomID `json:"room"`
	Sessions int          `json:"sessions"`
	traffic
}

func (n *node) showRooms() any {
	census := n.hub.Census()
	views := make([]roomView, len(census.Rooms))
	for i, r := range census.Rooms {
		views[i] = roomView{r.Room, r.Sessions, trafficOf(&r.Count)}
	}
	return views
}

// sessionView is a session on /debug/sessions.
type sessionView struct {
	media.Member
	Standing rooms.Standing `json:"standing"`
	Waiting  map[string]int `json:"waiting_bytes"`
	traffic
}

func (n *node) showSessions(r *http.Request) (any, error) {
	views := []sessionView{}
	room := media.RoomID(r.FormValue("room"))
	for _, s := range n.hub.Attendance() {
		if room != "" && s.Room != room {
			continue
		}
		v := sessionView{s.Member, s.Standing, map[string]int{}, trafficOf(&s.Count)}
		for kind := range media.Kinds() {
			if bytes := s.Waiting[kind].Bytes; bytes > 0 {
				v.Waiting[kind.String()] = bytes
			}
		}
		views = append(views, v)
	}
	return views, nil
}

// traffic is a count for people: by name, without what is zero.
type traffic struct {
	In      map[string]flow              `json:"in"`
	Out     map[string]flow              `json:"out"`
	Remote  map[string]flow              `json:"remote,omitempty"`
	Dropped map[string]map[string]uint64 `json:"dropped,omitempty"` // by cause and kind
}

type flow struct {
	Packets uint64 `json:"packets"`
	Bytes   uint64 `json:"bytes"`
}

func trafficOf(c *rooms.Count) traffic {
	t := traffic{In: flowsOf(&c.In), Out: flowsOf(&c.Out), Remote: flowsOf(&c.Remote), Dropped: map[string]map[string]uint64{}}
	for cause := range rooms.Causes() {
		for kind := range media.Kinds() {
			if lost := c.Drops[cause][kind]; lost > 0 {
				if t.Dropped[cause.String()] == nil {
					t.Dropped[cause.String()] = map[string]uint64{}
				}
				t.Dropped[cause.String()][kind.String()] = lost
			}
		}
	}
	return t
}

func flowsOf(f *rooms.Traffic) map[string]flow {
	all := map[string]flow{}
	for kind := range media.Kinds() {
		if f.Packets[kind] > 0 {
			all[kind.String()] = flow{f.Packets[kind], f.Bytes[kind]}
		}
	}
	return all
}
