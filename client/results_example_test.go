package client_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"strings"

	"muster/client"
)

// The first answers are used while other engines are at work.
func ExampleAsyncResult_Results() {
	ctx, c := session()
	defer c.Close()
	ar := c.LoadBalanced().MapAsync(square, []float64{1, 2, 3, 4, 5})
	squares := make([]float64, ar.Len())
	for r, err := range ar.Results(ctx) { // in whatever order they come
		if err != nil {
			log.Fatal(err)
		}
		squares[r.Index] = r.Value.(float64)
	}
	fmt.Println(squares, ar.Progress(), "of", ar.Len(), ar.Successful())
	// Output: [1 4 9 16 25] 5 of 5 true
}

// A search is over when one engine has found it.
func ExampleAsyncResult_WaitFor() {
	ctx, c := session()
	defer c.Close()
	all := c.Direct(client.All)
	if err := all.Scatter(ctx, "here", []int{10, 20, 42, 30}); err != nil {
		log.Fatal(err)
	}
	search := all.ExecuteAsync("for here[0] != 42 {}")
	if err := search.WaitFor(ctx, client.First); err != nil {
		log.Fatal(err)
	}
	ended, err := search.Cancel(ctx)
	if err != nil {
		log.Fatal(err)
	}
	for _, r := range search.Metadata() {
		if r.Status == "ok" {
			fmt.Println("found by engine", r.Engine)
		}
	}
	fmt.Println("cancelled on", len(ended.Interrupted)+len(ended.Aborted))
	// Output:
	// found by engine 2
	// cancelled on 3
}

// What runs is interrupted, what waits is aborted.
func ExampleAsyncResult_Cancel() {
	ctx, c := session()
	defer c.Close()
	v := c.Direct(client.Engines(1))
	endless := v.ExecuteAsync(`fmt.Println("on my way"); for {}`)
	for range endless.Outputs(ctx) { // it has begun
		break
	}
	waiting := v.ExecuteAsync("1 + 1")
	fmt.Println(must(waiting.Cancel(ctx)))
	fmt.Println(must(endless.Cancel(ctx)))
	_, err := endless.Get(ctx)
	fmt.Println(errors.Is(err, client.ErrInterrupted))
	// Output:
	// 1 queued on engine 1
	// 1 running on engine 1
	// true
}

func ExampleAsyncResult_GetDict() {
	ctx, c := session()
	defer c.Close()
	byEngine := must(c.Direct(client.Engines(3, 1)).ApplyAsync(square, 4.0).GetDict(ctx))
	fmt.Println(byEngine)
	// Output: map[1:16 3:16]
}

// Output is there as soon as it is printed.
func ExampleAsyncResult_Outputs() {
	ctx, c := session()
	defer c.Close()
	ar := c.Direct(client.Engines(2)).ExecuteAsync(`for i := 1; ; i++ { fmt.Println("step", i) }`)
	for o := range ar.Outputs(ctx) {
		if o.Kind == client.Stdout && strings.Contains(o.Text, "step 3\n") {
			fmt.Println("engine", o.Engine, "is at step 3")
			break
		}
	}
	must(ar.Cancel(ctx))
	// Output: engine 2 is at step 3
}

func ExampleAsyncResult_Follow() {
	ctx, c := session()
	defer c.Close()
	ar := c.Direct(client.Engines(3)).ExecuteAsync(`for i := 0; i < 3; i++ { fmt.Println("step", i) }`)
	if err := ar.Follow(ctx, os.Stdout); err != nil {
		log.Fatal(err)
	}
	fmt.Println(ar)
	// Output:
	// [stdout:3] step 0
	// [stdout:3] step 1
	// [stdout:3] step 2
	// execute: 1 of 1 done
}

func ExampleClient_Barrier() {
	ctx, c := session()
	defer c.Close()
	a := c.Direct(client.Engines(0)).ExecuteAsync("x := 1")
	b := c.Direct(client.Engines(1)).ExecuteAsync("x := 2")
	if err := c.Barrier(ctx, a, b); err != nil { // without them, all that is outstanding
		log.Fatal(err)
	}
	fmt.Println(a.Ready(), b.Ready(), len(c.Outstanding()))
	// Output: true true 0
}

// The last command, with what was executed.
func ExampleDirectView_GetResult() {
	ctx, c := session()
	defer c.Close()
	v := c.Direct(client.Engines(0))
	must(v.Execute(ctx, "a := 5"))
	must(v.Execute(ctx, "a * 2"))
	last := must(v.GetResult(ctx, -1))
	fmt.Println(last[0].Code, "gave", last[0].Text())
	again := must(v.GetResult(ctx, last[0].ExecutionCount))
	fmt.Println(again[0].MsgID == last[0].MsgID)
	// Output:
	// a * 2 gave 10
	// true
}

// Another client, now or tomorrow, gets a result by the id of its request.
func ExampleClient_GetResult() {
	ctx, c := session()
	must(c.Direct(client.Engines(2)).Apply(ctx, square, 5.0))
	history := c.History()
	id := history[len(history)-1]
	c.Close()

	ctx, later := session()
	defer later.Close()
	results := must(later.GetResult(ctx, id))
	fmt.Println(results[0].Engine, results[0].Value)
	// Output: 2 25
}

func ExampleResultStatus() {
	ctx, c := session()
	defer c.Close()
	must(c.Direct(client.Engines(0, 1)).Execute(ctx, "1"))
	status := must(c.ResultStatus(ctx, c.History()...))
	fmt.Println(len(status.Pending), "pending,", len(status.Completed), "completed")
	// Output: 0 pending, 2 completed
}

func ExampleQueueIDs() {
	ctx, c := session()
	defer c.Close()
	queues := must(c.QueueIDs(ctx, client.Engines(0, 1)))
	fmt.Println(len(queues.Engines[0].Queue), "waiting,", len(queues.Unassigned), "unassigned")
	// Output: 0 waiting, 0 unassigned
}

func ExampleQueueStatus() {
	status := &client.QueueStatus{Engines: map[client.EngineID]client.EngineQueue{
		0: {Completed: 12}, 1: {Queue: 1, Completed: 11},
	}}
	fmt.Println(status)
	// Output:
	// engine  queue  tasks  completed
	// 0           0      0         12
	// 1           1      0         11
	// unassigned tasks: 0
}

func ExampleClient_Notifications() {
	ctx, c := session()
	defer c.Close()
	events := c.Notifications(ctx)
	fmt.Println("there are", c.IDs())
	// A program would go on to read, in a goroutine of its own:
	//
	//	for e := range events {
	//		fmt.Println(e) // engine 4 registered
	//	}
	fmt.Println(len(events), client.EngineEvent{Engine: 4, Up: true})
	// Output:
	// there are [0 1 2 3]
	// 0 engine 4 registered
}

// Of many engines, those that print the same are shown once.
func ExampleResults_String() {
	var results client.Results
	for i := range 64 {
		value := "5"
		if i == 17 || i == 40 {
			value = "7"
		}
		results = append(results, &client.Result{
			Engine: client.EngineID(i), Code: "a", ExecutionCount: 3, ExecuteResult: map[string]any{"text/plain": value},
		})
	}
	fmt.Println(results)
	fmt.Printf("%+v\n", results[:1])
	// Output:
	// 62 engines the same; engines 17, 40 differ
	// [0-16, 18-39, 41-63] Out[3]: 5
	// [17, 40] Out[3]: 7
	// [0] In [3]: a
	// [0] Out[3]: 5
}

// As JSON a result has the keys of ipyparallel's metadata.
func ExampleResult() {
	ctx, c := session()
	defer c.Close()
	results := must(c.Direct(client.Engines(1)).Execute(ctx, `fmt.Print("hello"); 6 * 7`))
	var m map[string]any
	if err := json.Unmarshal(must(json.Marshal(results[0])), &m); err != nil {
		log.Fatal(err)
	}
	fmt.Println(m["engine_id"], m["status"], m["stdout"], m["execute_input"])
	// Output: 1 ok hello fmt.Print("hello"); 6 * 7
}

func ExampleDisplay() {
	plot := client.Display{Data: map[string]any{"text/plain": "a plot", "image/png": "iVBORw0KGgo="}}
	r := client.Result{Engine: 0, Outputs: []client.Display{plot}}
	fmt.Println(&r)
	// Output: [output:0] a plot
}

// Where the code failed, once for all engines on which it did.
func ExampleCompositeError_PrintTracebacks() {
	ctx, c := session()
	defer c.Close()
	_, err := c.Direct(client.All).Execute(ctx, "xs := []int{1, 2, 3}\ni := len(xs)\nxs[i]")
	var all *client.CompositeError
	if !errors.As(err, &all) {
		log.Fatal(err)
	}
	var b strings.Builder
	if err := all.PrintTracebacks(&b); err != nil {
		log.Fatal(err)
	}
	lines := strings.Split(b.String(), "\n")
	fmt.Println(lines[0])
	fmt.Println(strings.Join(lines[3:], "\n"))
	fmt.Println("the third:", all.RaiseException(2))
	// Output:
	// engines 0-3:
	//     xs[i]
	// RuntimeError: index out of range
	//
	// the third: engine 2: RuntimeError: index out of range
}
