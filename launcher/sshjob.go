package launcher

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// sshJob is the job of [SSH]: a connection to each host, which tells by lines in
// its log how the copies are.
type sshJob struct {
	*lifecycle
	runner   Runner
	handle   Handle
	logs     []string
	watchers sync.WaitGroup

	mu      sync.Mutex
	missing int           // copies that have not been started
	ready   chan struct{} // closed when there is none of these
	lost    chan error    // has room for the error of each connection
	pids    map[string][]int
	gone    map[string]bool // hosts to which there is no connection any more
}

func newSSHJob(n int, h Handle, r Runner) *sshJob {
	return &sshJob{
		lifecycle: newLifecycle(n), runner: r, handle: h, missing: n,
		ready: make(chan struct{}), lost: make(chan error, len(h.Remote.Hosts)), pids: make(map[string][]int), gone: make(map[string]bool),
	}
}

// start connects to a host, and watches the connection.
func (j *sshJob) start(h sshHost, c Command) error {
	p, err := j.runner.Start(c)
	if err != nil {
		return err
	}
	j.handle.Processes = append(j.handle.Processes, p.Process())
	j.logs = append(j.logs, c.Log)
	j.watchers.Go(func() { j.watch(h, c, p) })
	return nil
}

// begun waits until all copies have been started.
func (j *sshJob) begun(ctx context.Context) error {
	j.advance(Running)
	go func() {
		j.watchers.Wait()
		j.advance(Ended)
	}()
	select {
	case <-j.ready:
		return nil
	case err := <-j.lost:
		return err
	case <-ctx.Done():
		return fmt.Errorf("launcher: ssh: no answer from all of %s: %w", strings.Join(j.handle.Remote.Hosts, ", "), context.Cause(ctx))
	}
}

// abandon ends what a start that failed has left.
func (j *sshJob) abandon(ctx context.Context) error {
	j.stop()
	j.mu.Lock()
	remote := *j.handle.Remote
	remote.Hosts = slices.DeleteFunc(slices.Clone(remote.Hosts), func(host string) bool { return j.gone[host] })
	j.mu.Unlock()
	h := j.handle
	h.Remote = &remote
	err := h.Stop(context.WithoutCancel(ctx), DefaultGrace)
	j.watchers.Wait()
	return err
}

// watch follows the connection to a host to its end.
func (j *sshJob) watch(h sshHost, c Command, p Program) {
	over := make(chan error, 1)
	go func() { over <- p.Wait() }()
	look := time.NewTicker(reportPeriod)
	defer look.Stop()
	news := &sshNews{log: c.Log, mark: j.handle.Mark}
	copies := make(map[int]End) // those that run
	var started int
	for {
		var err error
		var lost bool
		select {
		case <-look.C:
		case err = <-over:
			lost = true
		}
		for _, n := range news.read() {
			switch {
			case n.number < h.first || n.number >= h.first+h.count:
			case n.pid > 0:
				copies[n.number] = End{Copy: n.number, PID: n.pid, Host: n.host, Rank: Unknown}
				started++
				j.has(h.name, n.pid)
			default:
				e, runs := copies[n.number]
				if delete(copies, n.number); runs {
					j.ended(e, n.status, c.Log)
				}
			}
		}
		if !lost {
			continue
		}
		if err == nil && len(copies) > 0 {
			err = errors.New("the connection was closed")
		}
		for _, e := range copies {
			e.Cause = fmt.Sprintf("the connection to %s was lost", h.name)
			if err != nil {
				e.Cause += ": " + newExitError("ssh", err, c.Log).Cause()
			}
			j.fail(newExitError("ssh "+h.name, errors.New(e.Cause), c.Log))
			j.over(e)
		}
		j.mu.Lock()
		j.gone[h.name] = true
		j.mu.Unlock()
		if started < h.count {
			j.lost <- unreached(h.name, err, c)
		}
		return
	}
}

// has notes a copy that was started.
func (j *sshJob) has(host string, pid int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.pids[host] = append(j.pids[host], pid)
	if j.missing--; j.missing == 0 {
		close(j.ready)
	}
}

// ended notes the end of a copy, with a status as shells have it.
func (j *sshJob) ended(e End, status int, log string) {
	switch {
	case status > 128 && status < 192:
		e.Cause = killedBy(syscall.Signal(status - 128))
	case status != 0:
		e.Cause = fmt.Sprintf("exit status %d", status)
	}
	if e.Cause != "" {
		failure := newExitError(fmt.Sprintf("copy %d on %s", e.Copy, e.Host), errors.New(e.Cause), log)
		e.Cause = failure.Cause()
		j.fail(failure)
	}
	j.over(e)
}

// unreached is the error of a host on which not all copies could be started.
func unreached(host string, err error, c Command) error {
	if err == nil {
		err = errors.New("exit status 0")
	}
	failure := newExitError("ssh "+host, err, c.Log)
	if ws, ok := waitStatus(err); ok && ws.ExitStatus() == 255 { // which is ssh's own
		return fmt.Errorf("launcher: %w\n%s has to work without a question: add keys to an agent, and hosts to known_hosts",
			failure, strings.Join(c.Args[:len(c.Args)-1], " ")+" true")
	}
	return fmt.Errorf("launcher: %w", failure)
}

func (j *sshJob) Handle() Handle { return j.handle }

func (j *sshJob) Output() string {
	var b strings.Builder
	for _, l := range j.logs {
		if len(j.logs) > 1 {
			b.WriteString("==> " + l + " <==\n")
		}
		for line := range strings.Lines(tail(l)) {
			if !sshLine.MatchString(line) {
				b.WriteString(line)
			}
		}
	}
	return b.String()
}

// Signal implements [Job].
func (j *sshJob) Signal(sig syscall.Signal) error {
	name, ok := signalNames[sig]
	if !ok {
		return fmt.Errorf("launcher: signal %d is not sent by ssh: only the well-known ones are", int(sig))
	}
	j.mu.Lock()
	scripts := make(map[string]string)
	for host, pids := range j.pids {
		var list []string
		for _, pid := range pids {
			list = append(list, strconv.Itoa(pid))
		}
		scripts[host] = fmt.Sprintf("for p in %s; do case \" $(ours) \" in *\" $p \"*) kill -s %s $p ;; esac; done\n", strings.Join(list, " "), name)
	}
	j.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), submitLimit)
	defer cancel()
	return j.handle.each(ctx, j.runner, func(host string) string { return scripts[host] })
}

// Stop implements [Job].
func (j *sshJob) Stop(ctx context.Context) error {
	j.stop()
	if j.State() == Ended {
		return nil
	}
	if err := j.handle.Stop(ctx, DefaultGrace); err != nil {
		return err
	}
	<-j.Wait(Ended)
	return nil
}

// sshOurs is the shell function that finds the processes that carry the mark: by
// their environment, which Linux shows. It finds none elsewhere.
const sshOurs = `ours() { echo $(grep -slzxF 'MUSTER_JOB=MARK' /proc/[0-9]*/environ | sed 's,^/proc/,,; s,/environ$,,'); }
`

// sshStop ends these: all are asked to, and killed when GRACE tenths of a second
// are over.
const sshStop = `for sig in TERM KILL; do
	kill -s $sig $(ours) 2>/dev/null
	tries=GRACE
	while left=$(ours); [ -n "$left" ] && [ $tries -gt 0 ]; do tries=$((tries - 1)); sleep 0.1; done
	[ -n "$left" ] || exit 0
done
echo "processes $left survive SIGKILL"
exit 1
`

// each has every host run a script that may use ours, all at the same time.
func (h Handle) each(ctx context.Context, r Runner, script func(host string) string) error {
	var all sync.WaitGroup
	errs := make([]error, len(h.Remote.Hosts))
	for i, host := range h.Remote.Hosts {
		all.Go(func() {
			text := strings.ReplaceAll(sshOurs+script(host), "MARK", h.Mark)
			if out, err := r.Output(ctx, h.Remote.on(host, text)); err != nil {
				errs[i] = fmt.Errorf("launcher: %w", newRefusal("ssh "+host, out, err))
			}
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

// stopRemote ends the copies on all hosts, and then the connections to these.
func (h Handle) stopRemote(ctx context.Context, grace time.Duration) error {
	if h.Mark == "" || !remoteMark.MatchString(h.Mark) || slices.ContainsFunc(h.Remote.Hosts, func(host string) bool { return !sshHostForm.MatchString(host) }) {
		return fmt.Errorf("launcher: stop: hosts %q, mark %q: these are not of a job that was started by ssh", h.Remote.Hosts, h.Mark)
	}
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*grace+submitLimit)
	defer cancel()
	if ctx.Err() != nil {
		grace = 0
	}
	script := strings.ReplaceAll(sshStop, "GRACE", strconv.Itoa(max(1, int(grace/(100*time.Millisecond)))))
	err := h.each(limited, OS{}, func(string) string { return script })
	limited, cancel = context.WithTimeout(context.WithoutCancel(ctx), lastWords)
	defer cancel()
	until(limited, func() bool { return err != nil || len(h.Alive()) == 0 })
	return errors.Join(err, Handle{Processes: h.Processes}.Stop(ctx, grace))
}

// lastWords is how long the connections may take to end after the copies.
const lastWords = 2 * time.Second

var remoteMark = regexp.MustCompile(`^[0-9a-f]+$`)

// sshNews reads what a host says of copies among what these print.
type sshNews struct {
	log, mark string
	offset    int64
}

// sshSaid is one such line: a start, with a pid, or an end, with a status.
type sshSaid struct {
	number, pid, status int
	host                string
}

// sshLine is how a copy's start and its end are told.
var sshLine = regexp.MustCompile(`muster-([0-9a-f]+) copy (\d+) (?:on (\S+) has pid (\d+)|ended (\d+))\s*$`)

// read returns what has come in whole lines since the last time.
func (s *sshNews) read() (news []sshSaid) {
	f, err := os.Open(s.log)
	if err != nil {
		return nil
	}
	defer f.Close()
	b, err := io.ReadAll(io.NewSectionReader(f, s.offset, 1<<20))
	if err != nil {
		return nil
	}
	whole := bytes.LastIndexByte(b, '\n') + 1
	if whole == 0 && len(b) == 1<<20 { // a line without an end
		whole = len(b)
	}
	s.offset += int64(whole)
	for line := range strings.Lines(string(b[:whole])) {
		m := sshLine.FindStringSubmatch(line)
		if m == nil || m[1] != s.mark {
			continue
		}
		number, err1 := strconv.Atoi(m[2])
		pid, err2 := strconv.Atoi("0" + m[4])
		status, err3 := strconv.Atoi("0" + m[5])
		if errors.Join(err1, err2, err3) == nil {
			news = append(news, sshSaid{number, pid, status, m[3]})
		}
	}
	return news
}
