package wt

import (
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"github.com/quic-go/webtransport-go"
)

// HTTP/3 settings by which clients of different ages recognize WebTransport. The library
// sends SETTINGS_WT_ENABLED of the current drafts and ENABLE_WEBTRANSPORT of draft 2, and
// HTTP/3 itself ENABLE_CONNECT_PROTOCOL and H3_DATAGRAM; these are missing.
const (
	settingDatagramDraft4    = 0xffd277   // H3_DATAGRAM until draft-ietf-masque-h3-datagram-04
	settingMaxSessionsDraft2 = 0x2b603743 // beside ENABLE_WEBTRANSPORT until draft-ietf-webtrans-http3-06
	settingMaxSessionsDraft7 = 0xc671706a // instead of it from draft 7 on
	settingMaxSessions       = 0x14e9cd29 // from draft 13 on
)

// advertise completes the settings of s.
func advertise(s *webtransport.Server) {
	// The library writes its own settings once, when it is first used; a request that it
	// refuses is such a use.
	_, _ = s.Upgrade(nil, &http.Request{Method: http.MethodGet})

	// One session per connection, because packets of several would share a congestion
	// window. It also keeps the session flow control of recent drafts out: clients expect
	// it from a server that allows more.
	for _, id := range []uint64{settingMaxSessionsDraft2, settingMaxSessionsDraft7, settingMaxSessions, settingDatagramDraft4} {
		s.H3.AdditionalSettings[id] = 1
	}
}

// Limits of one connection. With partialBytes they bound what a peer that tries hard makes
// us hold to about 24 MB.
const (
	// uniStreams is how many packets a client may have under way. Clients open 30 to 150
	// streams per second each; a second of a lossy path must fit.
	uniStreams = 1024

	// bidiStreams are enough for the request of the session and those of other routes.
	bidiStreams = 16

	streamWindow     = 512 << 10
	maxStreamWindow  = 4 << 20
	connectionWindow = 1 << 20
	maxConnWindow    = 8 << 20

	// maxHeaderBytes has room for a token and all headers of browsers.
	maxHeaderBytes = 32 << 10

	// handshakeTimeout is how long a peer may be silent before the handshake is done; of each, up to a third
	// less, which leaves the 5 s of the library. The longer, the fewer handshakes a flood of them comes to.
	handshakeTimeout = 7500 * time.Millisecond

	// DefaultRequest is the default of Options.Request.
	DefaultRequest = 30 * time.Second
)

func quicConfig(idle, keepAlive time.Duration) *quic.Config {
	c := &quic.Config{
		HandshakeIdleTimeout:             handshakeTimeout,
		MaxIdleTimeout:                   idle,
		KeepAlivePeriod:                  keepAlive,
		InitialStreamReceiveWindow:       streamWindow,
		MaxStreamReceiveWindow:           maxStreamWindow,
		InitialConnectionReceiveWindow:   connectionWindow,
		MaxConnectionReceiveWindow:       maxConnWindow,
		MaxIncomingStreams:               bidiStreams,
		MaxIncomingUniStreams:            uniStreams,
		EnableDatagrams:                  true,
		EnableStreamResetPartialDelivery: true,
	}
	c.GetConfigForClient = func(*quic.ClientInfo) (*quic.Config, error) {
		own := c.Clone()
		own.HandshakeIdleTimeout = shortened(handshakeTimeout)
		return own, nil
	}
	return c
}

// shortened takes up to a third off d: of a crowd that comes together and does nothing, few end at the
// same time.
func shortened(d time.Duration) time.Duration { return d - rand.N(d/3+1) }

// noError closes connections that did nothing wrong.
const noError = quic.ApplicationErrorCode(http3.ErrCodeNoError)
