package client

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"gonum.org/v1/gonum/mat"

	"muster/numeric"
)

// handle is what engine.Func returns, with a function of some type.
type handle struct {
	Ref
	typ reflect.Type
}

func (h handle) Type() reflect.Type { return h.typ }

func handleOf(name string, f any) handle { return handle{Ref(name), reflect.TypeOf(f)} }

func TestRemote(t *testing.T) {
	story(t, 2, func(t *testing.T, f *fakeCluster, c *Client) {
		ctx := t.Context()
		all, lb := c.Direct(All), c.LoadBalanced()
		add := handleOf("add", func(...float64) float64 { return 0 })
		sums, err := Remote[func(context.Context, int, float64) ([]int, error)](all, add)(ctx, 1, 2)
		check(t, err)
		equal(t, sums, []int{3, 3})
		type adder func(context.Context, float64, ...int) (float64, error)
		sum, err := Remote[adder](lb, add)(ctx, 1, 2, 3)
		check(t, err)
		equal(t, sum, 6.0)
		sum, err = Remote[adder](lb, Ref("add"))(ctx, 1)
		check(t, err)
		equal(t, sum, 1.0)
		check(t, Remote[func(context.Context) error](lb, Ref("whoami"))(ctx))
		sums, err = Remote[func(context.Context, Kwargs) ([]int, error)](all, Ref("add"))(ctx, Kwargs{"a": 4})
		check(t, err)
		equal(t, sums, []int{4, 4})
		check(t, all.Push(ctx, map[string]any{"x": 10}))
		sums, err = Remote[func(context.Context, Ref, int) ([]int, error)](all, add)(ctx, "x", 1)
		check(t, err)
		equal(t, sums, []int{11, 11})

		var remote *RemoteError
		if sum, err = Remote[adder](lb, Ref("nowhere"))(ctx, 1); !errors.As(err, &remote) || sum != 0 {
			t.Errorf("%v, %v", sum, err)
		}
		ended, cancel := context.WithCancel(ctx)
		cancel()
		if _, err = Remote[adder](lb, Ref("add"))(ended, 1); !errors.Is(err, context.Canceled) {
			t.Errorf("with a context that has ended: %v", err)
		}
	})
}

func TestParallel(t *testing.T) {
	story(t, 2, func(t *testing.T, f *fakeCluster, c *Client) {
		ctx := t.Context()
		double := handleOf("double", func(float64) float64 { return 0 })
		for name, view := range views(c) {
			got, err := Parallel[func(context.Context, []float64) ([]int, error)](view(), double)(ctx, []float64{1, 2, 3})
			check(t, err)
			if !slices.Equal(got, []int{2, 4, 6}) {
				t.Errorf("%s: %v", name, got)
			}
			check(t, Parallel[func(context.Context, *mat.VecDense) error](view(), double)(ctx, mat.NewVecDense(1, []float64{1})))
		}
		got, err := Parallel[func(context.Context, []float64) ([]float64, error)](c.Direct(All), double)(ctx, []float64{1, 2, -3})
		equal(t, got, []float64{2, 4, 0})
		var m *MapError
		if !errors.As(err, &m) {
			t.Errorf("error is %v", err)
		}
	})
}

func TestRemoteMisuse(t *testing.T) {
	story(t, 1, func(t *testing.T, f *fakeCluster, c *Client) {
		all, lb := c.Direct(All), c.LoadBalanced()
		square := handleOf("math.Square", func(float64) float64 { return 0 })
		step := handleOf("heat.Step", func(context.Context, []float64, int) ([]float64, error) { return nil, nil })
		sum := handleOf("sum", func(string, ...int) int { return 0 })
		for want, make := range map[string]func(){
			"math.Square as a int: it is no function":                                      func() { Remote[int](all, square) },
			"its first parameter is no context.Context":                                    func() { Remote[func(float64) ([]float64, error)](all, square) },
			"it does not return a value and an error":                                      func() { Remote[func(context.Context, float64) []float64](all, square) },
			"nor an error alone":                                                           func() { Remote[func(context.Context, float64)](all, square) },
			"its result is a float64, and not a slice":                                     func() { Remote[func(context.Context, float64) (float64, error)](all, square) },
			"it returns a float64, not a []float64":                                        func() { Remote[func(context.Context, float64) ([]float64, error)](lb, square) },
			"it returns a float64, not a string":                                           func() { Remote[func(context.Context, float64) ([]string, error)](all, square) },
			"argument 1 is a string, not a float64":                                        func() { Remote[func(context.Context, string) ([]float64, error)](all, square) },
			"it takes 1 arguments, not 2":                                                  func() { Remote[func(context.Context, int, int) ([]float64, error)](all, square) },
			"it takes 1 arguments, not any number":                                         func() { Remote[func(context.Context, ...int) ([]float64, error)](all, square) },
			"heat.Step is a func(context.Context, []float64, int)":                         func() { Remote[func(context.Context, []string, int) ([][]float64, error)](all, step) },
			"argument 1 is a []string, not a []float64":                                    func() { Remote[func(context.Context, []string, int) ([][]float64, error)](all, step) },
			"it takes at least 1 arguments, not 0":                                         func() { Remote[func(context.Context) (int, error)](lb, sum) },
			"argument 2 is a string, not a int":                                            func() { Remote[func(context.Context, ...string) (int, error)](lb, sum) },
			"Parallel: math.Square as a func(context.Context) error: it takes no sequence": func() { Parallel[func(context.Context) error](all, square) },
			"parameter 2 is a float64, not a sequence":                                     func() { Parallel[func(context.Context, float64) error](all, square) },
			"argument 1 is a []float64, not a float64":                                     func() { Parallel[func(context.Context, *mat.Dense) error](all, square) },
			"it returns a []float64, not a float64":                                        func() { Parallel[func(context.Context, [][]float64, []int) ([]float64, error)](lb, step) },
		} {
			func() {
				defer func() {
					if got := fmt.Sprint(recover()); !strings.Contains(got, want) {
						t.Errorf("panic %q instead of %q", got, want)
					}
				}()
				make()
			}()
		}
		Remote[func(context.Context) (float64, error)](lb, handleOf("add", func(...float64) float64 { return 0 }))
		Remote[func(context.Context, string, int) (int, error)](lb, sum)
		Remote[func(context.Context, string, ...int) (int, error)](lb, sum)
		Remote[func(context.Context, *numeric.Array, int) ([]*mat.VecDense, error)](all, step)
	})
}

// What does not fit a compiled function is refused before it is sent.
func TestSignature(t *testing.T) {
	type point struct{ X, Y float64 }
	for _, c := range []struct {
		f    any
		args []any
		want string
	}{
		{func(float64) {}, []any{1}, ""},
		{func(int8) {}, []any{1.5}, ""}, // only the engine knows whether a value fits
		{func(float64) {}, []any{"1"}, "argument 1 is a string, not a float64"},
		{func(float64) {}, []any{Ref("x")}, ""},
		{func(float64) {}, []any{nil}, "argument 1 is a <nil>, not a float64"},
		{func(float64) {}, nil, "it takes 1 arguments, not 0"},
		{func(context.Context, float64) {}, []any{1.0}, ""},
		{func(context.Context, ...float64) {}, nil, ""},
		{func(context.Context, ...float64) {}, []any{1.0, true}, "argument 2 is a bool, not a float64"},
		{func([]float64) {}, []any{[]any{1, "a"}}, ""},
		{func([]float64) {}, []any{mat.NewVecDense(1, nil)}, ""},
		{func(*mat.Dense) {}, []any{[][]float64{{1}}}, ""},
		{func(mat.Matrix) {}, []any{mat.NewDense(1, 1, nil)}, ""},
		{func(float64) {}, []any{mat.NewDense(1, 1, nil)}, "argument 1 is a *mat.Dense, not a float64"},
		{func(float64) {}, []any{numeric.New([]float64{1})}, ""},
		{func([]byte) {}, []any{"text"}, ""},
		{func(string) {}, []any{[]byte("text")}, ""},
		{func(point) {}, []any{map[string]any{"X": 1}}, ""},
		{func(*point) {}, []any{point{}}, ""},
		{func(point) {}, []any{Kwargs{"X": 1}}, ""},
		{func(point) {}, []any{[]float64{1, 2}}, "argument 1 is a []float64, not a client.point"},
		{func() {}, []any{Kwargs{}}, ""},
		{func(map[string]int) {}, []any{point{}}, ""},
		{func(any) {}, []any{make(chan int)}, ""},
		{func(time.Time) {}, []any{"2026-01-02T03:04:05Z"}, ""},
		{func(string) {}, []any{time.Time{}}, ""},
		{func([]string) {}, []any{[]error{}}, ""},
		{func(fmt.Stringer) {}, []any{1}, ""},
		{func(time.Duration) {}, []any{1}, ""},
		{func(Serialized) {}, []any{1}, ""},
		{func(int) {}, []any{Serialized{}}, ""},
	} {
		err := signatureOf(handleOf("f", c.f)).takes(c.args)
		if (err == nil) != (c.want == "") || err != nil && err.Error() != fmt.Sprintf("f is a %T: %s", c.f, c.want) {
			t.Errorf("%T of %v: %v, want %q", c.f, c.args, err, c.want)
		}
	}
	for _, c := range []struct {
		f    any
		seqs []any
		want string
	}{
		{func(float64) {}, []any{[]int{1}}, ""},
		{func(float64) {}, []any{[]string{"a"}}, "items of sequence 1 are string, not float64"},
		{func([]float64) {}, []any{mat.NewDense(1, 1, nil)}, ""},
		{func(float64) {}, []any{mat.NewDense(1, 1, nil)}, "items of sequence 1 are []float64, not float64"},
		{func(float64, string) {}, []any{[]int{1}}, "it takes 2 arguments, not 1"},
		{func(float64, string) {}, []any{[]int{1}, []any{"a", 5}}, "item 1 of sequence 2 is a int, not a string"},
		{func(float64) {}, []any{[]any{1, Ref("x")}}, ""},
	} {
		err := signatureOf(handleOf("f", c.f)).takesItems(c.seqs)
		if (err == nil) != (c.want == "") || err != nil && err.Error() != fmt.Sprintf("f is a %T: %s", c.f, c.want) {
			t.Errorf("%T over %v: %v, want %q", c.f, c.seqs, err, c.want)
		}
	}
	story(t, 1, func(t *testing.T, f *fakeCluster, c *Client) {
		square := handleOf("math.Square", func(float64) float64 { return 0 })
		for name, view := range views(c) {
			v := view()
			_, err1 := Call[float64](t.Context(), v, square, "two")
			_, err2 := v.Map(t.Context(), square, []string{"two"})
			_, err3 := Map[float64](t.Context(), view(Chunk(2)), square, []string{"two"})
			for _, err4 := range MapSeq[float64](t.Context(), v, square, slices.Values([]string{"two"})) {
				for _, err := range []error{err1, err2, err3, err4} {
					var s *SignatureError
					if !errors.As(err, &s) || s.Function != "math.Square" || !strings.Contains(err.Error(), "math.Square is a func(float64) float64: ") {
						t.Errorf("%s: %v", name, err)
					}
				}
			}
		}
		if slices.Contains(f.seen, "apply_request") {
			t.Error("something was sent")
		}
	})
}
