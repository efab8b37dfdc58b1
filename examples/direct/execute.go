package main

import (
	"context"
	"fmt"

	"muster/client"
)

func targets(ctx context.Context, c *client.Client) {
	for _, t := range []client.Targets{
		client.All,           // whoever is registered, at each call anew
		client.Each(),        // those registered now, for good
		client.Engines(2, 0), // these two, in this order
		client.Engines(-1),   // the last
		client.Slice("::2"),  // every other one, as rc[::2] in Python
		client.Slice("-2:"),  // the last two
	} {
		ids, err := c.Direct(t).Targets()
		check(err)
		fmt.Printf("%v: %v\n", t, ids)
	}
}

func execute(ctx context.Context, c *client.Client) {
	all := c.Direct(client.All)

	// Blocking: it returns when every engine has run the cell.
	_, err := all.Execute(ctx, `a := 5`)
	check(err)
	out, err := all.Execute(ctx, `fmt.Println("a is", a); a * 2`)
	check(err)
	fmt.Println(out)

	// Non-blocking: it returns at once, and the engines run.
	slow := all.ExecuteAsync(`time.Sleep(50 * time.Millisecond); b := a + 1`)
	fmt.Println("ready at once:", slow.Ready())
	_, err = slow.Get(ctx)
	check(err)

	// Without a trace in the engine's history.
	_, err = all.With(client.Silent()).Execute(ctx, `c := b`)
	check(err)

	// The last command once more, as one engine saw it.
	last, err := c.Direct(client.Engines(0)).GetResult(ctx, -1)
	check(err)
	fmt.Printf("%+v\n", last)
}
