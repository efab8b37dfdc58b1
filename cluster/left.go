package cluster

import (
	"os"

	"muster/launcher"
)

// What is Left of a cluster that has crashed.
type Left struct {
	Processes []launcher.Process // that still run, descendants of engines among them
	Batch     []*launcher.Batch  // jobs, which may still be in the batch system
	Files     []string           // the record, and connection files
}

// Left looks for what the cluster has left on this machine. Stop removes it.
func (r *Record) Left() Left {
	var l Left
	for _, s := range r.Sets {
		l.Processes = append(l.Processes, s.Handle.Left()...)
		if s.Handle.Batch != nil && !s.Gone {
			l.Batch = append(l.Batch, s.Handle.Batch)
		}
		if s.Next != nil && s.Next.Batch != nil {
			l.Batch = append(l.Batch, s.Next.Batch)
		}
	}
	l.Processes = append(l.Processes, r.Controller.Left()...)
	if r.Controller.Batch != nil && !r.ControllerGone {
		l.Batch = append(l.Batch, r.Controller.Batch)
	}
	files := []string{r.pythonFile(), r.Path()}
	if r.Files {
		files = append(r.connectionFiles(), files...)
	}
	for _, f := range files {
		if _, err := os.Stat(f); err == nil {
			l.Files = append(l.Files, f)
		}
	}
	return l
}

// connectionFiles are those that the controller leaves for clients and engines.
func (r *Record) connectionFiles() []string {
	return []string{r.Profile().ClientFile(r.ClusterID), r.Profile().EngineFile(r.ClusterID)}
}
