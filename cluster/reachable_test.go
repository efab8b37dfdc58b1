package cluster

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"muster/cluster/clustertest"
	"muster/launcher/site"
	"muster/wire"
)

// For engines elsewhere the controller listens on the site's interface, if this
// host has it, and else on all.
func TestReachable(t *testing.T) {
	for iface, want := range map[string]string{"lo": "tcp://127.0.0.1", "hsn77": "tcp://0.0.0.0"} {
		t.Run(iface, func(t *testing.T) {
			conf, _ := underBatch(t, "slurm")
			writeProfile(t, conf.Profile, "[site.network]\ninterface = \""+iface+"\"\n[engines]\nlauncher = \"slurm\"\nn = 1\n[engines.slurm]\nsingle = true\npoll = \"1s\"\n")
			c := start(t, conf)
			e, err := wire.ReadEngineConnection(conf.Profile.EngineFile(""))
			if err != nil {
				t.Fatal(err)
			}
			if e.Interface != want || len(e.Addresses) > 0 && !slices.Contains(e.Addresses, "127.0.0.1") {
				t.Errorf("engines are told %s, %q, want %s", e.Interface, e.Addresses, want)
			}
			if err := c.Stop(t.Context()); err != nil {
				t.Fatal(err)
			}
			clustertest.NothingLeft(t, conf.Profile)
		})
	}
}

// Where compute nodes do not reach login nodes, engines in a job have no
// controller there: a start says so before anything runs, unless it is in a job itself.
func TestLoginIsNotReachable(t *testing.T) {
	conf, s := underBatch(t, "slurm")
	writeProfile(t, conf.Profile, "[site]\nname = \"Island\"\nscheduler = \"slurm\"\n[site.launcher]\ncommand = [\"srun\"]\n[site.network]\nlogin_reachable = false\n[engines]\nn = 2\n[job]\nper_node = 2\n")
	_, err := Start(t.Context(), conf)
	var refusal *site.Refusal
	if !errors.As(err, &refusal) || refusal.Rule != "network.login_reachable" || !strings.Contains(err.Error(), "ipcluster script") {
		t.Errorf("%v", err)
	}
	if jobs := s.Jobs(); len(jobs) > 0 {
		t.Errorf("submitted: %v", jobs)
	}
	clustertest.NothingLeft(t, conf.Profile)
	t.Setenv("SLURM_JOB_ID", "1")
	if _, err := Script(conf); err != nil {
		t.Errorf("from a job: %v", err)
	}
}
