package cluster

import (
	"context"
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

	"muster/client"
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
	os.Exit(withPrograms(m.Run))
}

// withPrograms runs tests and examples where programs are in PATH and profiles
// are private.
func withPrograms(run func() int) int {
	dir, err := os.MkdirTemp("", "cluster-")
	if err == nil {
		defer os.RemoveAll(dir)
		err = errors.Join(clustertest.Link(dir), os.Setenv("PATH", dir+":"+os.Getenv("PATH")), os.Setenv("IPYTHONDIR", dir),
			os.Unsetenv("IPP_PROFILE_DIR"), os.Unsetenv("IPP_CLUSTER_ID"))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return run()
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
	conf.Progress = func(p Progress) {
		if p.Want != 3 || p.Job != "" {
			t.Errorf("%+v", p)
		}
		seen = append(seen, p.Have)
	}
	c := start(t, conf)
	if len(seen) == 0 || seen[len(seen)-1] != 3 || !slices.IsSorted(seen) {
		t.Errorf("progress %v", seen)
	}
	r, err := Find(p, "")
	if err != nil {
		t.Fatal(err)
	}
	if r.State() != Running || r.EnginesAlive() != 3 || len(r.Controller.Alive()) != 1 || r.Sets[0].Launcher != "local" {
		t.Errorf("record %+v, state %v", r, r.State())
	}
	tuned, err := client.Call[string](t.Context(), c.Client.Direct(client.Engines(0)), client.Ref("os.Getenv"), tunables)
	if want := append(Environment(), tunables+"="+os.Getenv(tunables))[0]; err != nil || tunables+"="+tuned[0] != want {
		t.Errorf("engines run with %s=%s, %v", tunables, tuned, err)
	}
	if info, err := os.Stat(r.Path()); err != nil || info.Mode().Perm() != 0o600 {
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
		add(t, c, AddConfig{N: 1})
		if kind == "mpi" { // which is no launcher of the others to Python
			add(t, c, AddConfig{N: 1, Engines: "local"})
		}
		cmd := exec.Command(python, "-m", "ipyparallel.cluster", "list", "--profile-dir="+p.Dir)
		cmd.Env = append(os.Environ(), "IPYTHONDIR="+filepath.Dir(p.Dir))
		out, err := cmd.CombinedOutput()
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		got := strings.Join(strings.Fields(lines[len(lines)-1]), " ")
		launcherName := map[string]string{"local": "Local", "mpi": "MPI"}[kind]
		if want := "test '' True 3 " + launcherName; err != nil || got != want {
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
			"cluster: 0 of 2 engines registered: not ready within 5s: ipcluster doctor finds out what keeps them from the controller, and --timeout gives them longer"},
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
	c.Progress = func(Progress) { cancel() }
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
	if err == nil || !strings.Contains(err.Error(), "ipcontroller: killed by signal 9 (SIGKILL)") {
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

func TestUsersTunablesStay(t *testing.T) {
	t.Setenv(tunables, "glibc.malloc.check=0")
	if env := Environment(); env != nil {
		t.Errorf("%q is put over the user's", env)
	}
}

// latest is the job of the first set.
func latest(c *Cluster) launcher.Job {
	job, _ := c.sets[0].latest()
	return job
}
