package main

import (
	"strings"
	"testing"
	"text/tabwriter"

	"muster/client"
)

// Engines have a line each while these can be read. Of more, those that are alike
// share one.
func TestEngineTable(t *testing.T) {
	table := func(engines []engineStatus) string {
		var b strings.Builder
		w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
		engineTable(w, engines)
		w.Flush()
		return b.String()
	}
	var engines []engineStatus
	for id := range client.EngineID(48) {
		e := engineStatus{ID: id, State: "idle", EngineQueue: client.EngineQueue{Completed: 2}}
		if e.Host = "n1"; id >= 24 {
			e.Host = "n2"
		}
		rank := int(id)
		e.Rank, e.PID = &rank, 100+rank
		if id == 3 || id == 5 {
			e.State, e.Tasks = "busy", 1
		}
		engines = append(engines, e)
	}
	if got, want := table(engines[2:4]), `ENGINE  RANK  HOST  PID  STATE  QUEUE  TASKS  DONE
2       2     n1    102  idle   0      0      2
3       3     n1    103  busy   0      1      2
`; got != want {
		t.Errorf("few:\n%s", got)
	}
	if got, want := table(engines), `ENGINES     COUNT  HOST  STATE  QUEUE  TASKS  DONE
0-2,4,6-23  22     n1    idle   0      0      44
3,5         2      n1    busy   0      2      4
24-47       24     n2    idle   0      0      48
`; got != want {
		t.Errorf("many:\n%s", got)
	}
}
