package jobscripts

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "rewrite the rendered scripts")

// fullCluster has every field filled in that a system reads.
func fullCluster(system string) Cluster {
	c := Cluster{
		Interface: "hsn0",
		Name:      "digits", Nodes: 2, PerNode: 64, Time: 30 * time.Minute, Warning: 2 * time.Minute, Grace: 5 * time.Minute, Account: "m1234", Queue: "regular", PE: "mpich",
		Setup: []string{"module load PrgEnv-gnu cray-mpich", `export PATH="$HOME/muster/bin:$PATH"`}, Env: []string{"FI_CXI_RX_MATCH_MODE=hybrid"},
		ProfileDir: "$SCRATCH/profile_muster", Controller: "$HOME/muster/bin/ipcontroller", Engine: "$HOME/muster/bin/ipengine",
		Launch: "mpiexec -n 128 --ppn 64", Broadcast: Broadcast{Before: `sbcast "$file" "/tmp/${file##*/}"`, After: `rm "/tmp/${file##*/}"`, Dir: "/tmp"},
		Directives: map[string][]string{
			"slurm": {"--constraint=cpu", "--exclusive"}, "pbs": {"-l place=scatter", "-k doe"}, "sge": {"-l h_vmem=2G"},
			"lsf": {"-alloc_flags smt1"}, "flux": {"--setattr=thp=always"}, "pjm": {"-x PJM_LLIO_GFSCACHE=/vol0004"}, "htcondor": {"request_memory = 2G"},
		}[system],
	}
	switch system {
	case "slurm":
		c.Partition = "regular"
	case "pbs":
		c.Chunk = "2:system=polaris"
	}
	return c
}

// Each template's twins: as shipped, and with every field filled in.
func TestRenderedTwins(t *testing.T) {
	for _, system := range Systems() {
		for file, c := range map[string]Cluster{"ipcluster." + system: {}, "testdata/ipcluster." + system: fullCluster(system)} {
			got, err := Render(system, c)
			if err != nil {
				t.Fatal(err)
			}
			twin(t, file, got)
		}
	}
}

// twin compares a script with the file that holds it, and with what bash can read.
func twin(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s is not what its template renders to; -update rewrites it. Rendered:\n%s", file, got)
	}
	check := exec.Command("bash", "-n")
	check.Stdin = strings.NewReader(got)
	if out, err := check.CombinedOutput(); err != nil {
		t.Errorf("%s: bash -n: %v\n%s", file, err, out)
	}
}

func TestRenderErrors(t *testing.T) {
	for _, tt := range []struct {
		system string
		c      Cluster
		want   string
	}{
		{"cron", Cluster{}, `no script for "cron": there is one for slurm, pbs, sge, lsf, flux, pjm`},
		{"slurm", Cluster{Account: "a\n#SBATCH --nodes=1000"}, "account"},
		{"slurm", Cluster{ProfileDir: `a"; rm -rf b`}, "profile directory"},
		{"slurm", Cluster{Nodes: -1}, "-1 nodes"},
		{"pbs", Cluster{Chunk: "1\n#PBS -q demand"}, "directive"},
		{"lsf", Cluster{Time: time.Minute, Warning: time.Minute}, "before the end of a job of 1m0s: it would come before"},
		{"flux", Cluster{Queue: "a\nb"}, "queue"},
		{"sge", Cluster{Env: []string{"A B=c"}}, "want NAME=value"},
	} {
		if _, err := Render(tt.system, tt.c); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: error %v, want one with %q", tt.c, err, tt.want)
		}
	}
}

// site is a directory with stand-ins for the programs of a script, each of which
// writes what happens to it into events.
type site struct {
	t           *testing.T
	dir, system string
}

func newSite(t *testing.T, system string) site {
	s := site{t, t.TempDir(), system}
	// The words of a launcher end where the program's begin.
	const launch = `while [ "$1" != ipengine ]; do shift; done; exec "$@"`
	for name, text := range map[string]string{
		"ipcontroller": `
			[ -e "$EVENTS.fail" ] && { echo "port in use" >&2; exit 1; }
			trap 'echo controller ends >> "$EVENTS"; exit 0' TERM
			mkdir -p "$IPP_PROFILE_DIR/security"
			echo "controller $*" >> "$EVENTS"
			for k in client engine; do echo {} > "$IPP_PROFILE_DIR/security/ipcontroller-$IPP_CLUSTER_ID-$k.json"; done
			while :; do sleep 0.02; done`,
		"srun": launch, "mpiexec": launch, "mpirun": launch,
		"flux": `
			case "$*" in
			"getattr jobid") echo f2A ;;
			"job id --to=dec f2A") echo 42 ;;
			"job timeleft") echo 7200 ;;
			*)` + launch + ` ;;
			esac`,
		"ipcluster": `[ "$1" = wait ] || exit 1; while [ "$1" != -- ]; do shift; done; shift; exec "$@"`,
		"ipengine": `
			trap 'echo engine ends >> "$EVENTS"; exit 0' TERM
			trap 'echo engine drains >> "$EVENTS"; exit 0' USR1
			echo "engine $*" >> "$EVENTS"
			while :; do sleep 0.02; done`,
		"driver": `
			until grep -q "^engine " "$EVENTS"; do sleep 0.02; done
			echo "driver $*" >> "$EVENTS"; exit 7`,
		"warned": `
			trap 'echo driver is told >> "$EVENTS"; until grep -q drains "$EVENTS"; do sleep 0.02; done; exit 5' USR1
			until grep -q "^engine " "$EVENTS"; do sleep 0.02; done
			echo "$(((MUSTER_JOB_END - $(date +%s) + 60) / 1800)) half hours left" >> "$EVENTS"
			while :; do sleep 0.02; done`,
		// How each system tells of a job that was given two hours.
		"squeue": `date --date="+2 hours" +%Y-%m-%dT%H:%M:%S`,
		"qstat":  `printf 'Job Id: 42.server\n    Resource_List.select = 1\n    Resource_List.walltime = 02:00:00\nhard resource_list:         h_vmem=2G,h_rt=7200\n'`,
		"bjobs":  `echo '2:00 L'`,
		"nodes":  "n1\nn1\nn1\nn1",
	} {
		if err := os.WriteFile(filepath.Join(s.dir, name), []byte("#!/bin/bash\n"+text+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func (s site) events() string {
	b, _ := os.ReadFile(filepath.Join(s.dir, "events"))
	return strings.ReplaceAll(string(b), s.dir, "DIR")
}

// environment is what each batch system tells a job.
var environment = map[string][]string{
	"slurm":    {"SLURM_JOB_ID=42", "SLURM_SUBMIT_DIR=DIR"},
	"pbs":      {"PBS_JOBID=42.server", "PBS_O_WORKDIR=DIR", "PBS_NODEFILE=DIR/nodes"},
	"sge":      {"JOB_ID=42", "NSLOTS=4"},
	"lsf":      {"LSB_JOBID=42", "LSB_DJOB_NUMPROC=4"},
	"htcondor": {"JOB_ID=42"},
	"flux":     {},
	"pjm":      {"PJM_JOBID=42"},
}

// job starts the script as shipped, as the batch system would on the first node.
func (s site) job(args ...string) (*exec.Cmd, *bytes.Buffer) {
	script, err := Render(s.system, Cluster{})
	if err != nil {
		s.t.Fatal(err)
	}
	var program string
	if slices.Contains([]string{"pbs", "lsf", "pjm"}, s.system) { // these hand a script no arguments
		program, args = strings.Join(args, " "), nil
	}
	cmd := exec.Command("bash", append([]string{"-c", script, "ipcluster"}, args...)...)
	cmd.Dir = s.dir
	cmd.Env = append(os.Environ(), "PATH="+s.dir+":"+os.Getenv("PATH"), "MUSTER_PROGRAM="+program,
		"SLURM_JOB_END_TIME=", "EVENTS="+filepath.Join(s.dir, "events"), "IPP_PROFILE_DIR=", "IPP_CLUSTER_ID=")
	for _, v := range environment[s.system] {
		cmd.Env = append(cmd.Env, strings.ReplaceAll(v, "=DIR", "="+s.dir))
	}
	out := new(bytes.Buffer)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
	return cmd, out
}

func (s site) leftovers() []string {
	left, err := filepath.Glob(filepath.Join(s.dir, "profile_"+s.system+"/security/*"))
	if err != nil {
		s.t.Fatal(err)
	}
	return left
}

// started is what the events begin with.
func (s site) started() string {
	host, err := os.Hostname()
	if err != nil {
		s.t.Fatal(err)
	}
	profile := "--profile-dir=DIR/profile_" + s.system + " --cluster-id=42"
	return "controller " + profile + " --ip=0.0.0.0 --location=" + host + " --log-level=warn\nengine --mpi " + profile + " --log-level=warn\n"
}

// under runs a test for the script of each batch system.
func under(t *testing.T, test func(t *testing.T, s site)) {
	for _, system := range Systems() {
		t.Run(system, func(t *testing.T) { test(t, newSite(t, system)) })
	}
}

func TestScriptRunsADriverAndTearsDown(t *testing.T) {
	under(t, func(t *testing.T, s site) {
		cmd, out := s.job("driver", "one", "two")
		err := cmd.Wait()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != 7 {
			t.Errorf("the job ended with %v, want the driver's exit status 7\n%s", err, out)
		}
		want := s.started() + "driver one two\nengine ends\ncontroller ends\n"
		if got := s.events(); got != want {
			t.Errorf("events:\n%s\nwant:\n%s", got, want)
		}
		if left := s.leftovers(); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	})
}

func TestScriptEndsOnSignals(t *testing.T) {
	under(t, func(t *testing.T, s site) {
		signal := syscall.SIGTERM
		if s.system == "sge" {
			signal = syscall.SIGUSR2 // of -notify
		}
		cmd, out := s.job()
		for deadline := time.Now().Add(30 * time.Second); !strings.Contains(s.events(), "engine "); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("no engine started: %s\n%s", s.events(), out)
			}
		}
		cmd.Process.Signal(signal)
		var exit *exec.ExitError
		if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 143 {
			t.Errorf("the job ended with %v, want exit status 143\n%s", err, out)
		}
		if got := s.events(); !strings.HasSuffix(got, "engine ends\ncontroller ends\n") {
			t.Errorf("events:\n%s", got)
		}
		if left := s.leftovers(); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	})
}

// At the warning the engines drain, and the program is told and ends the job; without
// one the engines do.
func TestScriptWarns(t *testing.T) {
	under(t, func(t *testing.T, s site) {
		for _, program := range [][]string{{"warned"}, nil} {
			cmd, out := s.job(program...)
			last := "half hours"
			if program == nil {
				last = "engine --mpi"
			}
			for deadline := time.Now().Add(30 * time.Second); !strings.Contains(s.events(), last); time.Sleep(10 * time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatalf("it does not start: %s\n%s", s.events(), out)
				}
			}
			cmd.Process.Signal(syscall.SIGUSR1)
			cmd.Wait()
			got, _ := strings.CutPrefix(s.events(), s.started())
			want, status := "engine drains\ncontroller ends\n", 0
			if program != nil {
				left := "4" // as the batch system says
				if s.system == "pjm" || s.system == "htcondor" {
					left = "2" // as was asked for
				}
				want, status = left+" half hours left\nengine drains\ndriver is told\ncontroller ends\n", 5
				got = strings.Replace(got, "driver is told\nengine drains\n", "engine drains\ndriver is told\n", 1)
			}
			if code := cmd.ProcessState.ExitCode(); got != want || code != status {
				t.Errorf("exit status %d, events:\n%s\nwant %d and\n%s\n%s", code, got, status, want, out)
			}
			if err := os.Remove(filepath.Join(s.dir, "events")); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestScriptSaysThatTheControllerFailed(t *testing.T) {
	under(t, func(t *testing.T, s site) {
		if err := os.WriteFile(filepath.Join(s.dir, "events.fail"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		cmd, out := s.job("driver")
		var exit *exec.ExitError
		if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 1 {
			t.Errorf("the job ended with %v, want exit status 1", err)
		}
		if got, want := out.String(), "port in use\nipcluster: the controller did not start\n"; got != want {
			t.Errorf("output %q, want %q", got, want)
		}
	})
}
