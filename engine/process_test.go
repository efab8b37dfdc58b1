package engine

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"muster/wire"
)

// A process is this test binary, run as an engine over ZeroMQ.
type process struct {
	*engineRun
	cmd *exec.Cmd
	log *lockedBuffer
}

type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// command starts the test binary as an engine with these arguments.
func command(t *testing.T, env []string, args ...string) (*exec.Cmd, *lockedBuffer) {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	log := new(lockedBuffer)
	cmd := exec.Command(program, append([]string{Argument}, args...)...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		if t.Failed() {
			t.Logf("engine process:\n%s", log)
		}
	})
	return cmd, log
}

func newProcess(t *testing.T, env ...string) *process {
	t.Helper()
	c := newController(t, realNetwork(t))
	p := &process{engineRun: &engineRun{c: c, id: 7}}
	p.cmd, p.log = command(t, env, "--file", c.file, "--timeout=60", "--log-level=10")
	c.accept(p.engineRun)
	return p
}

// ended waits for the end of the process and returns its exit status.
func (p *process) ended() int {
	p.c.tb.Helper()
	done := make(chan struct{})
	go func() { p.cmd.Wait(); close(done) }()
	select {
	case <-done:
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(limit):
		p.c.tb.Fatal("the process does not end")
		return -1
	}
}

// started waits until a request has printed something.
func (p *process) started(id wire.MsgID) {
	p.c.tb.Helper()
	p.c.find(func(ev event) bool {
		return ev.channel == "iopub" && ev.Header.MsgType == "stream" && ev.Parent.MsgID == id
	})
}

func TestProcess(t *testing.T) {
	p := newProcess(t)
	out, errs, _ := p.output(p.apply("test.Print", 2))
	if out != "line 0\nline 1\n" || errs != "done\n" {
		t.Errorf("printed %q and %q", out, errs)
	}
	id := p.request("shutdown_request", nil)
	p.reply(id)
	if status := p.ended(); status != 0 {
		t.Errorf("exit status %d", status)
	}
	if strings.Contains(p.log.String(), "line 0") {
		t.Errorf("output in the log: %s", p.log)
	}
}

// A heart beats while user code keeps the only processor busy.
func TestHeartbeatWhileBusy(t *testing.T) {
	p := newProcess(t, "GOMAXPROCS=1")
	for _, code := range []string{"fmt.Println(1)\nfor {}", "fmt.Println(1)\nx := 0\nfor { x++ }"} {
		id := p.execute(code)
		p.started(id)
		for n := range 5 {
			p.beats(fmt.Sprint(code, n))
		}
		p.interrupt()
		p.interrupted(id)
	}
	// A compiled function, too, that never yields.
	p.apply("test.Spin")
	for n := range 5 {
		p.beats(fmt.Sprint("spin", n))
	}
}

// beats checks that a ping is answered.
func (p *engineRun) beats(ping string) {
	p.c.tb.Helper()
	p.c.sockets["hb_ping"].Send([][]byte{[]byte(ping)})
	p.c.find(func(ev event) bool { return ev.channel == "hb_pong" && ev.topic == ping && ev.from == p.uuid })
}

// SIGINT interrupts what runs, and ends an engine that is idle; SIGTERM ends
// it in any case. Both are an orderly end.
func TestSignals(t *testing.T) {
	t.Run("SIGINT", func(t *testing.T) {
		p := newProcess(t)
		id := p.waiting()
		p.cmd.Process.Signal(syscall.SIGINT)
		p.interrupted(id)
		p.value(p.apply("test.Nop"))
		p.cmd.Process.Signal(syscall.SIGINT)
		if status := p.ended(); status != 0 {
			t.Errorf("exit status %d", status)
		}
	})
	t.Run("SIGTERM", func(t *testing.T) {
		p := newProcess(t)
		p.waiting()
		p.cmd.Process.Signal(syscall.SIGTERM)
		if ev := p.c.next("registration"); ev.Header.MsgType != wire.UnregistrationRequest {
			t.Errorf("%s in farewell", ev.Header.MsgType)
		}
		if status := p.ended(); status != 0 {
			t.Errorf("exit status %d", status)
		}
	})
	t.Run("SIGKILL by request", func(t *testing.T) {
		p := newProcess(t)
		p.reply(p.request("signal_request", map[string]any{"sig": "SIGKILL"}))
		if status := p.ended(); status != -1 {
			t.Errorf("exit status %d", status)
		}
	})
}

// A compiled os.Exit ends the process.
func TestExitCompiled(t *testing.T) {
	p := newProcess(t)
	p.apply("test.Exit")
	if status := p.ended(); status != 3 {
		t.Errorf("exit status %d, want 3", status)
	}
}

// A goroutine that a compiled function has started ends the process when it
// panics, as in any Go program; its last words are in the log.
func TestLastWords(t *testing.T) {
	p := newProcess(t)
	p.apply("test.Crash")
	if status := p.ended(); status != 2 {
		t.Errorf("exit status %d, want 2", status)
	}
	if !strings.Contains(p.log.String(), "panic: crash in a goroutine") {
		t.Errorf("log: %s", p.log)
	}
}

// Told to restart, an engine says goodbye and becomes a new one with the same
// id in the same process, as it was started, whatever it runs and whatever
// became of its working directory.
func TestRestart(t *testing.T) {
	dir := t.TempDir()
	c := newController(t, realNetwork(t))
	p := &process{engineRun: &engineRun{c: c, id: 7}}
	p.cmd, p.log = command(t, nil, "--file", c.file, "--timeout=60", "--log-level=10", "--work-dir", dir)
	c.accept(p.engineRun)
	for n := range 2 {
		p.reply(p.execute("a := 1; os.Chdir(`/`); os.Setenv(`MUSTER_LEFT`, `1`)"))
		p.apply("test.Spin")
		before := p.uuid
		ev, reply := p.reply(p.request("shutdown_request", map[string]any{"restart": true}))
		if reply.Status != wire.StatusOK || string(ev.Content) != `{"status":"ok","restart":true}` {
			t.Fatalf("reply %s", ev.Content)
		}
		if ev := c.next("registration"); ev.Header.MsgType != wire.UnregistrationRequest || ev.from != before {
			t.Fatalf("%s of %s in farewell", ev.Header.MsgType, ev.from)
		}
		ev = c.next("registration")
		var reg wire.Registration
		if err := json.Unmarshal(ev.Content, &reg); err != nil || reg.ID == nil || *reg.ID != 7 {
			t.Fatalf("registers anew with %s", ev.Content)
		}
		c.kept = append(c.kept, ev)
		c.accept(p.engineRun)
		if p.uuid == before {
			t.Error("the new engine has the old one's uuid")
		}
		if pid := p.value(p.apply("os.Getpid")); pid != p.cmd.Process.Pid {
			t.Errorf("pid %v, was %d", pid, p.cmd.Process.Pid)
		}
		if got := p.value(p.apply("func() any { d, _ := os.Getwd(); return d + os.Getenv(`MUSTER_LEFT`) }")); got != dir {
			t.Errorf("working directory, and what is left of the environment: %v, want %s", got, dir)
		}
		if _, c := p.reply(p.execute("a")); c.Ename != "CompileError" {
			t.Errorf("a is still there: %+v", c)
		}
		line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", p.cmd.Process.Pid))
		if err == nil && strings.Count(string(line), "--id=7\x00") != 1 {
			t.Errorf("restart %d: command line %q", n+1, line)
		}
	}
	p.reply(p.request("shutdown_request", map[string]any{"restart": false}))
	if status := p.ended(); status != 0 {
		t.Errorf("exit status %d", status)
	}
}

// An engine that cannot restart says so, and goes on.
func TestRestartRefused(t *testing.T) {
	for words, cfg := range map[string]Config{
		"shares its process": {}, "rank of an MPI job": {mpi: true, kill: func(syscall.Signal) error { return nil }},
	} {
		r := newEngine(t, cfg)
		r.failsWith(r.request("shutdown_request", map[string]any{"restart": true}), "OSError", words)
		r.value(r.apply("test.Nop"))
	}
}

// What goes wrong at the start is one line, and status 1; 2 for misuse.
func TestCommandErrors(t *testing.T) {
	dir := t.TempDir()
	bad := dir + "/bad.json"
	if err := os.WriteFile(bad, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args   []string
		env    string
		status int
		words  string
	}{
		{[]string{"--file", dir + "/none.json", "--wait=0.01"}, "", 1, "none.json: file does not exist"},
		{[]string{"--file=" + bad, "--wait=0.01"}, "", 1, "bad.json: not a connection file"},
		{[]string{"--profile-dir", dir, "--cluster-id", "x", "--wait=0.01"}, "", 1, "security/ipcontroller-x-engine.json: file does not exist"},
		{nil, "IPP_CONNECTION_INFO={", 1, "IPP_CONNECTION_INFO"},
		{[]string{"--fiel=x"}, "", 2, "unknown flag: --fiel"},
		{[]string{"strange"}, "", 2, `unexpected argument "strange"`},
		{[]string{"--timeout=-1", "--file=x"}, "", 1, "positive"},
		{[]string{"--log-level=loud", "--file=x"}, "", 1, `"loud" is none of`},
		{[]string{"--work-dir=" + dir + "/none", "--file=x"}, "", 1, "no such file or directory"},
		{[]string{"mpi", "dance"}, "", 1, "want build or info"},
		{[]string{"--help"}, "", 0, "mpirun -n 4 ipengine --mpi"},
		{[]string{"version"}, "", 0, "ipengine"},
	} {
		cmd, log := command(t, []string{"IPP_PROFILE_DIR=", "IPP_CLUSTER_ID=", c.env}, c.args...)
		cmd.Wait()
		if status := cmd.ProcessState.ExitCode(); status != c.status || !strings.Contains(log.String(), c.words) {
			t.Errorf("%v: status %d, %s", c.args, status, log)
		}
	}
}

// The arguments that launchers of ipyparallel 7 and 9 pass.
func TestFlags(t *testing.T) {
	t.Setenv("IPYTHONDIR", "/home/u/.ipython")
	t.Setenv("IPP_PROFILE_DIR", "")
	t.Setenv("IPP_CLUSTER_ID", "")
	t.Setenv("IPP_CONNECTION_INFO", "")
	for _, c := range []struct {
		args []string
		env  map[string]string
		want string // file, info, timeouts
	}{
		{nil, nil, "/home/u/.ipython/profile_default/security/ipcontroller-engine.json,,5s,10s"},
		{[]string{"--profile=mpi"}, nil, "/home/u/.ipython/profile_mpi/security/ipcontroller-engine.json,,5s,10s"},
		{[]string{"--profile-dir", "/p", "--cluster-id", ""}, nil, "/p/security/ipcontroller-engine.json,,5s,10s"},
		{[]string{"--profile-dir", "/p", "--cluster-id", "1637", "--log-level=20", "--mpi"}, nil, "/p/security/ipcontroller-1637-engine.json,,5s,10s"},
		{[]string{"--ipython-dir=/i", "--profile=x"}, nil, "/i/profile_x/security/ipcontroller-engine.json,,5s,10s"},
		{[]string{"--log-level=20"}, map[string]string{"IPP_PROFILE_DIR": "/p", "IPP_CLUSTER_ID": "c"}, "/p/security/ipcontroller-c-engine.json,,5s,10s"},
		{nil, map[string]string{"IPP_CONNECTION_INFO": "{}", "IPP_PROFILE_DIR": "/p"}, ",{},5s,10s"},
		{[]string{"--file=f"}, map[string]string{"IPP_CONNECTION_INFO": "{}"}, "f,,5s,10s"},
		{[]string{"--IPEngine.url_file=f", "--IPEngine.timeout=7", "--IPEngine.wait_for_url_file=2.5"}, nil, "f,,7s,2.5s"},
		{[]string{"--IPEngine.id=3", "--file=f"}, nil, "f,,5s,10s"},
		{[]string{"--ProfileDir.location=/p", "--BaseParallelApplication.cluster_id=c"}, nil, "/p/security/ipcontroller-c-engine.json,,5s,10s"},
	} {
		t.Run(strings.Join(c.args, " "), func(t *testing.T) {
			for k, v := range c.env {
				t.Setenv(k, v)
			}
			f := newFlags()
			unknown, err := f.parse(c.args)
			if err != nil || len(unknown) > 0 {
				t.Fatal(err, unknown)
			}
			cfg, err := f.config()
			if err != nil {
				t.Fatal(err)
			}
			got := fmt.Sprintf("%s,%s,%v,%v", cfg.ConnectionFile, cfg.ConnectionInfo, cfg.Timeout, cfg.FileTimeout)
			if got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
	unknown, err := newFlags().parse([]string{"--Kernel.banner=x", "--profile=y", "--clean-logs", "--ident=z"})
	if err != nil || len(unknown) != 3 {
		t.Errorf("unknown traits %v, %v", unknown, err)
	}
}
