package clustertest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"muster/wire"
)

// These environment variables make the programs misbehave.
const (
	ControllerFails = "CLUSTERTEST_CONTROLLER_FAILS" // the controller says the value and ends badly
	ControllerMute  = "CLUSTERTEST_CONTROLLER_MUTE"  // the controller writes no files
	EngineFails     = "CLUSTERTEST_ENGINE_FAILS"     // engines say the value and end badly
)

// Main is called first in TestMain. In a process that was started under the
// name of a program of the cluster it plays that one, and does not return.
func Main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	var err error
	name := filepath.Base(os.Args[0])
	switch name {
	case "ipcontroller":
		err = controller(ctx)
	case "ipengine":
		err = engine(ctx)
	default:
		return
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "starting\n%s: %v\n", name, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func flagValue(name string) string {
	for _, a := range os.Args[1:] {
		if v, ok := strings.CutPrefix(a, "--"+name+"="); ok {
			return v
		}
	}
	return ""
}

// controller writes connection files of a port it listens on, and removes them
// at the end.
func controller(ctx context.Context) error {
	if why := os.Getenv(ControllerFails); why != "" {
		return errors.New(why)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer l.Close()
	port := l.Addr().(*net.TCPAddr).Port
	e := wire.Endpoint{Interface: "tcp://127.0.0.1", Registration: port, Control: port, Mux: port, Task: port, IOPub: port,
		Location: "localhost", Pack: "json", Unpack: "json", SignatureScheme: wire.SignatureScheme}
	p, id := wire.Profile{Dir: flagValue("profile-dir")}, flagValue("cluster-id")
	if os.Getenv(ControllerMute) == "" {
		err = errors.Join(
			wire.WriteConnection(p.ClientFile(id), wire.ClientConnection{Endpoint: e, Notification: port, Broadcast: port}),
			wire.WriteConnection(p.EngineFile(id), wire.EngineConnection{Endpoint: e, Broadcast: []int{port}, HBPing: port, HBPong: port}))
		if err != nil {
			return err
		}
	}
	<-ctx.Done()
	return errors.Join(os.RemoveAll(p.ClientFile(id)), os.RemoveAll(p.EngineFile(id)))
}

// engine leaves a file named for its process while it runs.
func engine(ctx context.Context) error {
	if why := os.Getenv(EngineFails); why != "" {
		return errors.New(why)
	}
	seen := filepath.Join(flagValue("profile-dir"), "startup", strconv.Itoa(os.Getpid()))
	if err := os.WriteFile(seen, nil, 0o600); err != nil {
		return err
	}
	<-ctx.Done()
	return os.Remove(seen)
}

// Registered counts engines by the files they leave: it is a cluster.Config's
// Registered.
func Registered(ctx context.Context, clientFile string, n int, have func(int)) error {
	for {
		seen, err := filepath.Glob(filepath.Join(filepath.Dir(filepath.Dir(clientFile)), "startup", "*"))
		if err != nil {
			return err
		}
		have(len(seen))
		if len(seen) >= n {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// Profile puts ipcontroller and ipengine, played by this test binary, first in
// PATH, and returns a directory for the profile "test". A process that is left of it at the
// end of the test fails the test, and is killed.
func Profile(t *testing.T) wire.Profile {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, name := range []string{"ipcontroller", "ipengine"} {
		if err := os.Symlink(self, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	t.Setenv("GORACE", "atexit_sleep_ms=0") // a second for each process, under the race detector
	p := wire.Profile{Dir: filepath.Join(dir, "profile_test")}
	t.Cleanup(func() {
		for pid, line := range Processes(t, p) {
			t.Errorf("left running: %d %s", pid, line)
			syscall.Kill(pid, syscall.SIGKILL)
		}
	})
	return p
}

// Processes returns the command lines of all processes that name the profile's
// directory, by number.
func Processes(t *testing.T, p wire.Profile) map[int]string {
	t.Helper()
	out, err := exec.Command("ps", "-eww", "-o", "pid=,args=").Output()
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[int]string)
	for line := range strings.Lines(string(out)) {
		pid, args, _ := strings.Cut(strings.TrimSpace(line), " ")
		n, err := strconv.Atoi(pid)
		if err == nil && strings.Contains(args, p.Dir) {
			found[n] = args
		}
	}
	return found
}

// NothingLeft checks that no process of the profile runs, and that its folders
// for connection files and records are empty.
func NothingLeft(t *testing.T, p wire.Profile) {
	t.Helper()
	for pid, line := range Processes(t, p) {
		t.Errorf("left running: %d %s", pid, line)
	}
	for _, dir := range []string{"security", "pid"} {
		entries, err := os.ReadDir(filepath.Join(p.Dir, dir))
		if err != nil {
			t.Error(err)
		}
		for _, e := range entries {
			t.Errorf("left behind: %s/%s", dir, e.Name())
		}
	}
}
