package client

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"gonum.org/v1/gonum/mat"

	goengine "muster/engine"
	"muster/wire"
)

// Every way in which a value does not get where it was to go is a *ValueError
// that names the call, the variable, the engine and the reason.
func TestBadInput(t *testing.T) {
	c, ctx := connectLive(t)
	_, err := c.Direct(All).Execute(ctx, "func whole2() float64 { return 2.5 }")
	check(t, err)
	driveBadInput(t, ctx, c)
}

// driveBadInput needs a function whole2, which returns 2.5, on every engine.
func driveBadInput(t *testing.T, ctx context.Context, c *Client) {
	v := c.Direct(All)
	ids := c.IDs()
	n := len(ids)
	first, last := ids[0], ids[n-1]
	check(t, v.Push(ctx, map[string]any{"whole": 3, "part": 3.5, "items": []any{1, 2.5}, "same": []float64{1}, "shape": mat.NewDense(1, 2, nil)}))
	check(t, v.On(Engines(last)).Push(ctx, map[string]any{"whole": 2.5, "only": 1, "same": "text", "shape": mat.NewDense(1, 3, nil)}))
	ended, end := context.WithCancelCause(ctx)
	over := errors.New("it is over")
	end(over)

	type link struct {
		Ch    chan int
		Next  *link
		Parts []any
	}
	type loop struct{ Next *loop }
	knot := &loop{}
	knot.Next = knot
	for _, x := range []struct {
		name   string
		call   func() error
		op     string
		value  string
		engine EngineID
		want   string // of the error's text, its end
		is     error
	}{
		{"unknown engine", func() error { return v.On(Engines(99)).Set(ctx, "x", 1) }, "push", "x", 99, "", ErrUnknownEngine},
		{"pull of an unknown engine", func() error { _, err := v.On(Engines(99)).Pull(ctx, "x", "y"); return err }, "pull", "x, y", 99, "", ErrUnknownEngine},
		{"not defined", func() error { _, err := v.On(Engines(last)).Get(ctx, "nowhere"); return err }, "pull", "nowhere", last, "NameError: name 'nowhere' is not defined", nil},
		{"not defined, typed", func() error { _, err := Get[int](ctx, v.On(Engines(last)), "nowhere"); return err }, "pull", "nowhere", last, "NameError: name 'nowhere' is not defined", nil},
		{"not defined, gathered", func() error { _, err := v.On(Engines(last)).Gather(ctx, "nowhere"); return err }, "gather", "nowhere", last, "NameError: name 'nowhere' is not defined", nil},
		{"not defined, deleted", func() error { return v.On(Engines(last)).Delete(ctx, "nowhere") }, "delete", "nowhere", last, "NameError: name 'nowhere' is not defined", nil},
		{"not defined, on all", func() error { _, err := v.Get(ctx, "nowhere"); return err }, "pull", "nowhere", NoEngine, "NameError: name 'nowhere' is not defined", nil},
		{"a chan", func() error { return v.Set(ctx, "x", make(chan int)) }, "push", "x", NoEngine, "client: push x: value: a chan int cannot be sent: only plain data, arrays, and structs, slices and maps of them", nil},
		{"a chan within", func() error {
			return v.Push(ctx, map[string]any{"a": 1, "x": []any{1, map[string]any{"k": link{Parts: []any{2}}}}})
		}, "push", "x", NoEngine, `client: push x: value[1]["k"].Ch: a chan int cannot be sent: only plain data, arrays, and structs, slices and maps of them`, nil},
		{"a func", func() error { return v.Scatter(ctx, "x", []func(){nil, nil, nil, func() {}}) }, "scatter", "x", NoEngine, "a func() cannot be sent: only plain data, arrays, and structs, slices and maps of them", nil},
		{"itself", func() error { return v.Set(ctx, "x", knot) }, "push", "x", NoEngine, "does it refer to itself?", nil},
		{"NaN as a key", func() error { return v.Set(ctx, "x", map[float64]int{math.NaN(): 1}) }, "push", "x", NoEngine, "would never be found again", nil},
		{"nothing exported", func() error { return v.Set(ctx, "x", []struct{ x int }{{1}}) }, "push", "x", NoEngine, "value[0]: a struct { x int } cannot be sent: it exports no fields", nil},
		{"no UTF-8", func() error { return v.Set(ctx, "x", "\xff") }, "push", "x", NoEngine, "not valid UTF-8; send it as []byte", nil},
		{"an argument", func() error { _, err := v.Apply(ctx, Ref("f"), 1, []any{make(chan int)}); return err }, "apply", "f", NoEngine,
			"client: apply f: argument 1[0]: a chan int cannot be sent: only plain data, arrays, and structs, slices and maps of them", nil},
		{"a keyword", func() error { _, err := v.Apply(ctx, Ref("f"), Kwargs{"k": make(chan int)}); return err }, "apply", "f", NoEngine,
			"client: apply f: keyword k: a chan int cannot be sent: only plain data, arrays, and structs, slices and maps of them", nil},
		{"serialized", func() error { _, err := Serialize(make(chan int)); return err }, "serialize", "", NoEngine, "client: serialize: value: a chan int cannot be sent: only plain data, arrays, and structs, slices and maps of them", nil},
		{"no name", func() error { return v.Set(ctx, "a b", 1) }, "push", "a b", NoEngine, `"a b" is no name for a variable`, nil},
		{"nothing to pull", func() error { _, err := v.Pull(ctx); return err }, "pull", "", NoEngine, "no name given, or an empty one", nil},
		{"another type", func() error { _, err := Get[int](ctx, v, "whole"); return err }, "pull", "whole", last, "numeric: convert float64 to int: 2.5 does not fit an int exactly", nil},
		{"another type, on all", func() error { _, err := Get[int](ctx, v, "part"); return err }, "pull", "part", NoEngine, "numeric: convert float64 to int: 3.5 does not fit an int exactly", nil},
		{"an item of another type", func() error { _, err := Get[[]int](ctx, v.On(Engines(first)), "items"); return err }, "pull", "items", first,
			"numeric: convert []any to []int at [1]: 2.5 does not fit an int exactly", nil},
		{"a field of another type", func() error {
			_, err := Get[struct{ Whole string }](ctx, v.On(Engines(first)), "items")
			return err
		}, "pull", "items", first, "numeric: convert []any to struct { Whole string }: a []any is not a struct { Whole string }", nil},
		{"gathered as another type", func() error { _, err := Gather[[]int](ctx, v.On(Engines(first)), "items"); return err }, "gather", "items", first,
			"numeric: convert []any to []int at [1]: 2.5 does not fit an int exactly", nil},
		{"a result of another type", func() error { _, err := Call[int](ctx, v.On(Engines(last)), Ref("whole2")); return err }, "apply", "whole2", last,
			"numeric: convert float64 to int: 2.5 does not fit an int exactly", nil},
		{"an item of a map", func() error { _, err := v.Map(ctx, Ref("f"), repeat[any](n, make(chan int))); return err }, "map", "f", NoEngine,
			"a chan int cannot be sent: only plain data, arrays, and structs, slices and maps of them", nil},
		{"a task's argument", func() error { _, err := c.LoadBalanced().Apply(ctx, Ref("f"), func() {}); return err }, "apply", "f", NoEngine,
			"client: apply f: argument 0: a func() cannot be sent: only plain data, arrays, and structs, slices and maps of them", nil},
		{"few items", func() error { return v.Scatter(ctx, "x", []int{1}) }, "scatter", "x", NoEngine, "(take as many engines as items, or AllowEmpty)", ErrFewItems},
		{"no sequence", func() error { return v.Scatter(ctx, "x", 5) }, "scatter", "x", NoEngine, "an Array with at least one axis", nil},
		{"unequal kinds", func() error { _, err := v.Gather(ctx, "same"); return err }, "gather", "same", NoEngine,
			" an array of <f8, engine " + engineList([]EngineID{last})[len("engine "):] + " holds a value that is no sequence", nil},
		{"unequal shapes", func() error { _, err := v.Gather(ctx, "shape"); return err }, "gather", "shape", NoEngine, "holds an array of <f8 with rows of shape [3]", nil},
		{"cancelled before a push", func() error { return v.Set(ended, "x", 1) }, "push", "x", NoEngine, "client: push x: it is over", over},
		{"cancelled before a pull", func() error { _, err := v.Get(ended, "x"); return err }, "pull", "x", NoEngine, "client: pull x: it is over", over},
		{"cancelled before a scatter", func() error { return v.Scatter(ended, "x", make([]int, n)) }, "scatter", "x", NoEngine, "it is over", over},
		{"cancelled before a gather", func() error { _, err := Gather[[]int](ended, v, "x"); return err }, "gather", "x", NoEngine, "it is over", over},
		{"cancelled before a pull of the serialized", func() error { _, err := v.PullSerialized(ended, "x"); return err }, "pull", "x", NoEngine, "it is over", over},
	} {
		t.Run(x.name, func(t *testing.T) {
			err := x.call()
			var value *ValueError
			if !errors.As(err, &value) {
				t.Fatalf("error %v (%T) is no ValueError", err, err)
			}
			if value.Op != x.op || value.Name != x.value || value.Engine != x.engine {
				t.Errorf("%v is about %s of %s by engine %d, want %s of %s by engine %d", err, value.Op, value.Name, value.Engine, x.op, x.value, x.engine)
			}
			if !strings.HasSuffix(err.Error(), x.want) || !strings.HasPrefix(err.Error(), strings.TrimSpace("client: "+x.op+" "+x.value)+": ") {
				t.Errorf("error %q does not end in %q", err, x.want)
			}
			if strings.Count(err.Error(), "client: ") != 1 {
				t.Errorf("error %q repeats itself", err)
			}
			if x.is != nil && !errors.Is(err, x.is) {
				t.Errorf("error %v is not %v", err, x.is)
			}
		})
	}

	// The others' values stay available.
	got, err := Get[int](ctx, v, "whole")
	equal(t, got, append(repeat(n-1, 3), 0))
	if err == nil {
		t.Error("2.5 was an int")
	}
	values, err := v.Get(ctx, "only")
	equal(t, values, append(repeat[any](n-1, nil), 1))
	if err == nil {
		t.Error("all have what only one has")
	}
	blocks, err := v.Gather(ctx, "same")
	equal(t, blocks, any(append(repeat[any](n-1, []float64{1}), "text")))
	if err == nil {
		t.Error("arrays and text were gathered")
	}
	blocks, err = v.Gather(ctx, "only")
	equal(t, blocks, any(append(repeat[any](n-1, nil), 1)))
	if err == nil {
		t.Error("what is not there was gathered")
	}
	if n > 2 {
		_, err = Get[int](ctx, v, "whole + 0.25")
		var all *CompositeError
		if !errors.As(err, &all) || len(all.Errors) != n {
			t.Fatalf("error %v is not that of all engines", err)
		}
	}
}

// canceller ends a context when it is sent.
type canceller struct{ end context.CancelCauseFunc }

var errMidway = errors.New("midway")

func (c canceller) MarshalText() ([]byte, error) { c.end(errMidway); return []byte("sent"), nil }

// What is cancelled while its values are made ready is not sent.
func TestCancelledWhileSending(t *testing.T) {
	c, ctx := connectLive(t)
	v := c.Direct(All)
	check(t, v.Set(ctx, "x", "old"))
	for op, call := range map[string]func(context.Context, canceller) error{
		"push":    func(ctx context.Context, x canceller) error { return v.Set(ctx, "x", x) },
		"scatter": func(ctx context.Context, x canceller) error { return v.Scatter(ctx, "x", repeat(8, x)) },
	} {
		midway, end := context.WithCancelCause(ctx)
		err := call(midway, canceller{end})
		var value *ValueError
		if !errors.As(err, &value) || !errors.Is(err, errMidway) || value.Op != op || value.Name != "x" {
			t.Errorf("%s: %v", op, err)
		}
	}
	got, err := v.Get(ctx, "x")
	check(t, err)
	equal(t, got, repeat[any](4, "old"))
}

// A wait that is cancelled has an error of its own, and the call goes on.
func TestCancelledTransfers(t *testing.T) {
	c, ctx := connectLive(t)
	v := c.Direct(Engines(0, 1))
	_, err := v.Execute(ctx, "gate := make(chan bool)\nopened := 0\nfunc wait(x []float64) int { <-gate; return len(x) }")
	check(t, err)
	busy := v.On(Engines(1)).ExecuteAsync("<-gate")
	calls := map[string]*AsyncResult{
		"push late": v.SetAsync("late", 5), "pull late": v.GetAsync("late"), "scatter part": v.ScatterAsync("part", []int{1, 2, 3}), "gather part": v.GatherAsync("part"),
	}
	check(t, calls["scatter part"].WaitFor(ctx, First))
	short, end := context.WithCancelCause(ctx)
	over := errors.New("it is over")
	end(over)
	for what, ar := range calls {
		_, err := ar.Get(short)
		var value *ValueError
		if !errors.As(err, &value) || !errors.Is(err, over) || value.Op+" "+value.Name != what || value.Engine != NoEngine {
			t.Errorf("%s: %v", what, err)
		}
	}
	check(t, c.Interrupt(ctx, Engines(1)))
	if _, err := busy.Get(ctx); !errors.Is(err, ErrInterrupted) {
		t.Errorf("interrupted: %v", err)
	}
	got, err := calls["pull late"].Get(ctx)
	check(t, err)
	equal(t, got, []any{5, 5})
	whole, err := calls["gather part"].Get(ctx)
	check(t, err)
	equal(t, whole, []any{[]int{1, 2, 3}})
}

// What an engine takes with it is an error, and what the others have is there.
func TestEngineDiesMidCall(t *testing.T) {
	c, ctx := connectLive(t)
	before := len(c.IDs())
	p, err := wire.NamedProfile("")
	check(t, err)
	e, err := goengine.New(goengine.Config{ConnectionFile: p.EngineFile("")})
	check(t, err)
	life, kill := context.WithCancel(ctx)
	defer kill()
	ended := make(chan error, 1)
	go func() { ended <- e.Run(life) }()
	check(t, c.WaitForEngines(ctx, before+1))
	ids := c.IDs()
	mortal := ids[before]

	v := c.Direct(Engines(0, mortal))
	check(t, v.Set(ctx, "x", 1))
	busy := v.On(Engines(mortal)).ExecuteAsync("fmt.Println(\"begun\")\nselect {}")
	for busy.Metadata()[0].Stdout == "" {
		if ctx.Err() != nil {
			t.Fatal("the code did not begin")
		}
		time.Sleep(time.Millisecond)
	}
	pull, push, gather := v.GetAsync("x"), v.SetAsync("y", 2), v.GatherAsync("x")
	check(t, pull.WaitFor(ctx, First))
	kill()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	for what, ar := range map[string]*AsyncResult{"pull x": pull, "push y": push, "gather x": gather} {
		_, err := ar.Get(ctx)
		var value *ValueError
		if !errors.As(err, &value) || !errors.Is(err, ErrEngineDied) || value.Op+" "+value.Name != what || value.Engine != mortal {
			t.Errorf("%s: %v", what, err)
		}
	}
	got, _ := pull.Get(ctx)
	equal(t, got, []any{1, nil})
	blocks, _ := gather.Get(ctx)
	equal(t, blocks, []any{1, nil})
	for len(c.IDs()) > before { // the controller may answer before it notifies
		if ctx.Err() != nil {
			t.Fatalf("engines are %v", c.IDs())
		}
		time.Sleep(time.Millisecond)
	}
	if _, err := v.Get(ctx, "x"); !errors.Is(err, ErrUnknownEngine) {
		t.Errorf("a call to the dead: %v", err)
	}
}
