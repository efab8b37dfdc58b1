package test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"muster/client"
	"muster/cluster"
	"muster/wire"
)

// listed is a line of "ipcluster list -o json", as a script reads it.
type listed struct {
	Profile   string `json:"profile"`
	ClusterID string `json:"cluster_id"`
	State     string `json:"state"`
	Engines   int    `json:"engines"`
}

func (s *site) list() (clusters []listed) {
	s.t.Helper()
	out, err := s.command("ipcluster", "list", "-o", "json").Output()
	if err == nil {
		err = json.Unmarshal(out, &clusters)
	}
	if err != nil {
		s.t.Fatalf("ipcluster list: %v\n%s", err, out)
	}
	return clusters
}

// A cluster in the background, seen, used and stopped from other shells.
func TestDaemon(t *testing.T) {
	for _, engines := range []string{"local", "mpi"} {
		t.Run(engines, func(t *testing.T) {
			if engines == "mpi" {
				without(t, "MUSTER_MPI")
			}
			s := newSite(t)
			s.run("ipcluster", "start", "-n", "3", "--engines", engines, "--daemonize")
			l := s.list()
			if len(l) != 1 || l[0].State != "running" || l[0].Profile != "default" || l[0].Engines != 3 {
				t.Errorf("listed: %+v", l)
			}
			c := s.connect(3)
			if n, err := client.Call[int](s.ctx(), c.Direct(client.All), client.Ref("mpi.World().Size")); err != nil || n[0] != map[string]int{"local": 1, "mpi": 3}[engines] {
				t.Errorf("world sizes %v, %v", n, err)
			}
			s.run("ipcluster", "stop")
			if l := s.list(); len(l) != 0 {
				t.Errorf("listed after the stop: %+v", l)
			}
		})
	}
}

// When the supervisor is killed, stop still finds everything.
func TestStopAfterCrash(t *testing.T) {
	without(t, "MUSTER_MPI")
	s := newSite(t)
	s.run("ipcluster", "start", "-n", "3", "--engines", "mpi", "--daemonize")
	r, err := cluster.Find(wire.Profile{Dir: filepath.Join(s.dir, "profile_default")}, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(r.Supervisor.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	s.until("the list to say that the cluster is stale", func() bool {
		l := s.list()
		return len(l) == 1 && l[0].State == "stale"
	})
	s.run("ipcluster", "stop")
}

// What cannot start says why in its first line, and leaves nothing.
func TestFailedStart(t *testing.T) {
	s := newSite(t)
	first := func(args ...string) string {
		t.Helper()
		_, out := s.fails("ipcluster", append([]string{"start", "-n", "2"}, args...)...)
		line, _, _ := strings.Cut(out, "\n")
		return line
	}
	t.Run("no mpirun", func(t *testing.T) {
		s.profile("[engines.mpi]\ncommand = [\"mpirun.absent\"]\n")
		defer os.Remove(filepath.Join(s.dir, "profile_default", "ipcluster.toml"))
		if l := first("--engines", "mpi"); !strings.Contains(l, "mpirun.absent") || !strings.Contains(l, "engines.mpi") {
			t.Errorf("first line: %s", l)
		}
	})
	t.Run("unknown key", func(t *testing.T) {
		s.profile("[engines]\nnn = 2\n")
		defer os.Remove(filepath.Join(s.dir, "profile_default", "ipcluster.toml"))
		if l := first(); !strings.Contains(l, "ipcluster.toml:2") || !strings.Contains(l, `"engines.n"`) {
			t.Errorf("first line: %s", l)
		}
	})
	t.Run("port in use", func(t *testing.T) {
		other := newSite(t)
		other.run("ipcluster", "start", "-n", "1", "--daemonize")
		defer other.run("ipcluster", "stop")
		conn, err := wire.ReadClientConnection(wire.Profile{Dir: filepath.Join(other.dir, "profile_default")}.ClientFile(""))
		if err != nil {
			t.Fatal(err)
		}
		port := conn.URL(conn.Registration)[len("tcp://127.0.0.1:"):]
		if l := first("--", "--port", port); !strings.Contains(l, "127.0.0.1:"+port) || !strings.Contains(l, "in use") {
			t.Errorf("first line: %s", l)
		}
		other.connect(1) // the other cluster is as it was
	})
	t.Run("engines that fail", func(t *testing.T) {
		s.env = append(s.env, "MUSTER_MPI_SHIM="+filepath.Join(s.dir, "absent.so"))
		if l := first("--engines", "mpi"); !strings.Contains(l, "absent.so") {
			t.Errorf("first line: %s", l)
		}
	})
}

// Two clusters live beside each other; a second one of the same name is refused.
func TestTwoClustersOfOneProfile(t *testing.T) {
	s := newSite(t)
	s.run("ipcluster", "start", "-n", "1", "--daemonize")
	s.run("ipcluster", "start", "-n", "2", "--cluster-id", "big", "--daemonize")
	if l := s.list(); len(l) != 2 {
		t.Errorf("listed: %+v", l)
	}
	if code, out := s.fails("ipcluster", "start", "-n", "1", "--daemonize"); code != 1 || !strings.Contains(out, "default runs already") || !strings.Contains(out, "--cluster-id") {
		t.Errorf("a second start: status %d\n%s", code, out)
	}
	s.run("ipcluster", "stop", "--cluster-id", "big")
	s.connect(1)
	s.run("ipcluster", "stop")
}

// Encrypted by CURVE, with the same files in the same places.
func TestCURVE(t *testing.T) {
	s := newSite(t)
	s.run("ipcluster", "start", "-n", "2", "--daemonize", "--", "--enable-curve")
	defer s.run("ipcluster", "stop")
	conn, err := wire.ReadClientConnection(wire.Profile{Dir: filepath.Join(s.dir, "profile_default")}.ClientFile(""))
	if err != nil || conn.ServerKey() == "" {
		t.Fatalf("connection file: %+v, %v", conn, err)
	}
	all := s.connect(2).Direct(client.All)
	if err := all.Scatter(s.ctx(), "x", []float64{1, 2, 3}); err != nil {
		t.Fatal(err)
	}
	if out, err := all.Execute(s.ctx(), "fmt.Print(floats.Sum(x))"); err != nil || out[0].Stdout != "3" || out[1].Stdout != "3" {
		t.Errorf("%v, %v", out, err)
	}
}

// A controller that is killed leaves nobody waiting.
func TestControllerKilled(t *testing.T) {
	s := newSite(t)
	s.run("ipcluster", "start", "-n", "1", "--daemonize")
	c := s.connect(1)
	ar := c.Direct(client.All).ExecuteAsync("select {}")
	r, err := cluster.Find(wire.Profile{Dir: filepath.Join(s.dir, "profile_default")}, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(r.Controller.Processes[0].PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if _, err := ar.Get(s.ctx()); !errors.Is(err, client.ErrGone) {
		t.Errorf("what was outstanding: %v", err)
	}
	if _, err := c.Direct(client.All).Execute(s.ctx(), "1"); !errors.Is(err, client.ErrGone) {
		t.Errorf("what comes later: %v", err)
	}
	s.until("the supervisor to clear up", func() bool { return len(s.list()) == 0 })
}
