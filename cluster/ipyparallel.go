package cluster

import (
	"cmp"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"

	"muster/launcher"
)

// pythonFile is where ipyparallel 7 and later keep what they know of a
// cluster. A cluster of ours is described there too, so that Python's ipcluster lists and
// stops it and Cluster.from_file connects to it. It is for them alone: they
// rewrite the file, and have no place in it for what tells a stale process from
// a live one.
func (r *Record) pythonFile() string {
	return filepath.Join(r.ProfileDir, "security", "cluster-"+r.ClusterID+".json")
}

// writePythonFile writes the cluster as ipyparallel.Cluster.to_dict has it. There all
// sets are of one class: those of another than the first are not mentioned.
func (r *Record) writePythonFile() error {
	process := func(pid int) map[string]any {
		return map[string]any{
			"pid": pid, "state": "running", "profile_dir": r.ProfileDir, "cluster_id": r.ClusterID, "output_file": "",
		}
	}
	// job is a controller, or a set of engines but for the processes of these.
	job := func(h launcher.Handle) map[string]any {
		j := process(-1)
		if h.Batch != nil {
			j["job_id"] = h.Batch.ID
		} else {
			j["pid"] = h.Processes[0].PID
		}
		return j
	}
	class, sets := "", make(map[string]any)
	for _, s := range r.Sets {
		if class = cmp.Or(class, pythonClass(s.Handle)); class == "" || class != pythonClass(s.Handle) {
			continue
		}
		set := job(s.Handle)
		set["n"] = s.N
		if class == "local" {
			engines := make(map[string]any)
			for i, p := range s.Handle.Processes {
				engine := process(p.PID)
				engine["n"] = 1
				engines[strconv.Itoa(i)] = engine
			}
			set["pid"], set["engines"] = -1, engines
		}
		sets[s.Name] = set
	}
	described := map[string]any{
		"cluster": map[string]any{
			"class": "ipyparallel.cluster.cluster.Cluster", "cluster_id": r.ClusterID, "profile_dir": r.ProfileDir, "n": r.N(),
			"delay": 1.0, "controller_args": []string{}, "controller_ip": "", "controller_location": "",
		},
		"engines": map[string]any{"class": cmp.Or(class, "local"), "sets": sets},
	}
	if class := pythonClass(r.Controller); class != "" {
		described["controller"] = map[string]any{"class": class, "state": job(r.Controller)}
	}
	b, err := json.Marshal(described)
	if err != nil {
		return fmt.Errorf("cluster: file for ipyparallel: %w", err)
	}
	return replace(r.pythonFile(), b)
}

// pythonClass is what ipyparallel calls the launcher of such a job; "" where it has
// none, and of one that is about to be started.
func pythonClass(h launcher.Handle) string {
	switch {
	case h.Batch != nil && slices.Contains([]string{"slurm", "sge", "pbs", "lsf", "htcondor"}, h.Batch.System):
		return h.Batch.System
	case h.Batch != nil || len(h.Processes) == 0:
		return ""
	case h.Ranks:
		return "mpi"
	}
	return "local"
}
