package bench

import (
	"fmt"
	"os"
)

// results fetches and releases the results of many small tasks, after which
// nothing must be left of them but the latest records.
func (m measurement) results() error {
	all := m.config.Results
	m.config.Progress(fmt.Sprintf("%d small tasks", all))
	balanced := m.client.LoadBalanced()
	r := Results{Tenth: Held{Results: all / 10}, All: Held{Results: all}}
	done := 0
	for _, at := range []*Held{&r.Tenth, &r.All} {
		err := m.tasks(balanced, at.Results-done)
		if err != nil {
			return err
		}
		done = at.Results
		if at.Client, err = residentMB(os.Getpid()); err != nil {
			return err
		}
		if at.Controller, err = residentMB(m.controller); err != nil {
			return err
		}
	}
	m.report.Results = &r
	return nil
}
