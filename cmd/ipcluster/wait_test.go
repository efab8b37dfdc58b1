package main

import (
	"os/exec"
	"strings"
	"testing"

	"muster/cluster/clustertest"
)

func TestWait(t *testing.T) {
	profile(t)
	if _, diag, ok := ipcluster(t, "wait", "--timeout", "100ms"); ok || !strings.Contains(diag, "not within 100ms: is a cluster started?") {
		t.Errorf("without a cluster: %s", diag)
	}
	cmd, out, diag := prepare(t, "wait", "-n", "2", "--", "echo", "they are", "there")
	if err := cmd.Start(); err != nil { // before there is anything
		t.Fatal(err)
	}
	if _, said, ok := ipcluster(t, "start", "-n", "2", "--daemonize"); !ok {
		t.Fatal(said)
	}
	if err := cmd.Wait(); err != nil || out.String() != "they are there\n" {
		t.Errorf("%v: %s%s", err, out, diag)
	}
	if _, diag, ok := ipcluster(t, "wait"); !ok {
		t.Errorf("for any: %s", diag)
	}
	if _, diag, ok := ipcluster(t, "wait", "-n", "3", "--timeout", "300ms"); ok || !strings.Contains(diag, "wait for 3 engines, 2 are registered: not within 300ms") {
		t.Errorf("for too many: %s", diag)
	}
	if _, diag, ok := ipcluster(t, "wait", "--", "no-such-program"); ok || !strings.Contains(diag, "no-such-program") {
		t.Errorf("for a program that is not there: %s", diag)
	}
	if _, diag, ok := ipcluster(t, "stop"); !ok {
		t.Error(diag)
	}
}

// A cluster that was started by hand is asked to end.
func TestStopByOtherMeans(t *testing.T) {
	p := profile(t)
	var started []*exec.Cmd
	for _, name := range []string{"ipcontroller", "ipengine"} {
		c := exec.Command(name, "--profile-dir="+p.Dir, "--cluster-id=")
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		defer c.Process.Kill()
		started = append(started, c)
	}
	if _, diag, ok := ipcluster(t, "wait"); !ok {
		t.Fatal(diag)
	}
	if out, diag, ok := ipcluster(t, "stop"); !ok || out != "stopped cluster test (it was started by other means than ipcluster)\n" {
		t.Errorf("stop printed %s%s", out, diag)
	}
	for _, c := range started {
		if err := c.Wait(); err != nil {
			t.Errorf("%s ends with %v", c.Args[0], err)
		}
	}
	if _, diag, ok := ipcluster(t, "stop"); ok || !strings.Contains(diag, "no cluster test") {
		t.Errorf("once more: %s", diag)
	}
	clustertest.NothingLeft(t, p)
}
