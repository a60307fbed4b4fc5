package metrics

import (
	"slices"

	"github.com/prometheus/client_golang/prometheus"
)

// known describes a metric under a name that dashboards of videocall-rs know, without its
// beginning.
func known(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("videocall_"+name, help, labels, nil)
}

// pair describes a metric of how one participant, from_peer, hears and sees another.
func pair(name, help string, more ...string) *prometheus.Desc {
	return known(name, help, append([]string{"meeting_id", "session_id", "from_peer", "to_peer"}, more...)...)
}

// What clients report.
var (
	reportsDesc      = known("health_reports_total", "Reports of clients.")
	activeDesc       = known("active_sessions_total", "Sessions whose clients report.", "meeting_id", "session_id")
	participantsDesc = known("meeting_participants", "Others of whom the last report of a meeting tells.", "meeting_id")
	peersDesc        = known("peer_connections_total", "Participants of whom others report.", "meeting_id", "peer_id")
	selfAudioDesc    = known("self_audio_enabled", "Whether participants have their microphone on.", "meeting_id", "peer_id")
	selfVideoDesc    = known("self_video_enabled", "Whether participants have their camera on.", "meeting_id", "peer_id")
	activeServerDesc = known("client_active_server", "Servers that clients chose.", "meeting_id", "session_id", "peer_id", "server_url", "server_type")
	activeRTTDesc    = known("client_active_server_rtt_ms", "Time to them and back in milliseconds.", "meeting_id", "session_id", "peer_id", "server_url", "server_type")

	listenDesc     = pair("peer_can_listen", "Whether sound is heard.")
	seeDesc        = pair("peer_can_see", "Whether pictures are seen.")
	peerAudioDesc  = pair("peer_audio_enabled", "Whether the other has the microphone on.")
	peerVideoDesc  = pair("peer_video_enabled", "Whether the other has the camera on.")
	bufferDesc     = pair("neteq_audio_buffer_ms", "Sound that waits to be heard, in milliseconds.")
	awaitingDesc   = pair("neteq_packets_awaiting_decode", "Packets of sound that wait to be decoded.")
	packetRateDesc = pair("neteq_packets_per_sec", "Packets of sound per second.")
	fpsDesc        = pair("video_fps", "Pictures per second.")
	bufferedDesc   = pair("video_packets_buffered", "Pictures that wait to be decoded.")
)

// operationDescs are what buffers of sound did, in the order in which reports are read.
var operationDescs = func() (all []*prometheus.Desc) {
	for _, name := range []string{"normal", "expand", "accelerate", "fast_accelerate", "preemptive_expand", "merge", "comfort_noise", "dtmf", "undefined"} {
		all = append(all, pair("neteq_"+name+"_ops_per_sec", "Operations of the buffer of sound per second."))
	}
	return all
}()

// Who is connected. customer_email is the identity of the user.
var (
	connectedDesc    = known("server_connections_active", "Connections.", "session_id", "protocol", "customer_email", "meeting_id", "server_instance", "region")
	usersDesc        = known("server_unique_users_active", "Users who are connected.", "customer_email", "meeting_id", "region")
	protocolDesc     = known("server_protocol_connections", "Connections of a user by transport.", "protocol", "customer_email", "meeting_id", "region")
	dataDesc         = known("server_data_bytes_total", "Bytes to and from clients.", "direction", "session_id", "protocol", "customer_email", "meeting_id", "server_instance", "region")
	serverEventsDesc = known("server_connection_events_total", "Connections that began, went on and ended, as they were told.")
	startupDesc      = known("metrics_service_startup_timestamp_seconds", "When the node began.")
)

var clientDescs = slices.Concat([]*prometheus.Desc{
	reportsDesc, activeDesc, participantsDesc, peersDesc, selfAudioDesc, selfVideoDesc, activeServerDesc, activeRTTDesc,
	listenDesc, seeDesc, peerAudioDesc, peerVideoDesc, bufferDesc, awaitingDesc, packetRateDesc, fpsDesc, bufferedDesc,
	connectedDesc, usersDesc, protocolDesc, dataDesc, serverEventsDesc, startupDesc,
}, operationDescs, newerDescs())
