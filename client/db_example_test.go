package client_test

import (
	"fmt"
	"log"

	"muster/client"
)

// What the hub has kept of the calls with a label.
func ExampleRecord() {
	ctx, c := session()
	defer c.Close()
	v := c.LoadBalanced().With(client.Label("heat"))
	for _, x := range []float64{1, 2, 3} {
		if _, err := v.Apply(ctx, square, x); err != nil {
			log.Fatal(err)
		}
	}
	records := must(c.DBQuery(ctx, map[string]any{
		"label":     map[string]any{"$glob": "h*"},
		"completed": map[string]any{"$ne": nil},
	}, "label", "queue", "started", "completed"))
	for _, r := range records {
		fmt.Println(r.Label, r.Queue, r.Completed.Sub(r.Started.Time) >= 0)
	}

	again := must(c.Resubmit(ctx, records[2].MsgID))
	fmt.Println(must(c.GetResult(ctx, again...))[0].Value)
	if err := c.Purge(ctx, records[0].MsgID, records[1].MsgID, records[2].MsgID); err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(must(c.DBQuery(ctx, map[string]any{"label": "heat"}))))
	// Output:
	// heat task true
	// heat task true
	// heat task true
	// 9
	// 0
}
