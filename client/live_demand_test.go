package client_test

import (
	"testing"

	"muster/client"
)

// Of the tasks that wait, those count that one more engine might take.
func TestGoDemand(t *testing.T) {
	c, ctx := connect(t)
	demand := func() int {
		t.Helper()
		n, err := c.Demand(ctx)
		check(t, err)
		want(t, n.Late, 0)
		return n.Tasks
	}
	want(t, demand(), 0)
	v := c.LoadBalanced()
	var running []*client.AsyncResult
	for range 4 {
		running = append(running, v.ExecuteAsync(endless))
	}
	for _, ar := range running {
		begun(t, ar)
	}
	waiting := v.MapAsync(square, make([]float64, 200)) // more than may queue on engines
	before := demand()
	if before == 0 {
		t.Error("nothing waits")
	}
	after := v.With(client.After(running[0])).ApplyAsync(square, 4.0)
	there := v.On(client.Engines(1, 2)).ApplyAsync(square, 5.0)
	want(t, demand(), before)
	for _, ar := range append(running, waiting, after, there) {
		_, err := ar.Cancel(ctx)
		check(t, err)
	}
	want(t, demand(), 0)
}

// A client that does not listen to output does not wait for it either.
func TestGoWithoutOutput(t *testing.T) {
	_, ctx := connect(t)
	c, err := client.Connect(ctx, client.WithoutOutput())
	check(t, err)
	defer c.Close()
	check(t, c.WaitForEngines(ctx, 4))
	ar := c.Direct(client.All).ExecuteAsync(`fmt.Println("hello"); 6 * 7`)
	_, err = ar.Get(ctx)
	check(t, err)
	for _, m := range ar.Metadata() {
		if m.Stdout != "" || m.OutputLost {
			t.Errorf("%+v", m)
		}
	}
	squares, err := client.Call[float64](ctx, c.Direct(client.All), square, 3.0)
	check(t, err)
	want(t, squares, []float64{9, 9, 9, 9})
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}
