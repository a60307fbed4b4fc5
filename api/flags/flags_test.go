package flags

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Flags of every kind, so that tests do not depend on what Parley declares.
var (
	testBool     = Bool("test_bool", false, "a bool", "tests")
	testInt      = Int("test_int", 7, "an int", "tests")
	testString   = String("test_string", "any", "a string", "tests")
	testChoice   = String("test_choice", "a", "a choice", "tests", "a", "b")
	testDuration = Duration("test_duration", time.Second, "a duration", "tests")
)

func env(pairs ...string) func(string) string {
	return func(name string) string {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1]
			}
		}
		return ""
	}
}

func newRegistry(t testing.TB, pairs ...string) *Registry {
	t.Helper()
	r, err := New(env(pairs...), slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func want[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func TestBoolIsFalseWhenUnset(t *testing.T) {
	want(t, "meeting management", MeetingManagement.Get(newRegistry(t)), false)
}

func TestTruthyValuesOfEnvironment(t *testing.T) {
	for _, text := range []string{"true", "1", "yes", "TRUE", "True", "YES", " true "} {
		r := newRegistry(t, "FEATURE_MEETING_MANAGEMENT", text)
		want(t, fmt.Sprintf("%q", text), MeetingManagement.Get(r), true)
	}
}

func TestOtherValuesOfEnvironmentAreFalse(t *testing.T) {
	for text, warns := range map[string]bool{"false": false, "0": false, "no": false, "random": true, "on": true, "2": true} {
		var logged strings.Builder
		r, err := New(env("FEATURE_MEETING_MANAGEMENT", text), slog.New(slog.NewTextHandler(&logged, nil)))
		if err != nil {
			t.Fatal(err)
		}
		want(t, fmt.Sprintf("%q", text), MeetingManagement.Get(r), false)
		want(t, fmt.Sprintf("%q warns", text), strings.Contains(logged.String(), "FEATURE_MEETING_MANAGEMENT"), warns)
	}
}

func TestKindsFromEnvironment(t *testing.T) {
	r := newRegistry(t, "FEATURE_TEST_INT", "-3", "FEATURE_TEST_STRING", "x y",
		"FEATURE_TEST_CHOICE", "b", "FEATURE_TEST_DURATION", "250ms")
	want(t, "int", testInt.Get(r), -3)
	want(t, "string", testString.Get(r), "x y")
	want(t, "choice", testChoice.Get(r), "b")
	want(t, "duration", testDuration.Get(r), 250*time.Millisecond)
}

func TestAllMistakesOfEnvironmentAtOnce(t *testing.T) {
	_, err := New(env("FEATURE_TEST_INT", "many", "FEATURE_TEST_CHOICE", "c", "FEATURE_TEST_DURATION", "3"),
		slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err == nil {
		t.Fatal("no error")
	}
	for _, part := range []string{"FEATURE_TEST_INT", `"many"`, "FEATURE_TEST_CHOICE", `"c"`, "FEATURE_TEST_DURATION", `"3"`} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error does not mention %s: %v", part, err)
		}
	}
}

func TestPrecedence(t *testing.T) {
	r := newRegistry(t)
	steps := []struct {
		what     string
		do       func() error
		everyone int
		room     int
	}{
		{"default", func() error { return nil }, 7, 7},
		{"admin everyone", func() error { return r.Set("test_int", "", "3") }, 3, 3},
		{"admin room", func() error { return r.Set("test_int", "standup", "4") }, 3, 4},
		{"test", func() error { testInt.Override(r, 9); return nil }, 9, 9},
		{"admin under test", func() error { return r.Set("test_int", "standup", "5") }, 9, 9},
		{"test cleared", func() error { testInt.ClearOverride(r); return nil }, 3, 5},
		{"everyone cleared", func() error { return r.Clear("test_int", "") }, 7, 5},
		{"room cleared", func() error { return r.Clear("test_int", "standup") }, 7, 7},
	}
	for _, s := range steps {
		if err := s.do(); err != nil {
			t.Fatalf("%s: %v", s.what, err)
		}
		want(t, s.what+", everyone", testInt.Get(r), s.everyone)
		want(t, s.what+", room", testInt.For(r, "standup"), s.room)
		want(t, s.what+", other room", testInt.For(r, "other"), s.everyone)
	}
	fromEnv := newRegistry(t, "FEATURE_TEST_INT", "2")
	want(t, "environment over default", testInt.Get(fromEnv), 2)
	if err := fromEnv.Set("test_int", "", "3"); err != nil {
		t.Fatal(err)
	}
	want(t, "admin over environment", testInt.Get(fromEnv), 3)
}

func TestARoomWithOneValueFollowsTheOthers(t *testing.T) {
	r := newRegistry(t)
	if err := r.Set("test_int", "standup", "4"); err != nil {
		t.Fatal(err)
	}
	if err := r.Set("test_bool", "", "true"); err != nil {
		t.Fatal(err)
	}
	want(t, "value for everyone seen in the room", testBool.For(r, "standup"), true)
}

func TestOverrideEndsWithItsTest(t *testing.T) {
	for _, fromEnv := range []string{"", "true"} {
		r := newRegistry(t, "FEATURE_MEETING_MANAGEMENT", fromEnv)
		t.Run("outer", func(t *testing.T) {
			Override(t, r, MeetingManagement, true)
			t.Run("inner", func(t *testing.T) {
				Override(t, r, MeetingManagement, false)
				want(t, "inner", MeetingManagement.Get(r), false)
			})
			want(t, "after inner", MeetingManagement.Get(r), true)
		})
		want(t, "after all, environment "+fromEnv, MeetingManagement.Get(r), fromEnv == "true")
	}
}

func TestRegistriesDoNotShareValues(t *testing.T) {
	a, b := newRegistry(t), newRegistry(t)
	Override(t, a, MeetingManagement, true)
	if err := a.Set("test_int", "", "1"); err != nil {
		t.Fatal(err)
	}
	want(t, "override leaks", MeetingManagement.Get(b), false)
	want(t, "set leaks", testInt.Get(b), 7)
}

func TestParallelTestsDoNotSeeEachOthersOverrides(t *testing.T) {
	registries := make([]*Registry, 16)
	t.Run("all", func(t *testing.T) {
		for i := range registries {
			registries[i] = newRegistry(t)
			t.Run(fmt.Sprint(i), func(t *testing.T) {
				t.Parallel()
				r := registries[i]
				for j := range 200 {
					Override(t, r, testInt, 1000*i+j)
					want(t, "forced", testInt.Get(r), 1000*i+j)
					want(t, "forced in a room", testInt.For(r, "standup"), 1000*i+j)
				}
			})
		}
	})
	for i, r := range registries {
		want(t, fmt.Sprintf("after test %d", i), testInt.Get(r), 7)
	}
}

func TestSetRefusesWhatDoesNotFit(t *testing.T) {
	r := newRegistry(t)
	for _, a := range []Assignment{
		{"unheard_of", "", "true"}, {"test_bool", "", "maybe"}, {"test_int", "r", "1.5"},
		{"test_choice", "", "c"}, {"test_duration", "", "soon"},
	} {
		if err := r.Set(a.Name, a.Room, a.Value); err == nil {
			t.Errorf("%v was accepted", a)
		}
	}
	if err := r.Clear("unheard_of", ""); err == nil {
		t.Error("clear of an unknown flag was accepted")
	}
	want(t, "assignments", len(r.Assignments()), 0)
}

func TestReplaceSwapsEverythingItUnderstands(t *testing.T) {
	r := newRegistry(t)
	if err := r.Set("test_int", "", "1"); err != nil {
		t.Fatal(err)
	}
	err := r.Replace([]Assignment{
		{"test_bool", "", "yes"},
		{"of_a_newer_node", "", "true"},
		{"test_choice", "standup", "b"},
	})
	if err == nil || !strings.Contains(err.Error(), "of_a_newer_node") {
		t.Errorf("error %v does not name the unknown flag", err)
	}
	want(t, "gone", testInt.Get(r), 7)
	want(t, "new", testBool.Get(r), true)
	want(t, "new in room", testChoice.For(r, "standup"), "b")
	wanted := []Assignment{{"test_bool", "", "true"}, {"test_choice", "standup", "b"}}
	if got := r.Assignments(); !slices.Equal(got, wanted) {
		t.Errorf("assignments %v, want %v", got, wanted)
	}
	if err := newRegistry(t).Replace(wanted); err != nil {
		t.Errorf("what Assignments returns is refused: %v", err)
	}
}

func TestStatesSayWhereAValueComesFrom(t *testing.T) {
	r := newRegistry(t, "FEATURE_TEST_STRING", "x")
	if err := r.Set("test_int", "standup", "4"); err != nil {
		t.Fatal(err)
	}
	if err := r.Set("test_bool", "", "true"); err != nil {
		t.Fatal(err)
	}
	Override(t, r, testDuration, time.Minute)
	sources := map[string]Source{}
	for _, s := range r.States() {
		sources[s.Name] = s.Source
		if s.Doc == "" || s.Owner == "" {
			t.Errorf("%s has no description or owner", s.Name)
		}
		if s.Name == "test_int" {
			want(t, "room value", s.Rooms["standup"], "4")
		}
	}
	want(t, "string", sources["test_string"], FromEnvironment)
	want(t, "bool", sources["test_bool"], FromAdmin)
	want(t, "duration", sources["test_duration"], FromTest)
	want(t, "int", sources["test_int"], FromDefault)
}

func TestPathsOpen(t *testing.T) {
	for _, c := range []struct {
		paths      string
		management bool
		open       bool
	}{
		{"auto", false, true}, {"auto", true, false}, {"on", true, true}, {"off", false, false},
	} {
		r := newRegistry(t)
		Override(t, r, PathEndpoints, c.paths)
		Override(t, r, MeetingManagement, c.management)
		want(t, fmt.Sprintf("%s, management %v", c.paths, c.management), PathsOpen(r, "standup"), c.open)
	}
}

func TestDeclarationsThatCannotBe(t *testing.T) {
	for what, declare := range map[string]func(){
		"twice":       func() { Bool("test_bool", false, "again", "tests") },
		"bad default": func() { String("test_bad", "c", "bad", "tests", "a", "b") },
	} {
		t.Run(what, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			declare()
		})
	}
}

func TestFlagDeclaredAfterTheRegistry(t *testing.T) {
	r := newRegistry(t)
	late := Int(fmt.Sprintf("test_late_%d", len(declarations())), 5, "late", "tests")
	want(t, "default", late.Get(r), 5)
	want(t, "default in room", late.For(r, "standup"), 5)
	late.Override(r, 6)
	want(t, "override", late.Get(r), 6)
}

func TestReadersSeeWholeChanges(t *testing.T) {
	r := newRegistry(t)
	on := []Assignment{{"test_bool", "", "true"}, {"test_int", "", "1"}, {"test_int", "standup", "1"}}
	var wg sync.WaitGroup
	done := make(chan struct{})
	for range 2 {
		wg.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				now := r.now.Load()
				if now.everyone[testBool.d.id].(bool) != (now.everyone[testInt.d.id].(int) == 1) {
					t.Error("half a change")
					return
				}
			}
		})
	}
	for i := range 500 {
		if err := r.Replace(on[:3*(i%2)]); err != nil {
			t.Error(err)
		}
	}
	close(done)
	wg.Wait()
}

func TestReadingDoesNotAllocate(t *testing.T) {
	r := newRegistry(t)
	if err := r.Set("test_duration", "standup", "3s"); err != nil {
		t.Fatal(err)
	}
	for what, read := range map[string]func(){
		"bool":     func() { _ = MeetingManagement.Get(r) },
		"string":   func() { _ = testString.Get(r) },
		"duration": func() { _ = testDuration.For(r, "standup") },
		"other":    func() { _ = testDuration.For(r, "other") },
	} {
		if n := testing.AllocsPerRun(100, read); n != 0 {
			t.Errorf("%s: %v allocations", what, n)
		}
	}
}

func BenchmarkGet(b *testing.B) {
	r := newRegistry(b)
	b.ReportAllocs()
	for b.Loop() {
		_ = MeetingManagement.Get(r)
	}
}

func BenchmarkFor(b *testing.B) {
	r := newRegistry(b)
	if err := r.Set("test_int", "standup", "3"); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		_ = testInt.For(r, "standup")
	}
}
