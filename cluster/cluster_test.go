package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"muster/cluster/clustertest"
	"muster/configs"
	"muster/launcher"
	"muster/wire"
)

// TestMain also makes this binary the programs of a cluster, and a supervisor
// that can be killed.
func TestMain(m *testing.M) {
	clustertest.Main()
	if dir := os.Getenv("MUSTER_TEST_SUPERVISE"); dir != "" {
		supervise(wire.Profile{Dir: dir})
	}
	os.Exit(m.Run())
}

// supervise is a process that starts a cluster and is killed.
func supervise(p wire.Profile) {
	if _, err := Start(context.Background(), config(p, 2)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	select {}
}

func config(p wire.Profile, n int) Config {
	return Config{Profile: p, N: n}
}

func writeProfile(t *testing.T, p wire.Profile, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(p.Dir, configs.FileName), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func start(t *testing.T, c Config) *Cluster {
	t.Helper()
	cluster, err := Start(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cluster.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return cluster
}

func TestStartAndStop(t *testing.T) {
	p := clustertest.Profile(t)
	var seen []int
	conf := config(p, 3)
	conf.Progress = func(have, want int) {
		if want != 3 {
			t.Errorf("want %d", want)
		}
		seen = append(seen, have)
	}
	c := start(t, conf)
	if len(seen) == 0 || seen[len(seen)-1] != 3 || !slices.IsSorted(seen) {
		t.Errorf("progress %v", seen)
	}
	r, err := Find(p, "")
	if err != nil {
		t.Fatal(err)
	}
	if r.State() != Running || r.EnginesAlive() != 3 || len(r.Controller.Alive()) != 1 || r.Launcher != "local" {
		t.Errorf("record %+v, state %v", r, r.State())
	}
	if info, err := os.Stat(r.path()); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("record: mode %v, %v", info.Mode(), err)
	}
	if _, err := Start(t.Context(), conf); err == nil || !strings.Contains(err.Error(), "runs already") {
		t.Errorf("second start: %v", err)
	}
	if err := c.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	clustertest.NothingLeft(t, r.Profile())
}

// Debian's ipyparallel reads what we leave for it.
func TestPythonSeesTheCluster(t *testing.T) {
	const python = "/usr/bin/python3"
	if err := exec.Command(python, "-c", "import ipyparallel").Run(); err != nil {
		if os.Getenv("MUSTER_PYTHON") == "none" {
			t.Skip("MUSTER_PYTHON=none: NOT tried with ipyparallel")
		}
		t.Fatalf("%s has no ipyparallel (Debian: python3-ipyparallel; MUSTER_PYTHON=none where there is none): %v", python, err)
	}
	for _, kind := range []string{"local", "mpi"} {
		if kind == "mpi" && os.Getenv("MUSTER_MPI") == "none" {
			t.Log("MUSTER_MPI=none: NOT tried with mpirun")
			continue
		}
		p := clustertest.Profile(t)
		conf := config(p, 2)
		conf.Engines = kind
		c := start(t, conf)
		cmd := exec.Command(python, "-m", "ipyparallel.cluster", "list", "--profile-dir="+p.Dir)
		cmd.Env = append(os.Environ(), "IPYTHONDIR="+filepath.Dir(p.Dir))
		out, err := cmd.CombinedOutput()
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		got := strings.Join(strings.Fields(lines[len(lines)-1]), " ")
		launcherName := map[string]string{"local": "Local", "mpi": "MPI"}[kind]
		if want := "test '' True 2 " + launcherName; err != nil || got != want {
			t.Errorf("listed as %q, want %q: %v\n%s", got, want, err, out)
		}
		if err := c.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
		clustertest.NothingLeft(t, p)
	}
}

func TestTwoClustersOfOneProfile(t *testing.T) {
	p := clustertest.Profile(t)
	a, b := config(p, 1), config(p, 1)
	b.ID = "second"
	ca, cb := start(t, a), start(t, b)
	if ca.ClientFile() == cb.ClientFile() {
		t.Errorf("both have %s", ca.ClientFile())
	}
	records, err := List(p)
	if err != nil || len(records) != 2 || records[0].Name() != "test:second" && records[1].Name() != "test:second" {
		t.Errorf("%v, %v", records, err)
	}
	bad := config(p, 1)
	bad.ID = "../up"
	if _, err := Start(t.Context(), bad); err == nil || !strings.Contains(err.Error(), `id "../up"`) {
		t.Errorf("bad id: %v", err)
	}
}

func TestStartErrorsSayWhyFirstAndLeaveNothing(t *testing.T) {
	for _, tt := range []struct {
		name, env, value string
		change           func(*Config)
		want             string
	}{
		{"controller", clustertest.ControllerFails, "bind tcp://127.0.0.1:80: permission denied", nil,
			"cluster: the controller did not start: ipcontroller: bind tcp://127.0.0.1:80: permission denied (exit status 1)"},
		{"engine", clustertest.EngineFails, "wrong key", nil,
			"cluster: engines did not start: ipengine: wrong key (exit status 1)"},
		{"controller says nothing", clustertest.ControllerMute, "1", func(c *Config) { c.Timeout = 300 * time.Millisecond },
			"cluster: the controller wrote no CLIENTFILE in time: not ready within 300ms, see LOGS/ipcontroller.log"},
		{"engines do not register", clustertest.EngineMute, "1", func(c *Config) { c.Timeout = 5 * time.Second },
			"cluster: 0 of 2 engines registered: not ready within 5s, see LOGS/ipengine-*.log"},
		{"no mpirun", "", "", func(c *Config) {
			writeProfile(t, c.Profile, "[engines]\nlauncher = \"mpi\"\n[engines.mpi]\ncommand = [\"muster-no-such-mpirun\"]\n")
		}, "launcher: muster-no-such-mpirun is not there: install Open MPI or MPICH"},
		{"no launcher", "", "", func(c *Config) { c.Engines = "slrum" }, `launcher: engines.launcher is "slrum": known are local, mpi`},
		{"profile", "", "", func(c *Config) { writeProfile(t, c.Profile, "[engines]\nm = 4\n") },
			`PROFILE/ipcluster.toml:2: unknown key "engines.m" (did you mean "engines.n"?)`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := clustertest.Profile(t)
			if err := p.Create(); err != nil {
				t.Fatal(err)
			}
			if tt.env != "" {
				t.Setenv(tt.env, tt.value)
			}
			c := config(p, 2)
			if tt.change != nil {
				tt.change(&c)
			}
			_, err := Start(t.Context(), c)
			if err == nil {
				t.Fatal("no error")
			}
			first, _, _ := strings.Cut(err.Error(), "\n")
			first = strings.NewReplacer(c.Profile.ClientFile(""), "CLIENTFILE", c.Profile.LogDir(), "LOGS", c.Profile.Dir, "PROFILE").Replace(first)
			if !strings.HasPrefix(first, tt.want) {
				t.Errorf("first line\n %s\nwant\n %s", first, tt.want)
			}
			clustertest.NothingLeft(t, p)
		})
	}
}

func TestProgramsMissing(t *testing.T) {
	p := clustertest.Profile(t)
	t.Setenv("PATH", "/nonexistent")
	_, err := Start(t.Context(), config(p, 1))
	if !errors.Is(err, exec.ErrNotFound) || !strings.Contains(err.Error(), "ipengine is neither beside this program nor in PATH") {
		t.Errorf("%v", err)
	}
}

func TestCancelledStartLeavesNothing(t *testing.T) {
	p := clustertest.Profile(t)
	t.Setenv(clustertest.EngineMute, "1")
	ctx, cancel := context.WithCancel(t.Context())
	c := config(p, 2)
	c.Progress = func(int, int) { cancel() }
	if _, err := Start(ctx, c); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	clustertest.NothingLeft(t, p)
}

func TestWaitTellsOfTheController(t *testing.T) {
	p := clustertest.Profile(t)
	c := start(t, config(p, 1))
	if err := c.controller.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	err := c.Wait(t.Context())
	if err == nil || !strings.Contains(err.Error(), "ipcontroller: killed by signal 9 (out of memory?)") {
		t.Errorf("%v", err)
	}
	if s := c.record.State(); s != Stale {
		t.Errorf("state %v", s)
	}
	// It is cleared when the same process starts anew.
	c = start(t, config(p, 1))
	if err := c.controller.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(t.Context()); err != nil {
		t.Errorf("a controller that was shut down: %v", err)
	}
}

// supervised starts a cluster in a process of its own and returns its record.
func supervised(t *testing.T) (*exec.Cmd, *Record) {
	t.Helper()
	p := clustertest.Profile(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), "MUSTER_TEST_SUPERVISE="+p.Dir)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		r, err := Find(p, "")
		if err == nil && r.State() == Running {
			return cmd, r
		}
		if time.Now().After(deadline) {
			t.Fatalf("not up within a minute: %v", err)
		}
	}
}

// After kill -9 of the supervisor, stop finds what is left, and leaves nothing.
func TestStopAfterTheSupervisorWasKilled(t *testing.T) {
	cmd, r := supervised(t)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	cmd.Wait()
	if s := r.State(); s != Stale {
		t.Errorf("state %v", s)
	}
	if err := r.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	clustertest.NothingLeft(t, r.Profile())
}

// Everything was killed, nobody could clear up: a new start does.
func TestStartAfterEverythingWasKilled(t *testing.T) {
	cmd, r := supervised(t)
	all := slices.Concat(r.Engines.Alive(), r.Controller.Alive())
	// The supervisor would clear up.
	cmd.Process.Signal(syscall.SIGSTOP)
	for _, p := range all {
		if err := p.Signal(syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	cmd.Process.Kill()
	cmd.Wait()
	if _, err := os.Stat(r.Profile().ClientFile("")); err != nil {
		t.Fatalf("the crash was to leave a connection file: %v", err)
	}
	c := start(t, config(r.Profile(), 1))
	if now, err := Find(r.Profile(), ""); err != nil || now.State() != Running || now.Supervisor == r.Supervisor {
		t.Errorf("record %+v, %v", now, err)
	}
	if err := c.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	clustertest.NothingLeft(t, r.Profile())
}

func TestStopOfARunningClusterAsksItsSupervisor(t *testing.T) {
	cmd, r := supervised(t) // it does not listen to SIGTERM, and dies of it
	if err := r.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil {
		t.Error("the supervisor was not asked to end")
	}
	clustertest.NothingLeft(t, r.Profile())
}

// Numbers in a stale record may have been given to others since.
func TestStopSparesStrangers(t *testing.T) {
	p := clustertest.Profile(t)
	stranger := exec.Command("sleep", "1000")
	if err := stranger.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { stranger.Process.Kill(); stranger.Wait() }()
	other, err := launcher.Identify(stranger.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	old := launcher.Process{PID: other.PID, Start: "an earlier boot"}
	r := &Record{ProfileDir: p.Dir, Host: hostname(), Up: true, Supervisor: old,
		Controller: launcher.Handle{Processes: []launcher.Process{old}}, Engines: launcher.Handle{Processes: []launcher.Process{old}}}
	if err := r.Profile().Create(); err != nil {
		t.Fatal(err)
	}
	if err := r.write(); err != nil {
		t.Fatal(err)
	}
	if s := r.State(); s != Stale {
		t.Errorf("state %v", s)
	}
	if err := r.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !other.Alive() {
		t.Error("a stranger was ended")
	}
	clustertest.NothingLeft(t, r.Profile())
}

func TestRecordOfAnotherMachine(t *testing.T) {
	p := clustertest.Profile(t)
	r := &Record{ProfileDir: p.Dir, Host: "login07", Started: time.Now(), Supervisor: launcher.Process{PID: os.Getpid(), Start: "x"}}
	if err := r.Profile().Create(); err != nil {
		t.Fatal(err)
	}
	if err := r.write(); err != nil {
		t.Fatal(err)
	}
	if s := r.State(); s != Elsewhere {
		t.Errorf("state %v", s)
	}
	if err := r.Stop(t.Context()); err == nil || !strings.Contains(err.Error(), "started on login07") {
		t.Errorf("stop: %v", err)
	}
	if _, err := Start(t.Context(), config(p, 1)); err == nil || !strings.Contains(err.Error(), "runs on login07") {
		t.Errorf("start: %v", err)
	}
	if err := r.remove(); err != nil {
		t.Fatal(err)
	}
}

// A controller that was started by hand has left connection files, and the
// one that is started now refuses to take its place: the files stay.
func TestFilesOfAnotherControllerStay(t *testing.T) {
	p := clustertest.Profile(t)
	if err := p.Create(); err != nil {
		t.Fatal(err)
	}
	for _, f := range []string{p.ClientFile(""), p.EngineFile("")} {
		if err := os.WriteFile(f, []byte("{}"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv(clustertest.ControllerFails, "a controller is running already")
	if _, err := Start(t.Context(), config(p, 1)); err == nil || !strings.Contains(err.Error(), "is running already") {
		t.Errorf("%v", err)
	}
	for _, f := range []string{p.ClientFile(""), p.EngineFile("")} {
		if _, err := os.Stat(f); err != nil {
			t.Error(err)
		}
	}
	if _, err := Find(p, ""); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("record: %v", err)
	}
}

// Files of a controller that is gone are not taken for those of the new one.
func TestStaleFilesAreReplaced(t *testing.T) {
	p := clustertest.Profile(t)
	if err := p.Create(); err != nil {
		t.Fatal(err)
	}
	for _, f := range []string{p.ClientFile(""), p.EngineFile("")} {
		if err := os.WriteFile(f, []byte("{}"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c := start(t, config(p, 1))
	if _, err := wire.ReadClientConnection(c.ClientFile()); err != nil {
		t.Errorf("%v", err)
	}
	if err := c.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	clustertest.NothingLeft(t, p)
}

func TestUnderMpirun(t *testing.T) {
	if os.Getenv("MUSTER_MPI") == "none" {
		t.Skip("MUSTER_MPI=none: NOT tried with any mpirun")
	}
	for _, mpirun := range []string{"mpirun.openmpi", "mpirun.mpich"} {
		t.Run(mpirun, func(t *testing.T) {
			p := clustertest.Profile(t)
			conf := config(p, 4)
			if err := p.Create(); err != nil {
				t.Fatal(err)
			}
			writeProfile(t, p, fmt.Sprintf("[engines]\nlauncher = \"mpi\"\n[engines.mpi]\ncommand = [%q]\n", mpirun))
			c := start(t, conf)
			if got := c.record.EnginesAlive(); got != 4 {
				t.Errorf("%d engines", got)
			}
			if err := c.Stop(t.Context()); err != nil {
				t.Fatal(err)
			}
			clustertest.NothingLeft(t, c.record.Profile())
		})
	}
}

func TestRecordErrors(t *testing.T) {
	dir := t.TempDir()
	p := wire.Profile{Dir: dir}
	if err := p.Create(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(p.PidDir(), "ipcluster-bad.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	good := &Record{ProfileDir: dir, Host: hostname()}
	if err := good.write(); err != nil {
		t.Fatal(err)
	}
	records, err := List(p)
	if len(records) != 1 || err == nil || !strings.Contains(err.Error(), "ipcluster-bad.json") {
		t.Errorf("%v, %v", records, err)
	}
}

// A record is read from a folder that only its owner can write, and yet
// nothing in it is believed about where it lies.
func FuzzRecord(f *testing.F) {
	b, err := json.Marshal(&Record{ProfileDir: "/x", ClusterID: "../y", Controller: launcher.Handle{Processes: []launcher.Process{{PID: -1, Start: "s"}}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		path := filepath.Join(t.TempDir(), "profile_p", "pid", "ipcluster-id.json")
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := read(path)
		if err == nil && r.path() != path {
			t.Errorf("a record at %s says it is %s", path, r.path())
		}
		if err == nil {
			r.State()
		}
	})
}
