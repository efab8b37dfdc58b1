package cluster_test

import (
	"context"
	"fmt"
	"syscall"
	"time"

	"muster/client"
	"muster/cluster"
)

// A cluster for the time of one program.
func ExampleStart() {
	ctx := context.Background()
	c, err := cluster.Start(ctx, cluster.Config{N: 2})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Stop(ctx)
	all := c.Client.Direct(client.All)
	if _, err := all.Execute(ctx, "x := 6 * 7"); err != nil {
		fmt.Println(err)
		return
	}
	values, err := all.Pull(ctx, "x")
	fmt.Println(c.Client.IDs(), values, err)
	// Output: [0 1] [map[x:42] map[x:42]] <nil>
}

// What runs is on record, for this program and for any other.
func ExampleList() {
	ctx := context.Background()
	c, err := cluster.Start(ctx, cluster.Config{ID: "digits", N: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Stop(ctx)
	records, err := cluster.List(c.Profile())
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, r := range records {
		fmt.Println(r.Name(), r.State(), r.EnginesAlive())
	}
	// Output: default:digits running 1
}

// An engine that is killed comes back under its id, and the record has its death.
func ExampleDeath() {
	ctx := context.Background()
	c, err := cluster.Start(ctx, cluster.Config{ID: "mortal", N: 2, Restart: "engine"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Stop(ctx)
	news := c.Client.Notifications(ctx)
	if err := c.Client.Signal(ctx, client.Engines(1), syscall.SIGKILL); err != nil {
		fmt.Println(err)
		return
	}
	for event := range news {
		fmt.Println(event)
		if event.Up {
			break
		}
	}
	record, err := cluster.Find(c.Profile(), "mortal")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, death := range record.Deaths {
		fmt.Println(death)
	}
	// Output:
	// engine 1 is gone: killed by signal 9 (SIGKILL)
	// engine 1 registered
	// engine 1 died: killed by signal 9 (SIGKILL); started again in 1s
}

// A cluster is given more engines while it runs, and fewer.
func ExampleCluster_AddEngines() {
	ctx := context.Background()
	c, err := cluster.Start(ctx, cluster.Config{ID: "growing", N: 2})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Stop(ctx)
	set, err := c.AddEngines(ctx, cluster.AddConfig{N: 3})
	if err == nil {
		err = c.WaitForSet(ctx, set.Name, nil)
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("set", set.Name, "has engines", set.IDs)
	fmt.Println(c.RemoveEngines(ctx, cluster.RemoveConfig{IDs: []client.EngineID{0, 3}})) // when they have done their work
	fmt.Println(c.RestartSets(ctx, "1"))
	fmt.Println(c.RemoveEngines(ctx, cluster.RemoveConfig{Sets: []string{"2"}, Now: true})) // whatever they do
	for _, s := range c.Sets() {
		fmt.Println("set", s.Name, "has engines", s.IDs)
	}
	// Output:
	// set 2 has engines [2 3 4]
	// <nil>
	// <nil>
	// <nil>
	// set 1 has engines [1]
}

// Any other process of the machine asks the one that supervises the cluster.
func ExampleRecord_Ask() {
	ctx := context.Background()
	c, err := cluster.Start(ctx, cluster.Config{ID: "asked", N: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Stop(ctx)
	record, err := cluster.Find(c.Profile(), "asked")
	if err != nil {
		fmt.Println(err)
		return
	}
	sets, err := record.Ask(ctx, cluster.Request{Do: cluster.Add, Add: cluster.AddConfig{N: 2}, Wait: true}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(sets[0].State(), sets[0].Alive(), "engines:", sets[0].IDs)
	_, err = record.Ask(ctx, cluster.Request{Do: cluster.Remove, Sets: []string{"7"}}, nil)
	fmt.Println(err)
	// Output:
	// running 2 engines: [1 2]
	// cluster: remove engines: there is no set "7", but 1, 2 (ipcluster engines list)
}

// What `ipcluster status` tells of a cluster whose sets come and go.
func ExampleElastic() {
	e := cluster.Elastic{Min: 1, Max: 8, Last: "set 3 is added: tasks that wait: 25, for 8 engines", Time: time.Date(2026, 11, 21, 14, 5, 9, 0, time.Local)}
	fmt.Println(e)
	// Output: 1 to 8 sets; 2026-11-21 14:05:09: set 3 is added: tasks that wait: 25, for 8 engines
}
