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
		"ipengine-10.log", "ipengine-7-0.log", "ipengine-7-mpi.log", "ipengine-7-mpi.1.log", "ipengine-7-1-0.log", "ipengine-7-@me@10_0_0_1.log", "ipengine-7-slurm+2.log", "ipengine-7-slurm+2.3.log", "ipengine-slurm.sh", "other.log", "ipengine-99999999999999999999.log",
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
	check("7", "ipcluster-7.log", "ipcontroller-7.log", "ipengine-7-0.log", "ipengine-7-@me@10_0_0_1.log", "ipengine-7-mpi.log", "ipengine-7-slurm+2.log", "ipengine-7-mpi.1.log", "ipengine-7-slurm+2.3.log")
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

// Lines of a shared log are their engine's, by the rank in its set.
func TestEngineOfALine(t *testing.T) {
	of := func(id wire.EngineID) *wire.EngineID { return &id }
	first, second := Log{Of: ofEngines}, Log{Of: ofEngines, IDs: []wire.EngineID{4, 5, 9}}
	for _, tt := range []struct {
		log  Log
		line string
		want *wire.EngineID
	}{
		{first, "[1,17]<stdout>:hello", of(17)}, {first, "[3] hello", of(3)}, {first, "03: hello", of(3)}, {first, " 3: panic: 1", of(3)},
		{second, "2: hello", of(9)}, {second, "3: hello", nil}, {second, "hello", nil},
		{first, "time=2026-11-21T11:38:01.918Z level=INFO msg=registered engine=5 uuid=e2", of(5)},
		{first, `time=2026-11-21T11:38:01.918Z level=WARN msg="request repeated" task=1`, nil}, {first, "srun: error: n1: task 3: Killed", nil},
		{Log{Of: ofEngine, Engine: 7}, "hello", of(7)},
	} {
		id, ok := tt.log.EngineOf(tt.line + "\n")
		if ok != (tt.want != nil) || ok && id != *tt.want {
			t.Errorf("%q is engine %d's: %v", tt.line, id, ok)
		}
	}
}
