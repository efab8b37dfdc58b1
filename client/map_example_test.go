package client_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"math"

	"gonum.org/v1/gonum/mat"

	"muster/client"
	"muster/engine"
)

// hypot is compiled into this program, and so into its engines.
var hypot = engine.Func("example.Hypot", math.Hypot)

// A map goes over slices, matrices by rows, or several sequences together, and
// its values come back as a Go type.
func ExampleMap() {
	ctx, c := session()
	defer c.Close()
	all := c.Direct(client.All)

	hs := must(client.Map[float64](ctx, all, hypot, []float64{3, 5, 8}, []float64{4, 12, 15}))
	rows := mat.NewDense(2, 3, []float64{1, 2, 3, 4, 5, 6})
	sums := must(client.Map[float64](ctx, c.LoadBalanced(), client.Ref("floats.Sum"), rows))
	fmt.Println(hs, sums)
	// Output: [5 13 17] [6 15]
}

// Many small items travel in chunks. What a failing call takes with it is said
// by a MapError; the other values are there.
func ExampleMapError() {
	ctx, c := session()
	defer c.Close()
	must(c.Direct(client.All).Execute(ctx, `
		func inverse(n int) (int, error) {
			if n == 0 {
				return 0, errors.New("division by zero")
			}
			return 60 / n, nil
		}`))
	v := c.LoadBalanced().With(client.Chunk(3))
	values, err := v.Map(ctx, client.Ref("inverse"), []int{1, 2, 3, 4, 0, 6, 10})
	var missing *client.MapError
	if errors.As(err, &missing) {
		for _, m := range missing.Missing {
			fmt.Println("missing from", m.Low, "to before", m.High)
		}
	}
	fmt.Println(values)
	// Output:
	// missing from 4 to before 6
	// [60 30 20 15 <nil> <nil> 6]
}

// MapSeq pulls from a sequence without end what the engines can take, until the
// loop is left.
func ExampleMapSeq() {
	ctx, c := session()
	defer c.Close()

	naturals := func(yield func(int) bool) {
		for n := 0; yield(n); n++ {
		}
	}
	v := c.Direct(client.All).With(client.Chunk(10), client.Outstanding(8))
	for square, err := range client.MapSeq[int](ctx, v, square, naturals) {
		if err != nil {
			log.Fatal(err)
		}
		if square > 1000 {
			fmt.Println("the first square above 1000 is", square)
			break
		}
	}
	// Output: the first square above 1000 is 1024
}

// Args are the items of MapSeq for a function of several arguments.
func ExampleArgs() {
	ctx, c := session()
	defer c.Close()
	pairs := func(yield func(client.Args) bool) {
		for a := 1.0; yield(client.Args{3 * a, 4 * a}); a++ {
		}
	}
	for h, err := range client.MapSeq[float64](ctx, c.LoadBalanced(), hypot, pairs) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Print(h, " ")
		if h >= 20 {
			break
		}
	}
	// Output: 5 10 15 20
}

// RawMap sends each engine one message, here with every fourth item.
func ExampleDirectView_RawMap() {
	ctx, c := session()
	defer c.Close()
	squares := must(c.Direct(client.All).With(client.Cyclic()).RawMap(ctx, square, []float64{1, 2, 3, 4, 5, 6}))
	fmt.Println(squares)
	// Output: [1 4 9 16 25 36]
}

// Items yields a map's values in order while the rest of it is under way.
func ExampleItems() {
	ctx, c := session()
	defer c.Close()
	ar := c.LoadBalanced().MapAsync(square, []float64{1, 2, 3})
	for x, err := range client.Items[float64](ctx, ar) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(x)
	}
	// Output:
	// 1
	// 4
	// 9
}

// Remote makes a Go function of one on the engines.
func ExampleRemote() {
	ctx, c := session()
	defer c.Close()

	everywhere := client.Remote[func(ctx context.Context, x, y float64) ([]float64, error)](c.Direct(client.All), hypot)
	hs := must(everywhere(ctx, 3, 4))
	somewhere := client.Remote[func(ctx context.Context, x, y float64) (float64, error)](c.LoadBalanced(), hypot)
	h := must(somewhere(ctx, 5, 12))
	fmt.Println(hs, h)
	// Output: [5 5 5 5] 13
}

// Parallel makes a Go function that is mapped over its arguments.
func ExampleParallel() {
	ctx, c := session()
	defer c.Close()
	squares := client.Parallel[func(ctx context.Context, x []float64) ([]float64, error)](c.Direct(client.All), square)
	x := must(squares(ctx, []float64{1, 2, 3, 4, 5}))
	fmt.Println(x)
	// Output: [1 4 9 16 25]
}

// A call that does not fit a compiled function is refused before it is sent.
func ExampleSignatureError() {
	ctx, c := session()
	defer c.Close()
	_, err := c.Direct(client.All).Apply(ctx, hypot, "three", 4)
	var wrong *client.SignatureError
	fmt.Println(errors.As(err, &wrong))
	fmt.Println(err)
	// Output:
	// true
	// client: apply example.Hypot: example.Hypot is a func(float64, float64) float64: argument 1 is a string, not a float64
}

// An executor is to engines what concurrent.futures has for a pool of threads.
func ExampleExecutor() {
	ctx, c := session()
	defer c.Close()

	e := c.LoadBalanced().Executor()
	a := e.Submit(hypot, 3, 4)
	b := e.Map(ctx, square, []float64{1, 2, 3})
	if err := e.Shutdown(ctx); err != nil { // all is done
		log.Fatal(err)
	}
	values := must(a.Get(ctx))
	fmt.Println(values)
	for x, err := range b {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Print(x, " ")
	}
	_, err := e.Submit(square, 4).Get(ctx)
	fmt.Println(errors.Is(err, client.ErrExecutorShutdown))
	// Output:
	// [5]
	// 1 4 9 true
}
