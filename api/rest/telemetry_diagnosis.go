package rest

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"parley/api/telemetry"
	"parley/api/telemetry/archive"
	"parley/api/telemetry/catalogue"
	"parley/api/telemetry/diagnosis"
)

const (
	// mostDiagnosed is how many events one diagnosis reads: of ten people about an hour.
	mostDiagnosed = 40_000

	// longestDiagnosed is the longest time of one diagnosis.
	longestDiagnosed = 6 * time.Hour
)

// telemetryDiagnosis says why a call is bad, or was.
func (a *API) telemetryDiagnosis(r request, _ nothing) (telemetryDiagnosisResult, error) {
	q, may, err := a.asked(r)
	if err != nil {
		return telemetryDiagnosisResult{}, err
	}
	id := q.session()
	if q.Get("room") == "" && id == 0 {
		q.wrong("room", "has to be said, or a session")
	}
	from, to := q.span()
	if q.err != nil {
		return telemetryDiagnosisResult{}, q.err
	}
	var only diagnosis.DeviceID
	if id != 0 {
		sessions, _, err := a.Telemetry.Archive.Sessions(r.Context(), archive.SessionQuery{ID: id, Catalogue: catalogue.Call().ID, Scopes: may.scopes, Page: archive.Page{Limit: 1}})
		if err != nil {
			return telemetryDiagnosisResult{}, err
		}
		if len(sessions) == 0 || sessions[0].Scope == "" {
			return telemetryDiagnosisResult{}, invalidField("session", "is not one of a participant that you may see")
		}
		s := sessions[0]
		only, may.scopes = diagnosis.DeviceID{Participant: s.Identity, Session: s.Labels["session"]}, []string{s.Scope}
		if from.IsZero() {
			from = s.Began
		}
		if to.IsZero() && !s.Ended.IsZero() {
			to = s.Ended.Add(time.Millisecond)
		}
	}
	live := from.IsZero() && to.IsZero()
	if to.IsZero() {
		to = time.Now()
	}
	if live {
		from = to.Add(-diagnosis.Span)
	}
	from = may.from(from)
	if to.Sub(from) > longestDiagnosed {
		from = to.Add(-longestDiagnosed)
	}
	call, err := a.recorded(r.Context(), may.scopes, from, to)
	if err != nil {
		return telemetryDiagnosisResult{}, telemetryProblem(err)
	}
	found := call.Look
	if !live {
		found = call.History
	}
	return diagnosisShape(call, found(), only), nil
}

// recorded reads what is on record of a room.
func (a *API) recorded(ctx context.Context, scopes []string, from, to time.Time) (*diagnosis.Call, error) {
	call := &diagnosis.Call{From: from, To: to}
	people, servers := diagnosis.Kinds()
	id := catalogue.Call().ID
	if err := a.readInto(ctx, call, archive.EventQuery{Catalogue: id, Kinds: people, Scopes: scopes, From: from, To: to}); err != nil {
		return nil, err
	}
	here := map[string]bool{}
	for _, p := range call.Devices {
		here["server "+p.Server] = true
	}
	for _, server := range slices.Sorted(maps.Keys(here)) {
		if err := a.readInto(ctx, call, archive.EventQuery{Catalogue: id, Kinds: servers, Source: server, From: from, To: to}); err != nil {
			return nil, err
		}
	}
	call.Sort()
	return call, a.addLosses(ctx, call, scopes, from, to)
}

// readInto adds the events of a query, the last received first, until there are too many.
func (a *API) readInto(ctx context.Context, call *diagnosis.Call, q archive.EventQuery) error {
	q.Page.Limit = mostTelemetry
	for read := 0; ; {
		events, next, err := a.Telemetry.Archive.Events(ctx, q)
		if err != nil {
			return err
		}
		for i := range events {
			e := &events[i]
			if !call.Add(&e.Row, &e.Session.Source) {
				call.Cut = true
			}
		}
		read += len(events)
		if next == "" {
			return nil
		}
		if read >= mostDiagnosed {
			call.Cut = true
			call.From = time.UnixMicro(events[len(events)-1].Received)
			return nil
		}
		q.After = next
	}
}

// addLosses notes of whom something is not on record.
func (a *API) addLosses(ctx context.Context, call *diagnosis.Call, scopes []string, from, to time.Time) error {
	losses, _, err := a.Telemetry.Archive.Losses(ctx, archive.LossQuery{Catalogue: catalogue.Call().ID, Scopes: scopes, From: from, To: to, Page: archive.Page{Limit: mostTelemetry}})
	if err != nil || len(losses) == 0 {
		return err
	}
	count := map[telemetry.SessionID]uint64{}
	for _, l := range losses {
		count[l.Session] += l.Count
	}
	for id, n := range count {
		sessions, _, err := a.Telemetry.Archive.Sessions(ctx, archive.SessionQuery{ID: id, Page: archive.Page{Limit: 1}})
		if err != nil {
			return err
		}
		for _, s := range sessions {
			call.Device(s.Identity, s.Labels["session"]).Lost += n
		}
	}
	return nil
}

// telemetryDiagnosisResult is why a call was bad.
type telemetryDiagnosisResult struct {
	From     int64                  `json:"from" doc:"Unix milliseconds."`
	To       int64                  `json:"to" doc:"Unix milliseconds."`
	Findings []telemetryFinding     `json:"findings" doc:"What is bad; nothing when all is well, as far as is known."`
	Unknown  []telemetryGap         `json:"unknown" doc:"What is not known."`
	People   []telemetryParticipant `json:"participants" doc:"What was last measured of each connection of each."`
}

type telemetryFinding struct {
	Participant string            `json:"participant" doc:"The source of their events."`
	Session     string            `json:"session,omitempty" doc:"Number of the connection, the label session of its telemetry; absent when it is not known."`
	Direction   string            `json:"direction" enum:"send,receive"`
	Media       string            `json:"media" enum:"audio,video,screen,all" doc:"Video is the camera."`
	Cause       string            `json:"cause" enum:"uplink,downlink,encoder,decoder,server,unknown"`
	At          string            `json:"at,omitempty" doc:"The participant or server with whom the cause is."`
	AtSession   string            `json:"at_session,omitempty" doc:"The connection of that participant."`
	Senders     []telemetryDevice `json:"senders" doc:"Of whom less arrives, when receiving."`
	Sure        bool              `json:"sure" doc:"Several things speak for the cause."`
	From        int64             `json:"from" doc:"Unix milliseconds."`
	To          int64             `json:"to" doc:"Unix milliseconds."`
	Words       string            `json:"words" doc:"For people."`
	Evidence    []telemetryFact   `json:"evidence"`
}

// telemetryDevice is one connection of a participant.
type telemetryDevice struct {
	Participant string `json:"participant" doc:"The source of their events."`
	Session     string `json:"session,omitempty" doc:"Number of the connection, the label session of its telemetry; absent when it is not known."`
}

type telemetryFact struct {
	Words   string  `json:"words" doc:"For people, with the value."`
	Measure string  `json:"measure"`
	Value   float64 `json:"value"`
	By      string  `json:"by" doc:"Who measured it: a participant, the server, or receivers together."`
}

type telemetryGap struct {
	Participant string `json:"participant,omitempty" doc:"Absent: the whole call."`
	Session     string `json:"session,omitempty" doc:"Number of the connection."`
	Words       string `json:"words"`
	Count       string `json:"count,omitempty" doc:"How many events, decimal."`
}

type telemetryParticipant struct {
	Participant string               `json:"participant" doc:"The source of their events."`
	Session     string               `json:"session,omitempty" doc:"Number of the connection, the label session of its telemetry; absent when it is not known."`
	Server      string               `json:"server,omitempty"`
	RTT         float64              `json:"rtt_ms" doc:"To the server and back; 0 is not known."`
	Sends       telemetryRates       `json:"sends"`
	Receives    telemetryRates       `json:"receives"`
	Dropped     float64              `json:"dropped" doc:"Packets that the server left out, per second."`
	Waiting     float64              `json:"waiting_bytes"`
	Sharing     bool                 `json:"sharing" doc:"A screen is shared, as the client says."`
	Streams     []telemetryReception `json:"from" doc:"How they hear and see others, as their client says."`
}

type telemetryRates struct {
	Audio  float64 `json:"audio_kbps"`
	Video  float64 `json:"video_kbps"`
	Screen float64 `json:"screen_kbps"`
}

type telemetryReception struct {
	Sender      string           `json:"sender"`
	Session     string           `json:"session,omitempty" doc:"Number of the sender's connection; absent when it is not known."`
	AudioOn     bool             `json:"audio_on"`
	VideoOn     bool             `json:"video_on"`
	FPS         float64          `json:"fps"`
	Kbps        float64          `json:"kbps" doc:"Of pictures; 0 is not measured."`
	Concealment float64          `json:"concealment_pct" doc:"Of the sound."`
	Buffer      float64          `json:"buffer_ms" doc:"Sound that waits to be heard."`
	Delay       float64          `json:"delay_ms" doc:"Half of both ways to the server and what waits to be played; 0 is not known."`
	Screen      *telemetryScreen `json:"screen,omitempty" doc:"The screen that the sender shares; absent when none is seen."`
}

type telemetryScreen struct {
	FPS   float64 `json:"fps"`
	Kbps  float64 `json:"kbps" doc:"0 is not measured."`
	Stale float64 `json:"stale_ms" doc:"How old what is shown is; 0 is not known."`
}

// diagnosisShape shows what was found of a call, only what one device sends or receives when
// there is one.
func diagnosisShape(call *diagnosis.Call, found []*diagnosis.Finding, only diagnosis.DeviceID) telemetryDiagnosisResult {
	result := telemetryDiagnosisResult{
		From: call.From.UnixMilli(), To: call.To.UnixMilli(), Findings: []telemetryFinding{}, Unknown: []telemetryGap{}, People: []telemetryParticipant{},
	}
	all := only == diagnosis.DeviceID{}
	for _, f := range found {
		if all || f.Device == only {
			result.Findings = append(result.Findings, findingShape(f))
		}
	}
	for _, g := range call.Gaps() {
		if !all && g.Device != only && g.Device != (diagnosis.DeviceID{}) {
			continue
		}
		shape := telemetryGap{Participant: g.Device.Participant, Session: g.Device.Session, Words: g.Words}
		if g.Count > 0 {
			shape.Count = decimal(g.Count)
		}
		result.Unknown = append(result.Unknown, shape)
	}
	devices := call.Present()
	if !all {
		devices = call.Sorted()
	}
	for _, d := range devices {
		if all || d.DeviceID == only {
			result.People = append(result.People, participantShape(call, d))
		}
	}
	return result
}

func findingShape(f *diagnosis.Finding) telemetryFinding {
	shape := telemetryFinding{
		Participant: f.Device.Participant, Session: f.Device.Session, Direction: string(f.Direction), Media: cmp.Or(f.Media, "all"), Cause: string(f.Cause),
		At: cmp.Or(f.At.Server, f.At.Device.Participant), AtSession: f.At.Device.Session, Senders: []telemetryDevice{},
		Sure: f.Sure, From: f.From.UnixMilli(), To: f.To.UnixMilli(), Words: f.Words(), Evidence: []telemetryFact{},
	}
	for _, s := range f.Senders {
		shape.Senders = append(shape.Senders, telemetryDevice(s))
	}
	for _, e := range f.Facts {
		shape.Evidence = append(shape.Evidence, telemetryFact(e))
	}
	return shape
}

func participantShape(call *diagnosis.Call, p *diagnosis.Device) telemetryParticipant {
	shape := telemetryParticipant{Participant: p.Participant, Session: p.Session, Server: p.Server, Streams: []telemetryReception{}}
	if n := len(p.Reports); n > 0 {
		shape.RTT, shape.Sharing = p.Reports[n-1].RTT, p.Reports[n-1].ScreenOn
	}
	if n := len(p.Flows); n > 0 {
		f := p.Flows[n-1]
		shape.Sends, shape.Receives, shape.Waiting = ratesShape(f.From), ratesShape(f.To), f.WaitingBytes
		if f.IntervalMS > 0 {
			shape.Dropped = 1000 * f.Dropped / f.IntervalMS
		}
	}
	if n := len(p.Hearings); n > 0 {
		for i := range p.Hearings[n-1].Peers {
			shape.Streams = append(shape.Streams, receptionShape(call, shape.RTT, &p.Hearings[n-1].Peers[i]))
		}
	}
	return shape
}

// receptionShape shows how somebody, whose way to the server and back takes so many ms, hears
// and sees another.
func receptionShape(call *diagnosis.Call, rtt float64, r *diagnosis.Reception) telemetryReception {
	shape := telemetryReception{
		Sender: r.Sender, Session: r.Session, AudioOn: r.AudioOn, VideoOn: r.VideoOn, FPS: r.FPS, Kbps: r.Kbps,
		Concealment: r.Concealment, Buffer: r.BufferMS, Delay: cmp.Or(r.DelayMS, r.BufferMS),
	}
	if r.Screen != nil {
		shape.Screen = &telemetryScreen{r.Screen.FPS, r.Screen.Kbps, max(r.Screen.StaleMS, r.Screen.DelayMS)}
	}
	if sender := call.Sender(r); sender != nil {
		shape.Session = sender.Session
		if n := len(sender.Reports); n > 0 && rtt > 0 && sender.Reports[n-1].RTT > 0 {
			shape.Delay += (sender.Reports[n-1].RTT + rtt) / 2
		}
	}
	return shape
}

func ratesShape(r diagnosis.Rates) telemetryRates {
	return telemetryRates{Audio: r.Audio.Kbps, Video: r.Video.Kbps, Screen: r.Screen.Kbps}
}
