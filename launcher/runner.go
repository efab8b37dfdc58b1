package launcher

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// A Command is one program to run.
type Command struct {
	Args []string // the program, looked up on PATH unless it has a slash, and its arguments
	Env  []string // "NAME=value", added to the environment of the launcher itself
	// Send names more of the environment, and files that hold the values at the time of
	// the start. No command line has them, which other users see, and no Script that is shown.
	Send map[string]string
	Dir  string // working directory; "" is that of the launcher
	// Log is the file that takes standard output and standard error, made
	// anew with mode 0600. A '*' in it stands for the number of the copy,
	// or for "mpi" where all copies share one file. "" discards the output.
	Log string
	// Numbers are those of the copies, for Log and for an argument that tells a
	// copy its own; nil is 0, 1 and so on. Launchers whose copies are one job do
	// not use them.
	Numbers []int
	// Input is what the program reads from its standard input. Output ends the input
	// after that; Start leaves it open until this process ends, however it ends, which
	// a program that goes on reading can tell.
	Input string
	// Mark is the mark of the job, for those who must know it before the start;
	// "" lets the launcher make one.
	Mark string
	// After is a job of the batch system: the one to be submitted does not start before
	// that has ended, however it ends, and takes its place. The zero value is none.
	After Handle
}

// number is that of a copy, as a word.
func (c Command) number(copy int) string {
	if c.Numbers != nil {
		copy = c.Numbers[copy]
	}
	return strconv.Itoa(copy)
}

// A Runner runs commands: the one seam between launchers and the operating
// system. Tests put a recorder in its place.
type Runner interface {
	// Start starts a program and lets it run.
	Start(Command) (Program, error)
	// Output runs a program to its end and returns what it printed on both
	// outputs, also when it failed.
	Output(context.Context, Command) (string, error)
}

// A Program is one running program.
type Program interface {
	// Process tells which process runs it.
	Process() Process
	// Wait returns when the program has ended, with nil if it did well. It is
	// called once.
	Wait() error
}

// OS is the Runner that really runs commands. Each program leads its own
// process group, reads nothing but its Input, and on Linux gets SIGTERM when this process dies.
type OS struct{}

// Start implements [Runner].
func (OS) Start(c Command) (Program, error) {
	cmd, err := c.prepare()
	if err != nil {
		return nil, err
	}
	if c.Log != "" {
		out, err := os.OpenFile(c.Log, os.O_CREATE|os.O_TRUNC|os.O_WRONLY|os.O_APPEND, 0o600)
		if err != nil {
			return nil, fmt.Errorf("launcher: start %s: log: %w", c.Args[0], err)
		}
		defer out.Close()
		if err := out.Chmod(0o600); err != nil {
			return nil, fmt.Errorf("launcher: start %s: log: %w", c.Args[0], err)
		}
		cmd.Stdout, cmd.Stderr = out, out
	}
	cmd.SysProcAttr = childAttr()
	input, err := c.feed(cmd)
	if err != nil {
		return nil, err
	}
	if err := fork(cmd); err != nil {
		input.close()
		return nil, fmt.Errorf("launcher: start %s: %w", c.Args[0], err)
	}
	input.write()
	self, err := Identify(cmd.Process.Pid)
	if err != nil { // it ended already; there is nobody left to confuse it with
		self = Process{PID: cmd.Process.Pid}
	}
	counter := killCounter(self.PID)
	beginCount(counter)
	return &program{cmd, self, counter, input}, nil
}

// input is what a program reads, and the end of the pipe that is kept open.
type input struct {
	text       string
	read, keep *os.File
}

// feed gives a program that is to be started the Input; nil is none.
func (c Command) feed(cmd *exec.Cmd) (*input, error) {
	if c.Input == "" {
		return nil, nil
	}
	read, keep, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("launcher: start %s: input: %w", c.Args[0], err)
	}
	cmd.Stdin = read
	return &input{c.Input, read, keep}, nil
}

// write writes the text, as fast as the program reads it.
func (in *input) write() {
	if in == nil {
		return
	}
	in.read.Close()
	go in.keep.WriteString(in.text) // ends with the program at the latest
}

func (in *input) close() {
	if in != nil {
		in.read.Close()
		in.keep.Close()
	}
}

// Output implements [Runner].
func (OS) Output(ctx context.Context, c Command) (string, error) {
	cmd, err := c.prepare()
	if err != nil {
		return "", err
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if c.Input != "" {
		cmd.Stdin = strings.NewReader(c.Input)
	}
	cmd.SysProcAttr = childAttr()
	if err := fork(cmd); err != nil {
		return "", fmt.Errorf("launcher: run %s: %w", c.Args[0], err)
	}
	stop := context.AfterFunc(ctx, func() { syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
	err = cmd.Wait()
	if !stop() {
		err = ctx.Err()
	}
	if err != nil {
		return out.String(), fmt.Errorf("launcher: run %s: %w", strings.Join(c.Args, " "), err)
	}
	return out.String(), nil
}

func (c Command) prepare() (*exec.Cmd, error) {
	path, err := exec.LookPath(c.Args[0])
	if errors.Is(err, exec.ErrNotFound) {
		return nil, fmt.Errorf("launcher: start %s: not found in PATH: %w", c.Args[0], err)
	}
	if err != nil {
		return nil, fmt.Errorf("launcher: start %s: %w", c.Args[0], err)
	}
	sent, err := c.sent()
	if err != nil {
		return nil, fmt.Errorf("launcher: start %s: %w", c.Args[0], err)
	}
	return &exec.Cmd{Path: path, Args: c.Args, Env: slices.Concat(os.Environ(), c.Env, sent), Dir: c.Dir}, nil
}

// sent reads what the program is sent: "NAME=value".
func (c Command) sent() (env []string, err error) {
	for _, name := range c.sends() {
		value, err := os.ReadFile(c.Send[name])
		if err != nil {
			return nil, fmt.Errorf("for the variable %s: %w", name, err)
		}
		env = append(env, name+"="+strings.TrimSpace(string(value)))
	}
	return env, nil
}

// sends are the names of what it is sent, in order.
func (c Command) sends() []string { return slices.Sorted(maps.Keys(c.Send)) }

type program struct {
	cmd     *exec.Cmd
	self    Process
	counter string // see killCounter
	input   *input
}

func (p *program) Process() Process { return p.self }

func (p *program) Wait() error {
	counter := lastCounter(p.self.PID, p.counter)
	defer p.input.close()
	if err := p.cmd.Wait(); err != nil {
		return &countedError{err, counter}
	}
	return nil
}

// fork starts cmd from a thread that lives as long as this process does: the
// signal that a child asks for at its parent's death is sent at the death of
// the thread that forked it (prctl(2), PR_SET_PDEATHSIG).
func fork(cmd *exec.Cmd) error {
	result := make(chan error)
	forks() <- func() { result <- cmd.Start() }
	return <-result
}

var forks = sync.OnceValue(func() chan<- func() {
	c := make(chan func())
	go func() {
		runtime.LockOSThread()
		for f := range c {
			f()
		}
	}()
	return c
})
