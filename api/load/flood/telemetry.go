package flood

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"sync"

	"parley/api/jip3"
	"parley/api/load/telemetry"
)

// nodes begins the flood of connections to the address for JIP-3 nodes. Each way has an equal part
// of them.
func (r *run) nodes(ctx context.Context, all *sync.WaitGroup) error {
	if r.Plan.Telemetry == "" {
		return nil
	}
	length := func(n uint32) string { return string(binary.LittleEndian.AppendUint32(nil, n)) }
	ways := []struct {
		how   string
		begin func() (string, error)
		rest  string
	}{
		{"silent nodes", func() (string, error) { return "", nil }, ""},
		{"announced lengths of 4 GB", func() (string, error) { return length(1<<32 - 1), nil }, "\x00"},
		{"introductions byte by byte", func() (string, error) { return length(jip3.MaxHello), nil }, "\x00"},
		{"large events byte by byte", func() (string, error) {
			var peer [32]byte
			_, _ = rand.Read(peer[:]) // it never fails
			hello, err := telemetry.Introduction(peer)
			return string(hello) + length(jip3.MaxEvent), err
		}, "\x00"},
	}
	for i, w := range ways {
		if _, err := w.begin(); err != nil {
			return err
		}
		n := (r.Nodes + i) / len(ways)
		c := r.counter(Telemetry, w.how, n)
		r.crowd(ctx, all, n, func(ctx context.Context, _ int) {
			begin, _ := w.begin() // as it did before
			r.drip(ctx, c, "ws://"+r.Plan.Telemetry, begin, w.rest)
		})
	}
	return nil
}
