package bench

import (
	"fmt"
	"os"

	"muster/client"
)

// results fetches and releases many small results, after which nothing must be
// left of them.
func (m measurement) results() error {
	all := m.config.Results
	m.config.Progress(fmt.Sprintf("%d small results", all))
	views := m.each()
	r := Results{Tenth: Held{Results: all / 10}, All: Held{Results: all}}
	done := 0
	for _, at := range []*Held{&r.Tenth, &r.All} {
		err := m.pipeline(at.Results-done, func(i int) *client.AsyncResult { return views[i%len(views)].ApplyAsync(nothing) })
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
