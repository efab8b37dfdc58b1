package client

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

// pythonSettings has tasks depend on each other, be tried again and wait in vain,
// on two Python engines, by either controller.
func pythonSettings(t *testing.T, ctx context.Context, c *Client) {
	v := c.LoadBalanced()
	made, fails := v.ExecuteAsync("made = 5"), v.ExecuteAsync("1/0")
	for _, x := range []struct {
		setting    Setting
		code, want string
	}{
		{Follow(made), "made + 1", "6"},
		{After(AllOf(made, fails).Ended()), "2", "2"},
		{After(AnyOf(fails, made).Failed()), "'mended'", "'mended'"},
		{After(MsgIDs{made.Metadata()[0].MsgID}), "3", "3"},
	} {
		r, err := v.With(x.setting).Execute(ctx, x.code)
		check(t, err)
		equal(t, r.Text(), x.want)
	}
	if _, err := v.With(After(fails)).Execute(ctx, "1"); !errors.Is(err, ErrImpossibleDependency) {
		t.Errorf("after one that failed: %v", err)
	}
	if _, err := v.With(After(MsgIDs{"nonsense"})).Execute(ctx, "1"); !errors.Is(err, ErrInvalidDependency) {
		t.Errorf("after one that never was: %v", err)
	}

	_, err := c.Direct(Engines(1)).Execute(ctx, "good = 3")
	check(t, err)
	_, err = c.Direct(Engines(0)).Execute(ctx, "globals().pop('good', None)")
	check(t, err)
	for range 3 { // wherever it is tried first
		got, err := Get[int](ctx, v.With(Retries(1)), "good")
		check(t, err)
		equal(t, got, []int{3})
	}
	there := v.On(Engines(1)).MapAsync(Ref("lambda x: x + good"), []int{1, 2, 3})
	values, err := Values[int](ctx, there)
	check(t, err)
	equal(t, values, []int{4, 5, 6})
	for _, r := range there.Metadata() {
		equal(t, r.Engine, EngineID(1))
	}

	busy := v.ExecuteAsync("print('begun', flush=True)\nwhile True: pass")
	for range busy.Outputs(ctx) {
		break
	}
	if _, err := v.With(After(busy), Timeout(200*time.Millisecond)).Execute(ctx, "1"); !errors.Is(err, ErrTaskTimeout) {
		t.Errorf("timeout: %v", err)
	}
	why, err := busy.Explain(ctx)
	if c.recorded {
		check(t, err)
		equal(t, strings.Contains(why, " runs on engine "), true)
	} else if err == nil || !strings.Contains(err.Error(), "the controller is ipyparallel's") {
		t.Errorf("explained as %q, %v", why, err)
	}
	done, err := busy.Cancel(ctx)
	check(t, err)
	equal(t, len(done.Interrupted), 1)

	short, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
	defer cancel()
	_, err = v.Execute(short, "while True: pass")
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "; cancelled: 1 running on engine ") {
		t.Errorf("the context's end: %v", err)
	}
}
