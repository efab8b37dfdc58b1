package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"muster/cluster"
)

// A report is one line of JSON from the ipcluster in the background to the one
// that the user looks at.
type report struct {
	Progress *cluster.Progress `json:"progress,omitempty"` // how far the start is
	Up       string            `json:"up,omitempty"`       // the cluster is up: its summary
	Log      string            `json:"log,omitempty"`      // a line that was logged
	Error    string            `json:"error,omitempty"`    // why it will not be up, or has ended
}

const (
	// daemonVar tells a process that it is the one in the background, and that
	// descriptor 3 is the socket between it and the one that has started it.
	daemonVar = "MUSTER_DAEMON"
	// leave is what the other end says, on a line, when the cluster is to go on without
	// it. When it ends and has not, the cluster ends as well.
	leave = "leave\n"
)

// A daemon is an ipcluster in the background, on which no terminal and no shell has
// a hold, as the process that has started it sees it.
type daemon struct {
	process *exec.Cmd
	socket  net.Conn
	log     string // the file that takes what it prints
}

// startDaemon starts the same command again in the background.
func startDaemon(config cluster.Config, args []string) (*daemon, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("background: %w", err)
	}
	if err := config.Profile.Create(); err != nil {
		return nil, err
	}
	// Before the log of a cluster that runs is begun anew.
	if r, err := cluster.Find(config.Profile, config.ID); err == nil {
		if err := r.Taken(); err != nil {
			return nil, err
		}
	}
	name := "ipcluster.log"
	if config.ID != "" {
		name = "ipcluster-" + filepath.Base(config.ID) + ".log"
	}
	d := &daemon{log: filepath.Join(config.Profile.LogDir(), name)}
	log, err := os.OpenFile(d.log, os.O_CREATE|os.O_TRUNC|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("background: log: %w", err)
	}
	defer log.Close()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		return nil, fmt.Errorf("background: socket: %w", err)
	}
	unix.CloseOnExec(pair[0])
	unix.CloseOnExec(pair[1])
	theirs := os.NewFile(uintptr(pair[1]), "reports")
	defer theirs.Close()
	if d.socket, err = connOf(pair[0]); err != nil {
		return nil, err
	}
	// The last word on a flag counts.
	args = slices.Insert(slices.Clone(args), flagsEnd(args), "--daemonize=false")
	d.process = exec.Command(self, append([]string{"start"}, args...)...)
	d.process.Stdout, d.process.Stderr = log, log
	d.process.ExtraFiles = []*os.File{theirs}
	d.process.Env = append(os.Environ(), daemonVar+"=3")
	d.process.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := d.process.Start(); err != nil {
		d.socket.Close()
		return nil, fmt.Errorf("background: %w", err)
	}
	return d, nil
}

// connOf makes a connection of a descriptor, which it closes.
func connOf(fd int) (net.Conn, error) {
	f := os.NewFile(uintptr(fd), "socket")
	defer f.Close()
	conn, err := net.FileConn(f)
	if err != nil {
		return nil, fmt.Errorf("background: socket: %w", err)
	}
	return conn, nil
}

// flagsEnd is the index of the "--" that ends the flags, or of the end.
func flagsEnd(args []string) int {
	if i := slices.Index(args, "--"); i >= 0 {
		return i
	}
	return len(args)
}

// reports returns what the daemon reports; the channel closes when that ends.
func (d *daemon) reports() <-chan report {
	c := make(chan report)
	go func() {
		defer close(c)
		lines := bufio.NewScanner(d.socket)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			var r report
			if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
				r = report{Error: fmt.Sprintf("background: report %q: %v", lines.Text(), err)}
			}
			c <- r
		}
	}()
	return c
}

// leave has the daemon go on alone.
func (d *daemon) leave() error {
	if _, err := io.WriteString(d.socket, leave); err != nil {
		return fmt.Errorf("background: %w, see %s", err, d.log)
	}
	return d.process.Process.Release()
}

// A reporter is the way back from a process in the background. Nothing that the
// other end does holds up the cluster: what that does not read in time is lost to it.
type reporter struct {
	socket net.Conn
	queue  chan report
	done   chan struct{} // closed when the queue was sent, or cannot be
	gone   chan struct{} // closed when the other end is gone, and has not said that it leaves
}

// inBackground returns nil in a process that startDaemon has not started.
func inBackground() (*reporter, error) {
	if os.Getenv(daemonVar) == "" {
		return nil, nil
	}
	os.Unsetenv(daemonVar) // not for our children
	socket, err := connOf(3)
	if err != nil {
		return nil, err
	}
	r := &reporter{socket, make(chan report, 256), make(chan struct{}), make(chan struct{})}
	go r.write()
	go func() {
		if said, _ := bufio.NewReader(socket).ReadString('\n'); said != leave {
			close(r.gone)
		}
	}()
	return r, nil
}

// write sends what is in the queue.
func (r *reporter) write() {
	defer close(r.done)
	defer r.socket.Close()
	to := json.NewEncoder(r.socket)
	for m := range r.queue {
		if to.Encode(m) != nil { // nobody reads any more
			for range r.queue {
			}
		}
	}
}

func (r *reporter) send(m report) {
	select {
	case r.queue <- m:
	default:
	}
}

// lastWord is how long a process that is about to end waits for its last report to
// be read.
const lastWord = 2 * time.Second

// supervise is supervise in the background.
func (r *reporter) supervise(config cluster.Config, level slog.Level) error {
	config.Log = newLog(io.MultiWriter(os.Stderr, logReporter{r}), level)
	config.Progress = func(p cluster.Progress) { r.send(report{Progress: &p}) }
	err := supervise(config, r.gone, func(c *cluster.Cluster) { r.send(report{Up: summary(c)}) })
	if err != nil {
		r.send(report{Error: err.Error()})
	}
	r.socket.SetWriteDeadline(time.Now().Add(lastWord))
	close(r.queue)
	<-r.done
	return err
}

// A logReporter reports what is logged.
type logReporter struct{ to *reporter }

func (l logReporter) Write(line []byte) (int, error) {
	l.to.send(report{Log: string(line)})
	return len(line), nil
}

var errGone = errors.New("the ipcluster that showed it was killed")
