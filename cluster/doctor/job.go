package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"muster/cluster"
	"muster/controller"
	"muster/launcher"
)

const (
	// runLimit bounds the job from its start: nodeLimit, and the time to start it.
	runLimit = 90 * time.Second
	// lastWords is how long reports may come after the job has ended, by way of files.
	lastWords = 3 * time.Second
	lookEvery = 200 * time.Millisecond
)

// A trial is what became of a job of nodes.
type trial struct {
	name    string        // of the job, as in "slurm job 17"
	queued  time.Duration // until it began
	began   bool
	took    time.Duration // until the last report
	reports []Report      // the last of each copy, by host and rank
	pending string        // why it has not begun
	failure error         // how a copy ended badly; nil if none did
	output  string        // the end of what it printed
}

// try starts n copies of the node's program by a launcher and gathers what they report.
// An error is that they could not be started. When try returns the job is gone, and its folder.
func (x *examination) try(ctx context.Context, engines launcher.Config, n int) (t trial, err error) {
	dir, err := os.MkdirTemp(x.Profile.Dir, "doctor-")
	if err != nil {
		return t, fmt.Errorf("doctor: %w", err)
	}
	defer os.RemoveAll(dir)
	l, endpoint, err := listen(x.controller(engines), dir)
	if err != nil {
		return t, err
	}
	defer l.close()
	r := request{Doctor: endpoint, Dir: dir, Engine: x.engineOn(engines)}
	file, variable, err := r.write()
	if err != nil {
		return t, fmt.Errorf("doctor: %w", err)
	}
	if engines.SSH.Program != "" {
		engines.SSH.Program = filepath.Join(filepath.Dir(engines.SSH.Program), filepath.Base(x.Node[0]))
	}
	command := launcher.Command{
		Args: append(slices.Clone(x.Node), requestFlag+file), Log: filepath.Join(dir, "ipdoctor-*.log"),
		Env: slices.Concat(cluster.Environment(), x.flavour(), []string{variable}),
	}
	starter, err := engines.New(command, x.Log)
	if err != nil {
		return t, err
	}
	limited, cancel := context.WithTimeoutCause(ctx, runLimit, fmt.Errorf("not within %v", runLimit))
	defer cancel()
	job, err := starter.Start(limited, n)
	if err != nil {
		return t, err
	}
	defer func() {
		err = errors.Join(err, job.Stop(context.WithoutCancel(ctx)))
	}()
	if b := job.Handle().Batch; b != nil {
		t.name = b.String()
	}
	t.gather(ctx, x, job, l, n)
	t.failure, t.output = job.Err(), job.Output()
	return t, nil
}

// gather waits for the reports of n copies, as long as there is hope for them.
func (t *trial) gather(ctx context.Context, x *examination, job launcher.Job, l *listener, n int) {
	copies := make(map[string]Report)
	defer func() {
		t.reports = slices.SortedFunc(maps.Values(copies), func(a, b Report) int {
			return cmp.Or(cmp.Compare(a.Host, b.Host), cmp.Compare(a.MPI.Rank, b.MPI.Rank))
		})
	}()
	take := func(r Report) {
		if old, known := copies[r.Copy]; !known && len(copies) >= n || old.Final {
			return // one too many, or nothing new
		}
		copies[r.Copy] = r
	}
	complete := func() bool {
		final := 0
		for _, r := range copies {
			if r.Final {
				final++
			}
		}
		return final >= n
	}
	submitted := time.Now()
	begun := submitted
	limit := time.NewTimer(x.Patience)
	defer limit.Stop()
	running, ended := job.Wait(launcher.Running), job.Wait(launcher.Ended)
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for !complete() {
		select {
		case <-running:
			running = nil
			begun, t.began, t.queued = time.Now(), true, time.Since(submitted)
			limit.Reset(runLimit)
			x.Progress(fmt.Sprintf("%s runs: waiting for %d of its %d reports", t.title(), n-len(copies), n))
		case <-ended:
			ended = nil
			limit.Reset(lastWords)
		case r := <-l.reports:
			take(r)
		case <-look.C:
			for _, r := range readReports(l.dir) {
				take(r)
			}
			if !t.began {
				t.pending = job.Pending().String()
				x.Progress(strings.TrimSpace(fmt.Sprintf("%s is queued for %v (give up: %v) %s", t.title(), time.Since(submitted).Round(time.Second), x.Patience, t.pending)))
			}
		case <-limit.C:
			return
		case <-ctx.Done():
			return
		}
	}
	t.took = time.Since(begun)
}

// title names the job in messages.
func (t *trial) title() string {
	if t.name == "" {
		return "the job"
	}
	return t.name
}

// controller is the configuration of the controller that such engines would have.
func (x *examination) controller(engines launcher.Config) controller.Config {
	p := x.profile
	p.Engines = engines
	c := p.Controller
	c.Interface = p.Site.Network.Interface
	c.EngineIP = cmp.Or(c.EngineIP, cluster.EngineIP(p))
	return c
}

// engineOn is the engine's program where the engines run.
func (x *examination) engineOn(engines launcher.Config) string {
	if engines.Launcher == "ssh" && engines.SSH.Program != "" {
		return engines.SSH.Program
	}
	return cmp.Or(x.engine, "ipengine")
}
