package app_test

import (
	"net"
	"testing"
	"time"

	load "parley/api/load/telemetry"
	"parley/api/telemetry/archive"
	"parley/api/telemetry/catalogue"
)

// TestEverythingNodesSendIsAccountedFor sends all kinds in both versions and forms of lengths,
// with links, bursts, reconnects and much that is wrong, and compares the database with it.
func TestEverythingNodesSendIsAccountedFor(t *testing.T) {
	n := newCluster(t).start()
	books, err := archive.Open(t.Context(), n.DatabaseURL)
	if err != nil {
		t.Fatal(err)
	}
	defer books.Close()
	for _, form := range []catalogue.LengthForm{catalogue.JAM, catalogue.LEB128} {
		report, err := load.Run(t.Context(), load.Plan{
			Addr: n.Telemetry, Nodes: 40, Rate: 100, Duration: 2 * time.Second,
			Burst: 50, BurstEvery: 500 * time.Millisecond, ReconnectEvery: 400 * time.Millisecond, ReconnectShare: 0.2,
			Dropped: 0.01, Broken: 0.01, Unknown: 0.01, Form: form, Cores: 341, Seed: 7,
		}, load.Archive{Archive: books}, time.Minute, nil)
		if err != nil {
			t.Fatal(err)
		}
		_ = report.Table(t.Output())
		b := report.Balance
		if !b.Even() || b.Sessions != report.Sessions || len(report.Failed) > 0 || report.Uncertain > 0 {
			t.Errorf("%+v, %v", b, report.Failed)
		}
		if b.Kinds != 116 { // of the catalogue, and the unknown one
			t.Errorf("%d kinds are stored", b.Kinds)
		}
		if report.Sessions <= 40 || report.Broken == 0 || report.Unknown == 0 {
			t.Errorf("only %d events in %d sessions", report.Events, report.Sessions)
		}
		if b.Lost["source_dropped"] != report.Dropped || b.Lost["undecodable"] != report.Broken || b.Drops != report.Drops || len(b.Lost) != 2 {
			t.Errorf("lost %v", b.Lost)
		}
	}
}

func TestNodesFindAFreePortInDev(t *testing.T) {
	usual, err := net.Listen("tcp", "127.0.0.1:9000")
	if err == nil { // else it is taken by somebody else
		defer usual.Close()
	}
	c := newCluster(t)
	c.env = map[string]string{"PARLEY_TELEMETRY_ADDR": ""}
	n := c.start()
	if host, port, err := net.SplitHostPort(n.Telemetry); err != nil || host != "127.0.0.1" || port == "9000" {
		t.Errorf("%q %v", n.Telemetry, err)
	}
	c.env = map[string]string{"PARLEY_TELEMETRY_ADDR": "off"}
	if other := c.start(); other.Telemetry != "" {
		t.Errorf("%q", other.Telemetry)
	}
}
