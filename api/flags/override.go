package flags

// Override forces f to v on r, in every room and whatever anybody else says, until
// ClearOverride. It is for tests; they use the function [Override], which clears itself.
func (f Flag[T]) Override(r *Registry, v T) {
	r.change(func() { r.tests[f.d] = v })
}

// ClearOverride gives f back the value it has without Override.
func (f Flag[T]) ClearOverride(r *Registry) {
	r.change(func() { delete(r.tests, f.d) })
}

// Override forces f to v on r until the test ends, and then restores what was forced before,
// if anything. It takes the two methods it needs of a testing.TB.
func Override[T any](t interface {
	Helper()
	Cleanup(func())
}, r *Registry, f Flag[T], v T,
) {
	t.Helper()
	r.mu.Lock()
	before, forced := r.tests[f.d]
	r.mu.Unlock()
	f.Override(r, v)
	t.Cleanup(func() {
		if forced {
			f.Override(r, before.(T))
		} else {
			f.ClearOverride(r)
		}
	})
}
