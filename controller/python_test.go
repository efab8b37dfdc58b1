package controller_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"muster/controller"
	"muster/wire"
)

// python is where Debian has the peers (package python3-ipyparallel).
const python = "/usr/bin/python3"

// needPython skips the test where there are no Python peers and no Debian to
// get them from, and says so.
func needPython(t *testing.T) {
	t.Helper()
	if err := exec.Command(python, "-c", "import ipyparallel").Run(); err != nil {
		if _, debian := os.Stat("/etc/debian_version"); debian == nil {
			t.Fatalf("the Python peers are missing: apt-get install python3-ipyparallel: %v", err)
		}
		t.Skip("NOT RUN: there is no python3 with ipyparallel, the controller was not tried with Python peers")
	}
}

// Unmodified Python engines and clients work through our controller, until a
// client shuts it down, where it listens on several addresses too.
func TestPythonPeers(t *testing.T) {
	needPython(t)
	t.Run("signed", func(t *testing.T) { pythonPeers(t, controller.Config{EngineIP: "*"}) })
	t.Run("curve", func(t *testing.T) { pythonPeers(t, controller.Config{Curve: true}) })
	t.Run("sqlite", func(t *testing.T) {
		pythonPeers(t, controller.Config{DB: controller.SQLite, IP: "127.0.0.2,127.0.0.3"})
	})
}

func pythonPeers(t *testing.T, cfg controller.Config) {
	profile := wire.Profile{Dir: filepath.Join(t.TempDir(), "profile_test")}
	cfg.Profile, cfg.Log = profile, testLog(t)
	c, err := controller.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	cmd := exec.CommandContext(ctx, python, "testdata/peers.py", profile.Dir)
	cmd.Env = append(os.Environ(), "IPYTHONDIR="+filepath.Dir(profile.Dir))
	// The script's engines end with its group, should the script not end itself.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Fatal(err)
	}
	// What the client prints when a request is answered twice.
	if strings.Contains(string(out), "stale result") || strings.Contains(string(out), "unknown result") {
		t.Error("a request was answered twice")
	}
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if left, _ := filepath.Glob(filepath.Join(profile.Dir, "security", "*.json")); len(left) > 0 {
		t.Errorf("connection files are left: %q", left)
	}
}
