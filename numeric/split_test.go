package numeric

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// TestBounds holds Bounds against ipyparallel's getPartition (client/map.py), by its definition.
func TestBounds(t *testing.T) {
	for _, c := range []struct{ p, q, n, low, high int }{
		{0, 4, 10, 0, 3}, {1, 4, 10, 3, 6}, {2, 4, 10, 6, 8}, {3, 4, 10, 8, 10},
		{0, 4, 2, 0, 1}, {1, 4, 2, 1, 2}, {2, 4, 2, 2, 2}, {3, 4, 2, 2, 2}, {0, 1, 0, 0, 0},
	} {
		if low, high := Bounds(c.p, c.q, c.n); low != c.low || high != c.high {
			t.Errorf("Bounds(%d, %d, %d) = %d, %d", c.p, c.q, c.n, low, high)
		}
	}
}

// random values of every kind that can be split, of n items.
var kinds = map[string]func(r *rand.Rand, n int) any{
	"[]float64": func(r *rand.Rand, n int) any { return random(r, n) },
	"[]int": func(r *rand.Rand, n int) any {
		x := make([]int, n)
		for i := range x {
			x[i] = r.Int()
		}
		return x
	},
	"[]string": func(r *rand.Rand, n int) any {
		x := make([]string, n)
		for i := range x {
			x[i] = fmt.Sprint(r.Int())
		}
		return x
	},
	"[]any": func(r *rand.Rand, n int) any {
		x := make([]any, n)
		for i := range x {
			x[i] = []any{r.Int(), "a", nil, []float64{1}}[r.IntN(4)]
		}
		return x
	},
	"Dense": func(r *rand.Rand, n int) any {
		if n == 0 {
			return new(mat.Dense)
		}
		return mat.NewDense(n, 3, random(r, 3*n))
	},
	"Dense view": func(r *rand.Rand, n int) any {
		if n == 0 {
			return new(mat.Dense)
		}
		return mat.NewDense(n+2, 5, random(r, 5*(n+2))).Slice(1, n+1, 2, 4)
	},
	"CDense": func(r *rand.Rand, n int) any {
		if n == 0 {
			return new(mat.CDense)
		}
		m := mat.NewCDense(n, 2, nil)
		for i := range n {
			m.Set(i, 0, complex(r.Float64(), r.Float64()))
		}
		return m
	},
	"VecDense": func(r *rand.Rand, n int) any {
		if n == 0 {
			return new(mat.VecDense)
		}
		return mat.NewDense(n, 2, random(r, 2*n)).ColView(1)
	},
	"Array":        func(r *rand.Rand, n int) any { return New(random(r, 6*n), n, 2, 3) },
	"Array of str": func(r *rand.Rand, n int) any { return Zeros("<U3", n) },
	"no columns":   func(r *rand.Rand, n int) any { return Zeros("<f4", n, 0) },
}

func random(r *rand.Rand, n int) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = r.NormFloat64()
	}
	return x
}

// TestSplitJoin checks that joining undoes splitting, for every kind, in both ways of dealing, and when the parts have
// been to an engine and back.
func TestSplitJoin(t *testing.T) {
	ways := map[string]struct {
		split func(any, int) ([]any, error)
		join  func([]any) (any, error)
	}{"block": {Split, Join}, "cyclic": {SplitCyclic, JoinCyclic}}
	for kind, make := range kinds {
		for way, w := range ways {
			for seed := range uint64(60) {
				r := rand.New(rand.NewPCG(seed, 1))
				n, q := r.IntN(12), 1+r.IntN(6)
				x := make(r, n)
				where := fmt.Sprintf("%s, %s, seed %d: %d items in %d parts", kind, way, seed, n, q)
				parts, err := w.split(x, q)
				if err != nil {
					t.Fatal(where, err)
				}
				total := 0
				for p, part := range parts {
					s, ok := sequenceOf(part)
					low, high := Bounds(p, q, n)
					if !ok || s.len != high-low {
						t.Fatalf("%s: part %d is %T %v", where, p, part, part)
					}
					total += s.len
				}
				if total != n {
					t.Fatalf("%s: %d items in all", where, total)
				}
				got, err := w.join(parts)
				if err != nil {
					t.Fatal(where, err)
				}
				if !same(got, x) {
					t.Fatalf("%s: joined to %T %v, want %T %v", where, got, got, x, x)
				}
				for p, part := range parts { // as they come back from engines
					if dtype, shape, data, ok := Flatten(part); ok {
						parts[p] = mustBuild(t, dtype, shape, data)
					}
				}
				got, err = w.join(parts)
				if err != nil {
					t.Fatal(where, err)
				}
				if a, b := flatten(got), flatten(x); a != nil && !a.Equal(b) || a == nil && !reflect.DeepEqual(got, x) {
					t.Fatalf("%s: came back as %T %v, want %T %v", where, got, got, x, x)
				}
			}
		}
	}
}

func TestSplitViews(t *testing.T) {
	m := mat.NewDense(5, 2, seq(10))
	for _, split := range []func(any, int) ([]any, error){Split, SplitCyclic} {
		parts, err := split(m, 2)
		if err != nil {
			t.Fatal(err)
		}
		before := m.At(1, 1)
		for _, p := range parts {
			d := p.(*mat.Dense)
			d.Scale(2, d)
		}
		if got := m.At(1, 1); got != 2*before {
			t.Error("the parts of a matrix are not views")
		}
	}
	parts, _ := Split([]int{1, 2, 3}, 2)
	_ = append(parts[0].([]int), 9)
	if parts[1].([]int)[0] != 3 {
		t.Error("appending to one part wrote into the next")
	}
}

func TestSplitJoinErrors(t *testing.T) {
	for _, v := range []any{nil, 1, "abc", map[string]int{}, New([]int32{1}, []int{}...), (*mat.Dense)(nil), (*Array)(nil)} {
		if _, err := Split(v, 2); err == nil || !strings.Contains(err.Error(), "cannot split") {
			t.Errorf("Split(%T): %v", v, err)
		}
	}
	for _, parts := range [][]any{
		{},
		{[]float64{1}, 2.0},
		{mat.NewDense(1, 2, nil), mat.NewDense(1, 3, nil)},
		{New([]int32{1}), New([]int64{1})},
		{mat.NewDense(1, 2, nil), []any{1}},
	} {
		if v, err := Join(parts); err == nil {
			t.Errorf("Join(%v) = %v", parts, v)
		}
	}
	for _, parts := range [][]any{{[]int{1}, []int{2, 3}}, {[]int{1, 2, 3}, []int{1}}, {[]int{1, 2}, []int{1}, []int{1, 2}}} {
		if v, err := JoinCyclic(parts); err == nil {
			t.Errorf("JoinCyclic(%v) = %v", parts, v)
		}
	}
}

func TestJoinOther(t *testing.T) {
	type tuple []any
	for _, c := range []struct {
		parts []any
		want  any
	}{
		{[]any{1, 2.5, "a"}, []any{1, 2.5, "a"}}, // scalars are the items themselves
		{[]any{tuple{1}, []any{2}, []string{"a"}}, []any{1, 2, "a"}},
		{[]any{[]float64{1}, New([]float64{2})}, []float64{1, 2}},
	} {
		if got, err := Join(c.parts); err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("Join(%v) = %v, %v", c.parts, got, err)
		}
	}
}

func TestItem(t *testing.T) {
	m := mat.NewDense(3, 4, seq(12))
	for _, c := range []struct{ v, want any }{
		{[]int{1, 2, 3}, 2}, {[]string{"a", "b"}, "b"}, {[]any{1, nil}, nil}, {[]byte("abc"), byte('b')},
		{m, []float64{4, 5, 6, 7}}, {m.Slice(1, 3, 1, 3), []float64{9, 10}}, {m.ColView(1), 5.0}, {mat.NewCDense(2, 1, []complex128{1, 1i}), []complex128{1i}},
		{New([]int8{1, 2}), int8(2)}, {New(seq(12), 3, 2, 2), New([]float64{4, 5, 6, 7}, 2, 2)}, {*New(seq(4), 2, 2), New([]float64{2, 3}, 2)},
	} {
		if got := Item(c.v, 1); !same(got, c.want) {
			t.Errorf("item 1 of %T %v is %v, want %v", c.v, c.v, got, c.want)
		}
	}
	row := Item(m, 2).([]float64)
	row[0] = -1
	if m.At(2, 0) != -1 || cap(Item(mat.NewCDense(2, 1, make([]complex128, 2)), 0).([]complex128)) != 1 {
		t.Error("a row is a copy, or reaches beyond its end")
	}
	for _, v := range []any{5, "ab", nil, New(seq(1), []int{}...), (*mat.Dense)(nil)} {
		if n, ok := Len(v); ok {
			t.Errorf("a %T has %d items", v, n)
		}
	}
	defer func() {
		if recover() != ErrIndex {
			t.Error("there is an item 3 of three")
		}
	}()
	Item(m, 3)
}

func TestReduce(t *testing.T) {
	d := func(x ...float64) *mat.Dense { return mat.NewDense(1, len(x), x) }
	for _, c := range []struct {
		op    Op
		parts []any
		want  any
	}{
		{Sum, []any{1, 2, 3}, 6}, {Prod, []any{2.0, 3.0}, 6.0}, {Min, []any{uint8(3), uint8(2)}, uint8(2)}, {Max, []any{int16(1)}, int16(1)},
		{Sum, []any{[]int{1, 2}, []int{3, 4}}, []int{4, 6}}, {Max, []any{[]float64{1, 5}, []float64{2, 3}}, []float64{2, 5}},
		{Sum, []any{d(1, 2), d(3, 4), d(5, 6)}, d(9, 12)},
		{Min, []any{mat.NewVecDense(1, []float64{1}), mat.NewVecDense(1, []float64{0})}, mat.NewVecDense(1, []float64{0})},
		{Sum, []any{New([]float32{1, 2}, 2, 1), New([]float32{1, 2}, 2, 1)}, New([]float32{2, 4}, 2, 1)},
		{Prod, []any{1i, 1i}, complex(-1, 0)}, {Sum, []any{[]complex64{1}, []complex64{1i}}, []complex64{1 + 1i}},
		{Sum, []any{mat.NewDense(3, 2, seq(6)).Slice(0, 2, 1, 2), d(1, 1).T()}, mat.NewDense(2, 1, []float64{2, 4})},
	} {
		if got, err := Reduce(c.op, c.parts); err != nil || !same(got, c.want) {
			t.Errorf("%v of %v = %T %v, %v; want %v", c.op, c.parts, got, got, err, c.want)
		}
	}
	for _, e := range elements[:len(elements)-1] {
		for op := Sum; op <= Max; op++ {
			ones := Zeros(e.dtype(), 3)
			if e.typ.Kind() < reflect.Complex64 {
				for i := range 3 {
					ones.Set(1, i)
				}
			} else if op > Prod {
				continue
			}
			before := ones.String()
			got, err := Reduce(op, []any{ones, ones})
			if err != nil {
				t.Errorf("%v of %s: %v", op, e.code, err)
			} else if want := map[bool]int{true: 2, false: 1}[op == Sum]; e.typ.Kind() < reflect.Complex64 {
				if n, err := To[[]int](got); err != nil || !reflect.DeepEqual(n, []int{want, want, want}) {
					t.Errorf("%v of %s = %v, %v", op, e.code, got, err)
				}
			}
			if ones.String() != before {
				t.Errorf("%v of %s wrote to its input", op, e.code)
			}
		}
	}
	for _, c := range []struct {
		op    Op
		parts []any
	}{
		{Sum, nil}, {Sum, []any{"a"}}, {Sum, []any{true, false}}, {Max, []any{1i}}, {Sum, []any{1, 2.0}}, {Sum, []any{1, []int{1}}},
		{Sum, []any{d(1, 2), d(1)}}, {Op(9), []any{1}}, {Sum, []any{nil}}, {Sum, []any{Zeros("<U1", 1)}},
	} {
		if v, err := Reduce(c.op, c.parts); err == nil {
			t.Errorf("%v of %v = %v", c.op, c.parts, v)
		}
	}
}

// Parts of so many items, and at the end what is left, join to the whole.
func TestSplitEvery(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for name, make := range kinds {
		for n := range 9 {
			whole := make(r, n)
			for size := 1; size < 5; size++ {
				parts, err := SplitEvery(whole, size)
				if err != nil || len(parts) != (n+size-1)/size {
					t.Fatalf("%s: %d items by %d: %d parts, %v", name, n, size, len(parts), err)
				}
				for i, p := range parts {
					s, _ := sequenceOf(p)
					if s.len != min(size, n-i*size) {
						t.Errorf("%s: %d items by %d: part %d has %d", name, n, size, i, s.len)
					}
				}
				if n == 0 {
					continue
				}
				if joined, err := Join(parts); err != nil || !same(joined, whole) {
					t.Errorf("%s: %d items by %d: %v joined from %v", name, n, size, joined, whole)
				}
			}
		}
	}
	if _, err := SplitEvery(5, 1); err == nil {
		t.Error("a number was split")
	}
}
