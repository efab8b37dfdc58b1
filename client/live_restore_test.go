package client_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"sync"
	"testing"
	"time"

	"muster/client"
	"muster/controller"
	"muster/engine"
	"muster/wire"
)

// controllerDir, in the environment, makes the test's binary a controller of the
// profile in that directory, to be killed as only a process can be. It restores
// what an earlier one has left, if its records are in SQLite as controllerDB says.
const (
	controllerDir = "CLIENT_TEST_CONTROLLER"
	controllerDB  = "CLIENT_TEST_DB"
	controllerIP  = "CLIENT_TEST_IP"
)

func runController(dir string) int {
	p, db := wire.Profile{Dir: dir}, controller.DB(os.Getenv(controllerDB))
	_, err := os.Stat(p.ClientFile(""))
	c, err := controller.New(controller.Config{
		Profile: p, IP: os.Getenv(controllerIP), DB: db, Reuse: true, Restore: err == nil && db == controller.SQLite,
		Log: slog.New(slog.NewTextHandler(os.Stderr, nil)),
	})
	if err == nil {
		err = c.Run(context.Background())
	}
	fmt.Fprintln(os.Stderr, err)
	return 1
}

// mortal is a cluster whose engines are in this process, and whose controller is
// a process that can be killed.
type mortal struct {
	t       *testing.T
	profile wire.Profile
	db      controller.DB
	ip      string // where it listens when it is started next; "" is loopback
	process *exec.Cmd
	log     bytes.Buffer // of the controllers
	told    bytes.Buffer // of the clients
}

func newMortal(t *testing.T, db controller.DB, engines int) *mortal {
	return newMortalAt(t, "", db, engines)
}

func newMortalAt(t *testing.T, ip string, db controller.DB, engines int) *mortal {
	m := &mortal{t: t, profile: wire.Profile{Dir: t.TempDir()}, db: db, ip: ip}
	m.start()
	life, end := context.WithCancel(context.Background())
	var running sync.WaitGroup
	t.Cleanup(func() {
		end()
		running.Wait()
		m.kill()
		if t.Failed() {
			t.Logf("controller:\n%s\nclient:\n%s", &m.log, &m.told)
		}
	})
	ready, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for ready.Err() == nil {
		if _, err := os.Stat(m.profile.EngineFile("")); err == nil {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	for i := range engines {
		id := wire.EngineID(i)
		e, err := engine.New(engine.Config{ConnectionFile: m.profile.EngineFile(""), ID: &id})
		check(t, err)
		running.Go(func() {
			if err := e.Run(life); err != nil {
				t.Errorf("engine %d: %v", id, err)
			}
		})
	}
	return m
}

func (m *mortal) start() {
	m.process = exec.Command(os.Args[0])
	m.process.Env = append(os.Environ(), controllerDir+"="+m.profile.Dir, controllerDB+"="+string(m.db), controllerIP+"="+m.ip)
	m.process.Stderr = &m.log
	check(m.t, m.process.Start())
}

func (m *mortal) kill() {
	m.process.Process.Kill()
	m.process.Wait()
}

func (m *mortal) connect(n int) (*client.Client, context.Context) {
	ctx, cancel := context.WithTimeout(m.t.Context(), time.Minute)
	m.t.Cleanup(cancel)
	c, err := client.Connect(ctx, client.WithProfileDir(m.profile.Dir), client.WithLogger(slog.New(slog.NewTextHandler(&m.told, nil))))
	check(m.t, err)
	m.t.Cleanup(func() { c.Close() })
	check(m.t, c.WaitForEngines(ctx, n))
	return c, ctx
}

// once fails when it is called twice for the same item.
var ran sync.Map
var once = engine.Func("restore.Once", func(i int) (int, error) {
	if _, twice := ran.LoadOrStore(i, true); twice {
		return 0, fmt.Errorf("item %d ran twice", i)
	}
	time.Sleep(time.Duration(rand.IntN(4)) * time.Millisecond)
	return i, nil
})

// The controller is killed again and again in the middle of calls of all kinds.
// Nothing is lost, and nothing is done twice.
func TestControllerKilled(t *testing.T) {
	const engines, rounds, calls = 4, 5, 100
	ran.Clear()
	m := newMortal(t, controller.SQLite, engines)
	c, ctx := m.connect(engines)
	ids := c.IDs()
	v, b := c.Direct(client.All), c.LoadBalanced()
	check(t, v.Push(ctx, map[string]any{"kept": 7}))
	rng := rand.New(rand.NewPCG(4, 0))
	item := 0
	for round := range rounds {
		var balanced, direct []*client.AsyncResult
		var items []int
		submit := func(n int) {
			for range n {
				items = append(items, item)
				balanced = append(balanced, b.ApplyAsync(once, item))
				item++
				if rng.IntN(5) == 0 {
					direct = append(direct, v.ApplyAsync(square, float64(len(direct))))
				}
			}
		}
		submit(calls)
		cell := c.Direct(client.Engines(1)).ExecuteAsync(`fmt.Println("begun"); kept + 1`)
		all := c.Broadcast(client.All).With(client.Coalescing()).ApplyAsync(square, 3.0)
		time.Sleep(time.Duration(rng.IntN(120)) * time.Millisecond)
		m.kill()
		submit(calls / 4)
		time.Sleep(time.Duration(rng.IntN(50)) * time.Millisecond)
		m.start()
		submit(calls / 4)
		for i, ar := range balanced {
			values, err := ar.Get(ctx)
			if err != nil || values[0] != items[i] {
				t.Fatalf("round %d, item %d: %v, %v", round, items[i], values, err)
			}
		}
		for i, ar := range direct {
			values, err := ar.Get(ctx)
			check(t, err)
			want(t, values, slices.Repeat([]any{float64(i * i)}, engines))
		}
		_, err := cell.Get(ctx)
		check(t, err)
		if r := cell.Metadata()[0]; r.Stdout != "begun\n" && !r.OutputLost {
			t.Errorf("round %d: the cell printed %q", round, r.Stdout)
		}
		values, err := all.Get(ctx)
		check(t, err)
		want(t, values, slices.Repeat([]any{9.0}, engines))
		want(t, c.IDs(), ids)
	}
	other, ctx := m.connect(engines)
	rs, err := other.Direct(client.All).Pull(ctx, "kept")
	check(t, err)
	want(t, rs[3]["kept"], 7)
	check(t, other.Close())

	// One that stays away, and a call that is bounded.
	m.kill()
	bounded, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
	defer cancel()
	if _, err := v.Apply(bounded, square, 2.0); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("while the controller is away: %v", err)
	}
	check(t, c.Close())
}

// Another controller stands where one was killed that kept no records: what was
// outstanding with that one fails, and the client goes on with the other.
func TestControllerReplaced(t *testing.T) {
	const engines = 2
	m := newMortal(t, controller.Memory, engines)
	c, ctx := m.connect(engines)
	v := c.Direct(client.All)
	check(t, v.Push(ctx, map[string]any{"kept": 7}))
	for range 3 {
		before := v.ExecuteAsync("time.Sleep(20 * time.Millisecond)")
		balanced := c.LoadBalanced().ExecuteAsync("time.Sleep(20 * time.Millisecond)")
		m.kill()
		m.start()
		for _, ar := range []*client.AsyncResult{before, balanced} {
			if _, err := ar.Get(ctx); err != nil && !errors.Is(err, client.ErrRestarted) && !errors.Is(err, client.ErrEngineDied) {
				t.Errorf("outstanding: %v", err)
			}
		}
		check(t, c.WaitForEngines(ctx, engines))
		rs, err := v.Pull(ctx, "kept")
		check(t, err)
		want(t, rs[1]["kept"], 7)
	}
}
