package client

import "context"

// A BroadcastView calls what a DirectView does, by one message to the controller
// whatever the number of engines: there it is multiplied. With Coalescing, the
// answers come back as one message too. Values, errors, output and Metadata are
// the same as those of a DirectView, engine by engine, and so is the order: an
// engine that has direct calls of this client to answer gets this one after
// them, by a message of its own where it must be.
//
// A DirectView does the same by itself where it is faster and the controller is
// Muster's. A BroadcastView is for trying what is faster, and for Python's
// controller: that keeps no records of broadcasts, for GetResult of other
// clients and QueueStatus, and of a coalesced reply it keeps the values of all
// engines, but of one alone the rest. There an error on one engine is that of all
// or the values' loss, and the death of an engine as well.
type BroadcastView struct{ direct *DirectView }

// Broadcast returns a view of engines.
func (c *Client) Broadcast(t Targets) *BroadcastView {
	v := c.Direct(t)
	v.settings.route = broadcast
	return &BroadcastView{v}
}

// With returns a view of the same engines with more settings.
func (v *BroadcastView) With(s ...Setting) *BroadcastView { return &BroadcastView{v.direct.With(s...)} }

// On returns a view of other engines with the same settings.
func (v *BroadcastView) On(t Targets) *BroadcastView { return &BroadcastView{v.direct.On(t)} }

// Targets returns the ids of the view's engines, as a DirectView's does.
func (v *BroadcastView) Targets() ([]EngineID, error) { return v.direct.Targets() }

// Execute runs source code, as a DirectView's does.
func (v *BroadcastView) Execute(ctx context.Context, code string) (Results, error) {
	return v.direct.Execute(ctx, code)
}

// ExecuteAsync is Execute without the wait.
func (v *BroadcastView) ExecuteAsync(code string) *AsyncResult { return v.direct.ExecuteAsync(code) }

// Push sets variables on the engines, as a DirectView's does.
func (v *BroadcastView) Push(ctx context.Context, vars map[string]any) error {
	return v.direct.Push(ctx, vars)
}

// PushAsync is Push without the wait.
func (v *BroadcastView) PushAsync(vars map[string]any) *AsyncResult { return v.direct.PushAsync(vars) }

// Pull returns variables of the engines, as a DirectView's does.
func (v *BroadcastView) Pull(ctx context.Context, names ...string) ([]map[string]any, error) {
	return v.direct.Pull(ctx, names...)
}

// PullAsync is Pull without the wait.
func (v *BroadcastView) PullAsync(names ...string) *AsyncResult { return v.direct.PullAsync(names...) }

// Apply calls a function and returns its values, as a DirectView's does.
func (v *BroadcastView) Apply(ctx context.Context, fn Function, args ...any) ([]any, error) {
	return v.direct.Apply(ctx, fn, args...)
}

// ApplyAsync is Apply without the wait.
func (v *BroadcastView) ApplyAsync(fn Function, args ...any) *AsyncResult {
	return v.direct.ApplyAsync(fn, args...)
}

func (v *BroadcastView) apply(ctx context.Context, fn Function, args []any) *AsyncResult {
	return v.direct.apply(ctx, fn, args)
}

func (v *BroadcastView) get(ctx context.Context, verb, name string) *AsyncResult {
	return v.direct.get(ctx, verb, name)
}
