package client_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"muster/client"
	"muster/engine"
)

// worth is a compiled function that goes by the properties of its engine.
var worth = engine.Func("test.Worth", func(ctx context.Context) int {
	p := engine.Properties(ctx)
	p["asked"] = true
	gpus, _ := p["gpus"].(int)
	return 1 + 10*gpus
})

// remoteError checks that an error is of an engine, with this name and words.
func remoteError(t *testing.T, err error, name, words string) {
	t.Helper()
	var one *client.RemoteError
	if !errors.As(err, &one) || one.Name != name || !strings.Contains(one.Message, words) {
		t.Errorf("error is %v, want %s with %q", err, name, words)
	}
}

func TestGoRun(t *testing.T) {
	c, ctx := connect(t)
	v := c.Direct(client.Engines(0, 1))
	check(t, c.Clear(ctx, client.Engines(0, 1)))
	write := func(name, text string) string {
		path := filepath.Join(t.TempDir(), name)
		check(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	rs, err := v.Run(ctx, write("sum.go", "package main\n\nimport (\n\t\"fmt\"\n\tm \"math\"\n)\n\nfunc main() { fmt.Println(root(limit)) }\n\nvar limit = start * 4\nvar start = 4.0\n\nfunc root(x float64) float64 { return m.Sqrt(x) }\n"))
	check(t, err)
	for _, r := range rs {
		want(t, r.Stdout, "4\n")
	}
	got, err := client.Call[float64](ctx, v, client.Ref("root"), 9)
	check(t, err)
	want(t, got, []float64{3, 3})

	bad := write("bad.go", "package main\n\nfunc main() {\n\tvar s []int\n\ts[3]++\n}\n")
	_, err = v.Run(ctx, bad)
	remoteError(t, err, "RuntimeError", "index out of range")
	var one *client.RemoteError
	if errors.As(err, &one); !strings.Contains(strings.Join(one.Traceback, "\n"), bad+", line 5, in main\n    s[3]++") {
		t.Errorf("traceback:\n%s", strings.Join(one.Traceback, "\n"))
	}
	ar := v.RunAsync(write("script.go", "a := 20\na + 1"))
	_, err = ar.Get(ctx)
	check(t, err)
	want(t, ar.Metadata()[1].Text(), "21")
	if _, err := v.Run(ctx, "/none/such.go"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
}

func TestGoHistorySettings(t *testing.T) {
	c, ctx := connect(t)
	v := c.Direct(client.Engines(3))
	count := func(v *client.DirectView) (n int, text string) {
		t.Helper()
		rs, err := v.Execute(ctx, "1 + 1")
		check(t, err)
		return rs[0].ExecutionCount, rs[0].Text()
	}
	first, _ := count(v)
	for _, c := range []struct {
		v     *client.DirectView
		count int
		text  string
	}{{v.With(client.Silent()), first, ""}, {v.With(client.NoHistory()), first, "2"}, {v, first + 1, "2"}} {
		n, text := count(c.v)
		want(t, n, c.count)
		want(t, text, c.text)
	}
}

// What is pulled from one engine is pushed to another.
func TestGoFunctions(t *testing.T) {
	c, ctx := connect(t)
	check(t, c.Clear(ctx, client.All))
	one, other := c.Direct(client.Engines(0)), c.Direct(client.Engines(1, 2))
	check(t, one.PushFunction(ctx, map[string]string{
		"f":   "func(x int) int { return x * x }",
		"sum": "func sum[T int | float64](xs ...T) (t T) {\n\tfor _, x := range xs {\n\t\tt += x\n\t}\n\treturn t\n}",
	}))
	_, err := one.Execute(ctx, "twice := func(x int) int {\n\treturn 2 * f(x) // of the square\n}\nfunc g(x int) int { return sum(twice(x), 1) }\ng(3)")
	check(t, err)
	sources, err := one.PullFunction(ctx, "f", "sum", "twice", "g")
	check(t, err)
	want(t, sources[0]["f"], "func f(x int) int { return x * x }")
	want(t, sources[0]["twice"], "func(x int) int {\n\treturn 2 * f(x) // of the square\n}")
	for _, name := range []string{"f", "sum", "twice", "g"} {
		check(t, other.PushFunction(ctx, map[string]string{name: sources[0][name]}))
	}
	got, err := client.Call[int](ctx, other, client.Ref("g"), 3)
	check(t, err)
	want(t, got, []int{19, 19})
	// Defined again, it is the new one for all.
	check(t, other.PushFunction(ctx, map[string]string{"f": "func f(x int) int { return x }"}))
	got, err = client.Call[int](ctx, other, client.Ref("g"), 3)
	check(t, err)
	want(t, got, []int{7, 7})
	keys, err := c.Direct(client.Engines(0, 1, 3)).Keys(ctx)
	check(t, err)
	want(t, keys, [][]string{{"f", "g", "sum", "twice"}, {"f", "g", "sum", "twice"}, {}})

	_, err = one.PullFunction(ctx, square.Name())
	remoteError(t, err, "TypeError", "compiled")
	_, err = one.PullFunction(ctx, "nosuch")
	remoteError(t, err, "NameError", "nosuch")
	remoteError(t, one.PushFunction(ctx, map[string]string{"h": "func(x int) int { return y }"}), "CompileError", "undefined: y")
	if err := one.PushFunction(ctx, nil); err == nil {
		t.Error("no function was pushed, and no error")
	}
}

func TestGoImport(t *testing.T) {
	c, ctx := connect(t)
	v := c.Direct(client.Engines(2))
	check(t, v.Import(ctx, "crypto/rand", "gonum.org/v1/gonum/stat/combin"))
	got, err := client.Get[bool](ctx, v, "combin.Binomial(5, 2) == 10 && rand.Reader != nil") // not math/rand's
	check(t, err)
	want(t, got, []bool{true})
	remoteError(t, v.Import(ctx, "numeric/mat"), "CompileError", "is gonum.org/v1/gonum/mat meant?")
	check(t, c.Clear(ctx, client.Engines(2)))
}

func TestGoProperties(t *testing.T) {
	c, ctx := connect(t)
	v, first := c.Direct(client.All), c.Direct(client.Engines(0))
	check(t, v.ClearProperties(ctx))
	defer v.ClearProperties(ctx)
	check(t, v.SetProperties(ctx, map[string]any{"arch": "amd64"}))
	check(t, first.SetProperties(ctx, map[string]any{"gpus": 2, "cells": []float64{1, 2}}))
	_, err := first.Execute(ctx, `properties["cores"] = 2 * properties["gpus"].(int); delete(properties, "cells")`)
	check(t, err)
	check(t, c.Clear(ctx, client.All))
	n, err := client.Call[int](ctx, v, worth)
	check(t, err)
	want(t, n, []int{21, 1, 1, 1})
	all, err := v.Properties(ctx)
	check(t, err)
	want(t, all[0], map[string]any{"arch": "amd64", "asked": true, "cores": 4, "gpus": 2})
	want(t, all[3], map[string]any{"arch": "amd64", "asked": true})
	some, err := first.Properties(ctx, "gpus", "arch")
	check(t, err)
	want(t, some[0], map[string]any{"arch": "amd64", "gpus": 2})
	has, err := c.Direct(client.Engines(0, 1)).HasProperties(ctx, "gpus", "arch")
	check(t, err)
	want(t, has, [][]bool{{true, true}, {false, true}})
	some, err = c.Direct(client.Engines(0, 1)).Properties(ctx, "gpus")
	remoteError(t, err, "KeyError", "'gpus'")
	want(t, some[0], map[string]any{"gpus": 2})
	remoteError(t, c.Direct(client.Engines(1)).DeleteProperties(ctx, "arch", "gpus"), "KeyError", "'gpus'")
	check(t, v.DeleteProperties(ctx, "arch"))
	has, err = v.HasProperties(ctx, "arch", "asked")
	check(t, err)
	want(t, has[1], []bool{false, true})
	if err := v.SetProperties(ctx, map[string]any{"f": func() {}}); err == nil {
		t.Error("a function became a property")
	}
}

// Engines of this process cannot restart, nor get signals that it would get.
func TestGoRestartRefused(t *testing.T) {
	c, ctx := connect(t)
	err := c.Restart(ctx, client.Engines(1, 2))
	remoteError(t, err, "OSError", "shares its process")
	var all *client.CompositeError
	if !errors.As(err, &all) || len(all.Errors) != 2 {
		t.Errorf("refused by %v", err)
	}
	remoteError(t, c.Signal(ctx, client.Engines(3), syscall.SIGUSR1), "OSError", "not alone")
	check(t, c.Signal(ctx, client.Engines(3), syscall.SIGINT))
	_, err = c.Direct(client.Engines(1, 2, 3)).Execute(ctx, "1")
	check(t, err)
	if err := c.Restart(ctx, client.Engines(17)); !errors.Is(err, client.ErrUnknownEngine) {
		t.Errorf("an engine that is not there: %v", err)
	}
}
