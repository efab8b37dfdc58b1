package main

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"muster/wire"
)

// The test binary is ipcontroller when it is told so.
func TestMain(m *testing.M) {
	if os.Getenv("TEST_RUN_MAIN") == "1" {
		main()
		os.Exit(0)
	}
	// Under nohup, children would ignore SIGHUP as this process does, unless it has a use for it.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	os.Exit(m.Run())
}

func command(t *testing.T, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Env = append(os.Environ(), "TEST_RUN_MAIN=1")
	return cmd
}

// Signals end it with status 0, and the connection files go.
func TestSignals(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		profile := wire.Profile{Dir: filepath.Join(t.TempDir(), "profile_x")}
		cmd := command(t, "--profile-dir", profile.Dir)
		stderr, err := cmd.StderrPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		line, err := bufio.NewReader(stderr).ReadString('\n')
		if err != nil || !strings.Contains(line, "controller runs") {
			t.Fatalf("%q, %v", line, err)
		}
		if _, err := wire.ReadClientConnection(profile.ClientFile("")); err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		if err := cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("%v: %v", sig, err)
		}
		t.Logf("%v: ended after %v", sig, time.Since(begin))
		if left, _ := filepath.Glob(filepath.Join(profile.Dir, "security", "*")); len(left) > 0 {
			t.Errorf("%v: left %q", sig, left)
		}
	}
}

// An error is one line, and status 1; help and version are no errors.
func TestExit(t *testing.T) {
	for _, c := range []struct {
		args   string
		status int
		want   string
	}{
		{"--help", 0, "Ipcontroller is the gateway"},
		{"--help-all", 0, "--reuse"},
		{"--version", 0, "ipcontroller"},
		{"--ip=192.0.2.1", 1, "ipcontroller: controller: registration channel: zmq: listen on tcp://192.0.2.1:0"},
		{"--sqlitedb --db-file=/dev/null", 1, "ipcontroller: controller: store: open the database /dev/null: it is no regular file"},
		{"--sqlitedb --db-file=main_test.go", 1, "main_test.go: file is not a database: move it away, or choose another file (--db-file)\n"},
		{"--nonsense", 1, "ipcontroller: unknown flag: --nonsense"},
	} {
		cmd := command(t, append(strings.Fields(c.args), "--profile-dir", t.TempDir())...)
		out, _ := cmd.CombinedOutput()
		if cmd.ProcessState.ExitCode() != c.status || !bytes.Contains(out, []byte(c.want)) {
			t.Errorf("%s: status %d\n%s", c.args, cmd.ProcessState.ExitCode(), out)
		}
		if c.status == 1 && bytes.Count(out, []byte("\n")) != 1 {
			t.Errorf("%s: more than a line:\n%s", c.args, out)
		}
	}
}

// Settings in IPython parallel's JSON are honoured below the command line; a
// file in Python is noticed.
func TestPythonConfig(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("IPYTHONDIR", dir)
	write("ipcontroller_config.json", `{"version": 1, "IPController": {"ip": "0.0.0.0", "reuse_files": true}, "HeartMonitor": {"period": 200}, "Hub": {"x": 1}}`)
	write("ipcontroller_config.py", "# c.IPController.ip = ''\n")
	o, warnings, err := load([]string{"--profile-dir", dir, "--ip", "10.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	if c := o.controller; c.IP != "10.0.0.1" || !c.Reuse || c.HeartPeriod != 200*time.Millisecond {
		t.Errorf("%+v", c)
	}
	if len(warnings) != 1 || !strings.Contains(warnings[0], "--Hub.x changes nothing") {
		t.Errorf("%q", warnings)
	}
	write("ipcontroller_config.py", "c = get_config()\nc.IPController.ip = ''\n")
	if _, warnings, _ = load([]string{"--profile-dir", dir}); len(warnings) != 2 || !strings.Contains(warnings[0], "is Python and is not read") {
		t.Errorf("%q", warnings)
	}
	write("ipcontroller_config.json", "{")
	if _, _, err = load([]string{"--profile-dir", dir}); err == nil || !strings.Contains(err.Error(), "ipcontroller_config.json") {
		t.Error(err)
	}
}
