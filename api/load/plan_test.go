package load

import "testing"

func TestCertificates(t *testing.T) {
	for base, here := range map[string]bool{
		"https://localhost:4433": true, "https://127.0.0.1:4433": true, "wss://[::1]": true,
		"https://example.org": false, "wss://10.0.0.1:8080": false, "https://localhost.example.org": false, "://": false,
	} {
		for _, insecure := range []bool{false, true} {
			p := Plan{Insecure: insecure}
			if got := p.certificates(base).InsecureSkipVerify; got != (here || insecure) {
				t.Errorf("%s, insecure %v: any certificate is accepted: %v", base, insecure, got)
			}
		}
	}
}
