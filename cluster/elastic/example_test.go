package elastic_test

import (
	"fmt"

	"muster/cluster/elastic"
)

// A cluster of one to four sets, told once a second how it is. Tasks pile up, and
// later nobody has work for the second set.
func ExampleMachine() {
	m := elastic.New(elastic.Config{Min: 1, Max: 4, N: 8, Backlog: 1, Patience: 10, Idle: 300, Pause: 60, Start: 60})
	sets := []elastic.Set{{Name: "1", State: elastic.Running, N: 8, Busy: 8}}
	for second := range 1000 {
		seen := elastic.Seen{Ticks: 1, Sets: sets}
		if second < 100 {
			seen.Waiting = 12
		} else if len(sets) > 1 {
			sets[0].Busy, sets[1].Busy = 2, 0
		}
		for _, a := range m.Step(seen) {
			switch a := a.(type) {
			case elastic.Add:
				fmt.Printf("after %ds: one more set: %s\n", second, a.Why)
				sets = append(sets, elastic.Set{Name: "2", State: elastic.Running, N: 8, Busy: 8})
			case elastic.Remove:
				fmt.Printf("after %ds: set %s goes: %s\n", second, a.Name, a.Why)
				sets = sets[:1]
			case elastic.Hold:
				fmt.Println("no change for", a.Ticks, "s:", a.Why)
			}
		}
	}
	// Output:
	// after 10s: one more set: tasks that wait: 12, for 8 engines
	// after 399s: set 2 goes: its engines have nothing to do, and no task waits for them
}
