package client

import (
	"context"
	"errors"

	"muster/wire"
)

// A LoadBalancedView hands tasks to the controller's scheduler, which gives
// each to an engine that has little to do. Its methods come in two forms, as a
// DirectView's do. When the context of one that waits ends, its tasks are
// cancelled, as by AsyncResult.Cancel; the error says where they were, and what
// had come by then is returned beside it. What runs has two seconds to end.
type LoadBalancedView struct {
	client   *Client
	targets  Targets
	settings settings
}

// LoadBalanced returns the view of all engines by the task scheduler. Tasks
// wait there while no engine is registered.
func (c *Client) LoadBalanced() *LoadBalancedView { return &LoadBalancedView{client: c, targets: All} }

// On returns a view with the same settings whose tasks go to some engines only.
// An engine that has gone is left out; when none is left, calls fail with
// ErrUnknownEngine. For All, tasks go to any engine, also to one that comes while
// they wait.
func (v *LoadBalancedView) On(t Targets) *LoadBalancedView {
	return &LoadBalancedView{v.client, v.client.fix(t), v.settings}
}

// With returns a view with more settings.
func (v *LoadBalancedView) With(s ...Setting) *LoadBalancedView {
	return &LoadBalancedView{v.client, v.targets, v.settings.with(s)}
}

func (v *LoadBalancedView) send(ctx context.Context, ar *AsyncResult, r *request, err error) *AsyncResult {
	if err == nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		return failed(ar.what, err)
	}
	ar.bound = ctx.Done() != nil
	return v.start(ar, r)
}

// start sends requests to the scheduler.
func (v *LoadBalancedView) start(ar *AsyncResult, requests ...*request) *AsyncResult {
	targets, err := v.candidates()
	if err != nil {
		return failed(ar.what, err)
	}
	o, err := v.settings.tasks(targets)
	if err != nil {
		return failed(ar.what, err)
	}
	ar.sent, ar.scheduled = v.settings.notice(), &v.settings
	return v.client.start(ar, v.client.task, nil, o.on(requests)...)
}

// candidates are the engines that tasks may go to, nil for any.
func (v *LoadBalancedView) candidates() ([]wire.EngineUUID, error) {
	if v.targets.all {
		return nil, nil
	}
	engines, err := v.client.resolve(v.targets)
	var unknown *UnknownEngineError
	if errors.As(err, &unknown) && v.targets.err == nil {
		engines, err = v.client.stillThere(v.targets.ids)
	}
	if err != nil {
		return nil, err
	}
	uuids := make([]wire.EngineUUID, len(engines))
	for i, e := range engines {
		uuids[i] = e.uuid
	}
	return uuids, nil
}

// stillThere looks up those of some engines that have not gone.
func (c *Client) stillThere(ids []EngineID) (engines []*engine, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	ever := make(map[EngineID]bool, len(c.ids))
	for _, id := range c.ids {
		ever[id] = true
	}
	for _, id := range ids {
		if at, ok := c.find(id); ok {
			engines = append(engines, c.engines[at])
		} else if !ever[id] || id == ids[len(ids)-1] && len(engines) == 0 {
			return nil, &UnknownEngineError{id, c.registered()}
		}
	}
	return engines, nil
}

// Execute runs source code on one engine.
func (v *LoadBalancedView) Execute(ctx context.Context, code string) (*Result, error) {
	ar := v.execute(ctx, code)
	_, err := ar.Get(ctx)
	if rs := ar.Metadata(); len(rs) > 0 {
		return rs[0], err
	}
	return nil, err
}

// ExecuteAsync is Execute without the wait, as a DirectView's.
func (v *LoadBalancedView) ExecuteAsync(code string) *AsyncResult {
	return v.execute(context.Background(), code)
}

func (v *LoadBalancedView) execute(ctx context.Context, code string) *AsyncResult {
	r, err := executeRequest(code, v.settings)
	return v.send(ctx, &AsyncResult{what: "execute", code: code, numbered: v.settings.stored(), decode: executed}, r, err)
}

// Apply calls a function on one engine and returns its value.
func (v *LoadBalancedView) Apply(ctx context.Context, fn Function, args ...any) (any, error) {
	values, err := v.apply(ctx, fn, args).Get(ctx)
	if len(values) == 0 {
		return nil, err
	}
	return values[0], err
}

// ApplyAsync is Apply without the wait. The AsyncResult has one value.
func (v *LoadBalancedView) ApplyAsync(fn Function, args ...any) *AsyncResult {
	return v.apply(context.Background(), fn, args)
}

func (v *LoadBalancedView) apply(ctx context.Context, fn Function, args []any) *AsyncResult {
	r, err := callRequest(fn, args)
	return v.send(ctx, &AsyncResult{what: "apply " + title(fn), decode: applied}, r, err)
}

// get pulls one variable, of whichever engine the task goes to.
func (v *LoadBalancedView) get(ctx context.Context, verb, name string) *AsyncResult {
	r, err := pullRequest([]string{name})
	return v.send(ctx, &AsyncResult{what: verb + " " + name, decode: pulledOne}, r, err)
}
