package rest

// telemetryPeopleResult is who is who in a meeting.
type telemetryPeopleResult struct {
	People []telemetryPerson `json:"people"`
}

type telemetryPerson struct {
	Participant string `json:"participant" doc:"The source of their events."`
	Name        string `json:"name" doc:"What they were called last."`
}

// telemetryPeople names those who are or were in a meeting: what telemetry calls them says only
// who is the same.
func (a *API) telemetryPeople(r request, _ nothing) (telemetryPeopleResult, error) {
	result := telemetryPeopleResult{People: []telemetryPerson{}}
	q := a.questions(r.Request)
	room := q.Get("room")
	if room == "" {
		q.wrong("room", "has to be said")
	}
	if q.err != nil {
		return result, q.err
	}
	if a.Telemetry.Participant == nil {
		return result, nil
	}
	all, err := a.Meetings.Attended(r.Context(), r.by, room)
	for _, p := range all {
		name := p.DisplayName
		if name == "" {
			name = p.User
		}
		result.People = append(result.People, telemetryPerson{a.Telemetry.Participant(p.User), name})
	}
	return result, err
}
