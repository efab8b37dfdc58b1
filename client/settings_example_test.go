package client_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"strings"
	"time"

	"muster/client"
)

// One task makes a variable, another uses it where it was made, a third is for
// the case that the second fails.
func ExampleDependency() {
	ctx, c := session()
	defer c.Close()
	v := c.LoadBalanced()
	made := v.ExecuteAsync(`mesh := []float64{1, 2, 3}`)
	used := v.With(client.Follow(made)).ExecuteAsync(`floats.Sum(mesh)`)
	mend := v.With(client.After(client.AllOf(used).Failed())).ExecuteAsync(`"coarser"`)
	fmt.Println(must(used.Get(ctx)))
	_, err := mend.Get(ctx)
	fmt.Println(errors.Is(err, client.ErrImpossibleDependency))
	// Output:
	// [6]
	// true
}

// Any one of several is enough, and tasks have ids, by which other programs can
// name them.
func ExampleDependable() {
	ctx, c := session()
	defer c.Close()
	v := c.LoadBalanced()
	tries := []client.Dependable{v.ExecuteAsync(`panic("this mirror is down")`), v.ExecuteAsync(`"copied"`)}
	r := must(v.With(client.After(client.AnyOf(tries...))).Execute(ctx, `"go on"`))
	fmt.Println(r.Text())
	fmt.Println(must(v.With(client.After(client.MsgIDs{r.MsgID})).Execute(ctx, "2")).Text())
	// Output:
	// "go on"
	// 2
}

// What runs for longer than it may is ended.
func ExampleDeadline() {
	ctx, c := session()
	defer c.Close()
	_, err := c.LoadBalanced().With(client.Deadline(50*time.Millisecond)).Execute(ctx, "for {}")
	fmt.Println(errors.Is(err, client.ErrDeadline))
	// Output: true
}

// The end of its context cancels a call that is waited for, and the error says
// where its tasks were.
func ExampleCancelled() {
	ctx, c := session()
	defer c.Close()
	short, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
	defer cancel()
	_, err := c.LoadBalanced().On(client.Engines(2)).Execute(short, "for {}")
	fmt.Println(err)
	// Output: client: execute: wait, 0 of 1 answered: context deadline exceeded; cancelled: 1 running on engine 2
}

// What do all those tasks wait for?
func ExampleExplanation() {
	ctx, c := session()
	defer c.Close()
	v := c.LoadBalanced()
	runs := v.ExecuteAsync("for {}")
	waits := v.With(client.After(runs)).MapAsync(square, []float64{1, 2, 3})
	all, err := c.Explain(ctx, waits)
	if err != nil {
		log.Fatal(err)
	}
	for _, e := range all {
		fmt.Println(e.Count, strings.ReplaceAll(e.Reason, string(runs.Metadata()[0].MsgID), "..."))
	}
	must(runs.Cancel(ctx))
	// Output: 3 waits until task "..." is done
}

// Is there work for more engines than there are?
func ExampleDemand() {
	ctx, c := session()
	defer c.Close()
	v := c.LoadBalanced()
	many := v.MapAsync(client.Ref("func(int) { for {} }"), make([]int, 200))
	for {
		d, err := c.Demand(ctx)
		if err != nil {
			log.Fatal(err)
		}
		if d.Tasks > 0 { // engines have the others
			fmt.Println("more engines would help")
			break
		}
	}
	must(many.Cancel(ctx))
	// Output: more engines would help
}
