package natsrelay

import (
	"strconv"
	"time"

	"google.golang.org/protobuf/proto"

	"parley/api/media"
	connectionv1 "parley/protobuf/connection/v1"
)

var _ media.Reporter = (*Relay)(nil)

// Connected publishes CONNECTION_STARTED.
func (r *Relay) Connected(s media.SessionStats) {
	r.report(connectionv1.EventType_CONNECTION_STARTED, s)
}

// Traffic publishes DATA_TRANSFERRED if the session moved a byte yet.
func (r *Relay) Traffic(s media.SessionStats) {
	if s.BytesSent+s.BytesReceived > 0 {
		r.report(connectionv1.EventType_DATA_TRANSFERRED, s)
	}
}

// Disconnected publishes CONNECTION_ENDED.
func (r *Relay) Disconnected(s media.SessionStats) {
	r.report(connectionv1.EventType_CONNECTION_ENDED, s)
}

// Health publishes a HealthPacket.
func (r *Relay) Health(packet []byte) {
	r.pushReport(r.healthSubject, packet)
}

func (r *Relay) report(event connectionv1.EventType, s media.SessionStats) {
	p := &connectionv1.ServerConnectionPacket{
		EventType:   event,
		TimestampMs: uint64(time.Now().UnixMilli()),
		Connection: &connectionv1.ConnectionMetadata{
			SessionId:      strconv.FormatUint(uint64(s.Session), 10),
			UserId:         []byte(s.User),
			MeetingId:      string(s.Room),
			Protocol:       string(s.Transport),
			ServerInstance: r.instance,
			Region:         r.region,
		},
		IsReconnection: s.Reconnection,
	}
	if event != connectionv1.EventType_CONNECTION_STARTED {
		p.DataTransfer = &connectionv1.DataTransferInfo{BytesSent: s.BytesSent, BytesReceived: s.BytesReceived}
		p.ConnectionDurationMs = uint64(s.Age.Milliseconds())
	}
	b, err := proto.Marshal(p)
	if err != nil { // a session's texts were checked when it connected
		r.stats.unsent.Add(1)
		return
	}
	r.pushReport(r.connectionSubject, b)
}

func (r *Relay) pushReport(subject string, packet []byte) {
	// Reports are lossy: the next one of the session carries the same counters.
	r.stats.dropped.Add(uint64(r.reports.push(parcel{subject: subject, wire: packet, lossy: true})))
}
