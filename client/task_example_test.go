package client_test

import (
	"fmt"
	"log"

	"muster/client"
)

// A task brings its variables along, takes others back, and leaves nothing
// behind. Its engine is one that has what the task needs.
func ExampleTask() {
	ctx, c := session()
	defer c.Close()
	if err := c.Direct(client.Engines(3)).SetProperties(ctx, map[string]any{"gpu": true}); err != nil {
		log.Fatal(err)
	}

	r := must(c.LoadBalanced().Run(ctx, client.Task{
		Code:       "y := floats.Sum(x)",
		Push:       map[string]any{"x": []float64{1, 2, 3.5}},
		Pull:       []string{"y"},
		Depend:     "gpu && RAM > 1e6",
		ClearAfter: true,
		Retries:    2,
	}))
	y := must(client.ValueOf[float64](r, "y"))
	fmt.Printf("%v on engine %d\n", y, r.Engine)
	// Output: 6.5 on engine 3
}

// Many tasks are handed over at once. Their results come as they are done.
func ExampleTaskSet() {
	ctx, c := session()
	defer c.Close()
	var tasks []client.Task
	for i := range 10 {
		tasks = append(tasks, client.Task{Func: hypot, Args: []any{3.0 * float64(i), 4.0 * float64(i)}})
	}
	set := c.LoadBalanced().Submit(tasks...)
	sum := 0.0
	for r, err := range set.Results(ctx) {
		if err != nil {
			fmt.Println(err)
			return
		}
		sum += r.Value.(float64)
	}
	fmt.Println(sum, set)
	// Output: 225 10 tasks: 10 of 10 done
}

// What a task fails at is done by another.
func ExampleTaskResult() {
	ctx, c := session()
	defer c.Close()
	coarse := client.Task{Code: `result := "a coarse solution"`, Pull: []string{"result"}, Label: "coarse"}
	fine := client.Task{Code: `panic("it does not converge")`, Pull: []string{"result"}, Label: "fine", Recovery: &coarse}

	r := must(c.LoadBalanced().Run(ctx, fine))
	for _, f := range r.Failed {
		_, ok := f.Err.(*client.RemoteError)
		fmt.Println(f.Label, "failed on an engine:", ok)
	}
	fmt.Println(r.Label, "gave", r.Values["result"], "in less than a minute:", r.Duration().Minutes() < 1)
	// Output:
	// fine failed on an engine: true
	// coarse gave a coarse solution in less than a minute: true
}

// How many tasks wait, run, and have ended, and which they are.
func ExampleTaskStatus() {
	ctx, c := session()
	defer c.Close()
	set := c.LoadBalanced().Submit(client.Task{Code: "1 + 1"}, client.Task{Code: "2 + 2"}, client.Task{Code: `panic("no")`})
	if err := c.Barrier(ctx, set.AsyncResult); err != nil {
		log.Fatal(err)
	}
	s := must(c.TaskStatus(ctx, set.AsyncResult))
	fmt.Println(s)
	fmt.Println(s.Failed[0] == set.Metadata()[2].MsgID)
	// Output:
	// scheduled: 0, pending: 0, succeeded: 2, failed: 1
	// true
}
