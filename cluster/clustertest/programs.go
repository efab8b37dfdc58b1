package clustertest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"muster/configs"
	"muster/controller"
	"muster/engine"
	"muster/launcher/launchertest"
	"muster/wire"
)

// These environment variables make the programs misbehave.
const (
	ControllerFails = "CLUSTERTEST_CONTROLLER_FAILS" // the controller says the value and ends badly
	ControllerMute  = "CLUSTERTEST_CONTROLLER_MUTE"  // the controller says the value and does nothing else
	EngineFails     = "CLUSTERTEST_ENGINE_FAILS"     // engines say the value and end badly
	EngineMute      = "CLUSTERTEST_ENGINE_MUTE"      // engines say the value and do nothing else
	EngineHeld      = "CLUSTERTEST_ENGINE_HELD"      // one engine waits as long as the file of this name is there, which it makes, and writes its pid into
)

// Main is called first in TestMain. In a process that was started under the
// name of a program of the cluster, or of a command of a stand-in for a batch
// system, it is that program, and does not return.
func Main() {
	launchertest.Main()
	name := filepath.Base(os.Args[0])
	switch name {
	case "ipcontroller":
		misbehave(name, ControllerFails, ControllerMute)
		if err := controllerMain(); err != nil {
			fail(name, err.Error())
		}
		os.Exit(0)
	case "ipengine":
		misbehave(name, EngineFails, EngineMute)
		hold(os.Getenv(EngineHeld))
		os.Exit(engine.Command(os.Args[1:]))
	}
}

func misbehave(name, fails, mute string) {
	if why := os.Getenv(fails); why != "" {
		fail(name, why)
	}
	if said := os.Getenv(mute); said != "" {
		fmt.Println(said)
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		defer stop()
		<-ctx.Done()
		os.Exit(0)
	}
}

// hold waits in the process that makes the file, and in no other one.
func hold(file string) {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return
	}
	_, err = fmt.Fprint(f, os.Getpid())
	f.Close()
	for err == nil {
		time.Sleep(10 * time.Millisecond)
		_, err = os.Stat(file)
	}
}

func fail(name, why string) {
	fmt.Fprintf(os.Stderr, "starting\n%s: %s\n", name, why)
	os.Exit(1)
}

// controllerMain is ipcontroller with the flags that ipcluster gives it.
func controllerMain() error {
	var s configs.Selection
	flags := pflag.NewFlagSet("ipcontroller", pflag.ContinueOnError)
	s.AddFlags(flags)
	flags.String("log-level", "", "")
	ip := flags.String("ip", "", "")
	engineIP := flags.String("engine-ip", "", "")
	sqlite, restore := flags.Bool("sqlitedb", false, ""), flags.Bool("restore", false, "")
	if err := flags.Parse(os.Args[1:]); err != nil {
		return err
	}
	p, err := s.Profile()
	if err != nil {
		return err
	}
	config := controller.Config{Profile: p, ClusterID: s.ClusterID, IP: *ip, EngineIP: *engineIP, Restore: *restore}
	if *sqlite {
		config.DB = controller.SQLite
	}
	c, err := controller.New(config)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	return c.Run(ctx)
}

// Link makes dir a folder of the programs, to be put into PATH.
func Link(dir string) error {
	self, err := os.Executable()
	for _, name := range []string{"ipcontroller", "ipengine"} {
		err = errors.Join(err, os.Symlink(self, filepath.Join(dir, name)))
	}
	return err
}

// Profile puts ipcontroller and ipengine, played by this test binary, first in
// PATH, and returns a directory for the profile "test". A process that is left of it at the
// end of the test fails the test, and is killed.
func Profile(t *testing.T) wire.Profile {
	dir := t.TempDir()
	if err := Link(dir); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	t.Setenv("IPP_CONNECTION_INFO", "")
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
