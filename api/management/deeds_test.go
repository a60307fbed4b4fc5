package management_test

import (
	"context"
	"fmt"
	"strings"
	"time"

	"parley/api/management"
)

// deed is something that somebody does in a room; its name begins with the method.
type deed struct {
	name string
	do   func(context.Context, act) (answer string, err error)
}

// act is who does it, and where.
type act struct {
	*management.Meetings
	rooms *recorder
	by    management.Caller
	room  string
}

var actions = []deed{
	{"Create", func(ctx context.Context, a act) (string, error) {
		_, err := a.Create(ctx, a.by, management.Draft{Room: a.room})
		return "ok", err
	}},
	{"Get", func(ctx context.Context, a act) (string, error) {
		m, _, err := a.Get(ctx, a.by, a.room)
		if m.Owner == "" && m.Attendees == nil && m.Created.IsZero() && m.Started.IsZero() && m.Present+m.Waiting == 0 {
			return "in part", err
		}
		return "all", err
	}},
	{"List", func(ctx context.Context, a act) (string, error) {
		var in []string
		for _, scope := range []management.Scope{management.Owned, management.Joined, management.Feed, management.All} {
			page, err := a.List(ctx, a.by, management.Query{Scope: scope, Search: a.room, Limit: 100})
			if scope == management.All && !a.by.Admin && err != nil {
				continue
			}
			if err != nil {
				return "", err
			}
			for _, m := range page.Meetings {
				if m.Room == a.room {
					in = append(in, string(scope))
				}
			}
		}
		if in == nil {
			return "in none", nil
		}
		return "in " + strings.Join(in, " "), nil
	}},
	{"Watch", func(ctx context.Context, a act) (string, error) {
		news, stop := a.Watch(a.by)
		defer stop()
		a.Stale(ctx, a.room)
		select {
		case <-news:
			return "told", nil
		default:
			return "not told", nil
		}
	}},
	{"Join", func(ctx context.Context, a act) (string, error) {
		answer, err := a.Join(ctx, a.by, a.room, management.Request{})
		return string(answer.Status), err
	}},
	{"Status", func(ctx context.Context, a act) (string, error) {
		answer, err := a.Status(ctx, a.by, a.room)
		return string(answer.Status), err
	}},
	{"Leave", func(ctx context.Context, a act) (string, error) {
		answer, err := a.Leave(ctx, a.by, a.room)
		return string(answer.Status), err
	}},
	{"Entry with a room token", func(ctx context.Context, a act) (string, error) {
		return "ok", a.Entry(ctx, a.room, a.by.User, false, longAgo())
	}},
	{"Entry with an observer token", func(ctx context.Context, a act) (string, error) {
		return "ok", a.Entry(ctx, a.room, a.by.User, true, longAgo())
	}},
	{"Against", func(ctx context.Context, a act) (string, error) {
		refused, err := a.Against(ctx, []management.Connected{{Room: a.room, User: a.by.User, Since: longAgo()}})
		if refused[0] != nil {
			return "put out", err
		}
		return "stays", err
	}},
	{"Participants", func(ctx context.Context, a act) (string, error) {
		all, err := a.Participants(ctx, a.by, a.room)
		return fmt.Sprint(len(all)), err
	}},
	{"Attended", func(ctx context.Context, a act) (string, error) {
		all, err := a.Attended(ctx, a.by, a.room)
		return fmt.Sprint(len(all)), err
	}},
	{"Waiting", func(ctx context.Context, a act) (string, error) {
		all, err := a.Waiting(ctx, a.by, a.room)
		return fmt.Sprint(len(all)), err
	}},
	{"Admit wim", func(ctx context.Context, a act) (string, error) {
		_, err := a.Admit(ctx, a.by, a.room, "wim")
		return "ok", err
	}},
	{"Admit tom, who does not wait", func(ctx context.Context, a act) (string, error) {
		_, err := a.Admit(ctx, a.by, a.room, "tom")
		return "ok", err
	}},
	{"AdmitAll", func(ctx context.Context, a act) (string, error) {
		all, err := a.AdmitAll(ctx, a.by, a.room)
		return fmt.Sprint(len(all)), err
	}},
	{"Reject wim", func(ctx context.Context, a act) (string, error) {
		_, err := a.Reject(ctx, a.by, a.room, "wim")
		return "ok", err
	}},
	{"Change the waiting room to on", change(management.Patch{WaitingRoom: new(true)})},
	{"Change the waiting room to off", change(management.Patch{WaitingRoom: new(false)})},
	{"Change nothing", change(management.Patch{})},
	{"End", func(ctx context.Context, a act) (string, error) {
		m, err := a.End(ctx, a.by, a.room)
		return string(m.State), err
	}},
	{"Delete", func(ctx context.Context, a act) (string, error) { return "ok", a.Delete(ctx, a.by, a.room) }},
	{"Silence tom", func(ctx context.Context, a act) (string, error) {
		return "ok", a.Silence(ctx, a.by, a.room, "tom", management.Mute)
	}},
	{"Silence everybody", func(ctx context.Context, a act) (string, error) {
		return "ok", a.Silence(ctx, a.by, a.room, "", management.Mute)
	}},
	{"Silence wim, who waits", func(ctx context.Context, a act) (string, error) {
		return "ok", a.Silence(ctx, a.by, a.room, "wim", management.CameraOff)
	}},
	{"Kick tom", kick("tom", false)},
	{"Kick tom for good", kick("tom", true)},
	{"Kick hal, another host", kick("hal", false)},
	{"Kick ada, the owner", kick("ada", false)},
	{"Kick ben, who is banned", kick("ben", false)},
	{"Kick nobody known", kick("zoe", false)},
	{"Unban ben", func(ctx context.Context, a act) (string, error) { return "ok", a.Unban(ctx, a.by, a.room, "ben") }},
	{"GrantHost to tom", grant("tom", false)},
	{"GrantHost to tom and hand over", grant("tom", true)},
	{"GrantHost to a guest", grant(guestInside, false)},
	{"GrantHost to wim, who waits", grant("wim", false)},
	{"RevokeHost of hal", revoke("hal")},
	{"RevokeHost of tom, who is none", revoke("tom")},
	{"RevokeHost of ada, the owner", revoke("ada")},
	{"RevokeHost of oneself", revoke("")},
	{"Rename oneself", rename("")},
	{"Rename tom", rename("tom")},
	{"Rename ada, the owner", rename("ada")},
}

// longAgo is when the tokens were issued: before anything that became of the meetings.
func longAgo() time.Time { return time.Now().Add(-12 * time.Hour) }

func change(p management.Patch) func(context.Context, act) (string, error) {
	return func(ctx context.Context, a act) (string, error) {
		_, err := a.Change(ctx, a.by, a.room, p)
		return "ok", err
	}
}

func kick(user string, ban bool) func(context.Context, act) (string, error) {
	return func(ctx context.Context, a act) (string, error) {
		err := a.Kick(ctx, a.by, a.room, user, ban)
		if err == nil && !a.rooms.removed(user) {
			return "stays connected", nil
		}
		return "ok", err
	}
}

func grant(user string, handOver bool) func(context.Context, act) (string, error) {
	return func(ctx context.Context, a act) (string, error) {
		return "ok", a.GrantHost(ctx, a.by, a.room, user, handOver)
	}
}

func revoke(user string) func(context.Context, act) (string, error) {
	return func(ctx context.Context, a act) (string, error) {
		if user == "" {
			return "ok", a.RevokeHost(ctx, a.by, a.room, a.by.User)
		}
		return "ok", a.RevokeHost(ctx, a.by, a.room, user)
	}
}

func rename(user string) func(context.Context, act) (string, error) {
	return func(ctx context.Context, a act) (string, error) {
		_, err := a.Rename(ctx, a.by, a.room, user, "Somebody Else")
		return "ok", err
	}
}
