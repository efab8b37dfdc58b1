package client

import "context"

// A LoadBalancedView hands tasks to the controller's scheduler, which gives
// each to an engine that has little to do. Its methods come in two forms, as a
// DirectView's do.
type LoadBalancedView struct {
	client   *Client
	settings settings
}

// LoadBalanced returns the view of all engines by the task scheduler. Tasks
// wait there while no engine is registered.
func (c *Client) LoadBalanced() *LoadBalancedView { return &LoadBalancedView{client: c} }

// With returns a view with more settings.
func (v *LoadBalancedView) With(s ...Setting) *LoadBalancedView {
	return &LoadBalancedView{v.client, v.settings.with(s)}
}

func (v *LoadBalancedView) send(ctx context.Context, ar *AsyncResult, r *request, err error) *AsyncResult {
	if err == nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		return failed(ar.what, err)
	}
	return v.start(ar, r)
}

// start sends requests to the scheduler.
func (v *LoadBalancedView) start(ar *AsyncResult, requests ...*request) *AsyncResult {
	ar.sent = v.settings.notice()
	return v.client.start(ar, v.client.task, nil, v.settings.labelled(requests)...)
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
	return v.send(ctx, &AsyncResult{what: "apply " + fn.Name(), decode: applied}, r, err)
}

// get pulls one variable, of whichever engine the task goes to.
func (v *LoadBalancedView) get(ctx context.Context, verb, name string) *AsyncResult {
	r, err := pullRequest([]string{name})
	return v.send(ctx, &AsyncResult{what: verb + " " + name, decode: pulledOne}, r, err)
}
