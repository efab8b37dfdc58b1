package schedulers

import (
	"fmt"
	"strings"
	"testing"

	"muster/launcher"
	"muster/launcher/launchertest"
)

// engines are four, of one MPI world, as a job of a batch system.
type engines struct {
	system      string                                     // as launchers are named
	profile     string                                     // that starts them
	launcher    func(c launcher.Command) launcher.Launcher // that submits any program
	where       string                                     // what an engine is asked
	first, last string                                     // what the first two answer, and the last two
	job         func() string                              // a line about their job, which begins with its id
	cancel      string                                     // the command that ends it
}

// testEngines starts them in all ways, and ends them in all.
func testEngines(t *testing.T, s *system, e engines, empty func(*testing.T)) {
	t.Run("Launcher", func(t *testing.T) {
		launchertest.Suite(t, func(t *testing.T, p launchertest.Program) launcher.Launcher {
			return e.launcher(serve(t, p))
		})
		launchertest.SendSuite(t, func(t *testing.T, c launcher.Command) launcher.Launcher {
			c.Dir = t.TempDir()
			return e.launcher(c)
		})
		empty(t)
	})

	t.Run("Cluster", func(t *testing.T) {
		n := newSite(t, s, e.profile)
		out := n.run("ipcluster", "start", "--daemonize")
		if !strings.HasPrefix(out, "cluster test is up: 4 engines ("+e.system+")\n") {
			t.Errorf("start printed\n%s", out)
		}
		if out := n.run("ipcluster", "list"); !strings.Contains(out, "4/4       "+e.system+" ") || !strings.Contains(out, "running") {
			t.Errorf("list printed\n%s", out)
		}
		want := ""
		for i, node := range []string{e.first, e.first, e.last, e.last} {
			want += fmt.Sprintf("[%d] Out[1]: \"%s, rank %d of 4\"\n", i, node, i)
		}
		if out := n.run("cell", "-n", "4", `fmt.Sprintf("%s, rank %d of %d", `+e.where+`, mpi.World().Rank(), mpi.World().Size())`); out != want {
			t.Errorf("cell printed\n%s\nwant\n%s", out, want)
		}
		if out := n.run("ipcluster", "stop"); out != "stopped cluster test (it was running)\n" {
			t.Errorf("stop printed\n%s", out)
		}
		empty(t)
	})

	t.Run("OwnProgram", func(t *testing.T) {
		n := newSite(t, s, strings.Replace(e.profile, "[engines]\n", "[engines]\nconnection = \"environment\"\n", 1))
		if out := n.run("heat", "-engines", e.system); !strings.HasSuffix(out, "a serial run gives the same, bit for bit\n") {
			t.Errorf("heat printed\n%s", out)
		}
		empty(t)
	})

	t.Run("CancelledFromOutside", func(t *testing.T) {
		n := newSite(t, s, e.profile)
		f := n.foreground()
		f.says("cluster test is up")
		id := strings.Fields(e.job())[0]
		s.run(e.cancel, id)
		f.says("engines died")
		f.says(e.system + " job " + id + ": cancelled")
		f.interrupt()
		empty(t)
	})

	t.Run("StoppedFromAnotherShell", func(t *testing.T) {
		n := newSite(t, s, e.profile)
		f := n.foreground()
		f.says("cluster test is up")
		if err := f.cmd.Process.Kill(); err != nil { // nobody is left who could clear up
			t.Fatal(err)
		}
		<-f.done
		if out := n.run("ipcluster", "stop"); out != "stopped cluster test (it was stale)\n" {
			t.Errorf("stop printed\n%s", out)
		}
		empty(t)
	})
}
