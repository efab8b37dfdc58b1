package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"text/tabwriter"

	"muster/client"
	"muster/configs"
	"muster/wire"
)

const explainUsage = `
Usage: ipcluster explain [flags] [ID ...]

Say what tasks wait for, or where they are: those of the ids (msg_id in Python),
or without ids all that wait, grouped by what they wait for.

  ipcluster explain
  ipcluster explain 5c27a6b1-8d1f0d2c1a7b4c3f9e5d2b10_1234_17
  ipcluster explain -o json
`

// explain is "ipcluster explain".
func explain(args []string) error {
	var sel configs.Selection
	fs := newFlags(explainUsage)
	sel.AddFlags(fs)
	format := fs.StringP("output", "o", "text", "text or json")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if *format != "text" && *format != "json" {
		return fmt.Errorf("output %q: want text or json", *format)
	}
	p, err := sel.Profile()
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	c, err := client.Connect(ctx, client.WithFile(p.ClientFile(sel.ClusterID)))
	if err != nil {
		return err
	}
	defer c.Close()
	var tasks []client.Dependable
	for _, id := range fs.Args() {
		tasks = append(tasks, client.MsgIDs{wire.MsgID(id)})
	}
	all, err := c.Explain(ctx, tasks...)
	switch {
	case err != nil:
		return err
	case *format == "json":
		return printJSON(os.Stdout, append([]client.Explanation{}, all...))
	case len(tasks) > 0:
		return printSentences(os.Stdout, all)
	}
	return printWaiting(os.Stdout, all)
}

// printSentences writes a line for each task.
func printSentences(w io.Writer, all []client.Explanation) error {
	for _, e := range all {
		for _, id := range e.Tasks {
			one := client.Explanation{Reason: e.Reason, Tasks: []wire.MsgID{id}, Count: 1}
			if _, err := fmt.Fprintln(w, one); err != nil {
				return err
			}
		}
	}
	return nil
}

// printWaiting writes a line for each reason, with the first of its tasks.
func printWaiting(w io.Writer, all []client.Explanation) error {
	if len(all) == 0 {
		_, err := fmt.Fprintln(w, "No task waits.")
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	fmt.Fprintln(t, "TASKS\tREASON\tID")
	for _, e := range all {
		id := ""
		if len(e.Tasks) > 0 {
			if id = string(e.Tasks[0]); e.Count > 1 {
				id += ", ..."
			}
		}
		fmt.Fprintf(t, "%d\t%s\t%s\n", e.Count, strings.ReplaceAll(e.Reason, "\n", " "), id)
	}
	return t.Flush()
}
