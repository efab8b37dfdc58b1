package test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"gonum.org/v1/gonum/mat"

	"muster/client"
	"muster/wire"
)

// A field is a cluster of four engines of one language, and a client of it.
type field struct {
	*testing.T
	c       *client.Client
	ctx     context.Context
	profile string // its directory
	python  bool
}

// in returns the source for the engines' language.
func (f field) in(golang, python string) string {
	if f.python {
		return python
	}
	return golang
}

func (f field) all() *client.DirectView { return f.c.Direct(client.All) }

func (f field) check(err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

func (f field) want(got, want any) {
	f.Helper()
	if !reflect.DeepEqual(got, want) {
		f.Errorf("got %#v, want %#v", got, want)
	}
}

// executed runs a cell that has to work on every engine.
func (f field) executed(golang, python string) client.Results {
	f.Helper()
	rs, err := f.all().Execute(f.ctx, f.in(golang, python))
	f.check(err)
	return rs
}

// The direct interface, feature by feature, on engines that are processes of
// their own: Go engines, and unmodified Python engines where a feature needs
// nothing of Go.
func TestDirect(t *testing.T) {
	for _, language := range []string{"go", "python"} {
		t.Run(language, func(t *testing.T) {
			s := newSite(t)
			if language == "python" {
				needsPython(t)
				s.background("ipcontroller")
				for range 4 {
					s.background("/usr/bin/python3", "-m", "ipyparallel.engine")
				}
			} else {
				s.run("ipcluster", "start", "-n", "4", "--daemonize")
				defer s.run("ipcluster", "stop")
			}
			c := s.connect(4)
			for _, feature := range features {
				if feature.goOnly && language == "python" {
					continue
				}
				t.Run(feature.name, func(t *testing.T) {
					feature.try(field{t, c, s.ctx(), filepath.Join(s.dir, "profile_default"), language == "python"})
				})
			}
			if language == "python" { // their nannies do not end with the controller
				if err := c.Shutdown(s.ctx(), client.All); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

var features = []struct {
	name   string
	goOnly bool
	try    func(field)
}{
	{"targets", false, tryTargets},
	{"execute", false, tryExecute},
	{"run", false, tryRun},
	{"functions", false, tryFunctions},
	{"dictionary", false, tryDictionary},
	{"scatter and gather", false, tryScatter},
	{"serialized", false, trySerialized},
	{"typed values", true, tryTyped},
	{"map", false, tryMap},
	{"executor", false, tryExecutor},
	{"results", false, tryResults},
	{"cancel", false, tryCancel},
	{"history", false, tryHistory},
	{"errors", false, tryErrors},
	{"bad values", false, tryBadValues},
	{"properties", false, tryProperties},
	{"status", false, tryStatus},
	{"broadcast", false, tryBroadcast},
	{"restart", true, tryRestart},
}

func tryTargets(f field) {
	for _, c := range []struct {
		targets client.Targets
		want    []client.EngineID
	}{
		{client.All, []client.EngineID{0, 1, 2, 3}},
		{client.Each(), []client.EngineID{0, 1, 2, 3}},
		{client.Engines(2, 0), []client.EngineID{2, 0}},
		{client.Engines(-1), []client.EngineID{3}},
		{client.Slice("::2"), []client.EngineID{0, 2}},
		{client.Slice("-2:"), []client.EngineID{2, 3}},
		{client.Slice("::-1"), []client.EngineID{3, 2, 1, 0}},
	} {
		rs, err := f.c.Direct(c.targets).Execute(f.ctx, "1 + 1")
		f.check(err)
		var ids []client.EngineID
		for _, r := range rs {
			ids = append(ids, r.Engine)
			f.want(r.Text(), "2")
		}
		f.want(ids, c.want)
	}
	_, err := f.c.Direct(client.Engines(9)).Execute(f.ctx, "1")
	f.want(errors.Is(err, client.ErrUnknownEngine), true)
}

func tryExecute(f field) {
	f.executed("a := 5", "a = 5")
	ar := f.all().ExecuteAsync(f.in(`fmt.Println("hello"); a * 2`, "print('hello'); a * 2"))
	f.check(ar.Wait(f.ctx))
	for _, r := range ar.Metadata() {
		f.want(r.Stdout, "hello\n")
		f.want(r.Text(), "10")
	}
	quiet := f.c.Direct(client.Engines(0))
	before, err := quiet.Execute(f.ctx, "a")
	f.check(err)
	_, err = quiet.With(client.Silent()).Execute(f.ctx, "a + 1")
	f.check(err)
	after, err := quiet.Execute(f.ctx, "a")
	f.check(err)
	f.want(after[0].ExecutionCount, before[0].ExecutionCount+1)
}

func tryRun(f field) {
	file := filepath.Join(f.TempDir(), f.in("step.go", "step.py"))
	f.check(os.WriteFile(file, []byte(f.in(
		"package main\n\nimport \"fmt\"\n\nvar steps = 3\n\nfunc main() { fmt.Println(\"ran\", steps) }\n",
		"steps = 3\nprint('ran', steps)\n")), 0o600))
	rs, err := f.all().Run(f.ctx, file)
	f.check(err)
	f.want(rs[3].Stdout, "ran 3\n")
	steps, err := client.Get[int](f.ctx, f.all(), "steps")
	f.check(err)
	f.want(steps, []int{3, 3, 3, 3})
}

func tryFunctions(f field) {
	f.check(f.all().Import(f.ctx, "math"))
	source := f.in("func(x int) int { return x * x * x }", "lambda x: x ** 3")
	f.check(f.all().PushFunction(f.ctx, map[string]string{"cube": source}))
	cubes, err := client.Call[int](f.ctx, f.all(), client.Ref("cube"), 3)
	f.check(err)
	f.want(cubes, []int{27, 27, 27, 27})
	sources, err := f.c.Direct(client.Engines(1)).PullFunction(f.ctx, "cube")
	f.check(err)
	two := f.c.Direct(client.Engines(2))
	f.check(two.Delete(f.ctx, "cube"))
	f.check(two.PushFunction(f.ctx, sources[0]))
	again, err := client.Call[int](f.ctx, two, client.Ref("cube"), 2)
	f.check(err)
	f.want(again, []int{8})

	cube := client.Remote[func(context.Context, int) ([]int, error)](f.all(), client.Ref("cube"))
	values, err := cube(f.ctx, 4)
	f.check(err)
	f.want(values, []int{64, 64, 64, 64})
}

func tryDictionary(f field) {
	f.check(f.all().Set(f.ctx, "k", 4))
	f.check(f.all().Update(f.ctx, map[string]any{"l": 5, "m": "six"}))
	k, err := f.all().Get(f.ctx, "k")
	f.check(err)
	f.want(k, []any{4, 4, 4, 4})
	zipped, err := f.all().ZipPull(f.ctx, "k", "m")
	f.check(err)
	f.want(zipped, map[string][]any{"k": {4, 4, 4, 4}, "m": {"six", "six", "six", "six"}})
	keys, err := f.all().Keys(f.ctx)
	f.check(err)
	f.want(slices.Contains(keys[3], "l"), true)
	f.check(f.all().Delete(f.ctx, "l"))
	keys, err = f.all().Keys(f.ctx)
	f.check(err)
	f.want(slices.Contains(keys[3], "l"), false)
	f.want(slices.Contains(keys[3], "k"), true)
}

func tryScatter(f field) {
	rows := mat.NewDense(9, 2, nil)
	for i := range 9 {
		rows.SetRow(i, []float64{float64(i), float64(-i)})
	}
	for _, v := range []*client.DirectView{f.all(), f.all().With(client.Cyclic())} {
		f.check(v.Scatter(f.ctx, "rows", rows))
		back, err := client.Gather[*mat.Dense](f.ctx, v, "rows")
		f.check(err)
		f.want(mat.Equal(back, rows), true)
		f.check(v.Scatter(f.ctx, "words", []string{"a", "b", "c", "d", "e"}))
		words, err := client.Gather[[]string](f.ctx, v, "words")
		f.check(err)
		f.want(words, []string{"a", "b", "c", "d", "e"})
	}
	f.check(f.all().With(client.Flatten()).Scatter(f.ctx, "rank", []int{10, 11, 12, 13}))
	ranks, err := client.Get[int](f.ctx, f.all(), "rank + 1")
	f.check(err)
	f.want(ranks, []int{11, 12, 13, 14})
	if err := f.all().Scatter(f.ctx, "few", []int{1, 2}); err == nil {
		f.Error("two items were dealt to four engines")
	}
	f.check(f.all().With(client.AllowEmpty()).Scatter(f.ctx, "few", []int{1, 2}))

	// The parallel list comprehension.
	f.check(f.all().Scatter(f.ctx, "i", []int{0, 1, 2, 3, 4, 5, 6, 7}))
	f.executed("squares := make([]int, len(i)); for n := range i { squares[n] = i[n] * i[n] }", "squares = [n * n for n in i]")
	squares, err := client.Gather[[]int](f.ctx, f.all(), "squares")
	f.check(err)
	f.want(squares, []int{0, 1, 4, 9, 16, 25, 36, 49})
}

func trySerialized(f field) {
	big := make([]float64, 5000)
	big[4999] = 7
	s, err := client.Serialize(big)
	f.check(err)
	f.check(f.c.Direct(client.Engines(0)).PushSerialized(f.ctx, map[string]client.Serialized{"big": s}))
	pulled, err := f.c.Direct(client.Engines(0)).PullSerialized(f.ctx, "big")
	f.check(err)
	f.check(f.c.Direct(client.Engines(3)).PushSerialized(f.ctx, map[string]client.Serialized{"copy": pulled[0]["big"]}))
	back, err := client.Get[[]float64](f.ctx, f.c.Direct(client.Engines(3)), "copy")
	f.check(err)
	f.want(back[0], big)
}

func tryTyped(f field) {
	type point struct {
		X, Y float64
		Name string `json:"name"`
	}
	f.check(f.all().Set(f.ctx, "points", map[string]point{"origin": {Name: "O"}}))
	points, err := client.Get[map[string]point](f.ctx, f.all(), "points")
	f.check(err)
	f.want(points[2], map[string]point{"origin": {Name: "O"}})
	f.check(f.all().Set(f.ctx, "n", []int{1, 2, 3}))
	sums, err := client.Get[int](f.ctx, f.all(), "n[0] + n[2]")
	f.check(err)
	f.want(sums, []int{4, 4, 4, 4})
}

func tryMap(f field) {
	square := client.Ref(f.in("func(x int) int { return x * x }", "lambda x: x * x"))
	items, squares := make([]int, 20), make([]any, 20)
	for i := range items {
		items[i], squares[i] = i, i*i
	}
	for _, v := range []interface {
		Map(context.Context, client.Function, ...any) ([]any, error)
	}{
		f.all(), f.all().With(client.Chunk(3)), f.c.LoadBalanced(), f.c.LoadBalanced().With(client.Chunk(6)),
	} {
		got, err := v.Map(f.ctx, square, items)
		f.check(err)
		f.want(got, squares)
	}
	for _, v := range []client.Mapper{f.all(), f.c.LoadBalanced()} {
		n := 0
		for got, err := range client.MapSeq[int](f.ctx, v, square, func(yield func(int) bool) {
			for i := 0; yield(i); i++ {
			}
		}) {
			f.check(err)
			f.want(got, n*n)
			if n++; n == 100 {
				break
			}
		}
	}
	parallel := client.Parallel[func(context.Context, []int) ([]int, error)](f.all(), square)
	got, err := parallel(f.ctx, []int{5, 6})
	f.check(err)
	f.want(got, []int{25, 36})
}

func tryExecutor(f field) {
	pool := f.c.LoadBalanced().Executor()
	future := pool.Submit(client.Ref(f.in("func(x int) int { return x + 1 }", "lambda x: x + 1")), 41)
	f.check(pool.Shutdown(f.ctx))
	v, err := client.Values[int](f.ctx, future)
	f.check(err)
	f.want(v, []int{42})
	if _, err := pool.Submit(client.Ref("f")).Get(f.ctx); err == nil {
		f.Error("a task was taken after the shutdown")
	}
}

func tryResults(f field) {
	f.executed("func nap(d float64) float64 { time.Sleep(time.Duration(d * 1e9)); return d }",
		"import time\ndef nap(d):\n    time.sleep(d)\n    return d")
	f.check(f.all().With(client.Flatten()).Scatter(f.ctx, "d", []float64{0.3, 0.01, 0.01, 0.01}))
	ar := f.all().ApplyAsync(client.Ref("nap"), client.Ref("d"))
	f.want(ar.Len(), 4)
	f.check(ar.WaitFor(f.ctx, client.First))
	f.check(f.c.Barrier(f.ctx, ar))
	f.want(ar.Progress(), 4)
	f.want(ar.Successful(), true)
	byEngine, err := ar.GetDict(f.ctx)
	f.check(err)
	f.want(byEngine, map[client.EngineID]any{0: 0.3, 1: 0.01, 2: 0.01, 3: 0.01})
	if serial := ar.SerialTime(); serial < 330*time.Millisecond || ar.WallTime() < 300*time.Millisecond || ar.Elapsed() < ar.WallTime() {
		f.Errorf("serial %v, wall %v, elapsed %v", serial, ar.WallTime(), ar.Elapsed())
	}
	var out strings.Builder
	f.check(f.c.Direct(client.Engines(2)).ExecuteAsync(f.in(`fmt.Println("live")`, "print('live')")).Follow(f.ctx, &out))
	f.want(strings.Contains(out.String(), "[stdout:2] live"), true)
}

// begun waits until a cell that prints something first is running.
func (f field) begun(ar *client.AsyncResult) {
	f.Helper()
	for range ar.Outputs(f.ctx) {
		return
	}
	f.Fatal("it did not begin")
}

func tryCancel(f field) {
	one := f.c.Direct(client.Engines(1))
	endless := f.in(`fmt.Println("begun"); for {}`, "print('begun', flush=True)\nwhile True: pass")
	running, queued, last := one.ExecuteAsync(endless), one.ExecuteAsync(endless), one.ApplyAsync(client.Ref(f.in("math.Sqrt", "abs")), 1.0)
	f.begun(running)
	if !f.python { // whose engines take note when they have done what they are at
		f.check(queued.Abort(f.ctx))
	}
	ended, err := running.Cancel(f.ctx)
	f.check(err)
	_, err = queued.Cancel(f.ctx)
	f.check(err)
	f.want(ended.Interrupted, []client.EngineID{1})
	if _, err := running.Get(f.ctx); !errors.Is(err, client.ErrInterrupted) {
		f.Errorf("what ran: %v", err)
	}
	if _, err := queued.Get(f.ctx); !errors.Is(err, client.ErrTaskAborted) && !(f.python && errors.Is(err, client.ErrInterrupted)) {
		f.Errorf("what waited: %v", err)
	}
	v, err := last.Get(f.ctx)
	f.check(err)
	f.want(v, []any{1.0})
}

func tryHistory(f field) {
	one := f.c.Direct(client.Engines(0))
	rs, err := one.Execute(f.ctx, f.in(`h := 11; h`, "h = 11; h"))
	f.check(err)
	for _, n := range []int{-1, rs[0].ExecutionCount} {
		again, err := one.GetResult(f.ctx, n)
		f.check(err)
		f.want(again[0].MsgID, rs[0].MsgID)
		f.want(again[0].Text(), "11")
	}
	other, err := client.Connect(f.ctx, client.WithProfileDir(f.profile))
	f.check(err)
	defer other.Close()
	stored, err := other.GetResult(f.ctx, rs[0].MsgID)
	f.check(err)
	f.want(stored[0].Text(), "11")
	f.want(slices.Contains(f.c.History(), rs[0].MsgID), true)
	f.want(len(f.c.Outstanding()), 0)
}

func tryErrors(f field) {
	f.check(f.all().With(client.Flatten()).Scatter(f.ctx, "part", []int{0, 1, 2, 3}))
	f.executed("func odd(n int) int { if n%2 == 0 { panic(\"even\") }; return n }", "def odd(n):\n    if n % 2 == 0: raise ValueError('even')\n    return n")
	values, err := f.all().Apply(f.ctx, client.Ref("odd"), client.Ref("part"))
	f.want(values, []any{nil, 1, nil, 3}) // the good half stays
	var several *client.CompositeError
	if !errors.As(err, &several) || len(several.Errors) != 2 {
		f.Fatalf("the error is %v", err)
	}
	var remote *client.RemoteError
	if !errors.As(several.RaiseException(1), &remote) || remote.Engine != 2 || !strings.Contains(remote.Message, "even") {
		f.Errorf("the second is %v", remote)
	}
	var traces strings.Builder
	several.PrintTracebacks(&traces)
	f.want(strings.Contains(traces.String(), f.in("panic(\"even\")", "raise ValueError('even')")), true)

	_, err = f.all().Pull(f.ctx, "nowhere")
	f.want(strings.Contains(fmt.Sprint(err), "nowhere"), true)
}

func tryBadValues(f field) {
	var bad *client.ValueError
	if err := f.all().Set(f.ctx, "done", make(chan int)); !errors.As(err, &bad) || !strings.Contains(err.Error(), "done") {
		f.Errorf("a channel: %v", err)
	}
	f.check(f.all().Set(f.ctx, "text", "seven"))
	if _, err := client.Get[int](f.ctx, f.all(), "text"); !errors.As(err, &bad) {
		f.Errorf("a string as an int: %v", err)
	}
	f.check(f.c.Direct(client.Engines(0, 1)).Set(f.ctx, "mixed", []float64{1}))
	f.check(f.c.Direct(client.Engines(2, 3)).Set(f.ctx, "mixed", "text"))
	if _, err := f.all().Gather(f.ctx, "mixed"); !errors.As(err, &bad) {
		f.Errorf("unequal kinds gathered: %v", err)
	}
	ended, cancel := context.WithCancel(f.ctx)
	cancel()
	if _, err := f.all().Execute(ended, "1"); !errors.Is(err, context.Canceled) {
		f.Errorf("with a context that has ended: %v", err)
	}
}

func tryProperties(f field) {
	f.check(f.all().SetProperties(f.ctx, map[string]any{"gpu": false, "ram": 64.0}))
	f.check(f.c.Direct(client.Engines(2)).SetProperties(f.ctx, map[string]any{"gpu": true}))
	f.executed(`properties["cores"] = 8`, `properties["cores"] = 8`)
	p, err := f.all().Properties(f.ctx, "gpu", "cores")
	f.check(err)
	f.want(p[1], map[string]any{"gpu": false, "cores": 8})
	f.want(p[2], map[string]any{"gpu": true, "cores": 8})
	f.check(f.all().DeleteProperties(f.ctx, "ram"))
	has, err := f.all().HasProperties(f.ctx, "ram", "gpu")
	f.check(err)
	f.want(has[0], []bool{false, true})
	f.check(f.all().ClearProperties(f.ctx))
	p, err = f.all().Properties(f.ctx)
	f.check(err)
	f.want(p[0], map[string]any{})
}

func tryStatus(f field) {
	q, err := f.c.QueueStatus(f.ctx, client.All)
	f.check(err)
	f.want(len(q.Engines), 4)
	ar := f.all().ApplyAsync(client.Ref(f.in("math.Sqrt", "abs")), 4.0)
	f.check(ar.Wait(f.ctx))
	var ids []wire.MsgID
	for _, r := range ar.Metadata() {
		ids = append(ids, r.MsgID)
	}
	st, err := f.c.ResultStatus(f.ctx, ids...)
	f.check(err)
	f.want(len(st.Completed), 4)
}

func tryBroadcast(f field) {
	for _, v := range []*client.BroadcastView{f.c.Broadcast(client.All), f.c.Broadcast(client.All).With(client.Coalescing())} {
		f.check(v.Push(f.ctx, map[string]any{"shared": make([]float64, 10000)}))
		n, err := client.Get[int](f.ctx, v, "len(shared)")
		f.check(err)
		f.want(n, []int{10000, 10000, 10000, 10000})
		rs, err := v.Execute(f.ctx, f.in(`fmt.Println("all")`, "print('all')"))
		f.check(err)
		f.want(rs[3].Stdout, "all\n")
	}
}

func tryRestart(f field) {
	pid, err := client.Call[int](f.ctx, f.c.Direct(client.Engines(3)), client.Ref("os.Getpid"))
	f.check(err)
	f.check(f.c.Direct(client.Engines(3)).Set(f.ctx, "kept", 1))
	watching, cancel := context.WithCancel(f.ctx)
	defer cancel()
	events := f.c.Notifications(watching)
	f.check(f.c.Restart(f.ctx, client.Engines(3)))
	if down, up := <-events, <-events; down.Engine != 3 || up.Engine != 3 {
		f.Errorf("told of %v and %v", down, up)
	}
	if _, err := f.c.Direct(client.Engines(3)).Get(f.ctx, "kept"); err == nil {
		f.Error("the namespace outlived the restart")
	}
	again, err := client.Call[int](f.ctx, f.c.Direct(client.Engines(3)), client.Ref("os.Getpid"))
	f.check(err)
	f.want(again, pid)
}
