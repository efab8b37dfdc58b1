package main

import (
	"context"
	"encoding/json"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"muster/client"
	"muster/cluster"
	"muster/cluster/clustertest"
	"muster/wire"
)

// A status names every engine with its process and its work; what cannot be asked
// is said, and what has died.
func TestStatus(t *testing.T) {
	p := profile(t)
	if _, diag, ok := ipcluster(t, "status"); ok || diag != "ipcluster: no cluster test, and no other: ipcluster start starts one\n" {
		t.Errorf("without a cluster: %s", diag)
	}
	if _, diag, ok := ipcluster(t, "start", "-n", "2", "--daemonize"); !ok {
		t.Fatal(diag)
	}
	r, err := cluster.Find(p, "")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c, err := client.Connect(ctx, client.WithProfileDir(p.Dir))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Direct(client.All).Execute(ctx, "1"); err != nil {
		t.Fatal(err)
	}
	runs := c.LoadBalanced().On(client.Engines(1)).ExecuteAsync("for {}")
	c.LoadBalanced().With(client.After(runs)).MapAsync(client.Ref("math.Sqrt"), []float64{1, 2})
	ask := func() (s status) {
		t.Helper()
		out, diag, ok := ipcluster(t, "status", "-o", "json")
		if err := json.Unmarshal([]byte(out), &s); err != nil || !ok {
			t.Fatalf("%v\n%s%s", err, out, diag)
		}
		return s
	}
	var s status
	for s = ask(); len(s.Registered) != 2 || s.Registered[1].Tasks == 0 || s.Waiting != 2; s = ask() {
		if ctx.Err() != nil {
			t.Fatalf("status %+v", s)
		}
	}
	host, _ := os.Hostname()
	if s.Record.State != cluster.Running || s.Record.N != 2 || s.Record.Controller != r.Controller.Processes[0].PID || s.ClientFile != p.ClientFile("") || s.Problem != "" || len(s.Registered) != 2 {
		t.Fatalf("status %+v", s)
	}
	for i, e := range s.Registered {
		state := []string{"idle", "busy"}[i]
		if e.ID != client.EngineID(i) || e.PID != r.Sets[0].Handle.Processes[i].PID || e.Host != host || e.State != state || e.Tasks != i || e.Completed != 1 {
			t.Errorf("engine %d: %+v", i, e)
		}
	}
	out, diag, ok := ipcluster(t, "status")
	if lines := strings.Split(out, "\n"); !ok || len(lines) != 10 || lines[8] != "tasks that wait for an engine: 2 (ipcluster explain says why)" || !strings.HasPrefix(lines[0], "cluster test:  running since ") || lines[2] != "engines:       2 of 2 registered (local)" ||
		strings.Join(strings.Fields(lines[5]), " ") != "ENGINE HOST PID STATE QUEUE TASKS DONE" || !strings.HasSuffix(lines[7], "  busy   0      1      1") {
		t.Errorf("status:\n%s%s", out, diag)
	}

	// Killed processes are told of.
	if err := r.Sets[0].Handle.Processes[1].Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if _, err := runs.Get(ctx); err == nil {
		t.Error("the engine was killed, and replied")
	}
	for s = ask(); len(s.Registered) != 1 || len(s.Record.Deaths) != 1; s = ask() {
		if ctx.Err() != nil {
			t.Fatalf("status %+v", s)
		}
	}
	if out, _, _ := ipcluster(t, "status"); !strings.Contains(out, "1 of 2 registered") || !strings.HasSuffix(out, ": engine 1 died: killed by signal 9 (SIGKILL)\n") {
		t.Errorf("with a dead engine:\n%s", out)
	}

	// A cluster without a record is known to its controller.
	path := p.PidDir() + "/ipcluster.json"
	if err := os.Rename(path, path+".away"); err != nil {
		t.Fatal(err)
	}
	if out, diag, ok := ipcluster(t, "status"); !ok || !strings.HasPrefix(out, "cluster test:  running, started by other means than ipcluster\nengines:       1 registered\n") {
		t.Errorf("without a record: %s%s", out, diag)
	}
	if err := os.Rename(path+".away", path); err != nil {
		t.Fatal(err)
	}
	if _, diag, ok := ipcluster(t, "stop"); !ok {
		t.Fatal(diag)
	}
	clustertest.NothingLeft(t, p)
}

// Of a cluster that has crashed there is still what is on record.
func TestStatusOfAStaleCluster(t *testing.T) {
	p := crashed(t)
	out, diag, ok := ipcluster(t, "status")
	if !ok || !strings.HasPrefix(out, "cluster test:  stale since ") || !strings.Contains(out, "\nproblem:       client: connect to the controller at ") {
		t.Errorf("%s%s", out, diag)
	}
	if _, diag, ok := ipcluster(t, "stop"); !ok {
		t.Fatal(diag)
	}
	clustertest.NothingLeft(t, p)
}

// Of engines of batch jobs it is told when these end.
func TestStatusOfJobs(t *testing.T) {
	s := status{Registered: []engineStatus{
		{ID: 0, State: "idle", EngineProcess: client.EngineProcess{Host: "n1", PID: 7, JobEnd: wire.Time{Time: time.Now().Add(72*time.Minute + 30*time.Second)}}},
		{ID: 1, State: "draining", EngineProcess: client.EngineProcess{Host: "n1", PID: 8, JobEnd: wire.Time{Time: time.Now().Add(-time.Second)}}},
		{ID: 2, State: "busy", EngineProcess: client.EngineProcess{Host: "n2", PID: 9}},
	}}
	var out strings.Builder
	if err := s.print(&out, "test"); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"ENGINE  HOST  PID  STATE     QUEUE  TASKS  DONE  JOB ENDS\n",
		"0       n1    7    idle      0      0      0     in 1h12m\n",
		"1       n1    8    draining  0      0      0     now\n",
		"2       n2    9    busy      0      0      0     -\n",
	} {
		if !strings.Contains(out.String(), line) {
			t.Errorf("%q is not in\n%s", line, out.String())
		}
	}
}
