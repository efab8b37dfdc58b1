package elastic

import (
	"go/parser"
	"go/token"
	"math"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

func TestValidate(t *testing.T) {
	good := Config{Max: 1, N: 1, Idle: 1, Pause: 1, Start: 1}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	for _, tt := range []struct {
		change func(*Config)
		want   string
	}{
		{func(c *Config) { c.Min = -1 }, "from -1 to 1 sets"},
		{func(c *Config) { c.Max = 0 }, "from 0 to 0 sets"},
		{func(c *Config) { c.Min = 2 }, "from 2 to 1 sets"},
		{func(c *Config) { c.N = 0 }, "sets of 0 engines"},
		{func(c *Config) { c.Backlog = -1 }, "a backlog of -1 tasks"},
		{func(c *Config) { c.Backlog = math.NaN() }, "a backlog of NaN tasks"},
		{func(c *Config) { c.Patience = -1 }, "patience -1"},
		{func(c *Config) { c.Idle = 0 }, "idle 0"},
		{func(c *Config) { c.Pause = 0 }, "pause 0"},
		{func(c *Config) { c.Start = 0 }, "start 0"},
	} {
		bad := good
		tt.change(&bad)
		if err := bad.Validate(); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

// The machine is pure: nothing in it can wait, read a clock or open a file.
func TestImports(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range f.Imports {
			path, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			switch path {
			case "cmp", "fmt", "math", "slices":
			default:
				t.Errorf("%s imports %s", name, path)
			}
		}
	}
}

// What a step costs in a cluster of a thousand sets.
func BenchmarkStep(b *testing.B) {
	for _, sets := range []int{1, 1000} {
		b.Run(strconv.Itoa(sets), func(b *testing.B) {
			m := New(Config{Min: 1, Max: sets, N: 64, Backlog: 1, Patience: 10, Idle: math.MaxInt, Pause: 60, Start: 60})
			seen := Seen{Ticks: 1, Waiting: sets * 100}
			for i := range sets {
				seen.Sets = append(seen.Sets, Set{Name: strconv.Itoa(i), State: Running, N: 64, Busy: 64})
			}
			b.ReportAllocs()
			for b.Loop() {
				m.Step(seen)
			}
		})
	}
}
