package mpi_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/traefik/yaegi/interp"

	"muster/mpi"
	"muster/mpi/mpitest"
)

// Started by an MPI launcher, the test binary is a rank of a job: it
// initialises MPI, runs those tests that are named TestWorld..., and
// finalizes. TestLibraries starts it so.
func TestMain(m *testing.M) {
	if isRank() {
		os.Exit(rank(m))
	}
	os.Exit(m.Run())
}

// isRank says whether this process uses the real library.
func isRank() bool {
	_, launched := mpi.Launched()
	return launched || os.Getenv("MUSTER_TEST_ALONE") != ""
}

func rank(m *testing.M) int {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	var cfg mpi.Config
	if n, err := strconv.Atoi(os.Getenv("MUSTER_TEST_THREADS")); err == nil {
		cfg.Threads = mpi.Level(n)
	}
	if n, err := strconv.ParseInt(os.Getenv("MUSTER_TEST_MAX_COUNT"), 10, 64); err == nil {
		cfg = cfg.WithMaxCount(n)
	}
	if n, ok := os.LookupEnv("MUSTER_TEST_LOCAL"); ok {
		os.Setenv("MPI_LOCALNRANKS", n)
	}
	if story := stories[os.Getenv("MUSTER_TEST_STORY")]; story != nil {
		fmt.Println(story(cfg))
		return 3
	}
	if err := mpi.Init(ctx, cfg); err != nil {
		fmt.Println(err)
		return 1
	}
	code := m.Run()
	if err := mpi.Finalize(ctx); err != nil {
		fmt.Println(err)
		return 1
	}
	if e := new(mpi.Error); !errors.As(mpi.World().Barrier(), &e) || e.Class != mpi.ErrComm {
		fmt.Println("a call after Finalize was let through")
		return 1
	}
	return code
}

// stories are the ways in which a job ends badly; each yields the error.
var stories = map[string]func(mpi.Config) error{
	// Rank 1 does not come to Init before rank 0 has given up, and so written the file.
	"late": func(cfg mpi.Config) error {
		file := os.Getenv("MUSTER_TEST_FILE")
		if job, _ := mpi.Launched(); job.Rank != 0 {
			for _, err := os.Stat(file); err != nil; _, err = os.Stat(file) {
				time.Sleep(10 * time.Millisecond)
			}
			return errors.New("came too late")
		}
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		defer cancel()
		err := mpi.Init(ctx, cfg)
		return errors.Join(err, os.WriteFile(file, nil, 0o600))
	},
	// Rank 0 waits in Recv for a message that nobody sends.
	"blocked": func(cfg mpi.Config) error {
		if err := mpi.Init(context.Background(), cfg); err != nil {
			return err
		}
		if mpi.World().Rank() != 0 {
			return mpi.Finalize(context.Background()) // blocks: rank 0 does not finalize
		}
		go mpi.World().Recv([]int{0}, mpi.AnySource, 0)
		for mpi.CallsInside() == 0 {
			runtime.Gosched()
		}
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		return mpi.Finalize(ctx)
	},
	// Rank 0 aborts while the others wait for it.
	"abort": func(cfg mpi.Config) error {
		if err := mpi.Init(context.Background(), cfg); err != nil {
			return err
		}
		if mpi.World().Rank() == 0 {
			return mpi.World().Abort(7)
		}
		return mpi.World().Barrier()
	},
	"describe": func(mpi.Config) error {
		info, err := mpi.Describe(context.Background())
		if err == nil && (info.Library == "" || strings.Contains(info.Library, "\n") || info.Shim == "" || info.Threads != 0) {
			err = fmt.Errorf("incomplete: %+v", info)
		}
		return errors.Join(err, errors.New("described "+info.Flavour))
	},
}

func TestWorld(t *testing.T) { mpitest.Run(t, mpi.World()) }

// A part of the world is as good as the world.
func TestWorldSplit(t *testing.T) {
	c, err := mpi.World().Split(mpi.World().Rank()%2, 0)
	if err != nil {
		t.Fatal(err)
	}
	mpitest.Run(t, c)
	if err := c.Free(); err != nil {
		t.Fatal(err)
	}
	if !isRank() {
		return // a Solo has nothing that Free could take
	}
	if e := new(mpi.Error); !errors.As(c.Barrier(), &e) || e.Class != mpi.ErrComm {
		t.Error("a call after Free was let through")
	}
	if e := new(mpi.Error); !errors.As(mpi.World().Free(), &e) || e.Class != mpi.ErrComm {
		t.Error("the world was freed")
	}
}

// Several goroutines make calls at once, each on a Comm of its own. Where one
// thread makes all calls they would wait for each other for ever, as no two
// ranks have them in the same order.
func TestWorldGoroutines(t *testing.T) {
	if isRank() {
		if info, err := mpi.Describe(t.Context()); err != nil || info.Threads != mpi.ThreadMultiple {
			t.Logf("nothing to try with %v, %v", info.Threads, err)
			return
		}
	}
	var wg sync.WaitGroup
	for range 2 {
		c, err := mpi.World().Split(0, 0)
		if err != nil {
			t.Fatal(err)
		}
		wg.Go(func() {
			for i := range 100 {
				got := 0
				if err := c.Allreduce(&i, &got, mpi.Sum); err != nil || got != i*c.Size() {
					t.Errorf("Allreduce: %v, %v; want %d", got, err, i*c.Size())
					c.Abort(1)
				}
			}
		})
		defer c.Free()
	}
	wg.Wait()
}

// What Init and Describe say, and what they do not allow.
func TestWorldInfo(t *testing.T) {
	if err := mpi.Init(t.Context(), mpi.Config{Threads: 99}); err == nil {
		t.Error("Init took a thread level that there is not")
	}
	if !isRank() {
		if _, ok := mpi.World().(*mpi.Solo); !ok {
			t.Errorf("before Init the world is a %T", mpi.World())
		}
		if err := mpi.Finalize(t.Context()); err != nil {
			t.Errorf("Finalize without Init: %v", err)
		}
		return
	}
	info, err := mpi.Describe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if want := os.Getenv("MUSTER_TEST_FLAVOUR"); info.Flavour != want && want != "" {
		t.Errorf("flavour %q, want %q", info.Flavour, want)
	}
	if info.Library == "" || info.Shim == "" || info.Threads == 0 {
		t.Errorf("incomplete: %+v", info)
	}
	if err := mpi.Init(t.Context(), mpi.Config{}); err == nil {
		t.Error("a second Init was let through")
	}
	t.Logf("%+v", info)
}

// Go's faults must stay Go's: MPI libraries like to catch them.
func TestWorldFaults(t *testing.T) {
	defer func() {
		if err, ok := recover().(error); !ok || err.Error() != "runtime error: invalid memory address or nil pointer dereference" {
			t.Errorf("recovered %v", err)
		}
	}()
	var p *struct{ n int }
	t.Log(p.n)
}

// Interpreted code makes the same calls.
func TestWorldInterpreted(t *testing.T) {
	i := interp.New(interp.Options{})
	if err := i.Use(interp.Exports{"muster/mpi/mpi": {
		"World":   reflect.ValueOf(mpi.World),
		"Sum":     reflect.ValueOf(mpi.Sum),
		"InPlace": reflect.ValueOf(&mpi.InPlace).Elem(),
	}}); err != nil {
		t.Fatal(err)
	}
	if _, err := i.EvalWithContext(t.Context(), `
		import "muster/mpi"

		func sum() []float64 {
			world := mpi.World()
			x := []float64{1, float64(world.Rank())}
			if err := world.Allreduce(mpi.InPlace, x, mpi.Sum); err != nil {
				panic(err)
			}
			return x
		}`); err != nil {
		t.Fatal(err)
	}
	v, err := i.EvalWithContext(t.Context(), `sum()`)
	if err != nil {
		t.Fatal(err)
	}
	got, ok := v.Interface().([]float64)
	if size := mpi.World().Size(); !ok || got[0] != float64(size) || got[1] != float64(size*(size-1)/2) {
		t.Errorf("got %v", v)
	}
}
