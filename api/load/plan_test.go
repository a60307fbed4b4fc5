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

func TestBadReceiversAreSpread(t *testing.T) {
	r, err := newRun(Plan{Room: "room", Rooms: 1, Publishers: 3, Viewers: 40, URLs: []string{"ws://a"}, Layers: 1, Slow: .1, Stalled: .05, Lossy: .2})
	if err != nil {
		t.Fatal(err)
	}
	var each, firstHalf [paces]int
	for i, p := range r.all[3:] {
		each[p.pace]++
		if i < 20 {
			firstHalf[p.pace]++
		}
	}
	if each != [paces]int{26, 4, 2, 8} || firstHalf != [paces]int{13, 2, 1, 4} {
		t.Errorf("%v, of the first half %v", each, firstHalf)
	}
	for _, p := range r.all[:3] {
		if p.pace != healthy {
			t.Errorf("%s is %s", p.name, paceNames[p.pace])
		}
	}
}
