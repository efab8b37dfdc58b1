package schedulers

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"muster/launcher"
	"muster/launcher/launchertest"
)

// fourSlots is the profile of four engines, one MPI world.
const fourSlots = `[engines]
launcher = "sge"
n        = 4
[engines.sge]
setup    = ["export OMPI_MCA_mpi_yield_when_idle=1"] # the slots are more than the cores
poll     = "1s"
`

func TestSGE(t *testing.T) {
	s := upSGE(t)
	s.inEnv(t)
	sge := func(c launcher.Command, config launcher.SGEConfig) launcher.Launcher {
		config.Poll = time.Second
		return launcher.SGE{Command: c, Config: config}
	}
	empty := func(t *testing.T) {
		t.Helper()
		s.until("an empty queue", func() bool { return s.run("qstat", "-u", "*") == "" })
	}

	testEngines(t, s, engines{
		system: "sge", profile: fourSlots, where: `os.Getenv("PE")`, first: "mpi", last: "mpi", cancel: "qdel",
		launcher: func(c launcher.Command) launcher.Launcher { return sge(c, launcher.SGEConfig{}) },
		job:      func() string { return s.run("sh", "-c", "qstat | grep ipengine") },
	}, empty)

	t.Run("Chain", func(t *testing.T) {
		n := newSite(t, s, leaving(strings.Replace(fourSlots, `idle=1"`, `idle=1 KEPT=$IPYTHONDIR JOB=$JOB_ID"`, 1)))
		// Grid Engine sends no signal on anybody's word; the job's script is job_scripts/ID.
		chained(t, n, func(job string) {
			s.run("kill", "-USR1", strings.TrimSpace(s.run("pgrep", "--oldest", "--full", s.dir+".*/job_scripts/"+job+"$")))
		}, func() []string {
			return strings.Fields(s.run("sh", "-c", "qstat | awk '$3 ~ /^ipengine/ { print $1 }'"))
		})
		empty(t)
	})

	t.Run("NeverStarts", func(t *testing.T) {
		n := newSite(t, s, fourSlots)
		f := n.foreground("-n", "40")
		f.says("the job may never start")
		f.says(`because it only offers 8 slots`)
		if out := n.run("ipcluster", "list"); !strings.Contains(out, "queued") || !strings.Contains(out, "0/40") {
			t.Errorf("list printed\n%s", out)
		}
		f.interrupt()
		f.says("before the cluster was up; nothing is left running")
		empty(t)
	})

	t.Run("Refused", func(t *testing.T) {
		n := newSite(t, s, fourSlots+"pe = \"nowhere\"\n")
		if first := n.fails("ipcluster", "start"); !strings.Contains(first, `qsub: Unable to run job: job rejected: the requested parallel environment "nowhere" does not exist`) {
			t.Errorf("first line %s", first)
		}
		empty(t)
	})

	t.Run("WholeCluster", func(t *testing.T) {
		testWholeCluster(t, s, submission{
			script: "ipcluster.sge", submit: []string{"qsub", "-terse"}, sync: []string{"-sync", "y"}, brief: []string{"-l", "h_rt=20"}, output: "-o", cancel: "qdel",
		}, empty)
	})

	t.Run("TimeLimit", func(t *testing.T) {
		l := sge(serve(t, launchertest.Serve), launcher.SGEConfig{BatchConfig: launcher.BatchConfig{Time: 3 * time.Second}})
		job, err := l.Start(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		defer job.Stop(context.Background())
		first := failure(t, job)
		if !strings.HasSuffix(first, fmt.Sprintf("(sge job %s: its time or memory was over: qmaster enforced h_rt, h_cpu, or h_vmem limit)", job.Handle().Batch.ID)) {
			t.Errorf("first line %s", first)
		}
		empty(t)
	})
}
