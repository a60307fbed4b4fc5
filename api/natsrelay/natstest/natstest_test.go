package natstest_test

import (
	"testing"
	"time"

	"go.uber.org/goleak"

	"parley/api/natsrelay/natstest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestConnect(t *testing.T) {
	nc := natstest.Connect(t)
	sub, err := nc.SubscribeSync("greeting")
	if err != nil {
		t.Fatal(err)
	}
	if err := nc.Publish("greeting", []byte("hello")); err != nil {
		t.Fatal(err)
	}
	if m, err := sub.NextMsg(10 * time.Second); err != nil || string(m.Data) != "hello" {
		t.Errorf("got %v, %v", m, err)
	}
}
