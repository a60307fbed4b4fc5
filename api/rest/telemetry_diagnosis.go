package rest

import (
	"context"
	"maps"
	"slices"
	"strings"
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
	from, to := q.time("from"), q.time("to")
	if q.err != nil {
		return telemetryDiagnosisResult{}, q.err
	}
	only := ""
	if id != 0 {
		sessions, _, err := a.Telemetry.Archive.Sessions(r.Context(), archive.SessionQuery{ID: id, Catalogue: catalogue.Call().ID, Scopes: may.scopes, Page: archive.Page{Limit: 1}})
		if err != nil {
			return telemetryDiagnosisResult{}, err
		}
		if len(sessions) == 0 || sessions[0].Scope == "" {
			return telemetryDiagnosisResult{}, invalidField("session", "is not one of a participant that you may see")
		}
		s := sessions[0]
		only, may.scopes = s.Identity, []string{s.Scope}
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
	for _, p := range call.People {
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
			call.Person(s.Identity).Lost += n
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
	People   []telemetryParticipant `json:"participants" doc:"What was last measured of each."`
}

type telemetryFinding struct {
	Participant string          `json:"participant" doc:"The source of their events."`
	Direction   string          `json:"direction" enum:"send,receive"`
	Media       string          `json:"media" enum:"audio,video,all"`
	Cause       string          `json:"cause" enum:"uplink,downlink,encoder,decoder,server,unknown"`
	At          string          `json:"at,omitempty" doc:"The participant or server with whom the cause is."`
	Senders     []string        `json:"senders" doc:"Of whom less arrives, when receiving."`
	Sure        bool            `json:"sure" doc:"Several things speak for the cause."`
	From        int64           `json:"from" doc:"Unix milliseconds."`
	To          int64           `json:"to" doc:"Unix milliseconds."`
	Words       string          `json:"words" doc:"For people."`
	Evidence    []telemetryFact `json:"evidence"`
}

type telemetryFact struct {
	Words   string  `json:"words" doc:"For people, with the value."`
	Measure string  `json:"measure"`
	Value   float64 `json:"value"`
	By      string  `json:"by" doc:"Who measured it: a participant, the server, or receivers together."`
}

type telemetryGap struct {
	Participant string `json:"participant,omitempty" doc:"Absent: the whole call."`
	Words       string `json:"words"`
	Count       string `json:"count,omitempty" doc:"How many events, decimal."`
}

type telemetryParticipant struct {
	Participant string               `json:"participant"`
	Server      string               `json:"server,omitempty"`
	RTT         float64              `json:"rtt_ms" doc:"To the server and back; 0 is not known."`
	Sends       telemetryRates       `json:"sends"`
	Receives    telemetryRates       `json:"receives"`
	Dropped     float64              `json:"dropped" doc:"Packets that the server left out, per second."`
	Waiting     float64              `json:"waiting_bytes"`
	Streams     []telemetryReception `json:"from" doc:"How they hear and see others, as their client says."`
}

type telemetryRates struct {
	Audio  float64 `json:"audio_kbps"`
	Video  float64 `json:"video_kbps"`
	Screen float64 `json:"screen_kbps"`
}

type telemetryReception struct {
	Sender      string  `json:"sender"`
	AudioOn     bool    `json:"audio_on"`
	VideoOn     bool    `json:"video_on"`
	FPS         float64 `json:"fps"`
	Kbps        float64 `json:"kbps" doc:"Of pictures; 0 is not measured."`
	Concealment float64 `json:"concealment_pct" doc:"Of the sound."`
	Buffer      float64 `json:"buffer_ms" doc:"Sound that waits to be heard."`
	Delay       float64 `json:"delay_ms" doc:"Half of both ways to the server and what waits to be played; 0 is not known."`
}

// diagnosisShape shows what was found of a call, only what one participant sends or receives
// when there is one.
func diagnosisShape(call *diagnosis.Call, found []*diagnosis.Finding, only string) telemetryDiagnosisResult {
	result := telemetryDiagnosisResult{
		From: call.From.UnixMilli(), To: call.To.UnixMilli(), Findings: []telemetryFinding{}, Unknown: []telemetryGap{}, People: []telemetryParticipant{},
	}
	for _, f := range found {
		if only != "" && f.Participant != only {
			continue
		}
		shape := telemetryFinding{
			Participant: f.Participant, Direction: string(f.Direction), Media: f.Media, Cause: string(f.Cause), At: f.At, Senders: append([]string{}, f.Senders...),
			Sure: f.Sure, From: f.From.UnixMilli(), To: f.To.UnixMilli(), Words: f.Words(), Evidence: []telemetryFact{},
		}
		if f.Media == "" {
			shape.Media = "all"
		}
		for _, e := range f.Facts {
			shape.Evidence = append(shape.Evidence, telemetryFact(e))
		}
		result.Findings = append(result.Findings, shape)
	}
	for _, g := range call.Gaps() {
		if only != "" && g.Participant != "" && g.Participant != only {
			continue
		}
		shape := telemetryGap{Participant: g.Participant, Words: g.Words}
		if g.Count > 0 {
			shape.Count = decimal(g.Count)
		}
		result.Unknown = append(result.Unknown, shape)
	}
	for _, p := range slices.SortedFunc(maps.Values(call.People), func(a, b *diagnosis.Person) int { return strings.Compare(a.Name, b.Name) }) {
		if only == "" || p.Name == only {
			result.People = append(result.People, participantShape(call, p))
		}
	}
	return result
}

func participantShape(call *diagnosis.Call, p *diagnosis.Person) telemetryParticipant {
	shape := telemetryParticipant{Participant: p.Name, Server: p.Server, Streams: []telemetryReception{}}
	if n := len(p.Reports); n > 0 {
		shape.RTT = p.Reports[n-1].RTT
	}
	if n := len(p.Flows); n > 0 {
		f := p.Flows[n-1]
		shape.Sends, shape.Receives, shape.Waiting = ratesShape(f.From), ratesShape(f.To), f.WaitingBytes
		if f.IntervalMS > 0 {
			shape.Dropped = 1000 * f.Dropped / f.IntervalMS
		}
	}
	if n := len(p.Hearings); n > 0 {
		for _, r := range p.Hearings[n-1].Peers {
			stream := telemetryReception{
				Sender: r.Sender, AudioOn: r.AudioOn, VideoOn: r.VideoOn, FPS: r.FPS, Kbps: r.Kbps, Concealment: r.Concealment, Buffer: r.BufferMS, Delay: r.DelayMS,
			}
			if stream.Delay == 0 {
				stream.Delay = r.BufferMS
			}
			if sender := call.People[r.Sender]; sender != nil && len(sender.Reports) > 0 && shape.RTT > 0 {
				if rtt := sender.Reports[len(sender.Reports)-1].RTT; rtt > 0 {
					stream.Delay += (rtt + shape.RTT) / 2
				}
			}
			shape.Streams = append(shape.Streams, stream)
		}
	}
	return shape
}

func ratesShape(r diagnosis.Rates) telemetryRates {
	return telemetryRates{Audio: r.Audio.Kbps, Video: r.Video.Kbps, Screen: r.Screen.Kbps}
}
