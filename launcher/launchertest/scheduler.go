package launchertest

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A Scheduler is a stand-in for every batch system: the commands of all, played by
// the test binary, and a folder for what they know. They print what the real ones do. Jobs run at once
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
			// What it was told to end it may be about to.
			for deadline := time.Now().Add(patience); (standIn{s.dir}).job(id).get("state") == "COMPLETING" && time.Now().Before(deadline); {
				time.Sleep(5 * time.Millisecond)
			}
			if !(standIn{s.dir}).job(id).lives() {
				continue
			}
			t.Errorf("left in the queue: job %s", id)
			s.End(id, "CANCELLED")
		}
	})
	return s
}

// Hold lets the jobs that are submitted from now on wait, for a reason.
func (s *Scheduler) Hold(reason string) { s.write("hold", reason) }

// Expect has Slurm tell when it expects to start the jobs that wait.
func (s *Scheduler) Expect(start time.Time) { s.write("expected", start.Format("2006-01-02T15:04:05")) }

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

// Warn sends the script of a job SIGUSR1, as its own clock does.
func (s *Scheduler) Warn(id string) { syscall.Kill(standIn{s.dir}.job(id).pid(), syscall.SIGUSR1) }

// Down lets every command fail, or answer again.
func (s *Scheduler) Down(down bool) {
	if down {
		s.write("down", "")
	} else if err := os.Remove(filepath.Join(s.dir, "down")); err != nil {
		s.t.Fatal(err)
	}
}

// Slow has every command take its time.
func (s *Scheduler) Slow(by time.Duration) { s.write("slow", by.String()) }

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
	"sbatch": standIn.sbatch, "squeue": standIn.squeue, "scancel": standIn.scancel, "srun": launch,
	"qsub": standIn.qsub, "qstat": standIn.qstat, "qdel": standIn.qdel, "qacct": standIn.qacct, "qsig": standIn.qsig, "mpirun": launch,
	"bsub": standIn.bsub, "bjobs": standIn.bjobs, "bkill": standIn.bkill, "bhist": standIn.bhist,
	"flux":  standIn.flux,
	"pjsub": standIn.pjsub, "pjstat": standIn.pjstat, "pjdel": standIn.pjdel, "pjsig": standIn.pjsig, "mpiexec": launch,
	"condor_submit": standIn.condorSubmit, "condor_q": standIn.condorQ, "condor_rm": standIn.condorRm, "condor_history": standIn.condorHistory,
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
	if _, err := os.Stat(filepath.Join(s.dir, "down")); err == nil && !slices.Contains([]string{"standin-job", "srun", "mpirun", "mpiexec"}, name) && !slices.Equal(os.Args[1:min(2, len(os.Args))], []string{"run"}) {
		fmt.Fprintln(os.Stderr, name+": error: Unable to contact the controller (connect failure)")
		os.Exit(1)
	}
	if part := slices.Contains([]string{"standin-job", "srun", "mpirun", "mpiexec"}, name) || len(os.Args) > 1 && os.Args[1] == "run"; !part {
		if os.Getenv("LC_ALL") != "C" { // in words that are understood there, and only there
			fmt.Fprintln(os.Stderr, name+": Fehler: Anfrage nicht möglich")
			os.Exit(1)
		}
		slow, _ := os.ReadFile(filepath.Join(s.dir, "slow"))
		by, _ := time.ParseDuration(string(slow))
		time.Sleep(by)
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

// submit takes a job in, and prints its id in a line of the given form. A queue
// of the name nowhere is refused in the given words.
func (s standIn) submit(script, queue, refusal, form string) int {
	for line := range strings.Lines(script) {
		if strings.TrimSpace(line) == queue {
			fmt.Fprint(os.Stderr, refusal)
			return 1
		}
	}
	j := s.job("")
	for n := 1; ; n++ {
		j.id = strconv.Itoa(n)
		if f, err := os.OpenFile(j.path("script"), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600); err == nil {
			f.WriteString(script)
			f.Close()
			break
		}
	}
	if after := after(script); after != "" && s.job(after).lives() {
		j.set("reason", "Dependency")
		j.set("after", after)
		j.set("state", "PENDING")
	} else if reason, err := os.ReadFile(filepath.Join(s.dir, "hold")); err == nil {
		j.set("reason", string(reason))
		j.set("state", "PENDING")
	} else if err := j.start(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println("Welcome to the stand-in.") // as sites greet
	fmt.Printf(form+"\n", j.id)
	return 0
}

// dependency is how scripts ask to wait for the end of another job.
var dependency = regexp.MustCompile(`(?m)^(?:#SBATCH --dependency=afterany:|#PBS -W depend=afterany:|#\$ -hold_jid |#BSUB -w "ended\(|#flux: --dependency=afterany:f)(\d+)`)

// after is the job for whose end a script waits; "" is none.
func after(script string) string {
	if m := dependency.FindStringSubmatch(script); m != nil {
		return m[1]
	}
	return ""
}

// release starts the jobs that wait for the end of this one.
func (j standInJob) release() {
	paths, _ := filepath.Glob(filepath.Join(j.s.dir, "*.after"))
	for _, path := range paths {
		next := j.s.job(strings.TrimSuffix(filepath.Base(path), ".after"))
		if next.get("after") == j.id && next.get("state") == "PENDING" {
			if err := next.start(); err != nil {
				fmt.Fprintln(os.Stderr, err)
			}
		}
	}
}

// readScript reads the script that is the last argument, or what is read from the input.
func readScript(args []string) string {
	var script []byte
	var err error
	if len(args) > 0 {
		script, err = os.ReadFile(args[len(args)-1])
	} else {
		script, err = io.ReadAll(os.Stdin)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return string(script)
}

// cancel ends a job by a signal, and says whether there was one to end.
func (j standInJob) cancel(sig syscall.Signal) bool {
	switch j.get("state") {
	case "PENDING":
		j.set("state", "CANCELLED")
	case "RUNNING", "COMPLETING":
		j.set("state", "COMPLETING")
		j.kill(sig)
	default:
		return false
	}
	return true
}

// signalOf is the signal of a name such as TERM or SIGTERM.
func signalOf(name string) syscall.Signal {
	return map[string]syscall.Signal{"USR1": syscall.SIGUSR1, "KILL": syscall.SIGKILL, "TERM": syscall.SIGTERM}[strings.TrimPrefix(name, "SIG")]
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
		for _, prefix := range []string{"#SBATCH --output=", "#$ -o ", "#PBS -o ", "#BSUB -oo ", "#flux: --output=", "#PJM -o ", "#CONDOR output = "} {
			if path, ok := strings.CutPrefix(line, prefix); ok {
				out, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
				if err != nil {
					j.set("state", "FAILED")
					return 1
				}
				cmd.Stdout, cmd.Stderr = out, out
			}
		}
		for _, prefix := range []string{"#SBATCH --chdir=", "#$ -wd ", "#BSUB -cwd ", "#flux: --cwd=", "#CONDOR initialdir = "} {
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
	defer j.release()
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

// launch is srun, mpirun, mpiexec and flux run: copies in this process's group.
func launch(_ standIn, args []string) int {
	if slices.Equal(args, []string{"--version"}) {
		fmt.Println("slurm-wlm 22.05.8")
		return 0
	}
	i := slices.Index(args, "-n")
	first := i + 2 // the program, after options
	for ; i >= 0 && first < len(args) && strings.HasPrefix(args[first], "--"); first++ {
	}
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
		cmd := exec.Command(args[first], args[first+1:]...)
		cmd.Env = append(os.Environ(), "SLURM_PROCID="+strconv.Itoa(rank), "SLURM_STEP_NUM_TASKS="+strconv.Itoa(n))
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
