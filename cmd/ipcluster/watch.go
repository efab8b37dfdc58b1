package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"muster/client"
	"muster/client/tunnel"
	"muster/cluster/attach"
)

// A watch shows a cluster as it is from second to second.
type watch struct {
	name       string
	memory     *attach.Memory
	attachment *attach.Attachment // nil of a cluster of this machine
	out        *stateLine

	client    *client.Client
	completed int // calls, as the hub counts them
	ok        int // that have ended since the watch began
	failed    int
	begun     time.Time
	silent    bool // the controller keeps no records
}

const (
	// glance is the time from one look to the next, and glanceLimit how long it may take.
	glance      = time.Second
	glanceLimit = 15 * time.Second
	// missing is how long a controller may be gone when ssh is well.
	missing = time.Minute
)

// show connects by a connection file, says how others do, and watches until the context
// or the cluster ends.
func (w *watch) show(ctx context.Context, file, how string) (err error) {
	// It need not hear what engines print.
	if w.client, err = client.Connect(ctx, client.WithFile(file), client.WithoutOutput()); err != nil {
		return err
	}
	defer func() { w.client.Close() }()
	s, err := w.look(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(w.out, "attached to %s: %s\n%sCtrl-C detaches; the work goes on.\n", w.name, s, how)
	w.begun = time.Now()
	if err := w.meanwhile(ctx); err != nil {
		return err
	}
	err = w.run(ctx)
	w.out.set("")
	if ctx.Err() != nil {
		err = nil
		fmt.Fprintf(w.out, "detached from %s; the work goes on\n", w.name)
	}
	return err
}

// run watches.
func (w *watch) run(ctx context.Context) error {
	look := time.NewTicker(glance)
	defer look.Stop()
	for {
		var lost <-chan struct{}
		if w.attachment != nil {
			lost = w.attachment.Done()
		}
		select {
		case <-ctx.Done(): // what ended since the last look is told now, and not as news the next time
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), glance)
			defer cancel()
			_, err := w.look(last)
			return err
		case <-lost:
			if err := w.reopen(ctx); err != nil {
				return err
			}
			continue
		case <-look.C:
		}
		switch s, err := w.look(ctx); {
		case ctx.Err() != nil:
			return nil
		case errors.Is(w.client.Err(), client.ErrShutdown):
			fmt.Fprintf(w.out, "cluster %s was shut down\n", w.name)
			return nil
		case w.client.Err() != nil:
			return err
		case err == nil:
			w.out.set(w.state(s))
		case w.attachment != nil: // is it the way, or the controller?
			if err := w.reopen(ctx); err != nil {
				return err
			}
		}
	}
}

// state is the line that is shown.
func (w *watch) state(s summaryOf) string {
	if w.ok+w.failed == 0 {
		return s.String()
	}
	return fmt.Sprintf("%s; %d done and %d failed since %s", s, w.ok, w.failed, w.begun.Format("15:04"))
}

// A summaryOf a cluster is what its engines do.
type summaryOf struct{ engines, busy, waiting, completed int }

func (s summaryOf) String() string {
	text := fmt.Sprintf("%s, %d busy", count(s.engines, "engine"), s.busy)
	if s.waiting > 0 {
		text += fmt.Sprintf(", %s waiting", count(s.waiting, "task"))
	}
	return text
}

// look asks how the cluster is, and tells what has ended since the last look.
func (w *watch) look(ctx context.Context) (s summaryOf, err error) {
	ctx, cancel := context.WithTimeout(ctx, glanceLimit)
	defer cancel()
	q, err := w.client.QueueStatus(ctx, client.All)
	if errors.Is(err, client.ErrNoEngines) { // and nobody was asked
		_, err = w.client.Processes(ctx)
		return s, err
	}
	if err != nil {
		return s, err
	}
	s.engines, s.waiting = len(q.Engines), q.Unassigned
	for _, e := range q.Engines {
		if e.Queue+e.Tasks > 0 {
			s.busy++
		}
		s.completed += e.Completed
	}
	if s.completed == w.completed || w.begun.IsZero() {
		return s, nil
	}
	w.completed = s.completed
	e, err := w.ended(ctx)
	if e != nil {
		w.ok, w.failed = w.ok+e.OK, w.failed+e.Failed
		w.tell(e)
	}
	return s, err
}

// meanwhile tells what has ended since the cluster was last looked at.
func (w *watch) meanwhile(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, glanceLimit)
	defer cancel()
	left := w.memory.Left()
	e, err := w.ended(ctx)
	if e == nil || left.IsZero() {
		return err
	}
	if e.OK+e.Failed > 0 {
		fmt.Fprintf(w.out, "since %s: %s done, %d failed\n", left.Local().Format(time.DateTime), count(e.OK, "call"), e.Failed)
	}
	w.tell(e)
	return nil
}

// ended asks what has ended since it was last told, and remembers that it is told. It is nil
// where the controller keeps no records.
func (w *watch) ended(ctx context.Context) (*attach.Ended, error) {
	if w.silent {
		return nil, nil
	}
	e, err := attach.EndedSince(ctx, w.client, w.memory.Seen())
	var refused *client.RemoteError
	if errors.As(err, &refused) {
		w.silent = refused.Name == "NoData"
		fmt.Fprintf(w.out, "what ends is not told: %s\n", refused.Message)
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return e, w.memory.See(e.Until)
}

// tell writes a line for each call that failed, up to a bound.
func (w *watch) tell(e *attach.Ended) {
	var b strings.Builder
	for _, f := range e.Failures {
		fmt.Fprintf(&b, "failed: %v\n", f)
	}
	if more := e.Failed - len(e.Failures); more > 0 {
		fmt.Fprintf(&b, "failed: %d more\n", more)
	}
	fmt.Fprint(w.out, b.String())
}

// reopen makes the connection again, as long as it takes. The error is that there is no
// controller any more.
func (w *watch) reopen(ctx context.Context) error {
	var alone time.Time // since when ssh is well, and the controller is not there
	told := ""
	for period := glance; ; period = min(2*period, missing) {
		err := w.attachment.Renew(ctx)
		if errors.Is(err, tunnel.ErrLogin) && w.out.terminal && inForeground() {
			err = w.login(ctx, err)
		}
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil && told != "":
			w.out.set("connected again")
			return nil
		case err == nil:
			return nil
		case !errors.Is(err, tunnel.ErrNoController):
			alone = time.Time{}
		case alone.IsZero():
			alone, period = time.Now(), glance
		case time.Since(alone) > missing:
			return fmt.Errorf("the cluster has ended: %w", err)
		}
		if now := err.Error(); now != told {
			told = now
			fmt.Fprintf(w.out, "away: %s\n", now)
		}
		w.out.set("trying to connect again")
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(period):
		}
	}
}

// login lets ssh ask for what it needs, when the user is there to answer.
func (w *watch) login(ctx context.Context, why error) error {
	fmt.Fprintf(w.out, "away: %v\n", why)
	w.out.set("press Enter to log in again")
	err := enter(ctx)
	w.out.set("")
	if err != nil {
		return err
	}
	return w.attachment.Login(ctx)
}
