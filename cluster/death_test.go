package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"muster/client"
	"muster/cluster/clustertest"
	"muster/engine"
	"muster/wire"
)

// What ends the process of an engine.
var (
	_ = engine.Func("test.Exit", func(status int, last string) {
		fmt.Fprintln(syscallStderr{}, last)
		os.Exit(status)
	})
	_ = engine.Func("test.Kill", func(sig int) {
		syscall.Kill(os.Getpid(), syscall.Signal(sig))
		select {}
	})
	_ = engine.Func("test.Await", func(ctx context.Context, path string) error {
		for {
			if _, err := os.Stat(path); err == nil {
				return nil
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(10 * time.Millisecond):
			}
		}
	})
	_ = engine.Func("test.Race", func() { // "fatal error: concurrent map writes", which nothing recovers
		m := make(map[int]int)
		for range 8 {
			go func() {
				for i := 0; ; i++ {
					m[i%8] = i
				}
			}()
		}
		select {}
	})
)

// syscallStderr is the descriptor that is the engine's log.
type syscallStderr struct{}

func (syscallStderr) Write(p []byte) (int, error) { return syscall.Write(2, p) }

func limited(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// gone waits for the news that an engine is gone.
func gone(t *testing.T, news <-chan client.EngineEvent, id client.EngineID) client.EngineEvent {
	t.Helper()
	for e := range news {
		if e.Engine == id && !e.Up {
			return e
		}
	}
	t.Fatalf("no news of engine %d", id)
	return client.EngineEvent{}
}

// back waits until an engine is there again.
func back(t *testing.T, news <-chan client.EngineEvent, id client.EngineID) {
	t.Helper()
	for e := range news {
		if e.Engine == id && e.Up {
			return
		}
	}
	t.Fatalf("engine %d does not come back", id)
}

func deaths(t *testing.T, p wire.Profile) []string {
	t.Helper()
	r, err := Find(p, "")
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, d := range r.Deaths {
		lines = append(lines, d.String())
	}
	return lines
}

// The cause of an engine's death is in the errors of what it had to do, in the
// news for clients, and on record; it is known in less than a second.
func TestCausesOfDeath(t *testing.T) {
	ctx := limited(t)
	p := clustertest.Profile(t)
	c := start(t, config(p, 5))
	news := c.Client.Notifications(ctx)
	var want []string
	for id, tt := range []struct {
		fn    string
		args  []any
		cause string
	}{
		{"test.Kill", []any{9}, "killed by signal 9 (SIGKILL)"},
		{"test.Exit", []any{3, "ipengine: no more disk"}, "exit status 3: no more disk"},
		{"test.Race", nil, "exit status 2: fatal error: concurrent map writes"},
		{"test.Kill", []any{6}, "exit status 2: SIGABRT: abort"},
	} {
		v := c.Client.Direct(client.Engines(client.EngineID(id)))
		begun := time.Now()
		running, queued := v.ApplyAsync(client.Ref(tt.fn), tt.args...), v.ApplyAsync(client.Ref("os.Getpid"))
		for _, ar := range []*client.AsyncResult{running, queued} {
			_, err := ar.Get(ctx)
			var remote *client.RemoteError
			if !errors.As(err, &remote) || remote.Name != "EngineError" || !strings.Contains(remote.Message, ": "+tt.cause) {
				t.Errorf("%s: %v, want %s", tt.fn, err, tt.cause)
			}
		}
		if took := time.Since(begun); took > 5*time.Second {
			t.Errorf("%s: known after %v", tt.fn, took)
		}
		if e := gone(t, news, client.EngineID(id)); !strings.Contains(e.Cause, tt.cause) {
			t.Errorf("%s: news %v", tt.fn, e)
		}
		want = append(want, fmt.Sprintf("engine %d died: %s", id, tt.cause))
	}
	// To be told to end is no death.
	pid, err := client.Call[int](ctx, c.Client.Direct(client.Engines(4)), client.Ref("os.Getpid"))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid[0], syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if e := gone(t, news, 4); !strings.Contains(e.Cause, "it left") {
		t.Errorf("after SIGTERM: %v", e)
	}
	<-latest(c).Ends()
	if got := deaths(t, p); !slices.Equal(got, want) {
		t.Errorf("on record:\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// With restart = "engine" one that dies comes back under its id, and knows what
// the startup file says. A task that kills whoever runs it is not given to all of them.
func TestRestartOfEngines(t *testing.T) {
	ctx := limited(t)
	p := clustertest.Profile(t)
	if err := p.Create(); err != nil {
		t.Fatal(err)
	}
	writeProfile(t, p, "[engines]\nrestart = \"engine\"\nstartup = \"startup.go\"\n")
	if err := os.WriteFile(p.Dir+"/startup.go", []byte("answer := 42\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	conf := config(p, 2)
	conf.firstWait = 10 * time.Millisecond
	c := start(t, conf)
	news := c.Client.Notifications(ctx)
	one := c.Client.Direct(client.Engines(1))
	for range 2 {
		if _, err := one.Execute(ctx, "answer++"); err != nil {
			t.Fatal(err)
		}
		one.ApplyAsync(client.Ref("test.Kill"), 9)
		back(t, news, 1)
		if got, err := client.Call[int](ctx, one, client.Ref("func() int { return answer }")); err != nil || got[0] != 42 {
			t.Errorf("the answer is %v, %v", got, err)
		}
	}
	want := []string{
		"engine 1 died: killed by signal 9 (SIGKILL); started again in 10ms",
		"engine 1 died: killed by signal 9 (SIGKILL); started again in 20ms",
	}
	if got := deaths(t, p); !slices.Equal(got, want) {
		t.Errorf("on record:\n%s", strings.Join(got, "\n"))
	}
	if r, err := Find(p, ""); err != nil || r.EnginesAlive() != 2 {
		t.Errorf("%d engines alive, %v", r.EnginesAlive(), err)
	}

	v := c.Client.LoadBalanced().With(client.Retries(10))
	_, err := v.ApplyAsync(client.Ref("test.Kill"), 9).Get(ctx)
	if err == nil || !strings.Contains(err.Error(), "is not tried again") || strings.Count(err.Error(), "killed by signal 9 (SIGKILL)") != 3 {
		t.Errorf("a task that kills: %v", err)
	}
	if got, err := client.Call[int](ctx, v, client.Ref("func() int { return answer }")); err != nil || got[0] != 42 {
		t.Errorf("afterwards: %v, %v", got, err)
	}
}

// With restart = "world" the ranks of an MPI world are started again together.
func TestRestartOfWorlds(t *testing.T) {
	if os.Getenv("MUSTER_MPI") == "none" {
		t.Skip("MUSTER_MPI=none: NOT tried with any mpirun")
	}
	for _, mpirun := range []string{"mpirun.openmpi", "mpirun.mpich"} {
		t.Run(mpirun, func(t *testing.T) {
			ctx := limited(t)
			p := clustertest.Profile(t)
			if err := p.Create(); err != nil {
				t.Fatal(err)
			}
			writeProfile(t, p, fmt.Sprintf("[engines]\nlauncher = \"mpi\"\nrestart = \"world\"\n[engines.mpi]\ncommand = [%q]\n", mpirun))
			conf := config(p, 3)
			conf.firstWait = 10 * time.Millisecond
			c := start(t, conf)
			news := c.Client.Notifications(ctx)
			_, err := c.Client.Direct(client.Engines(1)).ApplyAsync(client.Ref("test.Kill"), 9).Get(ctx)
			const killed = "killed by signal 9 (SIGKILL)"
			// Hydra does not tell which rank it was.
			died, cause, others := "engines died: rank 1: "+killed, killed, "rank 1 of its MPI world died: "+killed
			if mpirun == "mpirun.mpich" {
				died, cause, others = "engines died: "+killed, "its MPI world died: "+killed, "its MPI world died: "+killed
			}
			if err == nil || !strings.HasSuffix(err.Error(), ": "+cause) {
				t.Errorf("what the rank had to do: %v", err)
			}
			up := 0
			for e := range news {
				if e.Up {
					up++
				} else if want := map[bool]string{true: cause, false: others}[e.Engine == 1]; e.Cause != want {
					t.Errorf("%v, want %s", e, want)
				}
				if up == 3 {
					break
				}
			}
			ranks, err := client.Call[string](ctx, c.Client.Direct(client.All), client.Ref("func() string { w := mpi.World(); return fmt.Sprint(w.Rank(), w.Size()) }"))
			if want := []string{"0 3", "1 3", "2 3"}; err != nil || !slices.Equal(ranks, want) {
				t.Errorf("ranks %q, %v", ranks, err)
			}
			if got, want := deaths(t, p), []string{died + "; started again in 10ms"}; !slices.Equal(got, want) {
				t.Errorf("on record:\n%s", strings.Join(got, "\n"))
			}
		})
	}
}

// With Restore a controller that is killed comes back with what it had: its
// engines go on, and so do the calls of clients.
func TestRestoreOfTheController(t *testing.T) {
	ctx := limited(t)
	p := clustertest.Profile(t)
	conf := config(p, 2)
	conf.Restore = true
	conf.firstWait = 10 * time.Millisecond
	c := start(t, conf)
	zero := c.Client.Direct(client.Engines(0))
	if _, err := zero.Execute(ctx, "kept := 0"); err != nil {
		t.Fatal(err)
	}
	release := filepath.Join(p.Dir, "release")
	slow := c.Client.Direct(client.Engines(1)).ApplyAsync(client.Ref("test.Await"), release)
	<-slow.Sent()
	for life := range 2 {
		r, err := Find(p, "")
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Controller.Processes[0].Signal(syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		got, err := client.Call[int](ctx, zero, client.Ref("func() int { kept++; return kept }"))
		if err != nil || got[0] != life+1 {
			t.Errorf("kept is %v, %v, want %d", got, err, life+1)
		}
	}
	if err := os.WriteFile(release, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := slow.Get(ctx); err != nil {
		t.Errorf("what ran meanwhile: %v", err)
	}
	const killed = "controller died: killed by signal 9 (SIGKILL); started again in "
	if got, want := deaths(t, p), []string{killed + "10ms", killed + "20ms"}; !slices.Equal(got, want) {
		t.Errorf("on record:\n%s", strings.Join(got, "\n"))
	}
	r, err := Find(p, "")
	if err != nil || r.State() != Running || r.EnginesAlive() != 2 {
		t.Errorf("state %v, %d engines, %v", r.State(), r.EnginesAlive(), err)
	}
	// When it is told to end, that is the end.
	if err := r.Controller.Processes[0].Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(ctx); err != nil || ctx.Err() != nil {
		t.Errorf("%v", err)
	}
}
