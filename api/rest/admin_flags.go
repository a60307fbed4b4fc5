package rest

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"parley/api/flags"
	"parley/api/token"
)

// usualChanges and mostChanges bound one page of the record.
const (
	usualChanges = 20
	mostChanges  = 100
)

// flagsResult lists all flags by name.
type flagsResult struct {
	Flags []flags.State `json:"flags"`
}

// flagResult is a flag after a change. Change is null when nothing had to change.
type flagResult struct {
	Flag   flags.State   `json:"flag"`
	Change *flags.Change `json:"change"`
}

// changesResult is a page of the record, newest first.
type changesResult struct {
	Changes []flags.Change `json:"changes"`
	Total   int            `json:"total"`
	Limit   int            `json:"limit"`
	Offset  int            `json:"offset"`
}

// flagBody is what an admin asks for.
type flagBody struct {
	Value  json.RawMessage `json:"value" doc:"A boolean, a number or text, as the flag is."`
	Room   string          `json:"room,omitempty" doc:"A room; everyone when left out."`
	Reason string          `json:"reason,omitempty" doc:"For the record."`
}

// flagClearing is the same for an order to take back what was set; it may be in the query.
type flagClearing struct {
	Room   string `json:"room,omitempty"`
	Reason string `json:"reason,omitempty"`
}

func (flagClearing) mayBeMissing() {}

func (a *API) listFlags(http.ResponseWriter, *http.Request, token.Session) (any, error) {
	return flagsResult{a.Admin.Registry.States()}, nil
}

func (a *API) showFlag(_ http.ResponseWriter, r *http.Request, _ token.Session) (any, error) {
	return a.flagState(r)
}

func (a *API) setFlag(w http.ResponseWriter, r *http.Request, by token.Session) (any, error) {
	if _, err := a.flagState(r); err != nil {
		return nil, err
	}
	var body flagBody
	if err := readJSON(w, r, &body, false); err != nil {
		return nil, err
	}
	value, err := textOf(body.Value)
	if err != nil {
		return nil, err
	}
	return a.changeFlag(r, flags.Order{Room: body.Room, Value: &value, By: by.User, Reason: body.Reason})
}

func (a *API) clearFlag(w http.ResponseWriter, r *http.Request, by token.Session) (any, error) {
	if _, err := a.flagState(r); err != nil {
		return nil, err
	}
	query := r.URL.Query()
	body := flagClearing{Room: query.Get("room"), Reason: query.Get("reason")}
	if err := readJSON(w, r, &body, true); err != nil {
		return nil, err
	}
	return a.changeFlag(r, flags.Order{Room: body.Room, By: by.User, Reason: body.Reason})
}

// changeFlag carries out o for the flag in the path.
func (a *API) changeFlag(r *http.Request, o flags.Order) (any, error) {
	o.Flag = r.PathValue("name")
	change, err := a.Admin.Flags.Apply(r.Context(), o)
	if err != nil {
		return nil, flagProblem(err)
	}
	state, err := a.flagState(r)
	return flagResult{state, change}, err
}

func (a *API) flagHistory(_ http.ResponseWriter, r *http.Request, _ token.Session) (any, error) {
	state, err := a.flagState(r)
	if err != nil {
		return nil, err
	}
	return a.changes(r, state.Name)
}

func (a *API) audit(_ http.ResponseWriter, r *http.Request, _ token.Session) (any, error) {
	return a.changes(r, "")
}

func (a *API) changes(r *http.Request, flag string) (any, error) {
	s, err := sliceOf(r.URL.Query(), usualChanges, mostChanges)
	if err != nil {
		return nil, err
	}
	log, err := a.Admin.Flags.Changes(r.Context(), flag, s.limit, s.offset)
	return changesResult{log.Changes, log.Total, s.limit, s.offset}, err
}

// flagState describes the flag in the path.
func (a *API) flagState(r *http.Request) (flags.State, error) {
	state, err := a.Admin.Registry.State(r.PathValue("name"))
	return state, flagProblem(err)
}

// flagProblem says what is wrong with a request, or returns err.
func flagProblem(err error) error {
	if e, ok := errors.AsType[*flags.UnknownError](err); ok {
		return &problem{status: http.StatusNotFound, code: string(flagNotFound), message: sentence(e.Error())}
	}
	if e, ok := errors.AsType[*flags.ValueError](err); ok {
		return invalidField("value", e.Error())
	}
	if e, ok := errors.AsType[*flags.FieldError](err); ok {
		return invalidField(e.Field, "is not "+e.Want)
	}
	return err
}

// sentence makes the first letter of text a capital.
func sentence(text string) string { return strings.ToUpper(text[:1]) + text[1:] }

// textOf returns the text of a value that is a JSON boolean, number or string.
func textOf(raw json.RawMessage) (string, error) {
	switch {
	case len(raw) == 0 || string(raw) == "null":
		return "", invalidField("value", "is missing")
	case raw[0] == '[' || raw[0] == '{':
		return "", invalidField("value", "is not a boolean, a number or text")
	case raw[0] == '"':
		var text string
		err := json.Unmarshal(raw, &text)
		return text, err
	}
	return string(raw), nil
}
