package catalogue_test

import (
	"testing"

	"parley/api/telemetry"
	"parley/api/telemetry/catalogue"
)

func TestEngineKnowsEveryKind(t *testing.T) {
	for _, c := range catalogue.All() {
		m := c.ForEngine()
		opens := 0
		for _, k := range c.Kinds {
			got, ok := m.Lookup(k.Number)
			if !ok || got.Name == "" || got.Group != k.Group || got.Class != k.Class {
				t.Errorf("%s %d: %+v", c.ID, k.Number, got)
			}
			if got.Opens {
				opens++
			}
		}
		if _, ok := m.Lookup(60_000); ok {
			t.Errorf("%s: kind 60000", c.ID)
		}
		if opens == 0 {
			t.Errorf("%s: no kind opens anything", c.ID)
		}
	}
}

func TestEngineRendersWithTheParametersOfTheSession(t *testing.T) {
	c := catalogue.JIP3()
	p := catalogue.Params{Version: 1, C: 2}
	s := telemetry.Source{Version: 1, Parameters: p.Parameters()}
	if got := catalogue.ParamsOf(s); got != p {
		t.Errorf("%+v instead of %+v", got, p)
	}
	k := catalogue.Call().Named("JoinFailed")
	p = catalogue.Params{}
	body, err := k.Encode(nil, p, map[string]any{"join_id": uint64(7), "code": "full", "reason": "no seat"})
	if err != nil {
		t.Fatal(err)
	}
	got, err := catalogue.Call().ForEngine().Render(telemetry.Source{}, k.Number, body)
	if err != nil || string(got) != `{"join_id":7,"code":"full","reason":"no seat"}` {
		t.Errorf("%s, %v", got, err)
	}
	if _, err := c.ForEngine().Render(s, 250, body); err == nil {
		t.Error("a kind that there is not was rendered")
	}
	var f catalogue.Found
	if err := k.Scan(p, body, &f); err != nil {
		t.Fatal(err)
	}
	if hot := k.Hot(&f, nil); hot.Dimension != "full" || f.Link != 7 {
		t.Errorf("%+v", hot)
	}
}
