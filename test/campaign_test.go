package test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"muster/client"
)

// A farm is a controller and four engines, each a process of its own, that a
// test kills and starts one by one.
type farm struct {
	*site
	rnd        *rand.Rand
	c          *client.Client
	controller *exec.Cmd
	engines    map[client.EngineID]int // pids
}

// farmSize is how many engines a farm has.
const farmSize = 4

// work is what engines run. They note each call in a ledger that outlives them,
// so that nothing runs twice unseen; one that is to fail does so the first time
// that any engine runs it.
const work = `
var ledger, _ = os.OpenFile(filepath.Join(%q, fmt.Sprint("ledger.", os.Getpid())), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)

func work(id, micros int) int {
	fmt.Fprintln(ledger, id)
	time.Sleep(time.Duration(micros) * time.Microsecond)
	return 3*id + 1
}

func flaky(id, micros int) (int, error) {
	value := work(id, micros)
	if os.Mkdir(filepath.Join(%[1]q, fmt.Sprint("tried.", id)), 0o700) == nil {
		return 0, errors.New("the first time")
	}
	return value, nil
}

func double(id int, x []float64) []float64 {
	work(id, 0)
	y := make([]float64, len(x))
	for i := range x {
		y[i] = 2 * x[i]
	}
	return y
}

var order []int

func note(n int) { order = append(order, n) }
`

// newFarm starts a farm.
func newFarm(t *testing.T, seed uint64) *farm {
	f := &farm{site: newSite(t), rnd: rand.New(rand.NewPCG(seed, 0)), engines: make(map[client.EngineID]int)}
	f.start("--sqlitedb")
	for range farmSize {
		f.background("ipengine")
	}
	f.c = f.connect(farmSize)
	if _, err := f.c.Direct(client.All).Execute(f.ctx(), fmt.Sprintf(work, f.dir)); err != nil {
		t.Fatal(err)
	}
	f.engines = f.pids()
	return f
}

// start starts the controller.
func (f *farm) start(how string) { f.controller = f.background("ipcontroller", how) }

// An outage is a controller that is killed, after a while, and is away for a
// while, during which an engine is killed too, or not.
type outage struct {
	before, away time.Duration
	victim       client.EngineID
}

// moment is a while of so many milliseconds at most.
func (f *farm) moment(most int) time.Duration {
	return time.Duration(f.rnd.IntN(1000*most)) * time.Microsecond
}

// suffer lets outages come to pass.
func (f *farm) suffer(outages []outage) {
	for _, o := range outages {
		time.Sleep(o.before)
		if err := f.controller.Process.Kill(); err != nil {
			f.t.Error(err)
		}
		time.Sleep(o.away)
		if o.victim != client.NoEngine {
			if err := syscall.Kill(f.engines[o.victim], syscall.SIGKILL); err != nil {
				f.t.Error(err)
			}
		}
		f.start("--restore")
	}
}

// pids are the processes of the engines.
func (f *farm) pids() map[client.EngineID]int {
	f.t.Helper()
	pids := make(map[client.EngineID]int)
	for _, id := range f.c.IDs() {
		pid, err := client.Call[int](f.ctx(), f.c.Direct(client.Engines(id)), client.Ref("os.Getpid"))
		if err != nil {
			f.t.Fatal(err)
		}
		pids[id] = pid[0]
	}
	return pids
}

// ran are the calls that the ledger of an engine has, in order.
func (f *farm) ran(pid int) (ids []int) {
	f.t.Helper()
	b, err := os.ReadFile(filepath.Join(f.dir, fmt.Sprint("ledger.", pid)))
	if err != nil {
		f.t.Fatal(err)
	}
	for line := range bytes.Lines(b) {
		id, err := strconv.Atoi(strings.TrimSpace(string(line)))
		if err != nil {
			f.t.Fatal(err)
		}
		ids = append(ids, id)
	}
	return ids
}

// A job is one call of a campaign.
type job struct {
	*client.AsyncResult
	id      int
	retries int
	after   []*job // it depends on
	want    any
}

// campaign hands over jobs of all kinds, and calls each with the number of every
// one that is.
func (f *farm) campaign(n int, each func(int)) []*job {
	balanced, jobs := f.c.LoadBalanced(), make([]*job, 0, n)
	var scheduled []*job // those that others can depend on
	for id := range n {
		j := &job{id: id, want: 3*id + 1}
		micros := f.rnd.IntN(4000)
		call := func(view *client.LoadBalancedView, fn string) {
			j.AsyncResult = view.ApplyAsync(client.Ref(fn), id, micros)
			scheduled = append(scheduled, j)
		}
		kind := f.rnd.IntN(100)
		if kind < 20 && len(scheduled) == 0 {
			kind = 99
		}
		switch {
		case kind < 10:
			j.after = []*job{scheduled[f.rnd.IntN(len(scheduled))], scheduled[f.rnd.IntN(len(scheduled))]}
			call(balanced.With(client.After(j.after[0], j.after[1])), "work")
		case kind < 15:
			j.after = []*job{scheduled[f.rnd.IntN(len(scheduled))]}
			call(balanced.With(client.Follow(j.after[0])), "work")
		case kind < 25:
			j.retries = 3
			call(balanced.With(client.Retries(j.retries)), "flaky")
		case kind < 30:
			x := make([]float64, 12_800) // 100 KiB
			for i := range x {
				x[i] = float64(id + i)
			}
			j.AsyncResult = balanced.ApplyAsync(client.Ref("double"), id, x)
			for i := range x { // it was copied
				x[i] *= 2
			}
			j.want = x
			scheduled = append(scheduled, j)
		case kind < 35:
			view := f.c.Direct(client.Engines(client.EngineID(f.rnd.IntN(farmSize))))
			j.AsyncResult, j.want = view.ApplyAsync(client.Ref("work"), id, micros), []any{j.want}
		default:
			call(balanced, "work")
		}
		jobs = append(jobs, j)
		each(id)
	}
	return jobs
}

// value waits for the result of a job. Those of direct calls are lists.
func (j *job) value(ctx context.Context) (any, error) {
	values, err := j.Get(ctx)
	if _, direct := j.want.([]any); direct || err != nil {
		return values, err
	}
	if len(values) != 1 {
		return nil, fmt.Errorf("%d values", len(values))
	}
	return values[0], nil
}

// runs counts how often each job was run, by all engines and by the one of a pid.
func (f *farm) runs(pid int) (all, by map[int]int) {
	all, by = make(map[int]int), make(map[int]int)
	for _, p := range f.engines {
		for _, id := range f.ran(p) {
			if all[id]++; p == pid {
				by[id]++
			}
		}
	}
	return all, by
}

// collect waits for all results, and checks that they are right. Where an engine
// was killed, those may be unknown that it had.
func (f *farm) collect(jobs []*job, killed client.EngineID) {
	f.t.Helper()
	errs := make([]error, len(jobs))
	for i, j := range jobs {
		var v any
		if v, errs[i] = j.value(f.ctx()); errs[i] == nil && fmt.Sprint(v) != fmt.Sprint(j.want) {
			f.t.Errorf("job %d: %v, want %v", j.id, v, j.want)
		}
	}
	all, by := f.runs(f.engines[killed])
	unknown := 0
	for i, j := range jobs {
		err, runs := errs[i], all[j.id]
		lost := killed != client.NoEngine && err != nil && j.retries == 0
		switch {
		case lost && errors.Is(err, client.ErrEngineDied):
			unknown++
			if runs != by[j.id] || !strings.Contains(err.Error(), fmt.Sprintf("engine %d", killed)) {
				f.t.Errorf("job %d, which was run %d times, %d of them on the engine that was killed: %v", j.id, runs, by[j.id], err)
			}
		case lost && errors.Is(err, client.ErrImpossibleDependency) &&
			slices.ContainsFunc(j.after, func(a *job) bool { return errs[a.id] != nil || by[a.id] > 0 }):
			// What the job depends on failed, or its answer was delivered and not recorded,
			// or it was to be followed to the engine that is gone.
			if runs != 0 {
				f.t.Errorf("job %d was run %d times: %v", j.id, runs, err)
			}
		case err != nil:
			f.t.Errorf("job %d (retries %d, after %d others), which was run %d times: %v", j.id, j.retries, len(j.after), runs, err)
		case j.retries == 0 && runs != 1, runs < 1, runs > 1+j.retries:
			f.t.Errorf("job %d (retries %d) was run %d times", j.id, j.retries, runs)
		}
	}
	if killed != client.NoEngine {
		f.t.Logf("%d of %d fates are unknown", unknown, len(jobs))
	}
}

// recorded checks that the controller has a record of every job, and its answer.
func (f *farm) recorded(jobs []*job) {
	f.t.Helper()
	f.until("the records of all jobs", func() bool {
		status, err := f.c.ResultStatus(f.ctx(), f.c.History()...)
		if err != nil {
			f.t.Fatal(err)
		}
		return len(status.Pending) == 0 && len(status.Completed) >= len(jobs)
	})
}

// stop ends the farm. A controller that can be restored leaves its files.
func (f *farm) stop() {
	f.t.Helper()
	f.c.Close()
	for pid := range f.processes() {
		syscall.Kill(pid, syscall.SIGKILL)
	}
	files, err := filepath.Glob(filepath.Join(f.dir, "profile_default", "security", "*.json"))
	for _, file := range files {
		err = errors.Join(err, os.Remove(file))
	}
	if err != nil {
		f.t.Error(err)
	}
}

// collectDrained waits for all results, where so many engines, the first ones, have
// drained. A task may fail only if it could go nowhere else, and then has not run.
func (f *farm) collectDrained(jobs []*job, drains int) {
	f.t.Helper()
	errs := make([]error, len(jobs))
	for i, j := range jobs {
		var v any
		if v, errs[i] = j.value(f.ctx()); errs[i] == nil && fmt.Sprint(v) != fmt.Sprint(j.want) {
			f.t.Errorf("job %d: %v, want %v", j.id, v, j.want)
		}
	}
	all, _ := f.runs(0)
	failed := 0
	for i, j := range jobs {
		err, runs := errs[i], all[j.id]
		_, direct := j.want.([]any)
		switch {
		case err == nil && (runs < 1 || runs > 1+j.retries):
			f.t.Errorf("job %d (retries %d) was run %d times", j.id, j.retries, runs)
		case err == nil:
		case runs > 0:
			f.t.Errorf("job %d, which was run %d times: %v", j.id, runs, err)
		case direct, len(j.after) > 0 && errors.Is(err, client.ErrImpossibleDependency):
			failed++
		default:
			f.t.Errorf("job %d (retries %d, after %d others): %v", j.id, j.retries, len(j.after), err)
		}
	}
	f.t.Logf("%d of %d jobs could go to the %d engines only that drained", failed, len(jobs), drains)
}
