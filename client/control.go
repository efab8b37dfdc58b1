package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"

	"muster/wire"
)

// Clear empties the namespaces of engines.
func (c *Client) Clear(ctx context.Context, t Targets) error {
	return c.controlAll(ctx, "clear", t, &request{msgType: wire.ClearRequest})
}

// Signal sends engines a signal. SIGINT interrupts what they run, SIGTERM ends
// them in good order; others reach their processes, and an engine that shares
// its process refuses them.
func (c *Client) Signal(ctx context.Context, t Targets, sig syscall.Signal) error {
	content := map[string]any{"sig": int(sig)}
	if name := unix.SignalName(sig); name != "" {
		content["sig"] = name // the number may be another where the engine is
	}
	b, err := json.Marshal(content)
	if err != nil {
		return fmt.Errorf("client: signal: %w", err)
	}
	return c.controlAll(ctx, "signal", t, &request{msgType: wire.SignalRequest, content: b})
}

// Interrupt sends engines a SIGINT: what they run fails as if a user had typed
// Ctrl-C, and the next in their queues begins.
func (c *Client) Interrupt(ctx context.Context, t Targets) error {
	return c.controlAll(ctx, "interrupt", t, interruptRequest)
}

var interruptRequest = &request{msgType: wire.SignalRequest, content: []byte(`{"sig":"SIGINT"}`)}

// Drain has engines take nothing more and end when they have done what they were
// asked before: they give the tasks that they have not begun back to the scheduler,
// and run their checkpoint (ipengine --checkpoint). What is asked of one from now
// on fails with ErrDraining. Drain returns at once; Notifications tell when they
// are gone, and why: the cause, if it is not empty. Python's engines do not know how.
func (c *Client) Drain(ctx context.Context, t Targets, cause string) error {
	b, err := json.Marshal(wire.Drain{Cause: cause})
	if err != nil {
		return fmt.Errorf("client: drain: %w", err)
	}
	return c.controlAll(ctx, "drain", t, &request{msgType: wire.DrainRequest, content: b})
}

// Shutdown ends engines. It returns when they have said goodbye, or are gone.
func (c *Client) Shutdown(ctx context.Context, t Targets) error {
	engines, err := c.resolve(t)
	if err != nil {
		return fmt.Errorf("client: shutdown: %w", err)
	}
	ar := &AsyncResult{what: "shutdown", decode: nothing}
	ar.combine = func(values []any, errs []error) ([]any, error) {
		for i, err := range errs {
			errs[i] = unlessGone(err)
		}
		return values, join(errs)
	}
	return c.controlEngines(ctx, ar, engines, &request{msgType: wire.ShutdownRequest, content: []byte(`{"restart":false}`)})
}

// unlessGone is the error of an engine that was told to go, but for that it is
// gone: the farewell may get lost in the end of the engine it is from.
func unlessGone(err error) error {
	if r, ok := err.(*RemoteError); ok && r.Name == engineError {
		return nil
	}
	return err
}

// ShutdownCluster ends all engines and the controller. The client is of no use
// afterwards but to be closed.
func (c *Client) ShutdownCluster(ctx context.Context) error {
	err := c.Shutdown(ctx, All)
	if errors.Is(err, ErrNoEngines) {
		err = nil
	}
	// An engine that does not answer is no reason to leave the controller up.
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), connectTimeout)
	defer cancel()
	_, herr := c.ask(bounded, wire.ShutdownRequest, nil)
	if errors.Is(herr, ErrShutdown) {
		herr = nil // the notification overtook the reply
	}
	if herr != nil {
		herr = fmt.Errorf("client: shutdown of the controller: %w", herr)
	}
	return errors.Join(err, herr)
}

// controlAll sends one control request to each target and waits for the replies.
func (c *Client) controlAll(ctx context.Context, what string, t Targets, r *request) error {
	engines, err := c.resolve(t)
	if err != nil {
		return fmt.Errorf("client: %s: %w", what, err)
	}
	return c.controlEngines(ctx, &AsyncResult{what: what, decode: nothing}, engines, r)
}

func (c *Client) controlEngines(ctx context.Context, ar *AsyncResult, engines []*engine, requests ...*request) error {
	if ctx.Err() != nil {
		return fmt.Errorf("client: %s: %w", ar.what, context.Cause(ctx))
	}
	ar.kind = toController
	defer c.forget(c.start(ar, c.control, engines, requests...))
	_, err := ar.Get(ctx)
	return err
}

// ask sends a request to the hub and returns its reply. An error in the reply
// is a *RemoteError of NoEngine.
func (c *Client) ask(ctx context.Context, msgType string, content any) (*wire.Message, error) {
	return c.askBy(ctx, c.query, msgType, content)
}

func (c *Client) askBy(ctx context.Context, by *channel, msgType string, content any) (*wire.Message, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	r := &request{msgType: msgType}
	if content != nil {
		var err error
		if r.content, err = json.Marshal(content); err != nil {
			return nil, err
		}
	}
	ar := c.start(&AsyncResult{what: msgType, kind: toController}, by, nil, r)
	defer c.forget(ar)
	select {
	case <-ar.done:
		t := &ar.tasks[0]
		return t.reply, t.failure()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// forget drops the tasks of a request that nobody waits for any more.
func (c *Client) forget(ar *AsyncResult) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range ar.tasks {
		c.settle(&ar.tasks[i], context.Canceled)
	}
}
