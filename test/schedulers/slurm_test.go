package schedulers

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"muster/launcher"
	"muster/launcher/launchertest"
)

// twoNodes is the profile of four engines on two nodes, one MPI world.
const twoNodes = `[engines]
launcher = "slurm"
n        = 4
[engines.slurm]
nodes    = 2
per_node = 2
setup    = ["export OMPI_MCA_mpi_yield_when_idle=1"] # both nodes are this machine
launch   = ["mpirun"]
poll     = "1s"
`

// twoNodesOfASite is the same for a profile that describes the site.
const twoNodesOfASite = `[site]
name      = "Two nodes"
scheduler = "slurm"
poll      = "1s"
[[site.nodes]]
name  = "cpu"
cores = 2
[[site.queues]]
name      = "debug"
max_nodes = 2
max_time  = "1h"
[[site.required]]
directive = "--time"
why       = "it is not known how long the job runs"
remedy    = "give a time"
[site.launcher]
command = ["mpirun"]
ranks   = ["-n", "{ranks}"]
[site.mpi]
environment = ["OMPI_MCA_mpi_yield_when_idle=1", "SITE=two"]
[site.broadcast]
before = 'sbcast -f "$file" "$COPIES/${file##*/}"'
dir    = "$COPIES"
[job]
nodes = 2
time  = "10m"
setup = ["export COPIES=$IPYTHONDIR/copies; mkdir -p $COPIES"]
`

func TestSlurm(t *testing.T) {
	s := upSlurm(t)
	s.inEnv(t)
	slurm := func(c launcher.Command, config launcher.SlurmConfig) launcher.Launcher {
		config.Poll = time.Second
		return launcher.Slurm{Command: c, Config: config}
	}
	start := func(t *testing.T, l launcher.Launcher, n int) launcher.Job {
		t.Helper()
		job, err := l.Start(t.Context(), n)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := job.Stop(context.Background()); err != nil {
				t.Error(err)
			}
		})
		return job
	}
	// Slurm looks at time limits now and then: this one runs beside the rest.
	limited := start(t, slurm(serve(t, launchertest.Serve), launcher.SlurmConfig{BatchConfig: launcher.BatchConfig{Time: time.Minute}}), 1)
	empty := func(t *testing.T) {
		t.Helper()
		s.until("an empty queue", func() bool {
			jobs := strings.Fields(s.run("squeue", "--noheader", "--format=%i"))
			return len(slices.DeleteFunc(jobs, func(id string) bool { return id == limited.Handle().Batch.ID })) == 0
		})
	}

	testEngines(t, s, engines{
		system: "slurm", profile: twoNodes, where: `os.Getenv("SLURMD_NODENAME")`, first: "n1", last: "n2", cancel: "scancel",
		launcher: func(c launcher.Command) launcher.Launcher { return slurm(c, launcher.SlurmConfig{}) },
		job:      func() string { return s.run("squeue", "--noheader", "--name=ipengine", "--format=%i") },
	}, empty)

	t.Run("Elastic", func(t *testing.T) {
		n := newSite(t, s, `[engines]
launcher = "slurm"
n        = 1
[engines.slurm]
single = true
poll   = "1s"
[engines.elastic]
patience = "1s"
idle     = "3s"
pause    = "1s"
`)
		if out := n.run("ipcluster", "start", "--elastic", "0:2", "--daemonize"); !strings.HasPrefix(out, "cluster test is up: 0 engines (slurm), from 0 to 2 as there is work\n") {
			t.Errorf("start printed\n%s", out)
		}
		empty(t)
		if out := n.run("burst"); !strings.HasSuffix(out, ", at last: 2\n") {
			t.Errorf("burst printed\n%s", out)
		}
		s.until("no engines", func() bool { return strings.Contains(n.run("ipcluster", "list"), " 0/0 ") })
		if out := n.run("ipcluster", "status"); !strings.Contains(out, "0 to 2 sets; ") || !strings.Contains(out, " is removed: its engines have nothing to do, and no task waits for them\n") {
			t.Errorf("status printed\n%s", out)
		}
		empty(t)
		n.run("ipcluster", "stop")
	})

	t.Run("SingleProcesses", func(t *testing.T) {
		n := newSite(t, s, "[engines]\nlauncher = \"slurm\"\nconnection = \"environment\"\n[engines.slurm]\nsingle = true\nnodes = 2\nper_node = 1\npoll = \"1s\"\n")
		n.run("ipcluster", "start", "--daemonize")
		if out := n.run("cell", "-n", "2", "mpi.World().Size()"); strings.Count(out, "Out[1]: 1\n") != 2 {
			t.Errorf("cell printed\n%s", out)
		}
		n.run("ipcluster", "stop")
		empty(t)
	})

	t.Run("Pmix", func(t *testing.T) {
		n := newSite(t, s, strings.Replace(twoNodes, `"mpirun"`, `"srun"`, 1)) // which Slurm does not say it of
		n.run("ipcluster", "start", "--daemonize")
		if out := n.run("cell", "-n", "4", "mpi.World().Size()"); strings.Count(out, "Out[1]: 4\n") != 4 {
			t.Errorf("cell printed\n%s", out)
		}
		n.run("ipcluster", "stop")
		empty(t)
	})

	// A step of the job that the shell is in.
	t.Run("Srun", func(t *testing.T) {
		n := newSite(t, s, "[engines]\nlauncher = \"srun\"\nconnection = \"environment\"\n[engines.srun]\ncommand = [\"srun\", \"--mpi=pmix\"]\n")
		out := n.run("/usr/bin/salloc", "--quiet", "--nodes=2", "--ntasks-per-node=2", "bash", "-ec", "export OMPI_MCA_mpi_yield_when_idle=1\n"+
			"ipcluster start --daemonize\nsrun --overlap -n 1 true\ncell -n 4 'os.Getenv(`SLURMD_NODENAME`)'\nipcluster stop\nsqueue --steps --noheader --format=%i --jobs=$SLURM_JOB_ID")
		if !strings.HasPrefix(out, "cluster test is up: 4 engines (srun)\n") || strings.Count(out, `"n1"`) != 2 || strings.Count(out, `"n2"`) != 2 {
			t.Errorf("printed\n%s", out)
		}
		if _, steps, _ := strings.Cut(out, "stopped cluster test (it was running)\n"); strings.Contains(steps, ".0") {
			t.Errorf("left: steps\n%s", steps)
		}
		log, err := os.ReadFile(filepath.Join(n.dir, "profile_test", "log", "ipengine-srun.log"))
		if err != nil || strings.Count(string(log), "msg=ended") != 4 {
			t.Errorf("%v, the engines have not ended in good order:\n%s", err, log)
		}
		empty(t)
	})

	t.Run("NoPMI", func(t *testing.T) {
		n := newSite(t, s, strings.Replace(twoNodes, `"mpirun"`, `"srun", "--mpi=none"`, 1))
		first := n.fails("ipcluster", "start")
		if !strings.HasPrefix(first, "ipcluster: cluster: engines did not start: ipengine: ") || !strings.Contains(first, `give engines.slurm.launch the words of this site, such as ["mpirun"] or ["srun", "--mpi=pmix"]`) {
			t.Errorf("first line %s", first)
		}
		empty(t)
	})

	t.Run("SubmittedAgain", func(t *testing.T) {
		n := newSite(t, s, twoNodes)
		f := n.foreground("--restart=world")
		f.says("cluster test is up")
		id, _, _ := strings.Cut(s.run("squeue", "--noheader", "--name=ipengine", "--format=%i"), "\n")
		s.run("scancel", id)
		f.says("started again in 1s")
		s.until("another job of four engines", func() bool {
			out := n.run("ipcluster", "list")
			return strings.Contains(out, "4/4       slurm ") && !strings.Contains(out, "slurm "+id)
		})
		if out := n.run("cell", "-n", "4", "mpi.World().Size()"); out != "[0] Out[1]: 4\n[1] Out[1]: 4\n[2] Out[1]: 4\n[3] Out[1]: 4\n" {
			t.Errorf("cell printed\n%s", out)
		}
		f.interrupt()
		empty(t)
	})

	t.Run("Chain", func(t *testing.T) {
		n := newSite(t, s, leaving(strings.Replace(twoNodes, `idle=1"`, `idle=1 KEPT=$IPYTHONDIR JOB=$SLURM_JOB_ID"`, 1)))
		chained(t, n, func(job string) { s.run("scancel", "--batch", "--signal=USR1", job) }, func() []string {
			return strings.Fields(s.run("squeue", "--noheader", "--name=ipengine", "--sort=i", "--format=%i"))
		})
		empty(t)
	})

	t.Run("NeverStarts", func(t *testing.T) {
		n := newSite(t, s, twoNodes+"partition = \"small\"\n")
		f := n.foreground()
		f.says("the job may never start")
		f.says("PartitionNodeLimit: the partition does not give so many nodes")
		if out := n.run("ipcluster", "list"); !strings.Contains(out, "queued") || !strings.Contains(out, "0/4") {
			t.Errorf("list printed\n%s", out)
		}
		f.interrupt()
		f.says("before the cluster was up; nothing is left running")
		empty(t)
	})

	t.Run("BadInput", func(t *testing.T) { badInput(t, s, empty) })

	t.Run("LogsOfRanks", func(t *testing.T) {
		n := newSite(t, s, strings.Replace(twoNodes, `"mpirun"`, `"srun", "--mpi=pmix"`, 1))
		n.run("ipcluster", "start", "--daemonize", "--log-level", "info")
		s.until("the lines of rank 3", func() bool {
			out := n.run("ipcluster", "logs", "--rank", "3")
			return strings.Contains(out, "msg=registered engine=3 ") && !strings.Contains(out, "engine=2 ")
		})
		n.run("ipcluster", "stop")
		empty(t)
	})

	t.Run("Site", func(t *testing.T) {
		n := newSite(t, s, twoNodesOfASite)
		if out := n.run("ipcluster", "profile", "check", "test"); !strings.HasSuffix(out, "takes a job of 2 nodes for 10m with 4 engines, queue debug\n") {
			t.Errorf("check printed\n%s", out)
		}
		n.run("ipcluster", "start", "--daemonize")
		if out := n.run("cell", "-n", "4", `os.Getenv("SITE") + os.Getenv("SLURM_JOB_PARTITION")`); strings.Count(out, "Out[1]: \"twodebug\"\n") != 4 {
			t.Errorf("cell printed\n%s", out)
		}
		if out := s.run("squeue", "--noheader", "--name=ipengine", "--format=%D %l"); strings.TrimSpace(out) != "2 10:00" {
			t.Errorf("Slurm gives %s", out)
		}
		n.run("ipcluster", "stop")
		empty(t)
		// On one node: both are this machine, and would write the same files.
		n.run("ipcluster", "start", "--daemonize", "--nodes", "1", "--broadcast")
		if out := n.run("cell", "-n", "2", "os.Executable()"); strings.Count(out, filepath.Join(n.dir, "copies", "ipengine")) != 2 {
			t.Errorf("the engines' program is\n%s", out)
		}
		n.run("ipcluster", "stop")
		if first := n.fails("ipcluster", "start", "--nodes", "3"); first != "ipcluster: Two nodes: no queue takes a job of 3 nodes for 10m: debug gives no more than 2 nodes (rule queues.debug.max_nodes): ask for a job within these limits" {
			t.Errorf("first line %s", first)
		}
		empty(t)
	})

	t.Run("Sets", func(t *testing.T) { testSets(t, s, empty) })

	t.Run("Controller", func(t *testing.T) { testController(t, s, empty) })

	t.Run("Doctor", func(t *testing.T) { testDoctor(t, s, empty) })

	t.Run("Readme", func(t *testing.T) { testReadme(t, s, empty) })

	t.Run("WholeCluster", func(t *testing.T) {
		testWholeCluster(t, s, submission{
			script: "ipcluster.slurm", submit: []string{"sbatch", "--nodes=2", "--ntasks-per-node=2"}, sync: []string{"--wait"}, brief: []string{"--time=1"}, output: "--output", cancel: "scancel",
		}, empty)
	})

	// At the warning the engines drain, and their end is that of the job.
	t.Run("WholeClusterIsWarned", func(t *testing.T) {
		j := submission{script: "ipcluster.slurm", submit: []string{"sbatch", "--nodes=2", "--ntasks-per-node=2"}, output: "--output"}.on(t, s)
		checkpoint := filepath.Join(j.dir, "checkpoint.go")
		if err := os.WriteFile(checkpoint, []byte("os.WriteFile(fmt.Sprintf(`%s/kept-%d`, os.Getenv(`KEPT`), mpi.World().Rank()), nil, 0o600)\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		t.Setenv("MUSTER_CHECKPOINT", checkpoint)
		t.Setenv("KEPT", j.dir)
		id := j.background()
		j.run("ipcluster", "wait", "--cluster-id", id)
		s.run("scancel", "--batch", "--signal=USR1", id)
		empty(t)
		kept, _ := filepath.Glob(filepath.Join(j.dir, "kept-*"))
		if out := s.run("scontrol", "show", "job", id); !strings.Contains(out, "JobState=COMPLETED") || len(kept) != 4 {
			t.Errorf("%s\nthe checkpoints have left %q, and the job printed\n%s", out, kept, j.printed())
		}
	})

	t.Run("WholeClusterInOneJob", func(t *testing.T) {
		n := newSite(t, s, "")
		text, err := n.command("ipcluster", "script", "slurm", "--nodes", "2", "--per-node", "2", "--launch", "mpirun", "--profile-dir", filepath.Join(n.dir, "profile_test")).Output()
		if err != nil {
			t.Fatal(err)
		}
		script := s.write("ipcluster.slurm", string(text), 0o644)
		log := filepath.Join(n.dir, "job.log")
		out, err := s.try("env", "PATH="+bin+":/usr/sbin:/usr/bin:/sbin:/bin", "OMPI_ALLOW_RUN_AS_ROOT=1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1",
			"sbatch", "--wait", "--output="+log, script, filepath.Join(bin, "cell"), "-n", "4", "mpi.World().Size()")
		if err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		if b := s.run("cat", log); strings.Count(b, "Out[1]: 4\n") != 4 {
			t.Errorf("the job printed\n%s", b)
		}
		empty(t)
	})

	t.Run("TimeLimit", func(t *testing.T) {
		first := failure(t, limited)
		if !strings.HasSuffix(first, fmt.Sprintf("(slurm job %s: its time was over (TIMEOUT))", limited.Handle().Batch.ID)) {
			t.Errorf("first line %s", first)
		}
		if e := <-limited.Ends(); e.Copy != launcher.All || !strings.HasSuffix(e.Cause, ": its time was over (TIMEOUT)") {
			t.Errorf("the end of it is %+v", e)
		}
	})
}
