package cluster

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"muster/cluster/clustertest"
	"muster/launcher/launchertest"
)

// Engines by a real ssh, on hosts that know nothing of the profile; one dies.
func TestOverSSH(t *testing.T) {
	s := launchertest.NewSSHD(t)
	p := clustertest.Profile(t)
	if err := p.Create(); err != nil {
		t.Fatal(err)
	}
	writeProfile(t, p, fmt.Sprintf("[engines]\nlauncher = \"ssh\"\n[engines.ssh]\nhosts = [\"n1:2\", \"far\"]\ncommand = [\"ssh\", \"-F\", %q]\n", s.Config))
	conf := config(p, 0)
	printed, err := Script(conf)
	if err != nil || !strings.Contains(printed, "-- far exec /bin/sh -s\n# and with IPP_CONNECTION_INFO in the environment\n") || strings.Contains(printed, "--profile-dir") {
		t.Errorf("%v, script\n%s", err, printed)
	}
	c := start(t, conf)
	r, err := Find(p, "")
	if err != nil || r.State() != Running || r.EnginesAlive() < 2 || len(r.Sets[0].Handle.Remote.Hosts) != 2 {
		t.Errorf("record %+v, %v", r, err)
	}
	if got := interfaceOf(t, p.EngineFile("")); got != "tcp://0.0.0.0" {
		t.Errorf("engines are given %s", got)
	}
	if ids := c.Client.IDs(); len(ids) != 3 || ids[2] != 2 {
		t.Errorf("engines are %v", ids)
	}
	ctx := limited(t)
	news := c.Client.Notifications(ctx)
	if err := syscall.Kill(engineOf(t, r.Sets[0].Handle.Mark, "--IPEngine.id=1"), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if e := <-news; e.Up || e.Engine != 1 {
		t.Errorf("told of %+v", e)
	}
	for deadline := time.Now().Add(time.Minute); len(r.Deaths) == 0 && time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if r, err = Find(p, ""); err != nil {
			t.Fatal(err)
		}
	}
	if len(r.Deaths) != 1 || !strings.Contains(r.Deaths[0].String(), "engine 1 died: killed by signal 9 (SIGKILL)") {
		t.Errorf("deaths on record: %v", r.Deaths)
	}
	if err := c.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	clustertest.NothingLeft(t, p)
}

// engineOf finds an engine of this machine by the mark and an argument.
func engineOf(t *testing.T, mark, arg string) int {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		env, _ := os.ReadFile(file) // of others, or gone
		command, _ := os.ReadFile(filepath.Join(filepath.Dir(file), "cmdline"))
		if strings.Contains(string(env), "MUSTER_JOB="+mark+"\x00") && strings.Contains(string(command), arg+"\x00") {
			var pid int
			if _, err := fmt.Sscanf(file, "/proc/%d/environ", &pid); err != nil {
				t.Fatal(err)
			}
			return pid
		}
	}
	t.Fatalf("no process of mark %s with %s", mark, arg)
	return 0
}

// Engines by srun, in a job of which this process is.
func TestBySrun(t *testing.T) {
	p := clustertest.Profile(t)
	launchertest.NewScheduler(t)
	t.Setenv("SLURM_JOB_ID", "17")
	t.Setenv("SLURM_NTASKS", "3")
	if err := p.Create(); err != nil {
		t.Fatal(err)
	}
	writeProfile(t, p, "[engines]\nlauncher = \"srun\"\n[engines.srun]\nsingle = true\n")
	c := start(t, config(p, 0))
	r, err := Find(p, "")
	if err != nil || r.State() != Running || r.EnginesAlive() != 3 || r.Sets[0].Launcher != "srun" || len(c.Client.IDs()) != 3 {
		t.Errorf("record %+v, %v", r, err)
	}
	if err := c.Stop(limited(t)); err != nil {
		t.Fatal(err)
	}
	clustertest.NothingLeft(t, p)
}
