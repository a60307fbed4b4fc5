package natsrelay

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"parley/api/natsrelay/natstest"
)

// What a room forgets while another node reads it is not waited for: who reads begins again.
func TestWhatIsForgottenMeanwhileIsNotHandedOver(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	js, err := jetstream.New(natstest.Connect(t))
	if err != nil {
		t.Fatal(err)
	}
	name := natstest.Name("forgetful")
	stream, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: name, Subjects: []string{name}, Storage: jetstream.MemoryStorage})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := js.DeleteStream(context.WithoutCancel(ctx), name); err != nil {
			t.Error(err)
		}
	}()
	for range 3 {
		if _, err := js.Publish(ctx, name, []byte("something")); err != nil {
			t.Fatal(err)
		}
	}
	c, err := js.CreateConsumer(ctx, name, jetstream.ConsumerConfig{AckPolicy: jetstream.AckNonePolicy})
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Purge(ctx, jetstream.WithPurgeSequence(3)); err != nil {
		t.Fatal(err)
	}
	all := make(map[string][]logged)
	if n, err := take(ctx, c, 3, all); n != 1 || err != nil {
		t.Errorf("%d of the one that is left, %v", n, err)
	}
	if n, err := take(ctx, c, 2, all); n != 0 || !errors.Is(err, errFewer) {
		t.Errorf("%d of those that were forgotten, %v", n, err)
	}
}
