package interp

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"gonum.org/v1/gonum/mat"

	"muster/numeric"
)

func TestMap(t *testing.T) {
	cfg := Config{Funcs: map[string]any{
		"m.Half":  func(x int) float32 { return float32(x) / 2 },
		"m.Fail":  func(x int) (int, error) { return x, map[bool]error{x > 2: errors.New("too big")}[true] },
		"m.Panic": func(x []int) int { return x[1] },
		"m.Named": func(ctx context.Context, d time.Duration) time.Duration { return 2 * d },
		"m.Nil":   func(p *int) bool { return p == nil },
		"m.Any":   func(x any) string { return fmt.Sprint(x) },
		"m.Point": func(p struct{ X, Y int }) int { return p.X + p.Y },
		"m.Two":   func(x int) (int, string) { return x, "x" },
		"m.None":  func(int) {},
	}}
	in := newInterp(t, cfg)
	exec(t, in, "func sq(x int) int { return x * x }\nfunc first(x []float64) float64 { return x[0] }\nk := 10\nfunc bad(x int) int { if x == 3 { panic(\"three\") }; return x }")
	for _, c := range []struct {
		fn   string
		seqs []any
		want any
		err  string
	}{
		{"sq", []any{[]int{1, 2, 3}}, []int{1, 4, 9}, ""},
		{"sq", []any{[]float64{1, 2}}, []int{1, 4}, ""},
		{"sq", []any{[]any{1, 2.0, uint8(3)}}, []int{1, 4, 9}, ""},
		{"sq", []any{[]float64{1, 2, 2.5, 3}}, []int{1, 4}, "argument 1: cannot use 2.5"},
		{"sq", []any{[]any{1, nil}}, []int{1}, "argument 1: cannot use nil as int"},
		{"sq", []any{[]int{}}, []int{}, ""},
		{"bad", []any{[]int{1, 2, 3, 4}}, []int{1, 2}, "three"},
		{"func(a, b int) int { return a*k + b }", []any{[]int{1, 2, 3}, []int{1, 2}}, []int{11, 22}, ""},
		{"m.Half", []any{[]int{1, 2}}, []float64{0.5, 1}, ""},
		{"m.Fail", []any{[]int{1, 2, 3, 4}}, []int{1, 2}, "too big"},
		{"m.Panic", []any{[][]int{{1, 2}, {3}}}, []int{2}, "index out of range"},
		{"m.Named", []any{[]time.Duration{1, 2}}, []int{2, 4}, ""},
		{"m.Nil", []any{[]any{nil, 1}}, []any{true, false}, ""},
		{"m.Any", []any{[]any{nil, 1, "a"}}, []any{"<nil>", "1", "a"}, ""},
		{"m.Any", []any{"aé"}, []any{"a", "é"}, ""},
		{"m.Point", []any{[]any{map[string]any{"X": 1, "Y": 2}, map[string]any{"Y": 5}}}, []int{3, 5}, ""}, // no field is left from the item before
		{"m.Two", []any{[]int{1}}, []any{[]any{1, "x"}}, ""},
		{"m.None", []any{[]int{1, 2}}, []any{nil, nil}, ""},
		{"fmt.Sprint", []any{[]int{1, 2}, []string{"a", "b"}}, []any{"1a", "2b"}, ""},
		{"first", []any{mat.NewDense(2, 2, []float64{1, 2, 3, 4})}, []float64{1, 3}, ""},
		{"math.Sqrt", []any{mat.NewVecDense(2, []float64{4, 9})}, []float64{2, 3}, ""},
		{"sq", []any{5}, nil, "a int is no sequence"},
		{"sq", []any{[]int{1}, []int{2}}, nil, "it takes 1 arguments (func(int) int), not 2"},
		{"nowhere", []any{[]int{1}}, nil, "nowhere"},
		{"sq", nil, nil, "no sequence"},
		{"cmplx.Abs", []any{mat.NewCDense(1, 2, []complex128{3 + 4i, 0})}, []float64{}, "cannot use"},
		{"m.Half", []any{numeric.New([]int32{2, 4}, 2)}, []float64{1, 2}, ""},
		{"func(x []int32) int { return len(x) }", []any{numeric.New([]int32{1, 2, 3, 4}, 2, 2)}, []int{2, 2}, ""},
	} {
		got, err := in.Map(t.Context(), c.fn, c.seqs...)
		if !reflect.DeepEqual(got, c.want) || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("map %s %v: %#v, %v; want %#v, %q", c.fn, c.seqs, got, err, c.want, c.err)
		}
	}
}

// What was mapped before an interrupt is kept, and the namespace lives on.
func TestMapInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	in := newInterp(t, Config{Funcs: map[string]any{"m.Cancel": cancel}})
	exec(t, in, "func f(x int) int { if x == 2 { m.Cancel(); for {} }; return x }")
	got, err := in.Map(ctx, "f", []int{0, 1, 2, 3})
	var e *Error
	if !errors.As(err, &e) || e.Ename != KeyboardInterrupt || !reflect.DeepEqual(got, []int{0, 1}) {
		t.Errorf("%v, %v", got, err)
	}
	got, err = in.Map(t.Context(), "f", []int{4})
	if err != nil || !reflect.DeepEqual(got, []int{4}) {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := in.Map(ctx, "f", []int{4}); !errors.As(err, &e) || e.Ename != KeyboardInterrupt {
		t.Errorf("begun after the interrupt: %v", err)
	}
}
