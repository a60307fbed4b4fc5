package jip3

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"strconv"

	"parley/api/telemetry"
	"parley/api/telemetry/catalogue"
)

// Names of labels and parameters of the sessions of nodes, besides the parameters of the
// chain, which have the names of the catalogue.
const (
	LabelRemote  = "remote"  // address and port the connection comes from
	LabelAddress = "address" // address and port the node says it has
	ParamFlags   = "flags"
)

// errVersion is of nodes that speak a version there is no catalogue of.
var errVersion = errors.New("unknown version of the protocol")

// introduced is what a node said of itself.
type introduced struct {
	peer   [32]byte
	params catalogue.Params
	source telemetry.Source
}

// introduce reads the first message of a connection.
func introduce(message []byte, remote netip.AddrPort) (introduced, error) {
	c := catalogue.JIP3()
	if len(message) == 0 {
		return introduced{}, catalogue.ErrShort
	}
	version := message[0]
	if c.Versions[len(c.Versions)-1] < version {
		return introduced{}, fmt.Errorf("%w: %d", errVersion, version)
	}
	p := catalogue.Params{Version: version}
	v, err := c.Hello.Decode(p, message)
	if err != nil {
		p.Form = catalogue.LEB128
		var second error
		if v, second = c.Hello.Decode(p, message); second != nil {
			return introduced{}, err
		}
	}
	chain := v["params"].(map[string]any)
	details := v["details"].(map[string]any)
	address := details["peer_address"].(map[string]any)
	ip := netip.AddrFrom16([16]byte(address["ipv6"].([]byte))).Unmap()
	p.C = uint16(chain[catalogue.ParamCores].(uint64))
	in := introduced{params: p, peer: [32]byte(details["peer_id"].([]byte))}
	genesis := hex.EncodeToString(v["genesis"].([]byte))
	in.source = telemetry.Source{
		Catalogue: c.ID,
		Identity:  hex.EncodeToString(in.peer[:]),
		Version:   int(version),
		Scope:     genesis,
		Labels: map[string]string{
			LabelRemote:  remote.String(),
			LabelAddress: netip.AddrPortFrom(ip, uint16(address["port"].(uint64))).String(),
			"genesis":    genesis,
		},
		Parameters: map[string]uint64{ParamFlags: v["flags"].(uint64)},
	}
	for _, name := range []string{"implementation_name", "implementation_version", "gp_version", "additional_info"} {
		in.source.Labels[name] = v[name].(string)
	}
	for name, value := range chain {
		in.source.Parameters[name] = value.(uint64)
	}
	return in, nil
}

// String names a node in the log.
func (in introduced) String() string {
	return strconv.Quote(in.source.Labels["implementation_name"]) + " " + in.source.Identity[:16]
}
