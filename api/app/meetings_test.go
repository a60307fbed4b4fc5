package app_test

import (
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"parley/api/flags"
	"parley/api/media/mediatest"
	"parley/api/token"
	callv1 "parley/protobuf/call/v1"
)

// managed starts a node that records meetings and keeps the path endpoints open.
func managed(c *cluster) *node { return c.start("meeting_management=true", "path_endpoints=on") }

func TestMeetingLifecycle(t *testing.T) {
	each(t, func(t *testing.T, over way) {
		n := managed(newCluster(t))
		room := newRoom()
		eventually(n.cluster, 0, activeCount, room)
		ada := n.connect(over, "ada", room)
		ada.until("started by ada")
		eventually(n.cluster, 1, activeCount, room)
		bob := n.connect(over, "bob", room)
		bob.until("started by ada")
		eventually(n.cluster, 2, activeCount, room)
		eve := n.connect(over, "eve", room)
		eve.until("started by ada")
		eventually(n.cluster, 3, activeCount, room)
		const creator = "select creator_id from meetings where room_id = $1"
		const ended = "select ended_at is not null from meetings where room_id = $1"
		if got := sql[string](n.cluster, creator, room); got != "ada" {
			t.Errorf("creator is %q", got)
		}
		for i, g := range []*guest{eve, bob} {
			_ = g.Close()
			eventually(n.cluster, 2-i, activeCount, room)
			if sql[bool](n.cluster, ended, room) {
				t.Error("the meeting ended with people in it")
			}
		}
		_ = ada.Close()
		eventually(n.cluster, 0, activeCount, room)
		eventually(n.cluster, true, ended, room)
		eventually(n.cluster, 0, "select count(*) from sessions where room_id = $1 and left_at is null", room)
	})
}

func TestJoinersAreToldTheStoredStart(t *testing.T) {
	n := managed(newCluster(t))
	room := newRoom()
	n.join(overWS, "ada", room)
	stored := sql[time.Time](n.cluster, "select started_at from meetings where room_id = $1", room)
	for _, over := range []way{overWS, overWT} {
		bob := n.connect(over, "bob", room)
		for {
			w := mustParse(t, bob.next().Data)
			var m callv1.MeetingPacket
			if proto.Unmarshal(w.Data, &m) != nil || m.EventType != callv1.MeetingPacket_MEETING_STARTED {
				continue
			}
			if got := time.UnixMilli(int64(m.StartTimeMs)); !got.Equal(stored.Truncate(time.Millisecond)) || string(m.CreatorId) != "ada" {
				t.Errorf("over %s: started %v by %s, stored %v", over, got, m.CreatorId, stored)
			}
			break
		}
	}
}

func TestMeetingOutlivesItsHostUnlessTheFlagSaysOtherwise(t *testing.T) {
	n := managed(newCluster(t))
	room := newRoom()
	host, bob := n.join(overWS, "ada", room), n.join(overWS, "bob", room)
	_ = host.Close()
	bob.until("left ada")
	eventually(n.cluster, 1, activeCount, room)
	if heard := bob.sync(); len(about(heard, "ended")) > 0 {
		t.Errorf("bob hears %q", heard)
	}

	flags.Override(t, n.flags, flags.EndOnHostLeave, true)
	room = newRoom()
	host, bob = n.join(overWS, "ada", room), n.join(overWT, "bob", room)
	_ = host.Close()
	bob.until("ended: The host has ended the meeting")
	eventually(n.cluster, 0, activeCount, room)
	eventually(n.cluster, "ended", "select state from meetings where room_id = $1", room)
}

func TestLosingCandidateLeavesNoTrace(t *testing.T) {
	n := managed(newCluster(t))
	room := newRoom()
	ada := n.join(overWS, "ada", room)
	loser, winner := n.connect(overWS, "bob/ws", room), n.connect(overWT, "bob/wt", room)
	loser.sync()
	winner.sync()
	winner.send(mediatest.Heartbeat())
	_ = loser.Close()
	ada.until("joined bob/wt")
	eventually(n.cluster, 1, "select count(*) from sessions where room_id = $1 and user_id = 'bob' and left_at is null", room)
	winner.send(mediatest.Audio("marker"))
	if heard := ada.until("audio marker from bob/wt"); len(about(heard, "left"))+len(about(heard, "joined")) > 0 {
		t.Errorf("ada hears %q", heard)
	}
	if got := sql[int](n.cluster, activeCount, room); got != 2 {
		t.Errorf("%d participants", got)
	}
}

func TestObserverHearsEventsOnly(t *testing.T) {
	each(t, func(t *testing.T, over way) {
		n := managed(newCluster(t))
		room := newRoom()
		ada := n.join(over, "ada", room)
		waiting := n.connectWith(over, "guest", token.Room{User: "guest", Room: room, Observer: true})
		waiting.until("started by ada")
		ada.send(mediatest.Audio("secret"))
		bob := n.join(over, "bob", room)
		heard := append(waiting.until("joined bob"), waiting.sync()...)
		if len(about(heard, "audio")) > 0 {
			t.Errorf("the waiting guest hears %q", heard)
		}
		waiting.send(mediatest.Audio("smuggled"))
		waiting.sync()
		bob.send(mediatest.Audio("marker"))
		if heard := ada.until("audio marker from bob"); len(about(heard, "guest")) > 0 || slices.Contains(heard, "audio smuggled from guest") {
			t.Errorf("ada hears %q", heard)
		}
		eventually(n.cluster, 2, activeCount, room)
	})
}

func TestReturnAfterALossIsSilent(t *testing.T) {
	n := managed(newCluster(t))
	room := newRoom()
	ada, bob := n.join(overWS, "ada", room), n.join(overWT, "bob/1", room)
	ada.until("joined bob/1")
	_ = bob.Close()
	again := n.join(overWS, "bob/2", room)
	if heard := ada.until("replaced bob/1 by bob/2"); len(about(heard, "left")) > 0 {
		t.Errorf("ada hears %q", heard)
	}
	eventually(n.cluster, 1, "select count(*) from sessions where room_id = $1 and user_id = 'bob' and left_at is null", room)
	_ = again.Close()
	ada.until("left bob/2")
	eventually(n.cluster, 1, activeCount, room)
}

func TestMeetingManagementFollowsItsFlagWhileTheNodeRuns(t *testing.T) {
	n := newCluster(t).start()
	room := newRoom()
	n.join(overWS, "ada", room)
	flags.Override(t, n.flags, flags.MeetingManagement, true)
	if _, err := n.dial(overWS, "/lobby/bob/"+room); err == nil {
		t.Error("the path endpoint is open while meetings are managed")
	}
	flags.MeetingManagement.ClearOverride(n.flags)
	bob := n.join(overWS, "bob", room)
	bob.sync()
	if rows := sql[int](n.cluster, activeCount, room); rows != 0 {
		t.Errorf("%d rows", rows)
	}
}
