package client_test

import (
	"testing"

	"muster/client"
)

// What a task costs, in sets of a thousand.
func BenchmarkSubmit(b *testing.B) {
	for _, task := range []client.Task{
		{Label: "function", Func: square, Args: []any{2.0}},
		{Label: "code", Code: "1"},
		{Label: "depend", Code: "1", Depend: "RAM > 1e6"},
		{Label: "push", Code: "y := x", Push: map[string]any{"x": 1}, Pull: []string{"y"}},
	} {
		b.Run(task.Label, func(b *testing.B) {
			c, ctx := connect(b)
			v := c.LoadBalanced()
			for n := 0; n < b.N; n += 1000 {
				tasks := make([]client.Task, min(1000, b.N-n))
				for i := range tasks {
					tasks[i] = task
				}
				if _, err := v.Submit(tasks...).Get(ctx); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
