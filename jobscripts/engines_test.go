package jobscripts

import (
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// fullEngines has every field filled in that a system reads.
func fullEngines() Engines {
	return Engines{
		Name: "ipengine-digits", N: 8, Nodes: 2, PerNode: 4, Time: 90 * time.Minute, Warning: 5 * time.Minute, Grace: 2 * time.Minute, After: "1717",
		Account: "m1234", Partition: "regular", Queue: "all.q", PE: "mpi",
		Directives: []string{"--constraint=cpu", "--exclusive"},
		Setup:      []string{"module load PrgEnv-gnu cray-mpich", `export OMP_NUM_THREADS="1"`},
		Env:        []string{"MUSTER_JOB=0123", "GREETING=it's me"},
		Launch:     []string{"mpirun", "--map-by", "node", "-n", "8"},
		Args:       []string{"/work/my programs/heat", "ipengine", "--profile-dir=/work/profile_default", "--cluster-id=", "--mpi"},
		Dir:        "/work/run", Log: "/work/profile_default/log/ipengine-slurm.log", Report: "/work/profile_default/log/ipengine-slurm.report",
	}
}

// plainEngines has what must be there, and nothing else.
func plainEngines() Engines {
	return Engines{
		Name: "ipengine", N: 2, PE: "mpi", Time: time.Hour, Launch: []string{"srun", "-n", "2"}, Args: []string{"/opt/bin/ipengine"},
		Dir: "/work", Log: "/work/e.log", Report: "/work/e.report",
	}
}

func TestRenderedEnginesTwins(t *testing.T) {
	for _, system := range Systems() {
		for file, e := range map[string]Engines{"engines": fullEngines(), "engines-plain": plainEngines()} {
			if file == "engines" {
				e.Directives = fullCluster(system).Directives
				e.Broadcast = fullCluster(system).Broadcast
				e.Broadcast.Dir = "/tmp/$USER"
				if Chains(system) != nil {
					e.After = ""
				}
			} else if slices.Contains([]string{"pbs", "flux", "pjm"}, system) {
				e.Nodes, e.PerNode = 1, 2
			}
			got, err := RenderEngines(system, e)
			if err != nil {
				t.Fatal(err)
			}
			twin(t, filepath.Join("testdata", file+"."+system), got)
		}
	}
}

func TestRenderEnginesErrors(t *testing.T) {
	for _, tt := range []struct {
		system string
		change func(*Engines)
		want   string
	}{
		{"cron", func(*Engines) {}, `engines: no script for "cron": there is one for slurm, pbs`},
		{"slurm", func(e *Engines) { e.Account = "a\n#SBATCH --nodes=1000" }, "account"},
		{"slurm", func(e *Engines) { e.Log = "/my home/e.log" }, `log "/my home/e.log"`},
		{"slurm", func(e *Engines) { e.Log = "/home/%u/e.log" }, `log "/home/%u/e.log"`},
		{"sge", func(e *Engines) { e.Dir = "/home/$USER" }, "working directory"},
		{"sge", func(e *Engines) { e.Queue = "all.q -l h_rt=1" }, "queue"},
		{"slurm", func(e *Engines) { e.Directives = []string{"--x\nrm -rf /"} }, "directive"},
		{"slurm", func(e *Engines) { e.Env = []string{"A B=c"} }, "want NAME=value"},
		{"slurm", func(e *Engines) { e.N = 0 }, "0 engines"},
		{"slurm", func(e *Engines) { e.Time = 0 }, "longest run time 0s"},
		{"slurm", func(e *Engines) { e.Report = "" }, "report must be given"},
		{"slurm", func(e *Engines) { e.Launch = nil }, "the words that launch it"},
		{"slurm", func(e *Engines) { e.After = "17 --x" }, `after job "17 --x": that is no id`},
		{"htcondor", func(*Engines) {}, "after job 1717: HTCondor orders nothing but the nodes of a DAG"},
		{"lsf", func(e *Engines) { e.Warning = 2 * time.Hour }, "a warning 2h0m0s before the end of a job of 1h30m0s: it would come before"},
		{"lsf", func(e *Engines) { e.Grace = -1 }, "cannot be negative"},
		{"flux", func(e *Engines) { e.Nodes = 0 }, "flux has to be told both"},
		{"pbs", func(e *Engines) { e.Chunk = "1'" }, "directive"},
	} {
		e := fullEngines()
		tt.change(&e)
		if _, err := RenderEngines(tt.system, e); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: error %v, want one with %q", e, err, tt.want)
		}
	}
}

// The program, and the shims beside it, are where they are launched; without room for
// them nothing is.
func TestEnginesOfAProgramThatIsBroadcast(t *testing.T) {
	for _, full := range []bool{false, true} {
		dir := t.TempDir()
		for name, text := range map[string]string{
			"bin/heat": "#!/bin/bash\necho $0; ls \"${0%/*}\"", "bin/libmuster-mpi-openmpi.so": "shim", "bin/other": "not this",
		} {
			if err := os.MkdirAll(filepath.Join(dir, "bin"), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o700); err != nil {
				t.Fatal(err)
			}
		}
		disk := filepath.Join(dir, "disk")
		if !full {
			if err := os.Mkdir(disk, 0o700); err != nil {
				t.Fatal(err)
			}
		}
		e := plainEngines()
		e.Launch, e.Args, e.Report = []string{"env"}, []string{filepath.Join(dir, "bin", "heat")}, filepath.Join(dir, "report")
		e.Broadcast = Broadcast{Before: `cp "$file" "$DISK/${file##*/}"`, After: `rm "$DISK/${file##*/}"`, Dir: "$DISK"}
		script, err := RenderEngines("slurm", e)
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("bash", "-c", script)
		cmd.Env = append(os.Environ(), "DISK="+disk)
		out, err := cmd.CombinedOutput()
		report, _ := os.ReadFile(e.Report)
		if full {
			if err == nil || !strings.Contains(string(out), "could not be copied to the nodes") || !strings.HasSuffix(string(report), "\nended 1\n") {
				t.Errorf("%v, %s, report %q", err, out, report)
			}
			continue
		}
		if want := disk + "/heat\nheat\nlibmuster-mpi-openmpi.so\n"; err != nil || string(out) != want || !strings.HasSuffix(string(report), "\nended 0\n") {
			t.Errorf("%v, printed\n%s\nwant\n%s, report %q", err, out, want, report)
		}
		if left, _ := os.ReadDir(disk); len(left) > 0 {
			t.Errorf("left on the disk: %v", left)
		}
	}
}

func TestFormChangesAScript(t *testing.T) {
	e := plainEngines()
	e.Form = Form{
		Template: "#!/bin/bash\n#SBATCH --ntasks={{.N}} --wckey=mine\n#SBATCH --open-mode=append\n#SBATCH --open\n{{template \"engines.body\" .}}\n",
		Drop:     []string{"--open-mode", "--ntas"},
	}
	got, err := RenderEngines("slurm", e)
	if want := "#!/bin/bash\n#SBATCH --ntasks=2 --wckey=mine\n#SBATCH --open\n# srun does not"; err != nil || !strings.HasPrefix(got, want) {
		t.Errorf("%v, rendered\n%s\nwant it to begin with\n%s", err, got, want)
	}
	if !strings.HasSuffix(got, "\nexit \"$status\"\n") {
		t.Errorf("the body is not there:\n%s", got)
	}
	e.Form = Form{Template: "{{.Nothing}}"}
	if _, err := RenderEngines("slurm", e); err == nil || !strings.Contains(err.Error(), "can't evaluate field Nothing") {
		t.Errorf("a field that is not there: %v", err)
	}
	e.Form.Template = "{{"
	if _, err := RenderEngines("slurm", e); err == nil || !strings.Contains(err.Error(), "jobscripts: template for slurm: ") {
		t.Errorf("no template: %v", err)
	}
	script, err := Render("pbs", Cluster{Directives: []string{"-l place=scatter"}, Form: Form{Drop: []string{"-l place", "-r"}}})
	if err != nil || strings.Contains(script, "place=") || strings.Contains(script, "#PBS -r") || !strings.Contains(script, "#PBS -l select=") {
		t.Errorf("%v\n%s", err, script)
	}
}

func TestQuote(t *testing.T) {
	for s, want := range map[string]string{"": "''", "a-b_c=1.2/x": "a-b_c=1.2/x", "it's": `'it'\''s'`, "$(rm)": "'$(rm)'", "a b": "'a b'"} {
		if got := quote(s); got != want {
			t.Errorf("quote(%q) = %s, want %s", s, got, want)
		}
		if out, err := exec.Command("bash", "-c", "printf %s "+quote(s)).Output(); err != nil || string(out) != s {
			t.Errorf("bash reads %s as %q, %v", quote(s), out, err)
		}
	}
}

// What the script reports, by what becomes of what it launched.
func TestEnginesReport(t *testing.T) {
	const forever = "; touch up; while :; do sleep 0.02; done"
	// Under nohup, the script would ignore SIGHUP as this process does, unless it has a use for it.
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	for _, tt := range []struct {
		name, system, program string
		signal                syscall.Signal // sent to the script when the program is up
		want                  string         // the last lines of the report
		status                int
	}{
		{"ends well", "slurm", "exit 0", 0, "ended 0", 0},
		{"fails", "sge", "exit 7", 0, "ended 7", 7},
		{"qdel", "sge", "trap 'exit 5' TERM" + forever, syscall.SIGUSR2, "told USR2", 5},
		{"a signal for the engines", "slurm", "trap 'exit 9' HUP" + forever, syscall.SIGHUP, "ended 9", 9},
		{"warned", "slurm", "trap 'exit 0' USR1" + forever, syscall.SIGUSR1, "warned\nended 0", 0},
		{"warned, and fails", "sge", "trap 'exit 9' USR1" + forever, syscall.SIGUSR1, "warned\nended 9", 9},
		{"preempted with a grace", "sge", "trap 'exit 0' USR1" + forever, syscall.SIGTERM, "told TERM", 0},
		{"scancel", "slurm", "until [ -e told ]; do touch up; sleep 0.02; done", syscall.SIGTERM, "told TERM", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := plainEngines()
			e.Dir = t.TempDir()
			e.Report = filepath.Join(e.Dir, "report")
			if strings.HasSuffix(tt.name, "grace") {
				e.Grace = time.Minute
			}
			// A launcher of one copy.
			e.Launch, e.Args = []string{"bash", "-c", `exec "$@"`, "launch"}, []string{"/bin/bash", "-c", tt.program}
			script, err := RenderEngines(tt.system, e)
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command("bash", "-c", script)
			cmd.Dir = e.Dir
			cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			defer syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
			if tt.signal != 0 {
				for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
					if _, err := os.Stat(filepath.Join(e.Dir, "up")); err == nil {
						break
					}
					if time.Now().After(deadline) {
						t.Fatal("the program is not up within a minute")
					}
				}
				cmd.Process.Signal(tt.signal)
			}
			if tt.signal == syscall.SIGTERM { // Slurm has told the program as well
				if err := os.WriteFile(filepath.Join(e.Dir, "told"), nil, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			cmd.Wait()
			host, err := os.Hostname()
			if err != nil {
				t.Fatal(err)
			}
			got, err := os.ReadFile(e.Report)
			if want := "running " + host + "\n" + tt.want + "\n"; string(got) != want || err != nil {
				t.Errorf("report %q, %v, want %q", got, err, want)
			}
			if got := cmd.ProcessState.ExitCode(); got != tt.status {
				t.Errorf("exit status %d, want %d", got, tt.status)
			}
		})
	}
}

// The script warns the engines by its own clock, also behind a launcher that would die
// of the signal.
func TestEnginesAreWarned(t *testing.T) {
	for _, system := range Systems() {
		for name, launch := range map[string][]string{
			"by a launcher that takes it": {"bash", "-c", `trap 'kill -USR1 $p' USR1; "$@" & p=$!; wait $p; wait $p`, "launch"},
			"by one that does not":        {"bash", "-c", `"$@"; exit`, "launch"},
		} {
			if system != "slurm" && !strings.HasSuffix(name, "not") {
				continue
			}
			t.Run(system+"/"+name, func(t *testing.T) {
				t.Parallel()
				e := plainEngines()
				e.Dir = t.TempDir()
				if slices.Contains([]string{"pbs", "flux", "pjm"}, system) {
					e.Nodes, e.PerNode = 1, 2
				}
				e.Report, e.Log = filepath.Join(e.Dir, "report"), filepath.Join(e.Dir, "log")
				e.Time, e.Warning, e.Grace = 2*time.Second, time.Second, time.Minute
				e.Launch, e.Args = launch, []string{"/bin/bash", "-c",
					`trap 'echo $((MUSTER_JOB_END - $(date +%s))) of $MUSTER_JOB_GRACE; exit 0' USR1; while :; do sleep 0.02; done`}
				script, err := RenderEngines(system, e)
				if err != nil {
					t.Fatal(err)
				}
				cmd := exec.Command("bash", "-c", script)
				cmd.Env = append(os.Environ(), "SLURM_JOB_END_TIME=")
				cmd.Dir = e.Dir
				out, err := cmd.CombinedOutput()
				log, _ := os.ReadFile(e.Log) // where the script writes it itself
				report, _ := os.ReadFile(e.Report)
				if text := string(out) + string(log); err != nil || !regexp.MustCompile(`(?m)^[-0-9]+ of 60$`).MatchString(text) || !strings.HasSuffix(string(report), "\nwarned\nended 0\n") {
					t.Errorf("%v, report %q\n%s", err, report, text)
				}
			})
		}
	}
}

func TestEnginesOfAProgramThatNodesDoNotSee(t *testing.T) {
	e := plainEngines()
	e.Report, e.Args = filepath.Join(t.TempDir(), "report"), []string{"/no/such/program"}
	script, err := RenderEngines("sge", e)
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("bash", "-c", script).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "/no/such/program is not on ") {
		t.Errorf("%v: %s", err, out)
	}
	if got, err := os.ReadFile(e.Report); string(got) != "ended 127\n" {
		t.Errorf("report %q, %v", got, err)
	}
}
