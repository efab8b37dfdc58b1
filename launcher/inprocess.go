package launcher

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"syscall"
)

// InProcess starts copies as goroutines of this process: the smallest
// launcher, for tests of what stands on launchers.
type InProcess struct {
	// Run is the program. It returns when ctx ends, which is its SIGTERM; what
	// it writes to out is kept as the job's output.
	Run func(ctx context.Context, number int, out io.Writer) error
}

// Start implements [Launcher].
func (l InProcess) Start(ctx context.Context, n int) (Job, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	j := &goroutines{lifecycle: newLifecycle(n), cancel: cancel}
	j.advance(Running)
	var copies sync.WaitGroup
	for i := range n {
		copies.Go(func() {
			end := End{Copy: i, Rank: Unknown}
			if err := l.Run(run, i, &j.output); err != nil {
				end.Cause, _, _ = strings.Cut(err.Error(), "\n")
				j.fail(fmt.Errorf("copy %d: %w", i, err))
			}
			j.over(end)
		})
	}
	go func() {
		copies.Wait()
		cancel()
		j.advance(Ended)
	}()
	return j, nil
}

// goroutines is the job of InProcess.
type goroutines struct {
	*lifecycle
	cancel context.CancelFunc
	output lastBytes
}

func (j *goroutines) Output() string { return j.output.String() }

// Handle is empty: nothing of the job outlives this process.
func (j *goroutines) Handle() Handle { return Handle{} }

// Signal ends the context of the copies for every signal that ends a process.
func (j *goroutines) Signal(sig syscall.Signal) error {
	switch sig {
	case syscall.SIGTERM, syscall.SIGINT, syscall.SIGKILL, syscall.SIGHUP, syscall.SIGQUIT:
		j.cancel()
		return nil
	}
	return fmt.Errorf("launcher: a goroutine cannot be sent %v", sig)
}

// Stop ends the context of the copies. A goroutine cannot be killed: one that
// does not return keeps Stop until ctx is done.
func (j *goroutines) Stop(ctx context.Context) error {
	j.stop()
	j.cancel()
	select {
	case <-j.Wait(Ended):
		return nil
	case <-ctx.Done():
		return fmt.Errorf("launcher: stop: goroutines still run: %w", ctx.Err())
	}
}

// lastBytes is a writer that keeps the last tailSize bytes.
type lastBytes struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (w *lastBytes) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.buf.Write(p)
	w.buf.Next(max(0, w.buf.Len()-tailSize))
	return len(p), nil
}

func (w *lastBytes) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.buf.String()
}
