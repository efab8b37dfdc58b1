package launcher

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"
)

// A Process is one process of this machine, told from any other that gets the
// same number later by the time it was started.
type Process struct {
	PID   int    `json:"pid"`
	Start string `json:"start"` // as the system tells it; only ever compared
}

// Identify returns the process that has the number pid now.
func Identify(pid int) (Process, error) {
	start, err := startTime(pid)
	if err != nil {
		return Process{}, fmt.Errorf("launcher: process %d: %w", pid, err)
	}
	return Process{pid, start}, nil
}

// Alive reports whether this very process still runs. A process that has ended
// and waits to be collected by its parent does not.
func (p Process) Alive() bool {
	if p.PID <= 0 || p.Start == "" {
		return false
	}
	start, err := startTime(p.PID)
	return err == nil && start == p.Start
}

// Signal sends a signal to the process if it is alive.
func (p Process) Signal(sig syscall.Signal) error {
	if !p.Alive() {
		return nil
	}
	return ignoreGone(syscall.Kill(p.PID, sig))
}

// Stop ends this one process: SIGTERM, and SIGKILL when grace is over or ctx is
// done. It returns when the process is gone.
func (p Process) Stop(ctx context.Context, grace time.Duration) error {
	err := p.Signal(syscall.SIGTERM)
	gone := func() bool { return !p.Alive() }
	ctx, cancel := context.WithTimeout(ctx, grace)
	defer cancel()
	if until(ctx, gone) {
		return nil
	}
	err = errors.Join(err, p.Signal(syscall.SIGKILL))
	ctx, cancel = context.WithTimeout(context.Background(), killPatience)
	defer cancel()
	if until(ctx, gone) {
		return nil
	}
	return fmt.Errorf("launcher: stop: process %d survives SIGKILL: %w", p.PID, err)
}

// signalGroup sends a signal to the group that the process leads, if it is
// alive and does lead one.
func (p Process) signalGroup(sig syscall.Signal) error {
	if !p.Alive() {
		return nil
	}
	if group, err := syscall.Getpgid(p.PID); err != nil || group != p.PID {
		return p.Signal(sig)
	}
	return ignoreGone(syscall.Kill(-p.PID, sig))
}

func ignoreGone(err error) error {
	if errors.Is(err, syscall.ESRCH) {
		return nil
	}
	return err
}
