package controller_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	muster "muster/client"
	"muster/controller"
	goengine "muster/engine"
	"muster/wire"
)

// What tells the test's own program to be a controller, of which profile, and
// whether to restore.
const (
	asController = "MUSTER_TEST_CONTROLLER"
	asRestored   = "MUSTER_TEST_RESTORE"
)

func TestMain(m *testing.M) {
	dir := os.Getenv(asController)
	if dir == "" {
		os.Exit(m.Run())
	}
	c, err := controller.New(controller.Config{
		Profile: wire.Profile{Dir: dir}, DB: controller.SQLite, Reuse: true, Restore: os.Getenv(asRestored) != "",
		HeartPeriod: 200 * time.Millisecond, Log: slog.New(slog.NewTextHandler(os.Stderr, nil)),
	})
	if err == nil {
		err = c.Run(context.Background())
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// process starts a controller in a process of its own.
func process(t *testing.T, dir string, restore bool) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), asController+"="+dir)
	if restore {
		cmd.Env = append(cmd.Env, asRestored+"=1")
	}
	cmd.Stderr = t.Output()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	return cmd
}

// counted are how often tasks have run, by number.
var (
	counting sync.Mutex
	counted  = make(map[int]int)
	count    = goengine.Func("controller_test.count", func(x int) int {
		counting.Lock()
		counted[x]++
		counting.Unlock()
		time.Sleep(time.Millisecond)
		return 2 * x
	})
)

// A controller is killed in the middle of a campaign, several times, and
// restored. Its engines and its client stay what they are. Every task has its
// result, and has run once.
func TestKill(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "profile_test")
	running := process(t, dir, false)
	life, end := context.WithCancel(context.Background())
	var engines sync.WaitGroup
	t.Cleanup(func() {
		end()
		engines.Wait()
	})
	const n = 3
	for range n {
		e, err := goengine.New(goengine.Config{ConnectionFile: wire.Profile{Dir: dir}.EngineFile("")})
		if err != nil {
			t.Fatal(err)
		}
		engines.Go(func() {
			if err := e.Run(life); err != nil {
				t.Error(err)
			}
		})
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	t.Cleanup(cancel)
	for {
		if _, err := os.Stat(wire.Profile{Dir: dir}.ClientFile("")); err == nil {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	c, err := muster.Connect(ctx, muster.WithProfileDir(dir))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.WaitForEngines(ctx, n); err != nil {
		t.Fatal(err)
	}
	balanced, all := c.LoadBalanced(), c.Broadcast(muster.All)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	clear(counted)
	const tasks = 600
	var answers []*muster.AsyncResult
	for i := range tasks {
		switch i % 10 {
		case 3:
			answers = append(answers, c.Direct(muster.Engines(rng.IntN(n))).ApplyAsync(count, i))
		case 7:
			answers = append(answers, all.ApplyAsync(count, i))
		default:
			answers = append(answers, balanced.ApplyAsync(count, i))
		}
		if i%200 == 199 { // somewhere in the last hundred tasks
			if _, err := answers[i-100].Get(ctx); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Duration(rng.IntN(60)) * time.Millisecond)
			running.Process.Kill()
			running.Wait()
			running = process(t, dir, true)
		}
	}
	for i, a := range answers {
		got, err := a.Get(ctx)
		if err != nil {
			t.Errorf("task %d: %v", i, err)
			continue
		}
		want := 1
		if i%10 == 7 {
			want = n
		}
		if len(got) != want {
			t.Errorf("task %d has %d results, want %d", i, len(got), want)
		}
		for _, v := range got {
			if v != int64(2*i) && v != 2*i {
				t.Errorf("task %d returned %v", i, got)
			}
		}
		counting.Lock()
		if ran := counted[i]; ran != want {
			t.Errorf("task %d ran %d times, want %d", i, ran, want)
		}
		counting.Unlock()
	}
	if ids := c.IDs(); len(ids) != n {
		t.Errorf("the engines are %v", ids)
	}
}
