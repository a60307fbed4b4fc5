package rest

import "testing"

func TestTARTIsForAdminsUnlessItIsOpen(t *testing.T) {
	var access Access
	a, _ := newAdminAPI(t)
	a.TART.Access = func() Access { return access }
	for _, path := range []string{"/api/health", "/api/nodes", "/api/ws"} {
		wantProblem(t, asRoot(t, a, "GET", path, ""), 404, "NOT_FOUND")
	}
	access.On = true
	wantProblem(t, call(a, "GET", "/api/health", ""), 401, "UNAUTHORIZED")
	wantProblem(t, call(a, "GET", "/api/health", "", "Authorization", bearer(t, "ada", "Ada")), 403, "FORBIDDEN")
	if w := asRoot(t, a, "GET", "/api/health", ""); w.Code != 200 {
		t.Errorf("%d", w.Code)
	}
	access.Open = true
	if w := call(a, "GET", "/api/health", ""); w.Code != 200 {
		t.Errorf("%d", w.Code)
	}
}
