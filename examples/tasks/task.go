package main

import (
	"context"
	"fmt"

	"muster/client"
)

func task(ctx context.Context, c *client.Client) {
	v := c.LoadBalanced()

	// Variables in, code, variables out, and nothing left behind: one message,
	// and nothing else happens on that engine in between.
	r, err := v.Run(ctx, client.Task{
		Push:       map[string]any{"x": []float64{3, 1, 2}},
		Code:       `y := slices.Clone(x); slices.Sort(y); mean := stat.Mean(y, nil)`,
		Pull:       []string{"y", "mean", "len(y)"},
		ClearAfter: true,
		Label:      "sort",
	})
	check(err)
	y, err := client.ValueOf[[]float64](r, "y")
	check(err)
	fmt.Println(y, r.Values["mean"], r.Values["len(y)"])
	fmt.Println("ran:", r.Duration() > 0, "on a known engine:", r.Engine >= 0)

	// A hundred of them, as they come.
	var tasks []client.Task
	for i := range 100 {
		tasks = append(tasks, client.Task{Push: map[string]any{"i": i}, Code: `s := i * i`, Pull: []string{"s"}})
	}
	sum := 0
	for r, err := range v.Submit(tasks...).Results(ctx) {
		check(err)
		s, err := client.ValueOf[int](r, "s")
		check(err)
		sum += s
	}
	fmt.Println("sum of squares:", sum)
}

func recovery(ctx context.Context, c *client.Client) {
	coarse := client.Task{Label: "coarse", Code: `u := 0.5`, Pull: []string{"u"}}
	fine := client.Task{
		Label: "fine",
		Code: `u := 0.0
if residual := 1e-3; residual > 1e-6 { panic("it does not converge") }`,
		Pull:     []string{"u"},
		Recovery: &coarse,
	}
	r, err := c.LoadBalanced().Run(ctx, fine)
	check(err)
	fmt.Println(r.Label, r.Values["u"])
	for _, f := range r.Failed {
		fmt.Println("before that,", f.Label, "failed:", f.Err)
	}
}
