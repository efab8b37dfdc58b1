package client

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
)

// The engines 3, 5, 7 and 9 are registered; what a slice of their ids is, is
// Python's word.
func TestTargets(t *testing.T) {
	of := []EngineID{3, 5, 7, 9}
	for _, test := range []struct {
		notation string
		ids      []EngineID
	}{
		{"1::2", []EngineID{5, 9}},
		{"::", []EngineID{3, 5, 7, 9}},
		{"-3:", []EngineID{5, 7, 9}},
		{"::-1", []EngineID{9, 7, 5, 3}},
		{"2:0:-1", []EngineID{7, 5}},
		{"-1:-3:-1", []EngineID{9, 7}},
		{":2", []EngineID{3, 5}},
		{"3:1", nil},
		{"-9:9", []EngineID{3, 5, 7, 9}},
		{"0:4:3", []EngineID{3, 9}},
		{"9::-2", []EngineID{9, 5}},
		{":-9:-1", []EngineID{9, 7, 5, 3}},
		{"1:", []EngineID{5, 7, 9}},
		{"::9223372036854775807", []EngineID{3}},
		{"3::-9223372036854775807", []EngineID{9}},
	} {
		got, err := Slice(test.notation).choose(of)
		if !slices.Equal(got, test.ids) || errors.Is(err, ErrUnknownEngine) != (test.ids == nil) {
			t.Errorf("slice %q: %v, %v, want %v", test.notation, got, err, test.ids)
		}
	}
	got, err := Engines(-1, 3, -3).choose(of)
	if !slices.Equal(got, []EngineID{9, 3, 5}) || err != nil {
		t.Errorf("negative ids: %v, %v", got, err)
	}
	if _, err := Engines(-5).choose(of); !errors.Is(err, ErrUnknownEngine) || !strings.Contains(err.Error(), "engine -5") {
		t.Errorf("too far from the end: %v", err)
	}
	if _, err := Engines(-1, 9).choose(of); err == nil || !strings.Contains(err.Error(), "engine 9 is named twice") {
		t.Errorf("twice by different names: %v", err)
	}
	for notation, reason := range map[string]string{"1": "0 colons", "1:2:3:4": "3 colons", "a:": `"a" is no number`, "::0": "a step of 0"} {
		if err := Slice(notation).err; err == nil || !strings.Contains(err.Error(), reason) {
			t.Errorf("slice %q: %v", notation, err)
		}
	}
}

// Views of fixed targets stay as they were made while engines come and go, and
// what was wrong then is said at every call.
func TestTargetsAreFixed(t *testing.T) {
	story(t, 3, func(t *testing.T, f *fakeCluster, c *Client) {
		is := func(v *DirectView, want ...EngineID) {
			t.Helper()
			if got, err := v.Targets(); !slices.Equal(got, want) || err != nil {
				t.Errorf("targets are %v, %v, want %v", got, err, want)
			}
		}
		all, each, last, odd := c.Direct(All), c.Direct(Each()), c.Direct(Engines(-1)), c.Direct(Slice("1::2"))
		later, never := c.Direct(Engines(3)), c.Direct(Engines(-4))
		f.join()
		synctest.Wait()
		is(all, 0, 1, 2, 3)
		is(each, 0, 1, 2)
		is(last, 2)
		is(odd, 1)
		is(later, 3)
		is(each.On(Engines(-1)), 3)
		if _, err := never.Execute(t.Context(), "x"); !errors.Is(err, ErrUnknownEngine) {
			t.Errorf("error is %v", err)
		}
		f.kill(2)
		synctest.Wait()
		is(all, 0, 1, 3)
		if _, err := each.Targets(); !errors.Is(err, ErrUnknownEngine) || !strings.Contains(err.Error(), "engine 2") {
			t.Errorf("error is %v", err)
		}
		if _, err := c.Direct(Engines(0, 0)).Execute(t.Context(), "x"); err == nil || !strings.Contains(err.Error(), "engine 0 is named twice") {
			t.Errorf("error is %v", err)
		}
		if _, err := c.Direct(Slice("1")).Execute(t.Context(), "x"); err == nil || !strings.Contains(err.Error(), `slice "1"`) {
			t.Errorf("error is %v", err)
		}
	})
	story(t, 0, func(t *testing.T, f *fakeCluster, c *Client) {
		for _, targets := range []Targets{All, Each(), Engines(-1), Slice(":")} {
			if _, err := c.Direct(targets).Targets(); !errors.Is(err, ErrNoEngines) {
				t.Errorf("%v: error is %v", targets, err)
			}
		}
	})
}

func FuzzSlice(f *testing.F) {
	f.Add("1::2", 4)
	f.Add("-3:-9223372036854775808:-1", 1)
	f.Fuzz(func(t *testing.T, notation string, n int) {
		s, err := parseSlice(notation)
		if err != nil || n < 0 || n > 1000 {
			return
		}
		count := 0
		for i := range s.indices(n) {
			if count++; i < 0 || i >= n || count > n {
				t.Fatalf("slice %q of %d yields %d", notation, n, i)
			}
		}
	})
}
