package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"parley/api/observe"
	"parley/api/wire"
)

const nameRunes = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"

// MinSecret is the shortest secret that signs tokens, in bytes: what cannot be guessed.
const MinSecret = 16

// maxWindow is how long packets may wait for others at most: more saves little, and one frame at 30 a second
// takes 33 ms.
const maxWindow = 20 * time.Millisecond

// check returns every mistake in c. Values of secrets do not appear.
func (c *Common) check(mode Mode) []error {
	return append(c.OAuth.check(),
		address("--http-addr (PARLEY_HTTP_ADDR)", c.Listen.HTTP),
		address("--webtransport-addr (PARLEY_WEBTRANSPORT_ADDR)", c.Listen.WebTransport),
		optionalAddress("--debug-addr (PARLEY_DEBUG_ADDR)", c.Listen.Debug),
		together(c.Listen.CertPath, c.Listen.KeyPath),
		within("--quic-max-idle-timeout (QUIC_MAX_IDLE_TIMEOUT_SECS)", c.Listen.QUICIdleTimeout, 2*time.Second, 10*time.Minute),
		within("--quic-keep-alive-interval (QUIC_KEEP_ALIVE_INTERVAL_SECS)", c.Listen.QUICKeepAlive, time.Second, max(time.Second, c.Listen.QUICIdleTimeout/2)),
		between("--max-connections (PARLEY_MAX_CONNECTIONS)", c.Listen.MaxConnections, 100, 10_000_000),
		between("--max-connections-per-address (PARLEY_MAX_CONNECTIONS_PER_ADDRESS)", c.Listen.PerAddress, 1, 10_000_000),
		networks("--trusted-proxies (PARLEY_TRUSTED_PROXIES)", c.Listen.TrustedProxies),
		origins(c.Listen.CORSAllowedOrigin),
		databaseURL(c.Stores.DatabaseURL),
		natsURL(c.Stores.NATSURL),
		between("--session-days (PARLEY_SESSION_DAYS)", c.Stores.SessionDays, 0, 36_500),
		secret(c.Access.JWTSecret, mode),
		within("--token-ttl (TOKEN_TTL_SECS)", c.Access.TokenTTL, time.Second, 24*time.Hour),
		within("--session-ttl (SESSION_TTL_SECS)", c.Access.SessionTTL, time.Minute, 87600*time.Hour),
		name("--cookie-name (COOKIE_NAME)", c.Access.CookieName),
		domain(c.Access.CookieDomain),
		admins(c.Access.Admins),
		name("--region (REGION)", c.Node.Region),
		name("--server-id (SERVER_ID)", c.Node.ServerID),
		optionalName("--service-type (SERVICE_TYPE)", c.Node.ServiceType),
		within("--server-stats-interval (SERVER_STATS_INTERVAL_SECS)", c.Node.StatsInterval, time.Second, time.Hour),
		addresses(c.Node.VersionURLs),
		within("--batch-window (PARLEY_BATCH_WINDOW)", c.Node.BatchWindow, 0, maxWindow),
		windows(c.Node.SoundWindow, c.Node.BatchWindow),
		optionalBetween("--queue-memory (PARLEY_QUEUE_MEMORY)", c.Node.QueueMemory, 64, 1<<20),
		within("--drain (PARLEY_DRAIN_SECS)", c.Node.Drain, 0, 10*time.Minute),
		optionalAddress("--telemetry-addr (PARLEY_TELEMETRY_ADDR)", c.JIP3.Addr),
		networks("--telemetry-allow (PARLEY_TELEMETRY_ALLOW)", c.JIP3.Allow),
		between("--telemetry-nodes (PARLEY_TELEMETRY_NODES)", c.JIP3.Nodes, 1, 65536),
		between("--telemetry-nodes-per-address (PARLEY_TELEMETRY_NODES_PER_ADDRESS)", c.JIP3.PerAddress, 1, 65536),
		between("--telemetry-rate (PARLEY_TELEMETRY_RATE)", c.JIP3.Rate, 1, 1_000_000),
		level(c.Log.Level),
		format(c.Log.Format),
		collector(c.Log.Traces),
	)
}

func address(at, v string) error {
	_, port, err := net.SplitHostPort(v)
	if err != nil {
		return fmt.Errorf("%s: %q is not host:port or :port", at, v)
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return fmt.Errorf("%s: %q has no port from 0 to 65535", at, v)
	}
	return nil
}

func optionalAddress(at, v string) error {
	if v == "" {
		return nil
	}
	return address(at, v)
}

func together(cert, key string) error {
	if (cert == "") != (key == "") {
		return fmt.Errorf("--cert-path (CERT_PATH) and --key-path (KEY_PATH): %q and %q, but both or none are needed", cert, key)
	}
	return nil
}

func within(at string, v, lo, hi time.Duration) error {
	if v < lo || v > hi {
		return fmt.Errorf("%s: %v is outside %v to %v", at, v, lo, hi)
	}
	return nil
}

// windows are how long sound and pictures may wait for others.
func windows(sound, pictures time.Duration) error {
	if sound > max(pictures, 0) && sound <= maxWindow {
		return fmt.Errorf("--sound-window (PARLEY_SOUND_WINDOW): %v is more than the %v of --batch-window (PARLEY_BATCH_WINDOW): sound waits for others no longer than pictures do", sound, pictures)
	}
	return within("--sound-window (PARLEY_SOUND_WINDOW)", sound, 0, maxWindow)
}

func between(at string, v, lo, hi int) error {
	if v < lo || v > hi {
		return fmt.Errorf("%s: %d is outside %d to %d", at, v, lo, hi)
	}
	return nil
}

// optionalBetween is between for what is 0 when it is not set.
func optionalBetween(at string, v, lo, hi int) error {
	if v == 0 {
		return nil
	}
	return between(at, v, lo, hi)
}

// networks checks a list of networks, which parsed reads.
func networks(at string, all []string) error {
	var errs []error
	for _, v := range all {
		if p, err := netip.ParsePrefix(v); err != nil || p != p.Masked() {
			errs = append(errs, fmt.Errorf("%s: %q is not a network like 10.0.0.0/8", at, v))
		}
	}
	return errors.Join(errs...)
}

// Networks are the networks that nodes may connect from; none when any will do. They have
// been checked.
func (j *JIP3) Networks() []netip.Prefix { return parsed(j.Allow) }

// Proxies are the networks of proxies in front of the node. They have been checked.
func (l *Listen) Proxies() []netip.Prefix { return parsed(l.TrustedProxies) }

func parsed(networks []string) []netip.Prefix {
	var all []netip.Prefix
	for _, v := range networks {
		all = append(all, netip.MustParsePrefix(v))
	}
	return all
}

func name(at, v string) error {
	if v == "" || strings.Trim(v, nameRunes) != "" {
		return fmt.Errorf("%s: %q is not made of letters, digits, _ and -", at, v)
	}
	return nil
}

func optionalName(at, v string) error {
	if v == "" {
		return nil
	}
	return name(at, v)
}

func domain(v string) error {
	if strings.Trim(v, nameRunes+".") != "" {
		return fmt.Errorf("--cookie-domain (COOKIE_DOMAIN): %q is not a domain", v)
	}
	return nil
}

func admins(all []string) error {
	for _, user := range all {
		if user == "" || len(user) > wire.MaxUser || user == wire.SystemUser {
			return fmt.Errorf("--admins (PARLEY_ADMINS): %.100q is not an identity of 1 to %d bytes", user, wire.MaxUser)
		}
	}
	return nil
}

// origins refuses "*": with credentials it would hand every visitor's session to any page.
func origins(all []string) error {
	for _, o := range all {
		u, err := url.Parse(o)
		if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.Scheme+"://"+u.Host != o {
			return fmt.Errorf("--cors-allowed-origin (CORS_ALLOWED_ORIGIN): %q is not an origin such as https://example.org", o)
		}
	}
	return nil
}

func addresses(all []string) error {
	for _, a := range all {
		u, err := url.Parse(a)
		if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.User != nil {
			return fmt.Errorf("--service-version-urls (SERVICE_VERSION_URLS): %q is not an address such as http://relay:8080/version", a)
		}
	}
	return nil
}

func databaseURL(v string) error {
	if v == "" || !strings.Contains(v, "://") && strings.Contains(v, "=") { // host=… dbname=…
		return nil
	}
	u, err := url.Parse(v)
	if err != nil || (u.Scheme != "postgres" && u.Scheme != "postgresql") {
		return fmt.Errorf("--database-url (DATABASE_URL): %q does not begin with postgres:// and hold a valid URL", redactURL(v))
	}
	return nil
}

func natsURL(v string) error {
	if v == "" {
		return nil
	}
	for part := range strings.SplitSeq(v, ",") {
		part = strings.TrimSpace(part)
		if !strings.Contains(part, "://") {
			part = "nats://" + part // as the client library reads it
		}
		u, err := url.Parse(part)
		if err != nil || u.Host == "" || !strings.Contains(" nats tls ws wss ", " "+u.Scheme+" ") {
			return fmt.Errorf("--nats-url (NATS_URL): %q does not begin with nats://, tls://, ws:// or wss:// and name a host", redactNATS(part))
		}
	}
	return nil
}

func secret(v string, mode Mode) error {
	switch {
	case v == "" && mode == Dev:
		return nil
	case v == "":
		return fmt.Errorf("--jwt-secret (JWT_SECRET): nothing is set, and serve needs it; all nodes have the same")
	case len(v) < MinSecret && mode != Dev: // on one machine a short one does
		return fmt.Errorf("--jwt-secret (JWT_SECRET): %d bytes are too few, at least %d are needed", len(v), MinSecret)
	}
	return nil
}

func level(v string) error {
	if _, err := observe.ParseLevel(v); err != nil {
		return fmt.Errorf("--log-level (PARLEY_LOG_LEVEL): %w", err)
	}
	return nil
}

func format(v string) error {
	switch observe.Format(v) {
	case observe.FormatAuto, observe.FormatText, observe.FormatJSON:
		return nil
	}
	return fmt.Errorf("--log-format (PARLEY_LOG_FORMAT): %q is not text, json or auto", v)
}

func collector(v string) error {
	if v == "" {
		return nil
	}
	u, err := url.Parse(v)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return fmt.Errorf("--otlp-endpoint (OTEL_EXPORTER_OTLP_ENDPOINT): %q is not an address such as http://collector:4318", redactURL(v))
	}
	return nil
}
