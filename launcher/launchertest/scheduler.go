package launchertest

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A Scheduler is a stand-in for Slurm and for Grid Engine: the commands of both,
// played by the test binary, and a folder for what they know. Jobs run at once
// and on this machine, unless they are held.
type Scheduler struct {
	t   *testing.T
	dir string
}

// schedulerVar names the folder.
const schedulerVar = "MUSTER_TEST_SCHEDULER"

// NewScheduler puts the commands of a stand-in first in PATH. Jobs that are left
// at the end of the test fail it, and are killed. TestMain calls [Main].
func NewScheduler(t *testing.T) *Scheduler {
	t.Helper()
	s := &Scheduler{t, t.TempDir()}
	bin := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for name := range commands {
		if err := os.Symlink(self, filepath.Join(bin, name)); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	t.Setenv(schedulerVar, s.dir)
	t.Setenv("GORACE", "atexit_sleep_ms=0") // a second for each process, under the race detector
	t.Cleanup(func() {
		for _, id := range s.Jobs() {
			t.Errorf("left in the queue: job %s", id)
			s.End(id, "CANCELLED")
		}
	})
	return s
}

// Hold lets the jobs that are submitted from now on wait, for a reason.
func (s *Scheduler) Hold(reason string) { s.write("hold", reason) }

// Release starts a job that was held.
func (s *Scheduler) Release(id string) {
	j := standIn{s.dir}.job(id)
	if err := j.start(); err != nil {
		s.t.Fatal(err)
	}
}

// End kills a job; the state is one of Slurm's, such as TIMEOUT.
func (s *Scheduler) End(id, state string) {
	j := standIn{s.dir}.job(id)
	held := j.get("state") == "PENDING"
	j.set("state", state)
	if !held {
		j.kill(syscall.SIGKILL)
	}
}

// Down lets every command fail, or answer again.
func (s *Scheduler) Down(down bool) {
	if down {
		s.write("down", "")
	} else if err := os.Remove(filepath.Join(s.dir, "down")); err != nil {
		s.t.Fatal(err)
	}
}

// Calls returns the command lines that began with a word.
func (s *Scheduler) Calls(command string) (lines []string) {
	b, err := os.ReadFile(filepath.Join(s.dir, "calls"))
	if err != nil && !os.IsNotExist(err) {
		s.t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if strings.HasPrefix(line, command+" ") {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return lines
}

// Jobs returns the ids of the jobs that are queued or running.
func (s *Scheduler) Jobs() (ids []string) {
	paths, err := filepath.Glob(filepath.Join(s.dir, "*.state"))
	if err != nil {
		s.t.Fatal(err)
	}
	for _, p := range paths {
		id := strings.TrimSuffix(filepath.Base(p), ".state")
		if (standIn{s.dir}).job(id).lives() {
			ids = append(ids, id)
		}
	}
	return ids
}

func (s *Scheduler) write(name, text string) {
	if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// standIn is the scheduler as its commands see it.
type standIn struct{ dir string }

// commands are those that a stand-in answers; each returns its exit status.
var commands = map[string]func(s standIn, args []string) int{
	"sbatch": standIn.submit, "squeue": standIn.squeue, "scancel": standIn.scancel, "srun": launch,
	"qsub": standIn.submit, "qstat": standIn.qstat, "qdel": standIn.qdel, "qacct": standIn.qacct, "mpirun": launch,
	"standin-job": standIn.run,
}

// playCommand makes this process the command of a stand-in that it was started
// as, if it was, and does not return then.
func playCommand() {
	name := filepath.Base(os.Args[0])
	command, ok := commands[name]
	if !ok {
		return
	}
	s := standIn{os.Getenv(schedulerVar)}
	calls, err := os.OpenFile(filepath.Join(s.dir, "calls"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err == nil {
		fmt.Fprintln(calls, name, strings.Join(os.Args[1:], " "))
	}
	if _, err := os.Stat(filepath.Join(s.dir, "down")); err == nil && name != "standin-job" && name != "srun" && name != "mpirun" {
		fmt.Fprintln(os.Stderr, name+": error: Unable to contact the controller (connect failure)")
		os.Exit(1)
	}
	os.Exit(command(s, os.Args[1:]))
}

// A standInJob is the files ID.state, ID.reason, ID.script and ID.pid.
type standInJob struct {
	s  standIn
	id string
}

func (s standIn) job(id string) standInJob { return standInJob{s, id} }

func (j standInJob) path(what string) string { return filepath.Join(j.s.dir, j.id+"."+what) }

func (j standInJob) get(what string) string {
	b, _ := os.ReadFile(j.path(what)) // "" if there is none
	return string(b)
}

func (j standInJob) set(what, text string) {
	new := j.path(what + ".new")
	if os.WriteFile(new, []byte(text), 0o600) != nil || os.Rename(new, j.path(what)) != nil {
		fmt.Fprintln(os.Stderr, "stand-in: cannot write", new)
		os.Exit(1)
	}
}

// lives reports whether the job is queued or has processes.
func (j standInJob) lives() bool {
	return slices.Contains([]string{"PENDING", "RUNNING", "COMPLETING"}, j.get("state"))
}

// kill signals every process of the job: they are one group.
func (j standInJob) kill(sig syscall.Signal) { syscall.Kill(-j.pid(), sig) }

// pid is the process of the job's script, as soon as there is one.
func (j standInJob) pid() int {
	for {
		if pid, err := strconv.Atoi(j.get("pid")); err == nil {
			return pid
		}
		time.Sleep(time.Millisecond)
	}
}

// submit is sbatch and qsub. Options are read from the script.
func (s standIn) submit(args []string) int {
	script, err := os.ReadFile(args[len(args)-1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	for line := range strings.Lines(string(script)) {
		if strings.TrimSpace(line) == "#SBATCH --partition=nowhere" {
			fmt.Fprint(os.Stderr, "sbatch: error: invalid partition specified: nowhere\nsbatch: error: Batch job submission failed: Invalid partition name specified\n")
			return 1
		}
		if strings.TrimSpace(line) == "#$ -q nowhere" {
			fmt.Fprint(os.Stderr, "Unable to run job: Job was rejected because job requests unknown queue \"nowhere\"\nExiting.\n")
			return 1
		}
	}
	j := s.job("")
	for n := 1; ; n++ {
		j.id = strconv.Itoa(n)
		if f, err := os.OpenFile(j.path("script"), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600); err == nil {
			f.Write(script)
			f.Close()
			break
		}
	}
	if reason, err := os.ReadFile(filepath.Join(s.dir, "hold")); err == nil {
		j.set("reason", string(reason))
		j.set("state", "PENDING")
	} else if err := j.start(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println("Welcome to the stand-in.") // as sites greet
	fmt.Println(j.id)
	return 0
}

// start starts the process that runs a job.
func (j standInJob) start() error {
	j.set("state", "RUNNING")
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := &exec.Cmd{Path: self, Args: []string{"standin-job", j.id}, SysProcAttr: &syscall.SysProcAttr{Setsid: true}}
	return cmd.Start()
}

// run runs a job to its end.
func (s standIn) run(args []string) int {
	j := s.job(args[0])
	cmd := exec.Command("bash", j.path("script"))
	for line := range strings.Lines(j.get("script")) {
		line = strings.TrimSpace(line)
		for _, prefix := range []string{"#SBATCH --output=", "#$ -o "} {
			if path, ok := strings.CutPrefix(line, prefix); ok {
				out, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
				if err != nil {
					j.set("state", "FAILED")
					return 1
				}
				cmd.Stdout, cmd.Stderr = out, out
			}
		}
		for _, prefix := range []string{"#SBATCH --chdir=", "#$ -wd "} {
			if path, ok := strings.CutPrefix(line, prefix); ok {
				cmd.Dir = path
			}
		}
	}
	cmd.Env = append(os.Environ(), "SLURM_JOB_ID="+j.id)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		j.set("state", "FAILED")
		return 1
	}
	j.set("pid", strconv.Itoa(cmd.Process.Pid))
	err := cmd.Wait()
	switch state := j.get("state"); {
	case state == "COMPLETING":
		j.set("state", "CANCELLED")
	case state != "RUNNING": // ended by the test
	case err != nil:
		j.set("state", "FAILED")
	default:
		j.set("state", "COMPLETED")
	}
	return 0
}

// launch is srun and mpirun: copies in this process's group.
func launch(_ standIn, args []string) int {
	i := slices.Index(args, "-n")
	if i < 0 {
		fmt.Fprintln(os.Stderr, "srun: error: no -n")
		return 1
	}
	n, err := strconv.Atoi(args[i+1])
	if err != nil {
		fmt.Fprintln(os.Stderr, "srun: error: how many?")
		return 1
	}
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGUSR1)
	signal.Ignore(syscall.SIGUSR2) // the script says SIGTERM next
	var copies []*exec.Cmd
	for rank := range n {
		cmd := exec.Command(args[i+2], args[i+3:]...)
		cmd.Env = append(os.Environ(), "SLURM_PROCID="+strconv.Itoa(rank))
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		if err := cmd.Start(); err != nil {
			fmt.Fprintln(os.Stderr, "srun: error:", err)
			return 1
		}
		copies = append(copies, cmd)
	}
	go func() {
		for sig := range signals {
			for _, c := range copies {
				c.Process.Signal(sig)
			}
		}
	}()
	status := 0
	for i, cmd := range copies {
		if cmd.Wait() != nil {
			code := cmd.ProcessState.ExitCode()
			if code < 0 {
				code = 137
			}
			status = max(status, code)
			fmt.Fprintf(os.Stderr, "srun: error: n1: task %d: Exited with exit code %d\n", i, code)
		}
	}
	return status
}

func (s standIn) squeue(args []string) int {
	ids, known := strings.Split(option(args, "--jobs="), ","), 0
	for _, id := range ids {
		if state := s.job(id).get("state"); state != "" {
			known++
			fmt.Printf("%s|%s|%s|N/A\n", id, state, s.job(id).get("reason"))
		}
	}
	if known == 0 && len(ids) == 1 {
		fmt.Fprintln(os.Stderr, "slurm_load_jobs error: Invalid job id specified")
		return 1
	}
	return 0
}

func (s standIn) scancel(args []string) int {
	j := s.job(args[len(args)-1])
	sig := map[string]syscall.Signal{"USR1": syscall.SIGUSR1, "KILL": syscall.SIGKILL, "TERM": syscall.SIGTERM}[option(args, "--signal=")]
	switch {
	case j.get("state") == "":
		fmt.Fprintf(os.Stderr, "scancel: error: Kill job error on job id %s: Invalid job id specified\n", j.id)
		return 1
	case !j.lives():
	case slices.Contains(args, "--batch"):
		syscall.Kill(j.pid(), sig)
	case sig != 0:
		j.kill(sig)
	case j.get("state") == "PENDING":
		j.set("state", "CANCELLED")
	default:
		j.set("state", "COMPLETING")
		j.kill(syscall.SIGTERM)
	}
	return 0
}

func (s standIn) qstat(args []string) int {
	var missing []string
	for _, id := range strings.Split(args[1], ",") {
		j := s.job(id)
		state := j.get("state")
		if !j.lives() {
			missing = append(missing, id)
			continue
		}
		fmt.Printf("==============================================================\njob_number:                 %s\nowner:                      root\n", id)
		if state != "PENDING" {
			fmt.Println("usage         1:            cpu=00:00:00, mem=0.00000 GB s, io=0.00000 GB, vmem=N/A, maxvmem=N/A")
		} else if why, ok := strings.CutPrefix(j.get("reason"), "error: "); ok {
			fmt.Println("error reason          1:      11/21/2026 04:51:12 [0:8790]: error: " + why + "\nscheduling info:            Job is in error state")
		} else {
			fmt.Println("scheduling info:            " + j.get("reason"))
		}
	}
	if strings.Count(args[1], ",")+1 == len(missing) {
		fmt.Fprintln(os.Stderr, "Following jobs do not exist: \n"+strings.Join(missing, ", "))
		return 1
	}
	return 0
}

func (s standIn) qdel(args []string) int {
	j := s.job(args[0])
	switch j.get("state") {
	case "PENDING":
		j.set("state", "CANCELLED")
		fmt.Println("root has deleted job " + j.id)
		return 0
	case "RUNNING":
		j.set("state", "COMPLETING")
		j.kill(syscall.SIGUSR2)
		fmt.Println("root has registered the job " + j.id + " for deletion")
		return 0
	}
	fmt.Printf("denied: job %q does not exist\n", j.id)
	return 1
}

func (s standIn) qacct(args []string) int {
	failed := "0"
	switch s.job(args[1]).get("state") {
	case "TIMEOUT":
		failed = "37  : qmaster enforced h_rt, h_cpu, or h_vmem limit"
	case "OUT_OF_MEMORY":
		failed = "100 : assumedly after job"
	case "NODE_FAIL":
		failed = "21  : in recognizing job"
	}
	fmt.Printf("jobnumber    %s\nfailed       %s\nexit_status  0\n", args[1], failed)
	return 0
}

// option is the value of an argument such as --jobs=.
func option(args []string, prefix string) string {
	for _, a := range args {
		if v, ok := strings.CutPrefix(a, prefix); ok {
			return v
		}
	}
	return ""
}

// Await waits for what a scheduler does in its own time.
func Await(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %v", what, patience)
		}
	}
}
