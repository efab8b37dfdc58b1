package client_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"gonum.org/v1/gonum/mat"

	"muster/client"
	"muster/controller"
	"muster/engine"
	"muster/numeric"
	"muster/wire"
)

// square is a compiled function that the engines of these tests know.
var square = engine.Func("math.Square", func(x float64) float64 { return x * x })

// TestMain starts what "ipcluster start -n 4" would, in this process: a
// controller and four engines in the default profile. Examples and tests find
// it as users do.
func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	if dir := os.Getenv(controllerDir); dir != "" {
		return runController(dir)
	}
	dir, err := os.MkdirTemp("", "client")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	for name, value := range map[string]string{"IPYTHONDIR": dir, "IPP_PROFILE_DIR": "", "IPP_CLUSTER_ID": ""} {
		os.Setenv(name, value)
	}
	profile, err := wire.NamedProfile("")
	if err == nil {
		var stop func()
		if stop, err = startCluster(controller.Config{Profile: profile}, 4); err == nil {
			defer stop()
			return m.Run()
		}
	}
	fmt.Fprintln(os.Stderr, err)
	return 1
}

// startCluster runs a controller and n engines until stop.
func startCluster(cfg controller.Config, n int) (stop func(), err error) {
	return startEngines(cfg, make([]engine.Config, n)...)
}

// startEngines runs a controller and engines as they are described, until stop.
func startEngines(cfg controller.Config, engines ...engine.Config) (stop func(), err error) {
	profile := cfg.Profile
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c, err := controller.New(cfg)
	if err != nil {
		return nil, err
	}
	life, end := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := c.Run(life); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	})
	stop = func() {
		end()
		running.Wait()
	}
	for i, described := range engines {
		id := wire.EngineID(i)
		described.ConnectionFile, described.ID = profile.EngineFile(""), &id
		e, err := engine.New(described)
		if err != nil {
			stop()
			return nil, err
		}
		running.Go(func() {
			if err := e.Run(life); err != nil {
				fmt.Fprintln(os.Stderr, err)
			}
		})
	}
	cl, err := client.Connect(ctx, client.WithProfileDir(profile.Dir))
	if err == nil {
		err = cl.WaitForEngines(ctx, len(engines))
		cl.Close()
	}
	if err != nil {
		stop()
		return nil, err
	}
	return stop, nil
}

func connect(t testing.TB) (*client.Client, context.Context) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	c, err := client.Connect(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.WaitForEngines(ctx, 4); err != nil {
		t.Fatal(err)
	}
	return c, ctx
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func want(t *testing.T, got, want any) {
	t.Helper()
	if g, w := fmt.Sprintf("%#v", got), fmt.Sprintf("%#v", want); g != w {
		t.Errorf("got %s, want %s", g, w)
	}
}

func TestGoExecute(t *testing.T) {
	c, ctx := connect(t)
	v := c.Direct(client.Engines(1, 3))
	rs, err := v.Execute(ctx, `a := 5; println("to stderr"); fmt.Println("hello"); a * 2`)
	check(t, err)
	for _, r := range rs {
		want(t, r.Stdout, "hello\n")
		want(t, r.Text(), "10")
		if r.Started.IsZero() || r.Completed.Before(r.Started) || r.Received.Before(r.Submitted) {
			t.Errorf("times: %+v", r)
		}
	}
	want(t, []client.EngineID{rs[0].Engine, rs[1].Engine}, []client.EngineID{1, 3})

	rs, err = v.Execute(ctx, "x := 1\ny := undefinedName")
	var all *client.CompositeError
	var one *client.RemoteError
	if !errors.As(err, &all) || !errors.As(err, &one) || len(one.Traceback) == 0 {
		t.Fatalf("error is %v", err)
	}
	want(t, rs[0].Status, "error")
	if _, err := v.Execute(ctx, `panic("all is lost")`); !errors.As(err, &one) || !strings.Contains(one.Message, "all is lost") {
		t.Errorf("panic: %v", err)
	}
}

func TestGoData(t *testing.T) {
	c, ctx := connect(t)
	v := c.Direct(client.All)
	m := mat.NewDense(300, 2, nil)
	m.Set(299, 1, 7)
	type point struct {
		X, Y float64
		Name string `json:"name"`
	}
	check(t, v.Push(ctx, map[string]any{
		"k": 3, "m": m, "names": []string{"a", "b"}, "i32": numeric.New([]int32{1, 2, 3, 4}, 2, 2),
		"p": point{1, 2, "origin"}, "raw": []byte("bytes"),
	}))
	ks, err := client.Get[int](ctx, v, "k")
	check(t, err)
	want(t, ks, []int{3, 3, 3, 3})
	ms, err := client.Get[*mat.Dense](ctx, v, "m")
	check(t, err)
	if !mat.Equal(ms[2], m) {
		t.Error("the matrix came back changed")
	}
	ints, err := client.Get[*numeric.Array](ctx, v, "i32")
	check(t, err)
	want(t, ints[0].DType(), "<i4")
	want(t, ints[0].Shape(), []int{2, 2})
	got, err := c.Direct(client.Engines(0)).Pull(ctx, "names", "raw", "k + 1")
	check(t, err)
	want(t, got[0]["raw"], []byte("bytes"))
	want(t, got[0]["k + 1"], 4)

	for name, seq := range map[string]any{
		"rows": mat.NewDense(9, 2, []float64{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17}),
		"few":  []float64{1, 2, 3, 4},
		"many": []float64{1, 2, 3, 4, 5, 6, 7},
	} {
		check(t, v.Scatter(ctx, name, seq))
		back, err := v.Gather(ctx, name)
		check(t, err)
		want(t, fmt.Sprint(back), fmt.Sprint(seq))
	}
	_, err = v.Gather(ctx, "nowhere")
	var one *client.RemoteError
	if !errors.As(err, &one) || !strings.Contains(err.Error(), "nowhere") {
		t.Errorf("gather of an unknown name: %v", err)
	}
}

func TestGoApply(t *testing.T) {
	c, ctx := connect(t)
	v := c.Direct(client.All)
	_, err := v.Execute(ctx, "func scale(x []float64, by float64) []float64 { for i := range x { x[i] *= by }; fmt.Println(len(x)); return x }\nbase := []float64{1, 2}")
	check(t, err)
	ar := v.ApplyAsync(client.Ref("scale"), client.Ref("base"), 3)
	values, err := client.Values[[]float64](ctx, ar)
	check(t, err)
	want(t, values[3], []float64{3, 6})
	want(t, ar.Metadata()[3].Stdout, "2\n")

	squares, err := client.Call[float64](ctx, v, square, 1.5)
	check(t, err)
	want(t, squares, []float64{2.25, 2.25, 2.25, 2.25})
	items, err := v.Map(ctx, square, []float64{1, 2, 3, 4, 5, 6})
	check(t, err)
	want(t, items, []any{1.0, 4.0, 9.0, 16.0, 25.0, 36.0})
	items, err = c.LoadBalanced().Map(ctx, client.Ref("func(a, b int) int { return a + b }"), []int{1, 2, 3}, []int{10, 20, 30})
	check(t, err)
	want(t, items, []any{11, 22, 33})
}

func TestGoControl(t *testing.T) {
	c, ctx := connect(t)
	v := c.Direct(client.Engines(2))
	busy := v.ExecuteAsync(`fmt.Println("begun"); for {}`)
	for busy.Metadata()[0].Stdout == "" {
		if ctx.Err() != nil {
			t.Fatal("it did not begin")
		}
		time.Sleep(time.Millisecond)
	}
	queued, kept := v.ApplyAsync(square, 2.0), v.ApplyAsync(square, 3.0)
	check(t, queued.Abort(ctx))
	check(t, c.Interrupt(ctx, client.Engines(2)))
	var one *client.RemoteError
	if _, err := busy.Get(ctx); !errors.As(err, &one) || one.Name == "EngineError" {
		t.Errorf("interrupted: %v", err)
	}
	if _, err := queued.Get(ctx); !errors.As(err, &one) || one.Name != "TaskAborted" {
		t.Errorf("aborted: %v", err)
	}
	values, err := kept.Get(ctx)
	check(t, err)
	want(t, values, []any{9.0})

	s, err := c.QueueStatus(ctx, client.All)
	check(t, err)
	want(t, len(s.Engines), 4)
	processes, err := c.Processes(ctx)
	check(t, err)
	pids, err := v.Execute(ctx, "os.Getpid()")
	check(t, err)
	for _, r := range pids {
		if p := processes[r.Engine]; p.Host == "" || r.Text() != strconv.Itoa(p.PID) {
			t.Errorf("engine %d, process %s, is said to be %+v", r.Engine, r.Text(), p)
		}
	}
	check(t, v.Push(ctx, map[string]any{"gone": 1}))
	check(t, c.Clear(ctx, client.Engines(2)))
	if _, err := v.Pull(ctx, "gone"); !errors.As(err, &one) {
		t.Errorf("after clear: %v", err)
	}
}

func TestGoFlood(t *testing.T) {
	c, ctx := connect(t)
	rs, err := c.Direct(client.Engines(0)).Execute(ctx, `for i := 0; i < 200000; i++ { fmt.Println("a line of output that nobody will ever read in full, number", i) }`)
	check(t, err)
	out := rs[0].Stdout
	if len(out) > client.MaxOutput+1000 || !strings.Contains(out, "number 0\n") || !strings.Contains(out, "number 199999\n") {
		t.Errorf("%d bytes kept, from %.80q to %.80q", len(out), out, out[max(0, len(out)-80):])
	}
}

func TestGoShutdown(t *testing.T) {
	profile := wire.Profile{Dir: t.TempDir()}
	stop, err := startCluster(controller.Config{Profile: profile}, 3)
	check(t, err)
	defer stop()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c, err := client.Connect(ctx, client.WithProfileDir(profile.Dir))
	check(t, err)
	defer c.Close()
	lost := c.Direct(client.Engines(1)).ExecuteAsync("for {}")
	check(t, c.Shutdown(ctx, client.Engines(1)))
	var one *client.RemoteError
	if _, err := lost.Get(ctx); !errors.As(err, &one) {
		t.Errorf("on the engine that went: %v", err)
	}
	for len(c.IDs()) != 2 {
		if ctx.Err() != nil {
			t.Fatal("the engine is still there")
		}
		time.Sleep(time.Millisecond)
	}
	other, err := client.Connect(ctx, client.WithProfileDir(profile.Dir))
	check(t, err)
	defer other.Close()
	check(t, c.ShutdownCluster(ctx))
	if _, err := other.Direct(client.All).Execute(ctx, "1"); err == nil {
		t.Error("executed on a cluster that was shut down")
	}
}

// No goroutine of a client outlives Close, also over the real network.
func TestNoGoroutineLeft(t *testing.T) {
	for range 5 {
		c, ctx := connect(t)
		ar := c.Direct(client.All).ExecuteAsync("1 + 1")
		_, err := ar.Get(ctx)
		check(t, err)
		c.Direct(client.All).ExecuteAsync("2 + 2")
		check(t, c.Close())
	}
	var stacks bytes.Buffer
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		buf := make([]byte, 1<<20)
		stacks.Reset()
		for _, g := range strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
			if strings.Contains(g, "muster/client.") && !strings.Contains(g, "testing.") {
				stacks.WriteString(g + "\n\n")
			}
		}
		if stacks.Len() == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("left behind:\n%s", &stacks)
		}
	}
}
