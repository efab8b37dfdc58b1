package client

import (
	"context"
	"encoding/json"
	"fmt"

	"muster/wire"
)

// A DirectView addresses engines by their ids: what is called on it happens on
// each of its targets.
//
// Every method comes in two forms. The plain one waits: it takes a context,
// and returns the values, one for each target and in their order. The one that
// ends in Async sends and returns at once with an AsyncResult for the same
// values. Either way the arguments are on their way, and may be changed, when
// the method returns, unless the view has NoCopy.
type DirectView struct {
	client   *Client
	targets  Targets
	settings settings
}

// Direct returns a view of engines. See Targets for when it is found out which
// they are.
func (c *Client) Direct(t Targets) *DirectView { return &DirectView{client: c, targets: c.fix(t)} }

// On returns a view of other engines with the same settings.
func (v *DirectView) On(t Targets) *DirectView {
	return &DirectView{v.client, v.client.fix(t), v.settings}
}

// Targets returns the ids of the view's engines, in the order of its values,
// or the error that a call would return now.
func (v *DirectView) Targets() ([]EngineID, error) {
	engines, err := v.client.resolve(v.targets)
	if err != nil {
		return nil, fmt.Errorf("client: targets: %w", err)
	}
	return idsOf(engines), nil
}

// With returns a view of the same engines with more settings.
func (v *DirectView) With(s ...Setting) *DirectView {
	return &DirectView{v.client, v.targets, v.settings.with(s)}
}

// resolve looks up the view's engines for a call, unless its context has ended.
func (v *DirectView) resolve(ctx context.Context) ([]*engine, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return v.client.resolve(v.targets)
}

// send sends one request to every engine of the view.
func (v *DirectView) send(ctx context.Context, ar *AsyncResult, r *request, err error) *AsyncResult {
	if err != nil {
		return failed(ar.what, err)
	}
	engines, err := v.resolve(ctx)
	if err != nil {
		return failed(ar.what, err)
	}
	return v.client.direct(ar, v.settings, engines, r)
}

// Execute runs source code: Go on Go engines, Python on Python engines. The
// results hold what it printed and the value of a last bare expression; they
// are returned beside an error as well.
func (v *DirectView) Execute(ctx context.Context, code string) (Results, error) {
	ar := v.execute(ctx, code)
	_, err := ar.Get(ctx)
	return ar.Metadata(), err
}

// ExecuteAsync is Execute without the wait. The AsyncResult's values are the
// text of the last expression, nil where there is none, and its Metadata holds
// the output.
func (v *DirectView) ExecuteAsync(code string) *AsyncResult {
	return v.execute(context.Background(), code)
}

func (v *DirectView) execute(ctx context.Context, code string) *AsyncResult {
	r, err := executeRequest(code, v.settings)
	return v.send(ctx, &AsyncResult{what: "execute", code: code, numbered: v.settings.stored(), decode: executed}, r, err)
}

// Apply calls a function and returns its values. See Call for values of a Go
// type. The last argument may be Kwargs.
func (v *DirectView) Apply(ctx context.Context, fn Function, args ...any) ([]any, error) {
	return v.apply(ctx, fn, args).Get(ctx)
}

// ApplyAsync is Apply without the wait.
func (v *DirectView) ApplyAsync(fn Function, args ...any) *AsyncResult {
	return v.apply(context.Background(), fn, args)
}

func (v *DirectView) apply(ctx context.Context, fn Function, args []any) *AsyncResult {
	r, err := callRequest(fn, args)
	return v.send(ctx, &AsyncResult{what: "apply " + title(fn), decode: applied}, r, err)
}

func executeRequest(code string, s settings) (*request, error) {
	content, err := json.Marshal(wire.Execute{
		Code: code, Silent: s.silent, StoreHistory: s.stored(), UserExpressions: map[string]string{},
	})
	return &request{msgType: wire.ExecuteRequest, content: content, metadata: countOutputs}, err
}

// executed is the value of an execute_reply.
func executed(t *task) (any, error) {
	if t.output == nil || t.output.bundle == nil {
		return nil, nil
	}
	return t.output.bundle["text/plain"], nil
}
