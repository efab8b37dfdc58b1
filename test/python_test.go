package test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"muster/client"
	"muster/numeric"
)

// needsPython fails where make test would have installed ipyparallel.
func needsPython(t *testing.T) {
	t.Helper()
	without(t, "MUSTER_PYTHON")
	if _, err := os.Stat("/usr/bin/python3"); err != nil {
		t.Fatalf("%v: make test installs it; MUSTER_PYTHON=none leaves it out", err)
	}
}

func TestPythonClient(t *testing.T) {
	needsPython(t)
	s := newSite(t)
	s.run("ipcluster", "start", "-n", "3", "--daemonize")
	defer s.run("ipcluster", "stop")
	if out := s.python("client.py"); !strings.HasSuffix(out, "ok\n") {
		t.Errorf("client.py printed:\n%s", out)
	}
}

// An unmodified Python engine joins our controller beside a Go engine, and one
// Go client drives both.
func TestPythonEngine(t *testing.T) {
	needsPython(t)
	s := newSite(t)
	s.background("ipcontroller")
	s.connect(0)
	s.background("/usr/bin/python3", "-m", "ipyparallel.engine")
	c := s.connect(1)
	s.background("ipengine")
	if err := c.WaitForEngines(s.ctx(), 2); err != nil {
		t.Fatal(err)
	}
	python, both := c.Direct(client.Engines(0)), c.Direct(client.All)

	res, err := python.Execute(s.ctx(), "import numpy as np\nprint('python here')\n6 * 7")
	if err != nil {
		t.Fatal(err)
	}
	if res[0].Stdout != "python here\n" || res[0].Text() != "42" {
		t.Errorf("executed: %+v", res[0])
	}
	a := mat.NewDense(2, 3, []float64{1, 2, 3, 4, 5, 6})
	if err := both.Push(s.ctx(), map[string]any{"a": a, "k": 3, "names": []string{"x", "y"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := python.Execute(s.ctx(), "assert isinstance(a, np.ndarray) and a.shape == (2, 3) and k == 3 and list(names) == ['x', 'y']\nb = a.T.astype('f4')"); err != nil {
		t.Error(err)
	}
	values, err := both.Pull(s.ctx(), "a", "k")
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range values {
		if m, ok := v["a"].(*mat.Dense); !ok || !mat.Equal(m, a) || v["k"] != 3 {
			t.Errorf("engine %d: pulled %v", i, v)
		}
	}
	b, err := client.Get[*numeric.Array](s.ctx(), python, "b")
	if err != nil || b[0].DType() != "<f4" || b[0].Shape()[0] != 3 {
		t.Errorf("pulled b: %v, %v", b, err)
	}
	if sum, err := client.Call[float64](s.ctx(), python, client.Ref("np.sum"), client.Ref("a")); err != nil || sum[0] != 21 {
		t.Errorf("np.sum(a) = %v, %v", sum, err)
	}
	// One cell on both languages: each engine's error stands for itself.
	_, err = both.Execute(s.ctx(), "1/0")
	var remote *client.RemoteError
	var composite *client.CompositeError
	if !errors.As(err, &remote) || !errors.As(err, &composite) || len(composite.Errors) != 2 {
		t.Errorf("1/0 on both: %v", err)
	}
	if !strings.Contains(err.Error(), "ZeroDivisionError") {
		t.Errorf("the Python engine's error is not in: %v", err)
	}
	if err := c.Shutdown(s.ctx(), client.All); err != nil {
		t.Error(err)
	}
	s.until("both engines to be gone", func() bool { return len(c.IDs()) == 0 })
}
