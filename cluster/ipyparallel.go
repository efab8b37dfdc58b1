package cluster

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strconv"
)

// pythonFile is where ipyparallel 7 and later keep what they know of a
// cluster. A cluster of ours is described there too, so that Python's ipcluster lists and
// stops it and Cluster.from_file connects to it. It is for them alone: they
// rewrite the file, and have no place in it for what tells a stale process from
// a live one.
func (r *Record) pythonFile() string {
	return filepath.Join(r.ProfileDir, "security", "cluster-"+r.ClusterID+".json")
}

// writePythonFile writes the cluster as ipyparallel.Cluster.to_dict has it.
func (r *Record) writePythonFile() error {
	process := func(pid int) map[string]any {
		return map[string]any{
			"pid": pid, "state": "running", "profile_dir": r.ProfileDir, "cluster_id": r.ClusterID, "output_file": "",
		}
	}
	class, sets := "local", make(map[string]any)
	for i, s := range r.Sets {
		if i == 0 {
			class = s.Launcher
		}
		set := process(-1)
		set["n"] = s.N
		switch {
		case s.Handle.Batch == nil && len(s.Handle.Processes) == 0: // about to be started
			continue
		case s.Handle.Batch != nil:
			set["job_id"] = s.Handle.Batch.ID
		case s.Launcher == "mpi":
			set["pid"] = s.Handle.Processes[0].PID
		default:
			engines := make(map[string]any)
			for i, p := range s.Handle.Processes {
				engine := process(p.PID)
				engine["n"] = 1
				engines[strconv.Itoa(i)] = engine
			}
			set["engines"] = engines
		}
		sets[s.Name] = set
	}
	controller := -1
	if len(r.Controller.Processes) > 0 {
		controller = r.Controller.Processes[0].PID
	}
	b, err := json.Marshal(map[string]any{
		"cluster": map[string]any{
			"class": "ipyparallel.cluster.cluster.Cluster", "cluster_id": r.ClusterID, "profile_dir": r.ProfileDir, "n": r.N(),
			"delay": 1.0, "controller_args": []string{}, "controller_ip": "", "controller_location": "",
		},
		"controller": map[string]any{"class": "local", "state": process(controller)},
		"engines":    map[string]any{"class": class, "sets": sets},
	})
	if err != nil {
		return fmt.Errorf("cluster: file for ipyparallel: %w", err)
	}
	return replace(r.pythonFile(), b)
}
