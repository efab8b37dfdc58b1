package cluster

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"muster/wire"
)

// Names tell what a log is of, and of which cluster of its profile.
func TestLogs(t *testing.T) {
	p := wire.Profile{Dir: t.TempDir()}
	if err := p.Create(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{
		"ipcluster.log", "ipcluster-7.log", "ipcontroller.log", "ipcontroller.1.log", "ipcontroller-7.log", "ipengine-0.log", "ipengine-1.log", "ipengine-1.2.log",
		"ipengine-10.log", "ipengine-7-0.log", "ipengine-7-mpi.log", "ipengine-7-mpi.1.log", "ipengine-7-1-0.log", "ipengine-slurm.sh", "other.log", "ipengine-99999999999999999999.log",
	} {
		if err := os.WriteFile(filepath.Join(p.LogDir(), name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	check := func(id string, want ...string) {
		t.Helper()
		logs, err := Logs(p, id)
		if err != nil || len(logs) != len(want) {
			t.Fatalf("%+v, %v, want %v", logs, err, want)
		}
		for i, l := range logs {
			if filepath.Base(l.Path) != want[i] {
				t.Errorf("log %d is %+v, want %s", i, l, want[i])
			}
		}
	}
	check("", "ipcluster.log", "ipcontroller.log", "ipcontroller.1.log", "ipengine-0.log", "ipengine-1.log", "ipengine-1.2.log", "ipengine-10.log")
	check("7", "ipcluster-7.log", "ipcontroller-7.log", "ipengine-7-0.log", "ipengine-7-mpi.log", "ipengine-7-mpi.1.log")
	check("nobody")

	// A cluster of two engines that has just been started has no second lives.
	r := Record{ProfileDir: p.Dir, Sets: []Set{{N: 2, IDs: []wire.EngineID{0, 1}}}, Started: time.Now().Add(time.Minute)}
	if err := r.write(); err != nil {
		t.Fatal(err)
	}
	check("", "ipcluster.log", "ipcontroller.log", "ipengine-0.log", "ipengine-1.log")
	logs, err := Logs(p, "")
	if err != nil || logs[0].Of != "ipcluster" || logs[1].Of != "controller" || logs[3].Of != "engine" || logs[3].Engine != 1 {
		t.Errorf("%+v, %v", logs, err)
	}
}
