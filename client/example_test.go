package client_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	"gonum.org/v1/gonum/mat"

	"muster/client"
	"muster/wire"
)

// The examples run on a cluster of four Go engines in the default profile, as
// "ipcluster start -n 4" starts it.

// A session as a whole: connect, deal out data, compute where it lies, collect.
func Example() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c, err := client.Connect(ctx)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	if err := c.WaitForEngines(ctx, 4); err != nil {
		log.Fatal(err)
	}
	all := c.Direct(client.All)

	samples := mat.NewDense(8, 2, []float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16})
	if err := all.Scatter(ctx, "x", samples); err != nil {
		log.Fatal(err)
	}
	if _, err := all.Execute(ctx, "rows, _ := x.Dims(); total := mat.Sum(x)"); err != nil {
		log.Fatal(err)
	}
	totals, err := client.Get[float64](ctx, all, "total")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("engines", c.IDs(), "hold", totals)
	// Output: engines [0 1 2 3] hold [10 26 42 58]
}

// must keeps the examples short; a program handles its errors.
func must[T any](v T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return v
}

func session() (context.Context, *client.Client) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	context.AfterFunc(ctx, cancel)
	c := must(client.Connect(ctx))
	if err := c.WaitForEngines(ctx, 4); err != nil {
		log.Fatal(err)
	}
	return ctx, c
}

func ExampleConnect() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	_, err := client.Connect(ctx, client.WithProfile("nobody-started-this"), client.WithClusterID("7"))
	fmt.Println(err != nil)
	// Output: true
}

func ExampleWithSSH() {
	ctx := context.Background()
	c, err := client.Connect(ctx, client.WithSSH("me@login.example.org"), client.WithProfile("perlmutter"))
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	fmt.Println(c.IDs())
}

func ExampleClient_Direct() {
	ctx, c := session()
	defer c.Close()
	pair := c.Direct(client.Engines(0, 2))
	results := must(pair.Execute(ctx, `fmt.Println("working"); 6 * 7`))
	for _, r := range results {
		fmt.Print(r.Engine, ": ", r.Stdout)
		fmt.Println(r.Text())
	}
	// Output:
	// 0: working
	// 42
	// 2: working
	// 42
}

func ExampleTargets() {
	_, c := session()
	defer c.Close()
	for _, t := range []client.Targets{
		client.All, client.Each(), client.Engines(2, 0), client.Engines(-1), client.Slice("1::2"), client.Slice("::-1"),
	} {
		fmt.Println(must(c.Direct(t).Targets()))
	}
	// Output:
	// [0 1 2 3]
	// [0 1 2 3]
	// [2 0]
	// [3]
	// [1 3]
	// [3 2 1 0]
}

func ExampleBroadcastView() {
	ctx, c := session()
	defer c.Close()
	v := c.Broadcast(client.All).With(client.Coalescing())
	if err := v.Push(ctx, map[string]any{"table": []float64{1, 2, 3}}); err != nil {
		log.Fatal(err)
	}
	fmt.Println(must(client.Get[float64](ctx, v, "table[2]")))
	// Output: [3 3 3 3]
}

func ExampleNoCopy() {
	ctx, c := session()
	defer c.Close()
	field := make([]float64, 1_000_000)
	ar := c.Direct(client.All).With(client.NoCopy()).PushAsync(map[string]any{"field": field})
	<-ar.Sent()
	field[0] = 1 // the engines have 0
	fmt.Println(must(client.Get[float64](ctx, c.Direct(client.All), "field[0]")))
	// Output: [0 0 0 0]
}

func ExampleDirectView_Pull() {
	ctx, c := session()
	defer c.Close()
	v := c.Direct(client.Engines(1))
	if err := v.Push(ctx, map[string]any{"k": 3, "names": []string{"a", "b"}}); err != nil {
		log.Fatal(err)
	}
	for _, vars := range must(v.Pull(ctx, "k", "names", "k * 2")) {
		fmt.Println(vars["k"], vars["names"], vars["k * 2"])
	}
	// Output: 3 [a b] 6
}

func ExampleDirectView_ZipPull() {
	ctx, c := session()
	defer c.Close()
	v := c.Direct(client.Engines(0, 1))
	if err := v.Update(ctx, map[string]any{"k": 3, "names": []string{"a", "b"}}); err != nil {
		log.Fatal(err)
	}
	if err := v.On(client.Engines(1)).Set(ctx, "k", 5); err != nil {
		log.Fatal(err)
	}
	fmt.Println(must(v.Get(ctx, "k")))
	fmt.Println(must(v.ZipPull(ctx, "k", "len(names)")))
	fmt.Println(v.Delete(ctx, "k", "names"))
	// Output:
	// [3 5]
	// map[k:[3 5] len(names):[2 2]]
	// <nil>
}

// What one engine has goes to another as it is.
func ExampleSerialized() {
	ctx, c := session()
	defer c.Close()
	first, others := c.Direct(client.Engines(0)), c.Direct(client.Slice("1:"))
	must(first.Execute(ctx, `model := map[string][]float64{"weights": {0.5, 2}}`))
	pulled := must(first.PullSerialized(ctx, "model"))
	if err := others.PushSerialized(ctx, pulled[0]); err != nil {
		log.Fatal(err)
	}
	fmt.Println(must(client.Get[float64](ctx, others, `model["weights"][1]`)))
	fmt.Println(must(pulled[0]["model"].Value()))
	// Output:
	// [2 2 2]
	// map[weights:[0.5 2]]
}

func ExampleSerialize() {
	ctx, c := session()
	defer c.Close()
	table := must(client.Serialize([]int{2, 3, 5, 7})) // once, for however many calls
	sum := client.Ref("func(x []int, i int) int { return x[i] }")
	for i := range 3 {
		fmt.Println(must(client.Call[int](ctx, c.LoadBalanced(), sum, table, i)))
	}
	// Output:
	// [2]
	// [3]
	// [5]
}

func ExampleValueError() {
	ctx, c := session()
	defer c.Close()
	all := c.Direct(client.All)
	type body struct {
		Name string
		Done chan bool
	}
	fmt.Println(all.Set(ctx, "bodies", map[string]body{"earth": {Name: "Earth"}}))

	must(all.Execute(ctx, "half := []float64{1}"))
	must(all.On(client.Engines(2)).Execute(ctx, "half[0] = 0.5"))
	halves, err := client.Get[[]int](ctx, all, "half")
	var value *client.ValueError
	if errors.As(err, &value) {
		fmt.Println(value.Op, value.Name, "failed on engine", value.Engine)
	}
	fmt.Println(halves)
	// Output:
	// client: push bodies: value["earth"].Done: a chan bool cannot be sent: only plain data, arrays, and structs, slices and maps of them
	// pull half failed on engine 2
	// [[1] [1] [] [1]]
}

func ExampleUnknownEngineError() {
	ctx, c := session()
	defer c.Close()
	_, err := c.Direct(client.Engines(0, 7)).Execute(ctx, "1")
	var unknown *client.UnknownEngineError
	fmt.Println(errors.As(err, &unknown), unknown.Engine)
	fmt.Println(err)
	// Output:
	// true 7
	// client: execute: engine 7: no such engine, registered are engines 0-3
}

func ExampleCyclic() {
	ctx, c := session()
	defer c.Close()
	cards := c.Direct(client.All).With(client.Cyclic())
	if err := cards.Scatter(ctx, "hand", []string{"a", "b", "c", "d", "e", "f"}); err != nil {
		log.Fatal(err)
	}
	fmt.Println(must(cards.Get(ctx, "hand")))
	fmt.Println(must(client.Gather[[]string](ctx, cards, "hand")))
	// Output:
	// [[a e] [b f] [c] [d]]
	// [a b c d e f]
}

func ExampleFlatten() {
	ctx, c := session()
	defer c.Close()
	each := c.Direct(client.All).With(client.Flatten())
	if err := each.Scatter(ctx, "seed", []int{11, 22, 33, 44}); err != nil {
		log.Fatal(err)
	}
	fmt.Println(must(client.Get[int](ctx, each, "seed + 1"))) // a number each, and not a slice of one
	// Output: [12 23 34 45]
}

func ExampleDirectView_Gather() {
	ctx, c := session()
	defer c.Close()
	all := c.Direct(client.All)
	if err := all.Scatter(ctx, "block", []float64{1, 2, 3, 4, 5, 6}); err != nil {
		log.Fatal(err)
	}
	must(all.Execute(ctx, "for i := range block { block[i] *= block[i] }"))
	fmt.Println(must(all.Gather(ctx, "block")))
	// Output: [1 4 9 16 25 36]
}

func ExampleDirectView_Map() {
	ctx, c := session()
	defer c.Close()
	all := c.Direct(client.All)
	cube := client.Ref("func(x float64) float64 { return x * x * x }")
	fmt.Println(must(all.Map(ctx, cube, []float64{1, 2, 3, 4, 5, 6})))
	// Output: [1 8 27 64 125 216]
}

// A compiled function is registered in the program that is both client and
// engine: var square = engine.Func("math.Square", ...). Its handle is called
// here.
func ExampleFunction() {
	ctx, c := session()
	defer c.Close()
	var f client.Function = square
	fmt.Println(must(c.Direct(client.Engines(3)).Apply(ctx, f, 1.5)))
	// Output: [2.25]
}

func ExampleRef() {
	ctx, c := session()
	defer c.Close()
	v := c.Direct(client.Engines(0))
	must(v.Execute(ctx, "func area(r float64) float64 { return 3 * r * r }\nradius := 2.0"))
	// The function and the argument are both on the engine already.
	fmt.Println(must(v.Apply(ctx, client.Ref("area"), client.Ref("radius"))))
	// Output: [12]
}

// Keyword arguments arrive at a Go function as one last argument, a map or a
// struct.
func ExampleKwargs() {
	ctx, c := session()
	defer c.Close()
	v := c.Direct(client.Engines(0))
	must(v.Execute(ctx, "func greet(name string, opts map[string]string) string { return opts[\"greeting\"] + \", \" + name }"))
	fmt.Println(must(v.Apply(ctx, client.Ref("greet"), "world", client.Kwargs{"greeting": "hello"})))
	// Output: [hello, world]
}

func ExampleCall() {
	ctx, c := session()
	defer c.Close()
	norms := must(client.Call[float64](ctx, c.Direct(client.All), client.Ref("math.Hypot"), 3, 4))
	fmt.Println(norms)
	// Output: [5 5 5 5]
}

// Calls that were sent together run together.
func ExampleAsyncResult() {
	ctx, c := session()
	defer c.Close()
	a := c.Direct(client.Engines(0)).ApplyAsync(square, 2.0)
	b := c.Direct(client.Engines(1)).ApplyAsync(square, 3.0)
	select {
	case <-a.Done():
	case <-ctx.Done():
	}
	fmt.Println(must(a.Get(ctx)), must(client.Values[int](ctx, b)))
	r := a.Metadata()[0]
	fmt.Println(r.Engine, r.Status, !r.Started.Before(r.Submitted.Add(-time.Hour)))
	// Output:
	// [4] [9]
	// 0 ok true
}

func ExampleLoadBalancedView() {
	ctx, c := session()
	defer c.Close()
	tasks := c.LoadBalanced()
	fmt.Println(must(tasks.Map(ctx, square, []float64{1, 2, 3})))
	result := must(tasks.Execute(ctx, `1 + 1`))
	fmt.Println(result.Text())
	// Output:
	// [1 4 9]
	// 2
}

func ExampleResults() {
	ctx, c := session()
	defer c.Close()
	results := must(c.Direct(client.Engines(1)).Execute(ctx, `fmt.Println("hello"); 6 * 7`))
	for _, r := range results {
		fmt.Printf("engine %d printed %q and returned %s\n", r.Engine, r.Stdout, r.Text())
	}
	// Output: engine 1 printed "hello\n" and returned 42
}

func ExampleRemoteError() {
	ctx, c := session()
	defer c.Close()
	_, err := c.Direct(client.Engines(2)).Execute(ctx, `panic("no convergence")`)
	var remote *client.RemoteError
	if errors.As(err, &remote) {
		fmt.Println("engine", remote.Engine, "says", remote.Message)
	}
	// Output: engine 2 says no convergence
}

// The values of the engines that did not fail are there beside the error.
func ExampleCompositeError() {
	ctx, c := session()
	defer c.Close()
	all := c.Direct(client.All)
	must(c.Direct(client.Engines(0, 2)).Execute(ctx, "calibration := 0.5"))
	values, err := client.Get[float64](ctx, all, "calibration")
	var composite *client.CompositeError
	if errors.As(err, &composite) {
		for _, err := range composite.Errors {
			var remote *client.RemoteError
			if errors.As(err, &remote) {
				fmt.Println("engine", remote.Engine, "failed:", remote.Name)
			}
		}
	}
	fmt.Println(values)
	// Output:
	// engine 1 failed: NameError
	// engine 3 failed: NameError
	// [0.5 0 0.5 0]
}

func ExampleClient_Processes() {
	ctx, c := session()
	defer c.Close()
	host, _ := os.Hostname()
	for _, p := range must(c.Processes(ctx)) {
		fmt.Println(p.Host == host, p.PID > 1)
	}
	// Output:
	// true true
	// true true
	// true true
	// true true
}

func ExampleClient_QueueStatus() {
	ctx, c := session()
	defer c.Close()
	status := must(c.QueueStatus(ctx, client.Engines(0, 1)))
	fmt.Println(len(status.Engines), status.Engines[0].Queue, status.Unassigned)
	// Output: 2 0 0
}

// The file that ipcontroller writes is all that a client elsewhere needs.
func ExampleWithFile() {
	profile := must(wire.NamedProfile("default"))
	c := must(client.Connect(context.Background(), client.WithFile(profile.ClientFile(""))))
	defer c.Close()
	fmt.Println(c.Err())
	// Output: <nil>
}
