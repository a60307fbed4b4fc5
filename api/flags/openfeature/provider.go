// Package openfeature offers the flags of a node to code that speaks OpenFeature, such as
// extensions and tools that do not know Parley.
//
// A flag is asked for under its name; the attribute [Room] of the evaluation context selects a
// room. Durations are strings such as "250ms". Evaluation never blocks.
package openfeature

import (
	"context"
	"time"

	"github.com/open-feature/go-sdk/openfeature"

	"parley/api/flags"
)

// Room is the attribute of an evaluation context that names the room which is asked about.
const Room = "room"

// Provider answers from a registry.
type Provider struct{ registry *flags.Registry }

var _ openfeature.FeatureProvider = Provider{}

// New returns a Provider for the flags of r.
func New(r *flags.Registry) Provider { return Provider{r} }

// Metadata implements openfeature.FeatureProvider.
func (Provider) Metadata() openfeature.Metadata { return openfeature.Metadata{Name: "parley"} }

// Hooks implements openfeature.FeatureProvider; there are none.
func (Provider) Hooks() []openfeature.Hook { return nil }

// BooleanEvaluation implements openfeature.FeatureProvider.
func (p Provider) BooleanEvaluation(_ context.Context, flag string, otherwise bool, at openfeature.FlattenedContext) openfeature.BoolResolutionDetail {
	return evaluate(p, flag, otherwise, at)
}

// StringEvaluation implements openfeature.FeatureProvider.
func (p Provider) StringEvaluation(_ context.Context, flag, otherwise string, at openfeature.FlattenedContext) openfeature.StringResolutionDetail {
	return evaluate(p, flag, otherwise, at)
}

// FloatEvaluation implements openfeature.FeatureProvider; whole numbers are numbers, too.
func (p Provider) FloatEvaluation(_ context.Context, flag string, otherwise float64, at openfeature.FlattenedContext) openfeature.FloatResolutionDetail {
	whole := evaluate(p, flag, int64(0), at)
	answer := openfeature.FloatResolutionDetail{Value: float64(whole.Value), ProviderResolutionDetail: whole.ProviderResolutionDetail}
	if answer.Error() != nil {
		answer.Value = otherwise
	}
	return answer
}

// IntEvaluation implements openfeature.FeatureProvider.
func (p Provider) IntEvaluation(_ context.Context, flag string, otherwise int64, at openfeature.FlattenedContext) openfeature.IntResolutionDetail {
	return evaluate(p, flag, otherwise, at)
}

// ObjectEvaluation implements openfeature.FeatureProvider; it answers for flags of every kind.
func (p Provider) ObjectEvaluation(_ context.Context, flag string, otherwise any, at openfeature.FlattenedContext) openfeature.InterfaceResolutionDetail {
	return evaluate(p, flag, otherwise, at)
}

// evaluate returns the value of a flag, or otherwise and why.
func evaluate[T any](p Provider, flag string, otherwise T, at openfeature.FlattenedContext) openfeature.GenericResolutionDetail[T] {
	room, _ := at[Room].(string)
	v, from, err := p.registry.Value(flag, room)
	if err != nil {
		return failed(otherwise, openfeature.NewFlagNotFoundResolutionError(err.Error()))
	}
	switch x := v.(type) {
	case int:
		v = int64(x)
	case time.Duration:
		v = x.String()
	}
	value, ok := v.(T)
	if !ok {
		return failed(otherwise, openfeature.NewTypeMismatchResolutionError("flag "+flag+" has another type"))
	}
	answer := openfeature.GenericResolutionDetail[T]{Value: value}
	answer.Reason = openfeature.StaticReason
	switch {
	case from == flags.FromDefault:
		answer.Reason = openfeature.DefaultReason
	case from == flags.FromAdmin && room != "":
		answer.Reason = openfeature.TargetingMatchReason
	}
	return answer
}

func failed[T any](otherwise T, err openfeature.ResolutionError) openfeature.GenericResolutionDetail[T] {
	return openfeature.GenericResolutionDetail[T]{
		Value:                    otherwise,
		ProviderResolutionDetail: openfeature.ProviderResolutionDetail{ResolutionError: err, Reason: openfeature.ErrorReason},
	}
}
