package tunnel

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// A link is one connection of ssh, with a shell at its other end that answers
// questions.
type link struct {
	// control is the socket by which ssh is told to forward, shared is the same where
	// the connection is not this link's own.
	control, shared string
	ssh             *exec.Cmd
	input           io.WriteCloser
	output          *os.File
	answers         *bufio.Reader
	mark            string        // begins each line that is an answer
	host            string        // the name that the other end has for itself
	said            tail          // what ssh prints
	err             error         // how it ended
	done            chan struct{} // closes when it has, after err is set
	dir             *folder
	forwards        string // the shell command that takes back what was asked of a shared connection
}

// words are given to every call of ssh. The server's silence is noticed within half a
// minute, and nothing of what the user's configuration may ask for is done but
// to connect.
var words = []string{
	"-T", "-x", "-a",
	"-o", "ConnectTimeout=20", "-o", "ServerAliveInterval=10", "-o", "ServerAliveCountMax=3",
	"-o", "ClearAllForwardings=yes", "-o", "RemoteCommand=none", "-o", "PermitLocalCommand=no", "-o", "LogLevel=INFO",
}

// masterWords are for a connection of its own, through which others go.
var masterWords = []string{
	"-M", "-o", "ControlPersist=no", "-o", "StreamLocalBindUnlink=yes", "-o", "StreamLocalBindMask=0177",
}

// quietly starts a program that takes no signal of a terminal. Those are meant for
// the user's program, which may go on, and so should its connection.
const quietly = `trap '' HUP INT QUIT; exec "$0" "$@"`

// dial connects. The link is not nil once there is something to close.
func dial(ctx context.Context, cfg *Config, dir *folder, batch bool) (*link, error) {
	l := &link{dir: dir, done: make(chan struct{}), shared: shared(ctx, cfg)}
	args := slices.Concat(cfg.Command, words)
	if l.control = l.shared; l.shared == "" {
		l.control = dir.file("ssh")
		os.Remove(l.control) // which an ssh that was killed has left
		args = append(slices.Concat(args, masterWords), "-S", l.control)
	}
	if batch {
		args = append(args, "-o", "BatchMode=yes")
	}
	args = append(args, "--", cfg.Destination, "exec /bin/sh")
	if _, err := exec.LookPath(args[0]); err != nil {
		return nil, fmt.Errorf("%s is not there: install it (Debian: openssh-client): %w", args[0], err)
	}
	l.ssh = exec.Command("/bin/sh", append([]string{"-c", quietly}, args...)...)
	l.ssh.Stderr = &l.said
	l.ssh.Env = append(l.ssh.Environ(), "LC_ALL=C")
	l.ssh.WaitDelay = time.Second // a command of its own (ProxyCommand) may hold what it prints to
	if err := l.start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", args[0], err)
	}
	err := l.guard()
	if err == nil {
		err = l.greet(ctx, cfg)
	}
	return l, err
}

func (l *link) start() (err error) {
	var printed *os.File
	if l.output, printed, err = os.Pipe(); err != nil {
		return err
	}
	defer printed.Close()
	l.ssh.Stdout = printed
	if l.input, err = l.ssh.StdinPipe(); err == nil {
		err = l.ssh.Start()
	}
	if err != nil {
		l.output.Close()
		return err
	}
	l.answers = bufio.NewReader(l.output)
	go func() {
		l.err = l.ssh.Wait()
		close(l.done)
	}()
	return nil
}

// shared is the control socket of a connection that the user keeps open to the
// destination, "" if there is none.
func shared(ctx context.Context, cfg *Config) string {
	bounded, cancel := context.WithTimeout(ctx, controlLimit)
	defer cancel()
	run := func(words ...string) (string, error) {
		args := slices.Concat(cfg.Command, words, []string{"--", cfg.Destination})
		out, err := exec.CommandContext(bounded, args[0], args[1:]...).Output()
		return string(out), err
	}
	settings, err := run("-G")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(settings) {
		path, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "controlpath ")
		if !ok || path == "none" {
			continue
		}
		if _, err := run("-O", "check"); err == nil {
			return path
		}
	}
	return ""
}

// guard names what is to end with this process.
func (l *link) guard() error {
	line := fmt.Sprintf("kill %d", l.ssh.Process.Pid)
	if l.forwards != "" {
		line = l.forwards + "\n" + line
	}
	return l.dir.atEnd(line)
}

func (l *link) ended() bool {
	select {
	case <-l.done:
		return true
	default:
		return false
	}
}

// close ends the connection.
func (l *link) close() {
	if l.forwards != "" {
		ctx, cancel := context.WithTimeout(context.Background(), controlLimit)
		exec.CommandContext(ctx, "/bin/sh", "-c", l.forwards).Run() // or the user's ssh has ended
		cancel()
	}
	l.input.Close()
	l.ssh.Process.Signal(syscall.SIGTERM)
	select {
	case <-l.done:
	case <-time.After(controlLimit):
		l.ssh.Process.Kill()
		<-l.done
	}
	l.output.Close()
	l.dir.atEnd("")
}

// controlLimit bounds what needs no network, or should not.
const controlLimit = 10 * time.Second

// A tail keeps the end of what is written to it.
type tail struct {
	mu   sync.Mutex
	text []byte
}

// maxTail is how much of it.
const maxTail = 8 << 10

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.text = append(t.text, b...); len(t.text) > maxTail {
		t.text = bytes.Clone(t.text[len(t.text)-maxTail:])
	}
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(string(t.text))
}
