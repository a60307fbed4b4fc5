package metrics

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"parley/api/flags"
)

// flagged is what operators decided.
type flagged struct {
	registry *flags.Registry
	revision func() int64
}

var (
	flagDesc     = desc("flag", "Value of a feature flag for everyone: 0 or 1, a number, or seconds.", "flag")
	choiceDesc   = desc("flag_choice", "1 for the value that a feature flag of words has for everyone, 0 for the others it could have.", "flag", "value")
	flagRooms    = desc("flag_rooms", "Rooms with a value of their own for a feature flag.", "flag")
	revisionDesc = desc("flags_revision", "Revision of the flags this node goes by; the same on all nodes.")
)

// Describe implements prometheus.Collector.
func (flagged) Describe(to chan<- *prometheus.Desc) {
	describe(to, flagDesc, choiceDesc, flagRooms, revisionDesc)
}

// Collect implements prometheus.Collector.
func (f flagged) Collect(to chan<- prometheus.Metric) {
	o := out(to)
	o.gauge(revisionDesc, float64(f.revision()))
	for _, s := range f.registry.States() {
		o.gauge(flagRooms, float64(len(s.Rooms)), s.Name)
		if v, ok := number(s.Kind, s.Value); ok {
			o.gauge(flagDesc, v, s.Name)
			continue
		}
		// Any other text could be anything: no label.
		for _, choice := range s.OneOf {
			v := 0.0
			if choice == s.Value {
				v = 1
			}
			o.gauge(choiceDesc, v, s.Name, choice)
		}
	}
}

// number returns the value of a flag that is one.
func number(kind flags.Kind, value string) (float64, bool) {
	switch kind {
	case flags.KindBool:
		if value == "true" {
			return 1, true
		}
		return 0, true
	case flags.KindInt:
		n, err := strconv.Atoi(value)
		return float64(n), err == nil
	case flags.KindDuration:
		d, err := time.ParseDuration(value)
		return d.Seconds(), err == nil
	}
	return 0, false
}
