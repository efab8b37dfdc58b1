package client

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

// Tasks on Python engines, under our controller and under Python's.
func TestPythonTasks(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	t.Run("ours", func(t *testing.T) {
		c := pythonCluster(t, false, 2)
		pythonTasks(ctx, t, c)
		pythonDemands(ctx, t, c)
	})
	t.Run("Python's", func(t *testing.T) { pythonTasks(ctx, t, pythonCluster(t, true, 1)) })
}

func pythonTasks(ctx context.Context, t *testing.T, c *Client) {
	v := c.LoadBalanced()
	r, err := v.Run(ctx, Task{
		Code: "y = x * 2 + spec\nprint(len(names))\ny[0]", Push: map[string]any{"x": []float64{1.5, 2}, "names": []string{"a", "b"}, "spec": 1},
		Pull: []string{"y", "names"}, ClearAfter: true,
	})
	check(t, err)
	y, err := ValueOf[[]float64](r, "y")
	check(t, err)
	equal(t, y, []float64{4, 5})
	equal(t, r.Values["names"], any([]any{"a", "b"}))
	equal(t, strings.Contains(r.Stdout, "2\n"), true)
	if text, _ := r.Value.(string); !strings.Contains(text, "4.0") {
		t.Errorf("value %v", r.Value)
	}
	_, err = c.Direct(All).Pull(ctx, "y")
	if err == nil {
		t.Error("the variables are still there")
	}
	r, err = v.Run(ctx, Task{
		Func: Ref("lambda a, b, *, c: (a + b).sum() * c"), Args: []any{Ref("w"), []float64{1, 2}, Kwargs{"c": 2}},
		Push: map[string]any{"w": []float64{1, 1}}, ClearBefore: true, Pull: []string{"w"},
	})
	check(t, err)
	equal(t, r.Value, any(10.0))

	second := Task{Code: "z = 3", Pull: []string{"z"}}
	r, err = v.Run(ctx, Task{Code: "1 / 0", Recovery: &second})
	check(t, err)
	equal(t, r.Values["z"], any(3))
	var remote *RemoteError
	if len(r.Failed) != 1 || !errors.As(r.Failed[0].Err, &remote) || remote.Name != "ZeroDivisionError" {
		t.Errorf("failed before: %+v", r.Failed)
	}
	_, err = v.Run(ctx, Task{Code: "1", Pull: []string{"missing"}, ClearAfter: true})
	if !errors.As(err, &remote) || remote.Name != "NameError" {
		t.Errorf("a name that is missing: %v", err)
	}
}

// pythonDemands has tasks go where they may.
func pythonDemands(ctx context.Context, t *testing.T, c *Client) {
	v := c.LoadBalanced()
	_, err := c.Direct(Engines(1)).Execute(ctx, "def special(): return 7\ndef ready(): return True")
	check(t, err)
	_, err = c.Direct(Engines(0)).Execute(ctx, "def ready(): return False")
	check(t, err)
	for range 3 {
		r, err := v.Run(ctx, Task{Func: Ref("special"), Require: []string{"special", "math", "os.path"}})
		check(t, err)
		equal(t, r.Engine, EngineID(1))
		r, err = v.Run(ctx, Task{Code: "1", DependFunc: Ref("ready")})
		check(t, err)
		equal(t, r.Engine, EngineID(1))
	}
	for _, x := range []struct {
		task Task
		want string
	}{
		{Task{Code: "1", Require: []string{"no_such_module"}}, "require: there is no variable, function or module no_such_module"},
		{Task{Code: "1", DependFunc: Ref("nothing")}, "depend nothing(): NameError"},
		{Task{Code: "1", Depend: "gpu"}, "depend `gpu`: a Python engine evaluates no expressions"},
	} {
		x.task.Timeout = time.Second
		if _, err := v.Run(ctx, x.task); !errors.Is(err, ErrTaskTimeout) || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%v\nwant %s", err, x.want)
		}
	}
}
