package launchertest

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"muster/launcher"
)

// patience is how long a test waits for what ought to happen at once.
const patience = time.Minute

// Suite tests a launcher. The function makes one for a program.
func Suite(t *testing.T, launcherOf func(t *testing.T, p Program) launcher.Launcher) {
	start := func(t *testing.T, p Program, n int) launcher.Job {
		t.Helper()
		job, err := launcherOf(t, p).Start(t.Context(), n)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := job.Stop(context.Background()); err != nil {
				t.Error(err)
			}
		})
		return job
	}

	t.Run("StopEndsAll", func(t *testing.T) {
		job := start(t, Serve, 3)
		reached(t, job, launcher.Running)
		for strings.Count(job.Output(), "up") < 3 {
			select {
			case <-job.Failed():
				t.Fatal(job.Err())
			case <-time.After(5 * time.Millisecond):
			}
		}
		if err := job.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
		reached(t, job, launcher.Ended)
		if err := job.Err(); err != nil {
			t.Errorf("a job that was stopped has failed: %v", err)
		}
		if alive := job.Handle().Alive(); len(alive) > 0 {
			t.Errorf("still alive: %v", alive)
		}
		if err := job.Stop(t.Context()); err != nil {
			t.Errorf("stop once more: %v", err)
		}
	})

	t.Run("EndsByItself", func(t *testing.T) {
		job := start(t, Finish, 2)
		reached(t, job, launcher.Ended)
		if err := job.Err(); err != nil {
			t.Errorf("ended well, but: %v", err)
		}
		for e := range job.Ends() {
			if e.Cause != "" {
				t.Errorf("ended well, but: %+v", e)
			}
		}
		if got := strings.Count(job.Output(), "done"); got != 2 {
			t.Errorf("output has %d of 2 lines: %q", got, job.Output())
		}
	})

	t.Run("FailureHasItsReasonFirst", func(t *testing.T) {
		job := start(t, Fail, 1)
		select {
		case <-job.Failed():
		case <-time.After(patience):
			t.Fatal("it does not fail")
		}
		first, _, _ := strings.Cut(job.Err().Error(), "\n")
		if !strings.Contains(first, Reason) {
			t.Errorf("first line %q is not the reason", first)
		}
		reached(t, job, launcher.Ended)
		if e := <-job.Ends(); !strings.Contains(e.Cause, Reason) || strings.Contains(e.Cause, "\n") {
			t.Errorf("the end of it is %+v", e)
		}
		if e, more := <-job.Ends(); more {
			t.Errorf("and there is another: %+v", e)
		}
	})

	t.Run("OutlivesTheContextOfItsStart", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		job, err := launcherOf(t, Serve).Start(ctx, 1)
		if err != nil {
			t.Fatal(err)
		}
		cancel()
		reached(t, job, launcher.Running)
		if s := job.State(); s != launcher.Running {
			t.Errorf("state %v after the context of the start has ended", s)
		}
		if err := job.Stop(context.Background()); err != nil {
			t.Fatal(err)
		}
	})

	t.Run("StartThatIsCancelled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if job, err := launcherOf(t, Serve).Start(ctx, 2); !errors.Is(err, context.Canceled) {
			t.Errorf("started %v, error %v", job, err)
		}
	})
}

// reached waits for a state, and checks that those before it were passed.
func reached(t *testing.T, job launcher.Job, s launcher.State) {
	t.Helper()
	select {
	case <-job.Wait(s):
	case <-time.After(patience):
		t.Fatalf("%v is not reached, state %v\n%s", s, job.State(), job.Output())
	}
	for before := launcher.Queued; before <= s; before++ {
		select {
		case <-job.Wait(before):
		default:
			t.Errorf("%v was passed without %v", s, before)
		}
	}
	if job.State() < s {
		t.Errorf("state %v, but %v is reached", job.State(), s)
	}
}
