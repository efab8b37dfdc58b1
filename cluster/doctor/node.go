package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"muster/engine"
	"muster/mpi"
	"muster/transport/zmq"
	"muster/wire"
)

// NodeCommand is the first argument of a program that is to be [Node].
const NodeCommand = "__node"

const (
	requestFlag = "--request="
	// nodeLimit bounds what a node does: its job has a minute.
	nodeLimit = 50 * time.Second
	// sightLimit bounds the wait for a file that is to be seen. Network file systems
	// remember for a minute at most what a folder looked like.
	sightLimit = 20 * time.Second
	initLimit  = 20 * time.Second
)

// Node is the program of the job that looks at nodes: it looks around, reports, and
// returns the exit status. It takes the arguments that launchers give engines.
func Node(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeoutCause(ctx, nodeLimit, fmt.Errorf("not within %v", nodeLimit))
	defer cancel()
	if err := node(ctx, args); err != nil {
		fmt.Fprintln(os.Stderr, "ipcluster:", err)
		return 1
	}
	return 0
}

func node(ctx context.Context, args []string) error {
	var file string
	for _, a := range args {
		if path, ok := strings.CutPrefix(a, requestFlag); ok {
			file = path
		}
	}
	r, err := readRequest(file)
	if err != nil {
		return err
	}
	report := Report{Copy: wire.NewKey()[:16], Arch: runtime.GOARCH, Version: engine.Version(), CPUs: runtime.NumCPU(), Memory: memory()}
	report.Host, _ = os.Hostname() // "" is not known
	report.Libzmq, report.Curve = zmq.Version()
	report.OpenFiles, _ = openFiles() // likewise 0

	var looking sync.WaitGroup
	looking.Go(func() { report.Engine = r.engine(ctx) })
	looking.Go(func() { report.Seen = r.seen(ctx) })
	v, routes := r.visit(ctx)
	defer v.leave()
	report.Routes = routes
	report.Clock = v.clock(ctx)
	looking.Wait()
	if report.Seen.Error == "" {
		report.Fresh = v.fresh(ctx, r.Dir)
	}
	inRanks := slices.Contains(args, "--mpi")
	report.describe(ctx)
	report.Final = !inRanks || report.MPI.Error != ""
	told := r.tell(ctx, v, &report)
	if report.Final {
		return told
	}
	report.Final = true
	report.join(ctx)
	return errors.Join(r.tell(ctx, v, &report), finalize(ctx))
}

// tell sends the report, and leaves it in the folder of the run. One of both is enough.
func (r request) tell(ctx context.Context, v *visit, report *Report) error {
	report.Wrote = ""
	write := func() error {
		text, err := json.Marshal(report)
		if err != nil {
			return err
		}
		return replaceFile(filepath.Join(r.Dir, reportPrefix+report.Copy), text)
	}
	errFile := write()
	if errFile != nil {
		report.Wrote = errFile.Error()
	}
	if err := v.report(ctx, report); err != nil && errFile != nil {
		return fmt.Errorf("doctor: the report reaches nobody: %w", errors.Join(err, errFile))
	}
	return nil
}

// engine starts the engine's program.
func (r request) engine(ctx context.Context) (p Program) {
	version, err := versionOf(ctx, r.Engine)
	if err != nil {
		return Program{Error: err.Error()}
	}
	return Program{Version: version}
}

// seen waits until the request can be read in the folder of the run.
func (r request) seen(ctx context.Context) Sight {
	return await(ctx, func() error {
		text, err := os.ReadFile(filepath.Join(r.Dir, requestFile))
		if err != nil {
			return err
		}
		_, err = parseRequest(text)
		return err
	})
}

// await tries until it goes well, and tells how long that took.
func await(ctx context.Context, try func() error) Sight {
	begun := time.Now()
	ctx, cancel := context.WithTimeout(ctx, sightLimit)
	defer cancel()
	for {
		err := try()
		if err == nil {
			return Sight{After: time.Since(begun)}
		}
		select {
		case <-ctx.Done():
			return Sight{After: time.Since(begun), Error: err.Error()}
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// describe says which MPI there is.
func (r *Report) describe(ctx context.Context) {
	info, err := mpi.Describe(ctx)
	if err != nil {
		r.MPI.Error = strings.TrimPrefix(err.Error(), "mpi: ")
	}
	r.MPI.Flavour, r.MPI.Library, r.MPI.Shim = info.Flavour, info.Library, info.Shim
}

// join initialises MPI, and adds up over the ranks.
func (r *Report) join(ctx context.Context) {
	ctx, cancel := context.WithTimeoutCause(ctx, initLimit, fmt.Errorf("not within %v", initLimit))
	defer cancel()
	err := mpi.Init(ctx, mpi.Config{})
	if err == nil {
		w := mpi.World()
		r.MPI.Rank, r.MPI.Size = w.Rank(), w.Size()
		sum := []int64{1}
		added := make(chan error, 1)
		go func() { added <- w.Allreduce(mpi.InPlace, sum, mpi.Sum) }()
		select {
		case err = <-added:
			if err == nil && int(sum[0]) != w.Size() {
				err = fmt.Errorf("the sum of 1 over %d ranks is %d", w.Size(), sum[0])
			}
		case <-ctx.Done():
			err = fmt.Errorf("ranks do not add up: %w", context.Cause(ctx))
		}
	}
	if err != nil {
		r.MPI.Error = strings.TrimPrefix(err.Error(), "mpi: ")
	}
}

func finalize(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	return mpi.Finalize(ctx)
}

// memory is that of the node, in bytes; 0 if it does not tell.
func memory() uint64 {
	text, _ := os.ReadFile("/proc/meminfo")
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "MemTotal:" {
			kib, _ := strconv.ParseUint(f[1], 10, 64)
			return kib << 10
		}
	}
	return 0
}
