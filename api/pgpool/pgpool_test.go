package pgpool_test

import (
	"strings"
	"testing"
	"time"

	"parley/api/pgpool"
)

func TestAddressWinsOverDefaults(t *testing.T) {
	params := map[string]string{"application_name": "us", "statement_timeout": pgpool.Milliseconds(5 * time.Second)}
	plain, err := pgpool.Config("postgres://ada@127.0.0.1:1/calls", 7, params)
	if err != nil {
		t.Fatal(err)
	}
	c := plain.ConnConfig
	if plain.MaxConns != 7 || c.ConnectTimeout != 5*time.Second || c.RuntimeParams["application_name"] != "us" || c.RuntimeParams["statement_timeout"] != "5000" {
		t.Errorf("%d connections, %v, %v", plain.MaxConns, c.ConnectTimeout, c.RuntimeParams)
	}
	told, err := pgpool.Config("postgres://ada@127.0.0.1:1/calls?pool_max_conns=3&connect_timeout=9&application_name=them", 7, params)
	if err != nil {
		t.Fatal(err)
	}
	c = told.ConnConfig
	if told.MaxConns != 3 || c.ConnectTimeout != 9*time.Second || c.RuntimeParams["application_name"] != "them" {
		t.Errorf("%d connections, %v, %v", told.MaxConns, c.ConnectTimeout, c.RuntimeParams)
	}
}

func TestPasswordStaysOutOfTheError(t *testing.T) {
	_, err := pgpool.Config("postgres://ada:sesame@127.0.0.1:http/calls", 1, nil)
	if err == nil || strings.Contains(err.Error(), "sesame") {
		t.Errorf("error is %v", err)
	}
}
