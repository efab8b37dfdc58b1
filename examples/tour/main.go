// Tour walks through what a Go program can ask of a running cluster.
//
//	$ ipcluster start -n 4 --daemonize
//	$ go run ./examples/tour
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"gonum.org/v1/gonum/mat"

	"muster/client"
)

func main() {
	log.SetFlags(0)
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
	for _, part := range []struct {
		name string
		f    func(context.Context, *client.Client) error
	}{
		{"execute", execute}, {"values", values}, {"functions", functions},
		{"results to come", results}, {"errors", failures}, {"interrupt and abort", interrupt},
	} {
		fmt.Printf("-- %s\n", part.name)
		if err := part.f(ctx, c); err != nil {
			log.Fatalf("%s: %v", part.name, err)
		}
	}
}

func execute(ctx context.Context, c *client.Client) error {
	all := c.Direct(client.All)                 // whoever is registered at each call
	some := c.Direct(client.Engines(0, 2))      // these two, in this order
	one := c.Direct(client.Engines(c.IDs()[3])) // the last
	if _, err := all.Execute(ctx, `host, _ := os.Hostname()`); err != nil {
		return err
	}
	if _, err := some.Execute(ctx, `fmt.Println("hello"); squares := []int{0, 1, 4}`); err != nil {
		return err
	}
	out, err := some.Execute(ctx, `len(squares)`)
	if err != nil {
		return err
	}
	fmt.Println(out)
	out, err = one.Execute(ctx, `host != ""`)
	if err != nil {
		return err
	}
	fmt.Println(out[0].Text(), "on engine", out[0].Engine)
	return nil
}

func values(ctx context.Context, c *client.Client) error {
	all := c.Direct(client.All)
	// To all the same: numbers, strings, slices, maps, structs, matrices.
	if err := all.Push(ctx, map[string]any{"k": 3, "A": mat.NewDense(2, 2, []float64{1, 2, 3, 4})}); err != nil {
		return err
	}
	// To each a block of the items, or of the rows.
	if err := all.Scatter(ctx, "x", []float64{1, 2, 3, 4, 5, 6}); err != nil {
		return err
	}
	if _, err := all.Execute(ctx, `floats.Scale(float64(k), x)`); err != nil {
		return err
	}
	x, err := all.Gather(ctx, "x")
	if err != nil {
		return err
	}
	fmt.Println("gathered", x)
	pulled, err := c.Direct(client.Engines(0, 1)).Pull(ctx, "k", "x", "len(x)")
	if err != nil {
		return err
	}
	fmt.Println("pulled", pulled)
	// As a Go type: an error if a value does not fit it without loss.
	traces, err := client.Get[float64](ctx, all, "mat.Trace(A)")
	fmt.Println("traces", traces)
	return err
}

func functions(ctx context.Context, c *client.Client) error {
	all := c.Direct(client.All)
	if _, err := all.Execute(ctx, `func power(x float64, n int) float64 { return math.Pow(x, float64(n)) }`); err != nil {
		return err
	}
	// On every engine, once. A Ref among the arguments is the engine's own value.
	cubes, err := client.Call[float64](ctx, all, client.Ref("power"), 2, client.Ref("k"))
	if err != nil {
		return err
	}
	fmt.Println("called", cubes)
	// Over the items: in blocks, or each a task for whichever engine is free.
	blocks, err := all.Map(ctx, client.Ref("power"), []float64{1, 2, 3}, []int{2, 2, 2})
	if err != nil {
		return err
	}
	tasks, err := c.LoadBalanced().Map(ctx, client.Ref("math.Sqrt"), blocks)
	fmt.Println("mapped", blocks, tasks)
	return err
}

func results(ctx context.Context, c *client.Client) error {
	all, balanced := c.Direct(client.All), c.LoadBalanced()
	slow := all.ExecuteAsync(`time.Sleep(50 * time.Millisecond); fmt.Println("slept")`)
	quick := balanced.ApplyAsync(client.Ref("math.Hypot"), 3, 4)
	fmt.Println("ready at once:", slow.Ready())

	short, cancel := context.WithTimeout(ctx, time.Millisecond)
	defer cancel()
	fmt.Println("wait:", slow.Wait(short)) // the wait is over, the engines go on

	v, err := quick.Get(ctx)
	if err != nil {
		return err
	}
	fmt.Println("got", v)
	if err := slow.Wait(ctx); err != nil {
		return err
	}
	r := slow.Metadata()[1]
	fmt.Printf("engine %d printed %q, took over 50 ms: %v\n", r.Engine, r.Stdout, r.Completed.Sub(r.Started) > 50*time.Millisecond)
	return nil
}

func failures(ctx context.Context, c *client.Client) error {
	all := c.Direct(client.All)
	_, err := all.Execute(ctx, "var empty []int\nempty[len(x)]")
	fmt.Println(err)

	// Two engines got two items, two got one: x[1] fails on the latter.
	values, err := client.Get[float64](ctx, all, "x[1]")
	fmt.Println(values, err)
	var several *client.CompositeError
	if errors.As(err, &several) {
		fmt.Println(len(several.Errors), "engines failed")
	}
	var remote *client.RemoteError // the first of them
	if errors.As(err, &remote) {
		fmt.Printf("engine %d, %s: %s\n", remote.Engine, remote.Name, remote.Message)
	}
	return nil
}

func interrupt(ctx context.Context, c *client.Client) error {
	one := c.Direct(client.Engines(0))
	endless := one.ExecuteAsync(`fmt.Println("begun"); for {}`)
	next, last := one.ExecuteAsync(`k = 4`), one.ExecuteAsync(`k`)
	for endless.Metadata()[0].Stdout == "" { // output comes as it is printed
		time.Sleep(time.Millisecond)
	}
	if err := next.Abort(ctx); err != nil { // what has not begun
		return err
	}
	if err := c.Interrupt(ctx, client.Engines(0)); err != nil { // what runs
		return err
	}
	_, err := endless.Get(ctx)
	fmt.Println(err)
	_, err = next.Get(ctx)
	var remote *client.RemoteError
	if errors.As(err, &remote) {
		fmt.Println("the second cell:", remote.Name)
	}
	k, err := last.Get(ctx)
	fmt.Println("the third gives", k)
	return err
}
