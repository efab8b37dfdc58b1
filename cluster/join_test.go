package cluster

import (
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"muster/cluster/clustertest"
	"muster/launcher/launchertest"
	"muster/wire"
)

// held has one engine wait as long as a file is there.
func held(t *testing.T) (file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "held")
	t.Setenv(clustertest.EngineHeld, file)
	return file
}

func aliveIs(t *testing.T, p wire.Profile, n int) {
	t.Helper()
	launchertest.Await(t, "the record", func() bool {
		r, err := Find(p, "")
		return err == nil && r.State() == Running && r.EnginesAlive() == n
	})
}

// A cluster can begin before all its engines are there.
func TestMinEngines(t *testing.T) {
	p, file := clustertest.Profile(t), held(t)
	conf := config(p, 3)
	conf.MinEngines = 2
	var log safeBuffer
	conf.Log = slog.New(slog.NewTextHandler(&log, nil))
	conf.Timeout = time.Second // of which no more comes than a warning
	c := start(t, conf)
	if n := len(c.Client.IDs()); n != 2 || c.Missing() != 1 {
		t.Errorf("it begins with %d engines, %d are missing", n, c.Missing())
	}
	aliveIs(t, p, 2)
	launchertest.Await(t, "the warning", func() bool {
		return strings.Contains(log.String(), `msg="engines have not registered, and the cluster goes on without them" missing="1 of 3" within=1s`)
	})
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if err := c.Client.WaitForEngines(limited(t), 3); err != nil {
		t.Fatal(err)
	}
	aliveIs(t, p, 3)
	if c.Missing() != 0 {
		t.Errorf("%d are missing", c.Missing())
	}
	if err := c.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	clustertest.NothingLeft(t, p)
}

// An engine that dies on the way does not end a start that can do without it.
func TestMinEnginesWithoutOneThatDies(t *testing.T) {
	p, file := clustertest.Profile(t), held(t)
	conf := config(p, 3)
	conf.MinEngines = 2
	var once sync.Once
	conf.Progress = func(Progress) {
		once.Do(func() {
			launchertest.Await(t, "an engine that is held", func() bool {
				b, err := os.ReadFile(file)
				pid, errPID := strconv.Atoi(string(b))
				return err == nil && errPID == nil && syscall.Kill(pid, syscall.SIGKILL) == nil
			})
		})
	}
	c := start(t, conf)
	launchertest.Await(t, "the death on record", func() bool {
		r, err := Find(p, "")
		return err == nil && len(r.Deaths) == 1 && strings.Contains(r.Deaths[0].Cause, "SIGKILL")
	})
	aliveIs(t, p, 2)
	if err := c.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	clustertest.NothingLeft(t, p)
}

func TestMinEnginesThatCannotBe(t *testing.T) {
	conf := config(clustertest.Profile(t), 3)
	for n, want := range map[int]string{-1: "engines.min_engines is -1: want a number from 1 to 3", 4: "engines.min_engines is 4"} {
		conf.MinEngines = n
		if _, err := Start(t.Context(), conf); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%d: %v", n, err)
		}
	}
}
