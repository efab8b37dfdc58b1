package cluster

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"muster/client"
	"muster/cluster/clustertest"
	"muster/launcher/launchertest"
	"muster/wire"
)

// Engines of any launcher have the connection file's content in their environment,
// if the profile says so. Nobody else sees it, and it is good for a controller that
// is restored.
func TestConnectionByEnvironment(t *testing.T) {
	launchers := map[string]string{
		"local": "", "slurm": "single = true\npoll = \"1s\"\n", "lsf": "single = true\npoll = \"1s\"\n", "mpi": "command = [\"mpirun.openmpi\"]\n",
	}
	if os.Getenv("MUSTER_MPI") == "none" {
		delete(launchers, "mpi")
	}
	for name, more := range launchers {
		t.Run(name, func(t *testing.T) {
			p := clustertest.Profile(t)
			launchertest.NewScheduler(t)
			if err := p.Create(); err != nil {
				t.Fatal(err)
			}
			text := "[engines]\nlauncher = \"" + name + "\"\nn = 2\nconnection = \"environment\"\n"
			if more != "" {
				text += "[engines." + name + "]\n" + more
			}
			writeProfile(t, p, text)
			conf := config(p, 0)
			conf.Restore, conf.firstWait = true, 10*time.Millisecond
			c := start(t, conf)
			conn, err := wire.ReadEngineConnection(p.EngineFile(""))
			if err != nil {
				t.Fatal(err)
			}
			r, err := Find(p, "")
			if err != nil {
				t.Fatal(err)
			}
			has := 0
			for _, e := range ours(t, r.Sets[0].Handle.Mark) {
				if strings.Contains(e.command, "--profile-dir") || strings.Contains(e.command, conn.Key) {
					t.Errorf("a command line says %q", e.command)
				}
				if strings.Contains(e.env, "\x00"+connectionInfo+"=") && strings.Contains(e.env, conn.Key) && strings.Contains(e.command, "ipengine\x00") {
					has++
				}
			}
			if has < 2 {
				t.Errorf("%d engines have what is in the file", has)
			}
			if scripts, _ := filepath.Glob(filepath.Join(p.LogDir(), "*.sh")); len(scripts) > 0 {
				if info, err := os.Stat(scripts[0]); err != nil || info.Mode().Perm() != 0o600 {
					t.Errorf("the script with the key has mode %v, %v", info.Mode(), err)
				}
				if text, err := Script(conf); err != nil || strings.Contains(text, conn.Key) {
					t.Errorf("the script that is shown has the key: %v", err)
				}
			}
			ctx := limited(t)
			all := c.Client.Direct(client.All)
			if _, err := all.Execute(ctx, "kept := 7"); err != nil {
				t.Fatal(err)
			}
			if err := r.Controller.Processes[0].Signal(syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			if got, err := client.Call[int](ctx, all, client.Ref("func() int { return kept }")); err != nil || !slices.Equal(got, []int{7, 7}) {
				t.Errorf("after the restore: %v, %v", got, err)
			}
			if err := c.Stop(ctx); err != nil {
				t.Fatal(err)
			}
			clustertest.NothingLeft(t, p)
		})
	}
}

// A running process, with what separates its words.
type running struct{ command, env string }

// ours are the processes of this machine that have a mark.
func ours(t *testing.T, mark string) (all []running) {
	t.Helper()
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range dirs {
		env, _ := os.ReadFile(filepath.Join(dir, "environ")) // of others, or gone
		command, _ := os.ReadFile(filepath.Join(dir, "cmdline"))
		if strings.Contains(string(env), "MUSTER_JOB="+mark+"\x00") {
			all = append(all, running{string(command), string(env)})
		}
	}
	return all
}
