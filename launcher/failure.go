package launcher

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// An ExitError says why a program ended badly, and what it printed.
type ExitError struct {
	Program string // its name
	Reason  string // what it said last, on one line; "" if it said nothing
	Status  string // as in "exit status 1" or "killed by signal 9 (SIGKILL), probably out of memory"
	Queued  bool   // it has never run: a batch system had it in its queue
	Remedy  string // what can be done about it; "" if that is not known
	Log     string // the file that holds all it printed, "" if nobody kept it
	Output  string // the tail of that file
	Err     error  // what waiting for it returned
}

// newExitError makes an ExitError of what Wait returned.
func newExitError(program string, err error, log string) *ExitError {
	e := &ExitError{Program: program, Status: status(err), Log: log, Output: tail(log), Err: err}
	e.Reason = strings.TrimPrefix(reason(last(log, crashSize)), program+": ") // many say their own name
	return e
}

// Error is the reason on the first line, and then the output it was taken from.
func (e *ExitError) Error() string {
	var b strings.Builder
	b.WriteString(e.Program + ": ")
	switch {
	case e.Reason != "":
		fmt.Fprintf(&b, "%s (%s)", e.Reason, e.Status)
	case e.Output == "" && !e.Queued:
		b.WriteString(e.Status + ", without a word")
	default:
		b.WriteString(e.Status)
	}
	if e.Remedy != "" {
		b.WriteString(": " + e.Remedy)
	}
	if e.Log != "" && !(e.Queued && e.Output == "") {
		b.WriteString("\nlog: " + e.Log)
	}
	if lines := splitLines(e.Output); len(lines) > 1 {
		for _, l := range lines[max(0, len(lines)-shownLines):] {
			b.WriteString("\n  | " + l)
		}
	}
	return b.String()
}

// Unwrap returns what waiting for the program returned.
func (e *ExitError) Unwrap() error { return e.Err }

// Cause is the same on one line, without the program's name: its status and, if
// it ended by itself or told of its crash, the reason. What a program said before
// it was killed says nothing.
func (e *ExitError) Cause() string {
	byItself := strings.Contains(e.Status, "exit status")
	if e.Reason == "" || !byItself && !crash.MatchString(e.Reason) && !killed.MatchString(e.Reason) {
		return e.Status
	}
	return e.Status + ": " + e.Reason
}

func waitStatus(err error) (ws syscall.WaitStatus, ok bool) {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		ws, ok = exit.Sys().(syscall.WaitStatus)
	}
	return ws, ok
}

// status words the end of a process.
func status(err error) string {
	ws, ok := waitStatus(err)
	if !ok || !ws.Signaled() {
		return err.Error()
	}
	s := killedBy(ws.Signal())
	if ws.CoreDump() {
		s += ", core dumped"
	}
	if ws.Signal() == syscall.SIGKILL {
		s += claimKill(err)
	}
	return s
}

// killedBy words the end by a signal.
func killedBy(sig syscall.Signal) string {
	return fmt.Sprintf("killed by signal %d (%s)", int(sig), cmp.Or(unix.SignalName(sig), sig.String()))
}

const (
	tailSize   = 8 << 10 // bytes of a log that are kept for an error
	crashSize  = 1 << 20 // bytes that are searched for its reason: stacks follow the line that tells
	shownLines = 20      // lines of these that an error shows
)

// tail returns the last lines of a log file, tailSize bytes at most.
func tail(log string) string { return last(log, tailSize) }

// last returns the last lines of a log file, size bytes at most.
func last(log string, size int64) string {
	f, err := os.Open(log)
	if err != nil {
		return ""
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return ""
	}
	start := max(0, info.Size()-size)
	b, err := io.ReadAll(io.NewSectionReader(f, start, size))
	if err != nil {
		return ""
	}
	s := strings.ToValidUTF8(string(b), "?")
	if _, rest, ok := strings.Cut(s, "\n"); ok && start > 0 {
		s = rest // the first line is cut off
	}
	return s
}

var (
	// rankTag is what Open MPI's --tag-output, Hydra's -prepend-rank, and the labels of
	// srun and flux run put before each line of a rank.
	rankTag = regexp.MustCompile(`^\[\d+(?:,\d+\]<std(?:out|err)>:|\] )|^ *\d+: `)
	// crash opens the report of a Go program that dies.
	crash = regexp.MustCompile(`^(?:panic|fatal error|SIG[A-Z0-9]+): `)
	// killed is how mpirun says that a signal ended a rank, and how Slurm says
	// that the kernel ended a task for want of memory.
	killed = regexp.MustCompile(`^slurmstepd\S*: error: Detected \d+ oom.kill event|exited on signal \d+|EXIT STRING: .*\(signal \d+\)`)
	// noise says nothing about the cause: rules, stack frames, indented
	// detail, the exit status itself, what is logged as no trouble, and the words
	// of parting of mpirun, srun, qsub and our own shells.
	noise = regexp.MustCompile(`^[-=*\s]*$|^\s|^goroutine \d|^(?:r\w+|[cfg]s)\s+0x|^exit status \d|\blevel=(?:INFO|DEBUG)\b|^=   |^Primary job  terminated|^\S+ detected that one or more processes exited|^the job to be terminated\. The first|^a non-zero exit code|^Per user-direction|^This typically refers to|^Please see the FAQ|^\d+ total processes|^(?:Node|Executable|Local host|NOTE|while attempting)\b|^srun: (?:Terminating|forcing|got SIG|Job step aborted|error: \S+: tasks? [-,\d]+: (?:Exited with|Terminated|Killed))|^slurmstepd\S*: error: \*\*\* (?:STEP|JOB) .* CANCELLED AT [-\dT:]+ \*\*\*$|^Terminated$|^muster-[0-9a-f]+ copy \d|^Exiting\.$`)
)

// reason picks the line of a program's last output that says why it ended.
func reason(output string) string {
	var own, ranks []string // what the program or mpirun itself said, and what ranks said
	for _, l := range splitLines(output) {
		if m := rankTag.FindString(l); m != "" {
			ranks = append(ranks, l[len(m):])
		} else {
			own = append(own, l)
		}
	}
	for _, l := range own {
		if killed.MatchString(l) {
			return strings.TrimSpace(l)
		}
	}
	for _, lines := range [][]string{ranks, own} {
		for _, l := range lines {
			if crash.MatchString(l) {
				return l
			}
		}
	}
	if r := lastMeaningful(ranks); r != "" {
		return r
	}
	if r := firstOfBlock(own); r != "" {
		return r
	}
	return lastMeaningful(own)
}

func lastMeaningful(lines []string) string {
	for i := len(lines) - 1; i >= 0; i-- {
		if !noise.MatchString(lines[i]) {
			return lines[i]
		}
	}
	return ""
}

// firstOfBlock returns the first paragraph of the first block that Open MPI
// fences with dashes, joined to one line.
func firstOfBlock(lines []string) string {
	var words []string
	inside := false
	for _, l := range lines {
		fence := strings.HasPrefix(l, "----------")
		switch {
		case fence && !inside:
			inside = true
		case inside && (fence || strings.TrimSpace(l) == "") && len(words) > 0:
			return strings.Join(words, " ")
		case inside && !fence && !noise.MatchString(l):
			words = append(words, l)
		}
	}
	return ""
}

func splitLines(s string) []string {
	s = strings.TrimRight(strings.ReplaceAll(s, "\r\n", "\n"), "\n") // ssh ends lines so
	if s == "" {
		return nil
	}
	return strings.Split(s, "\n")
}
