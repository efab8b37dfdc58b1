package cluster

import (
	"os"

	"muster/launcher"
)

// What is Left of a cluster that has crashed.
type Left struct {
	Processes []launcher.Process // that still run, descendants of engines among them
	Batch     *launcher.Batch    // the engines' job, which may still be in the batch system; nil if they had none
	Files     []string           // the record, and connection files
}

// Left looks for what the cluster has left on this machine. Stop removes it.
func (r *Record) Left() Left {
	l := Left{Processes: append(r.Engines.Left(), r.Controller.Left()...)}
	if !r.Gone {
		l.Batch = r.Engines.Batch
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
