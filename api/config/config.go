// Package config is what an operator decides before a node starts: one struct for the
// command line, its environment twins, the reference and the checks.
//
// A flag beats its environment variable, which beats the default. An empty variable counts
// as unset. Secrets may come from a file named by the variable with _FILE appended. [Source]
// reads it all and reports every mistake at once.
//
// What may change while meetings run is not here but in package flags.
package config

import "time"

// Mode is what a node is started for.
type Mode string

// The modes.
const (
	Dev   Mode = "dev"   // everything embedded, people sign in with a name
	Serve Mode = "serve" // production: nothing is assumed
)

// Common is the configuration that parley dev and parley serve share. Each command embeds
// it; [Source.Settle] completes and checks it. After that nobody changes it.
type Common struct {
	Listen Listen `embed:"" group:"Listening"`
	Stores Stores `embed:"" group:"Stores"`
	Access Access `embed:"" group:"Access"`
	OAuth  OAuth  `embed:"" group:"Sign-in"`
	Node   Node   `embed:"" group:"Node"`
	JIP3   JIP3   `embed:"" group:"Telemetry of JIP-3 nodes"`
	Log    Log    `embed:"" group:"Log and traces"`
}

// DevTelemetry is where a node in dev mode takes in the telemetry of JIP-3 nodes unless told
// otherwise. When it is taken, another port is.
const DevTelemetry = "127.0.0.1:9000"

// JIP3 is where nodes that speak JIP-3 send their telemetry, and how much of it is taken.
type JIP3 struct {
	Addr       string   `name:"telemetry-addr" from:"PARLEY_TELEMETRY_ADDR" placeholder:"ADDR" help:"Address (TCP) for JIP-3 nodes. Nothing proves who they are, see --telemetry-allow. off switches it off. Default: 127.0.0.1:9000 in dev, or a free port when that is taken; off in serve."`
	Allow      []string `name:"telemetry-allow" from:"PARLEY_TELEMETRY_ALLOW" placeholder:"NETWORK" help:"Networks that nodes may connect from, such as 10.0.0.0/8 or 2001:db8::/32, separated by commas. Default: any."`
	Nodes      int      `name:"telemetry-nodes" from:"PARLEY_TELEMETRY_NODES" default:"1024" help:"Nodes that may be connected at once. 1 to 65536."`
	PerAddress int      `name:"telemetry-nodes-per-address" from:"PARLEY_TELEMETRY_NODES_PER_ADDRESS" default:"256" help:"How many of these from one IPv4 address or IPv6 network of 64 bits. This machine may have all. 1 to 65536."`
	Rate       int      `name:"telemetry-rate" from:"PARLEY_TELEMETRY_RATE" default:"5000" help:"Events a second of each node; twice as many may come at once. What is more is counted in the ledger of its session. 1 to 1000000."`
}

// Listen is where a node answers.
type Listen struct {
	HTTP              string        `name:"http-addr" from:"PARLEY_HTTP_ADDR" default:":8080" help:"Address of page, REST, WebSocket and health."`
	WebTransport      string        `name:"webtransport-addr" from:"PARLEY_WEBTRANSPORT_ADDR" default:":4433" help:"Address of WebTransport (UDP) and of HTTPS with the same routes (TCP)."`
	Debug             string        `name:"debug-addr" from:"PARLEY_DEBUG_ADDR" placeholder:"ADDR" help:"Internal address of all metrics, profiles and /debug. It asks for no password and shows who is in which room: keep it on a private network. off switches it off. Default: a free port of 127.0.0.1 in dev, off in serve."`
	CertPath          string        `name:"cert-path" from:"CERT_PATH" placeholder:"FILE" help:"PEM certificate chain. Without one a self-signed certificate is made and renewed."`
	KeyPath           string        `name:"key-path" from:"KEY_PATH" placeholder:"FILE" help:"PEM private key of --cert-path, PKCS#8 or PKCS#1."`
	QUICIdleTimeout   time.Duration `name:"quic-max-idle-timeout" from:"QUIC_MAX_IDLE_TIMEOUT_SECS" type:"seconds" default:"5" help:"Close a QUIC connection whose path is dead for so long, keep-alives included. 2s to 10m."`
	QUICKeepAlive     time.Duration `name:"quic-keep-alive-interval" from:"QUIC_KEEP_ALIVE_INTERVAL_SECS" type:"seconds" default:"1" help:"How often a silent QUIC connection is probed. 1s to half of the idle timeout."`
	MaxConnections    int           `name:"max-connections" from:"PARLEY_MAX_CONNECTIONS" default:"50000" help:"Connections that may be open at once, of browsers, clients and the API. 100 to 10000000."`
	PerAddress        int           `name:"max-connections-per-address" from:"PARLEY_MAX_CONNECTIONS_PER_ADDRESS" default:"1000" help:"How many of these from one IPv4 address or IPv6 network of 64 bits. This machine may have all. 1 to 10000000."`
	TrustedProxies    []string      `name:"trusted-proxies" from:"PARLEY_TRUSTED_PROXIES" placeholder:"NETWORK" help:"Networks of proxies in front of this node, such as 10.0.0.0/8, separated by commas: they speak for many, so neither --max-connections-per-address nor how many handshakes one address may begin holds for them."`
	CORSAllowedOrigin []string      `name:"cors-allowed-origin" from:"CORS_ALLOWED_ORIGIN" placeholder:"ORIGIN" help:"Other origins whose pages may use the REST API with credentials, separated by commas."`
}

// Stores is where a node keeps what outlives it.
type Stores struct {
	DataDir         string `name:"data-dir" from:"PARLEY_DATA_DIR" placeholder:"DIR" help:"Directory of the embedded stores and of what the node generates. One process at a time uses it. Default: parley in $XDG_DATA_HOME or ~/.local/share, else ./data."`
	DatabaseURL     string `name:"database-url" from:"DATABASE_URL" secret:"url" placeholder:"URL" help:"PostgreSQL to use instead of the embedded one."`
	DatabaseURLFile string `name:"database-url-file" from:"DATABASE_URL_FILE" placeholder:"FILE" help:"File that holds --database-url."`
	NATSURL         string `name:"nats-url" from:"NATS_URL" secret:"nats" placeholder:"URL" help:"NATS servers with JetStream to use instead of the embedded one, separated by commas."`
	NATSURLFile     string `name:"nats-url-file" from:"NATS_URL_FILE" placeholder:"FILE" help:"File that holds --nats-url."`
	SessionDays     int    `name:"session-days" from:"PARLEY_SESSION_DAYS" default:"90" help:"For how many days the record of a connection is kept after its end: who was in which room, and when. 0 keeps it for ever. 0 to 36500."`
}

// Access is who gets in.
type Access struct {
	JWTSecret     string        `name:"jwt-secret" from:"JWT_SECRET" secret:"all" placeholder:"SECRET" help:"Secret that signs tokens, the same on all nodes. Serve requires one of at least 16 bytes; dev makes one and keeps it in the data directory."`
	JWTSecretFile string        `name:"jwt-secret-file" from:"JWT_SECRET_FILE" placeholder:"FILE" help:"File that holds --jwt-secret."`
	TokenTTL      time.Duration `name:"token-ttl" from:"TOKEN_TTL_SECS" type:"seconds" default:"60" help:"Life of a room token: the time a client has to connect. 1s to 24h."`
	SessionTTL    time.Duration `name:"session-ttl" from:"SESSION_TTL_SECS" type:"seconds" default:"604800" help:"Life of a sign-in, a week unless set. 1m to 87600h."`
	CookieName    string        `name:"cookie-name" from:"COOKIE_NAME" default:"session" help:"Name of the session cookie."`
	CookieDomain  string        `name:"cookie-domain" from:"COOKIE_DOMAIN" placeholder:"DOMAIN" help:"Domain of the session cookie. Without one it belongs to the host that set it."`
	CookieSecure  bool          `name:"cookie-secure" from:"COOKIE_SECURE" default:"true" negatable:"" help:"Send the session cookie over HTTPS only."`
	DemoSignIn    *bool         `name:"demo-sign-in" from:"PARLEY_DEMO_SIGN_IN" negatable:"" help:"Let anybody sign in with just a name. Default: on in dev without a provider, else off."`
	Admins        []string      `name:"admins" from:"PARLEY_ADMINS" placeholder:"USER" help:"Identities of the admins of this installation, as people are signed in, separated by commas. Without any, dev makes an admin sign-in of its own and serve has no admins but those whose session token says so."`
}

// OAuth is the OpenID provider that people sign in with. Without a client id there is none.
type OAuth struct {
	ClientID         string   `name:"oauth-client-id" from:"OAUTH_CLIENT_ID" placeholder:"ID" help:"Let people sign in with an OpenID provider that knows this installation by this id."`
	Secret           string   `name:"oauth-secret" from:"OAUTH_SECRET" secret:"all" placeholder:"SECRET" help:"Secret of the client, where the provider wants one."`
	SecretFile       string   `name:"oauth-secret-file" from:"OAUTH_SECRET_FILE" placeholder:"FILE" help:"File that holds --oauth-secret."`
	RedirectURL      string   `name:"oauth-redirect-url" from:"OAUTH_REDIRECT_URL" placeholder:"URL" help:"Public address of /login/callback, as registered with the provider."`
	Issuer           string   `name:"oauth-issuer" from:"OAUTH_ISSUER" placeholder:"URL" help:"The provider. Its endpoints are found through discovery."`
	AuthURL          string   `name:"oauth-auth-url" from:"OAUTH_AUTH_URL" placeholder:"URL" help:"Authorization endpoint. This and the next three win over discovery."`
	TokenURL         string   `name:"oauth-token-url" from:"OAUTH_TOKEN_URL" placeholder:"URL" help:"Token endpoint."`
	JWKSURL          string   `name:"oauth-jwks-url" from:"OAUTH_JWKS_URL" placeholder:"URL" help:"Keys that ID tokens are signed with."`
	UserInfoURL      string   `name:"oauth-userinfo-url" from:"OAUTH_USERINFO_URL" placeholder:"URL" help:"UserInfo endpoint, asked when the ID token has no mail address."`
	Audience         string   `name:"oauth-audience" from:"OAUTH_RESOURCE_SERVER_AUDIENCE" placeholder:"NAME" help:"Take access tokens (JWT) of the provider for this audience as bearer tokens, beside ID tokens."`
	Scopes           string   `name:"oauth-scopes" from:"OAUTH_SCOPES" default:"openid email profile" help:"What the provider is asked for."`
	AfterLogin       string   `name:"after-login-url" from:"AFTER_LOGIN_URL" default:"/" help:"Where people go who signed in."`
	AllowedRedirects []string `name:"allowed-redirect-urls" from:"ALLOWED_REDIRECT_URLS" placeholder:"URL" help:"Other addresses whose origins people may return to, separated by commas."`
}

// Node is what a node calls itself and how it stops.
type Node struct {
	Region        string            `name:"region" from:"REGION" default:"us-east" help:"Region in statistics. Letters, digits, _ and -."`
	ServerID      string            `name:"server-id" from:"SERVER_ID" placeholder:"NAME" help:"Name of this server in statistics. Letters, digits, _ and -. Default: the host name."`
	Instance      string            `name:"instance" from:"HOSTNAME" placeholder:"NAME" help:"Name of this server in reports of connections; other characters than letters, digits, _ and - become -. Default: the server id."`
	ServiceType   string            `name:"service-type" from:"SERVICE_TYPE" placeholder:"NAME" help:"Kind of server in the subjects of reports. Default: websocket."`
	StatsInterval time.Duration     `name:"server-stats-interval" from:"SERVER_STATS_INTERVAL_SECS" type:"seconds" default:"5" help:"How often statistics of connections are published. 1s to 1h."`
	ReadyFile     string            `name:"ready-file" from:"PARLEY_READY_FILE" placeholder:"FILE" help:"JSON file with the addresses, written when the node serves."`
	BatchWindow   time.Duration     `name:"batch-window" from:"PARLEY_BATCH_WINDOW" default:"0s" help:"How long pictures that come right after others may wait for what else goes to the same receivers, where processor time is scarcer than some milliseconds; those from another node up to --sound-window more. 0s to 20ms; 0s sends each at once."`
	SoundWindow   time.Duration     `name:"sound-window" from:"PARLEY_SOUND_WINDOW" default:"0s" help:"How long sound that comes right after other sound may wait for what else goes to the same receivers: people hear it later by as much, and once more by as much from another node. At most --batch-window; 0s sends it at once."`
	QueueMemory   int               `name:"queue-memory" from:"PARLEY_QUEUE_MEMORY" placeholder:"MIB" help:"MiB that packets which wait for receivers may take, all queues together; rooms that hold most of it lose pictures first. 64 to 1048576. Default: a quarter of what GOMEMLIMIT, the control group or the machine allows."`
	Drain         time.Duration     `name:"drain" from:"PARLEY_DRAIN_SECS" type:"seconds" default:"10" help:"How long sessions may take to move away when the node stops. 0s to 10m."`
	VersionURLs   []string          `name:"service-version-urls" from:"SERVICE_VERSION_URLS" placeholder:"URL" help:"Where other services of the installation say what they were built from, for /api/v1/versions, separated by commas."`
	Features      map[string]string `name:"feature" mapsep:"none" placeholder:"NAME=VALUE" help:"Start with a feature flag set; may be repeated. The same as FEATURE_<NAME> in the environment."`
}

// Log is what the node tells about itself.
type Log struct {
	Level  string `name:"log-level" from:"PARLEY_LOG_LEVEL" default:"info" help:"debug, info, warn or error."`
	Format string `name:"log-format" from:"PARLEY_LOG_FORMAT" default:"auto" help:"text, json, or auto: text to a terminal, JSON otherwise."`
	Traces string `name:"otlp-endpoint" from:"OTEL_EXPORTER_OTLP_ENDPOINT" secret:"url" placeholder:"URL" help:"OpenTelemetry collector that gets traces of joins and of REST, as OTLP over HTTP to /v1/traces below this address. Other OTEL_ variables, as of headers and of the sampler, hold as well. Without it nothing is traced."`
}
