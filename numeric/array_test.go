package numeric

import (
	"bytes"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"gonum.org/v1/gonum/mat"
)

func TestArray(t *testing.T) {
	x := []float32{0, 1, 2, 3, 4, 5}
	a := New(x, 2, 3)
	if a.DType() != string(nativeOrder)+"f4" || !slices.Equal(a.Shape(), []int{2, 3}) || a.Len() != 6 || len(a.Bytes()) != 24 {
		t.Fatalf("%v", a)
	}
	if got := a.At(1, 2); got != float32(5) {
		t.Errorf("At(1, 2) = %v", got)
	}
	a.Set(7, 1, 2)
	if x[5] != 7 {
		t.Error("Set did not reach the slice")
	}
	if row := a.Rows(1, 2).Reshape(3); row.At(2) != float32(7) || &row.Slice().([]float32)[0] != &x[3] {
		t.Error("a row is not a view")
	}
	if !a.Equal(New([]float32{0, 1, 2, 3, 4, 7}, 2, 3)) || a.Equal(a.Reshape(3, 2)) || a.Equal(New(make([]int32, 6), 2, 3)) {
		t.Error("Equal")
	}
	if s := New([]uint8{1, 2}); s.DType() != "|u1" || s.At(1) != uint8(2) {
		t.Error(s)
	}
	if s := New([]int{1}); s.DType()[1:] != fmt.Sprintf("i%d", unsafe.Sizeof(0)) {
		t.Error(s)
	}
}

func TestZeros(t *testing.T) {
	for _, e := range elements {
		a := Zeros(e.dtype(), 2, 3)
		if !reflect.ValueOf(a.At(1, 2)).IsZero() || reflect.TypeOf(a.At(0, 0)) != e.typ || a.DType() != e.dtype() {
			t.Errorf("%s: %v", e.code, a)
		}
	}
	if a := Zeros("<U5", 3); a.At(2) != "" || len(a.Bytes()) != 60 {
		t.Error(a)
	}
}

func TestMisuse(t *testing.T) {
	a := New([]int32{1, 2})
	for name, f := range map[string]struct {
		want any
		call func()
	}{
		"index":    {ErrIndex, func() { a.At(2) }},
		"negative": {ErrIndex, func() { a.At(-1) }},
		"axes":     {ErrAxes, func() { a.At(1, 1) }},
		"shape":    {ErrShape, func() { New([]int32{1}, 2) }},
		"overflow": {ErrShape, func() { Zeros("<f8", 1<<40, 1<<40) }},
		"bytes":    {ErrShape, func() { Zeros("<f8", 1<<61) }},
		"reshape":  {ErrShape, func() { a.Reshape(3) }},
		"minus":    {ErrShape, func() { a.Reshape(-1, -2) }},
		"dtype":    {ErrDType, func() { Zeros("f", 1) }},
		"data":     {ErrData, func() { New([]string{"a"}) }},
		"no slice": {ErrData, func() { New(1) }},
		"rows":     {ErrIndex, func() { a.Rows(1, 3) }},
		"scalar":   {ErrAxes, func() { New([]int32{1}, []int{}...).Rows(0, 0) }},
		"opaque":   {ErrDType, func() { Zeros("|S2", 1).Set("a", 0) }},
		"parts":    {ErrParts, func() { Split([]int{1}, 0) }},
		"every":    {ErrParts, func() { SplitEvery([]int{1}, 0) }},
		"bounds":   {ErrParts, func() { Bounds(2, 2, 2) }},
		"target":   {ErrTarget, func() { Convert(1, 2) }},
		"nil":      {ErrTarget, func() { Convert(1, (*int)(nil)) }},
	} {
		func() {
			defer func() {
				if got := recover(); got != f.want {
					t.Errorf("%s: %v, want %v", name, got, f.want)
				}
			}()
			f.call()
		}()
	}
	defer func() {
		if e, ok := recover().(Error); !ok || !strings.Contains(e.Error(), "1.5 does not fit an int32") {
			t.Error("Set lost a fraction")
		}
	}()
	a.Set(1.5, 0)
}

// TestFlattenBuild takes values apart and puts them together again.
func TestFlattenBuild(t *testing.T) {
	big := mat.NewDense(4, 5, seq(20))
	type celsius []float32
	for _, c := range []struct {
		v     any
		want  any // nil: v itself
		dtype string
		shape []int
	}{
		{[]float64{1, math.NaN()}, nil, "f8", []int{2}},
		{[]float64{}, nil, "f8", []int{0}},
		{[]float64(nil), []float64{}, "f8", []int{0}},
		{big, nil, "f8", []int{4, 5}},
		{big.Slice(1, 3, 2, 4), mat.NewDense(2, 2, []float64{7, 8, 12, 13}), "f8", []int{2, 2}},
		{big.T(), mat.DenseCopyOf(big.T()), "f8", []int{5, 4}},
		{big.ColView(1), []float64{1, 6, 11, 16}, "f8", []int{4}},
		{mat.NewVecDense(2, []float64{1, 2}), []float64{1, 2}, "f8", []int{2}},
		{mat.NewSymDense(2, []float64{1, 2, 0, 3}), mat.NewDense(2, 2, []float64{1, 2, 2, 3}), "f8", []int{2, 2}},
		{new(mat.Dense), Zeros("<f8", 0, 0), "f8", []int{0, 0}},
		{new(mat.VecDense), []float64{}, "f8", []int{0}},
		{[]complex128{1i}, nil, "c16", []int{1}},
		{mat.NewCDense(1, 2, []complex128{1, 2i}), nil, "c16", []int{1, 2}},
		{[]complex64{1i}, nil, "c8", []int{1}},
		{celsius{1.5}, []float32{1.5}, "f4", []int{1}},
		{[]int{-1}, nil, "i8", []int{1}},
		{[]int64{-1}, []int{-1}, "i8", []int{1}},
		{[]int{}, nil, "i8", []int{0}},
		{[]int16{-1}, nil, "i2", []int{1}},
		{New([]byte{1}), nil, "u1", []int{1}},
		{[]uint{1}, []uint64{1}, "u8", []int{1}},
		{[]bool{true}, nil, "b1", []int{1}},
		{*New(seq(8), 2, 2, 2), New(seq(8), 2, 2, 2), "f8", []int{2, 2, 2}},
		{New(seq(1), []int{}...), nil, "f8", []int{}},
		{Zeros("<f8", 0, 3), nil, "f8", []int{0, 3}},
		{Zeros("<U3", 2, 2), nil, "U3", []int{2, 2}},
	} {
		dtype, shape, data, ok := Flatten(c.v)
		if !ok || dtype[1:] != c.dtype || !slices.Equal(shape, c.shape) {
			t.Errorf("Flatten(%T) = %s, %v, %v", c.v, dtype, shape, ok)
			continue
		}
		got, err := Build(dtype, shape, data)
		if err != nil {
			t.Error(err)
		}
		want := c.want
		if want == nil {
			want = c.v
		}
		if !same(got, want) {
			t.Errorf("Build(%s, %v) = %T %v, want %T %v", dtype, shape, got, got, want, want)
		}
	}
	for _, v := range []any{nil, 1, "a", []byte{1}, []string{"a"}, []any{1.0}, [][]float64{{1}}, [2]float64{}, (*Array)(nil), (*mat.Dense)(nil), (*mat.SymDense)(nil)} {
		if dtype, _, _, ok := Flatten(v); ok {
			t.Errorf("Flatten(%T) is a %s", v, dtype)
		}
	}
}

// same is reflect.DeepEqual but for NaN, and for the capacity of gonum's matrices.
func same(a, b any) bool {
	x, y := flatten(a), flatten(b)
	if x == nil || y == nil {
		return reflect.DeepEqual(a, b)
	}
	return reflect.TypeOf(a) == reflect.TypeOf(b) && x.Equal(y)
}

func seq(n int) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = float64(i)
	}
	return x
}

func TestNoCopy(t *testing.T) {
	x := seq(12)
	for _, v := range []any{x, unsafe.Slice((*int)(unsafe.Pointer(&x[0])), 12), mat.NewDense(3, 4, x), mat.NewVecDense(12, x), New(x, 2, 3, 2), mat.NewDense(3, 4, x).Slice(1, 3, 0, 4)} {
		dtype, shape, data, _ := Flatten(v)
		if p := uintptr(unsafe.Pointer(&data[0])); p != uintptr(unsafe.Pointer(&x[0])) && p != uintptr(unsafe.Pointer(&x[4])) {
			t.Errorf("Flatten(%T) copied", v)
		}
		back, err := Build(dtype, shape, data)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, again, _ := Flatten(back); &again[0] != &data[0] {
			t.Errorf("Build of %T copied", back)
		}
	}
}

// TestForeignBytes builds from bytes in other orders, at odd addresses, and of bools that are neither 0 nor 1.
func TestForeignBytes(t *testing.T) {
	be := []byte{0x3f, 0xf8, 0, 0, 0, 0, 0, 0, 0x40, 0, 0, 0, 0, 0, 0, 0}
	check := func(dtype string, shape []int, data []byte, want any) {
		t.Helper()
		before := bytes.Clone(data)
		got, err := Build(dtype, shape, data)
		if err != nil || !same(got, want) {
			t.Errorf("Build(%s, %v) = %T %v, %v; want %v", dtype, shape, got, got, err, want)
		}
		if !bytes.Equal(before, data) {
			t.Errorf("Build(%s) wrote to its input", dtype)
		}
	}
	check(">f8", []int{2}, be, []float64{1.5, 2})
	check(">c16", []int{1}, be, []complex128{1.5 + 2i})
	check(">c16", []int{1, 1}, be, mat.NewCDense(1, 1, []complex128{1.5 + 2i}))
	check(">i2", []int{2, 1}, []byte{1, 0, 0, 2}, New([]int16{256, 2}, 2, 1))
	check(">u8", []int{}, be[8:], New([]uint64{1 << 62}, []int{}...))
	check("=i1", []int{1}, []byte{255}, []int8{-1})
	check("|b1", []int{3}, []byte{0, 1, 7}, []bool{false, true, true})
	for _, e := range elements { // one byte off, whatever the alignment of own was
		size := int(e.typ.Size())
		own := alloc(4*size + 8)
		for off := range 8 {
			check(e.dtype(), []int{2, 2}, own[off:off+4*size], mustBuild(t, e.dtype(), []int{2, 2}, make([]byte, 4*size)))
		}
	}
}

func mustBuild(t *testing.T, dtype string, shape []int, data []byte) any {
	t.Helper()
	v, err := Build(dtype, shape, data)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestBuildErrors(t *testing.T) {
	for _, c := range []struct {
		dtype string
		shape []int
		size  int
	}{
		{"<f8", []int{2}, 15}, {"<f8", []int{2}, 17}, {"<f8", []int{-1}, 0}, {"<f8", []int{-1, -8}, 64}, {"<f8", []int{0, -1}, 0},
		{"<f8", []int{1 << 40, 1 << 40}, 8}, {"<f8", []int{1 << 61}, 0}, {"", []int{0}, 0}, {"<U2", []int{1}, 4},
		{"[('a', '|u1')]", []int{2}, 3}, {"[('a', '|u1')]", []int{0}, 3}, {"<f8", []int{0, 1 << 62, 1 << 62}, 8},
		{"<f8", []int{1 << 60, 0}, 0}, {"|V0", []int{1 << 60}, 0}, {"|S0", []int{2, 1 << 30, 1 << 30}, 0}, {"[]", []int{1 << 60}, 0},
	} {
		if v, err := Build(c.dtype, c.shape, make([]byte, c.size)); err == nil {
			t.Errorf("Build(%s, %v, %d bytes) = %v", c.dtype, c.shape, c.size, v)
		}
	}
	if _, err := Build("<f8", []int{0, 1 << 62, 1 << 62}, nil); err != nil {
		t.Error("an empty array may have long axes:", err)
	}
}

func TestOpaque(t *testing.T) {
	u := mustBuild(t, "<U2", []int{2}, []byte("a\x00\x00\x00\x00\x00\x00\x00\xe9\x00\x00\x00b\x00\x00\x00")).(*Array)
	if u.At(0) != "a" || u.At(1) != "éb" {
		t.Errorf("%q %q", u.At(0), u.At(1))
	}
	b := mustBuild(t, ">U1", []int{1}, []byte("\x00\x00\x00a")).(*Array)
	if b.At(0) != "a" {
		t.Errorf("%q", b.At(0))
	}
	s := mustBuild(t, "|S2", []int{2}, []byte("a\x00bc")).(*Array)
	if !reflect.DeepEqual(s.At(0), []byte("a")) || !reflect.DeepEqual(s.At(1), []byte("bc")) {
		t.Errorf("%q %q", s.At(0), s.At(1))
	}
	r := mustBuild(t, "[('a', '|u1'), ('b', '<i2')]", []int{2}, []byte{1, 2, 0, 3, 4, 0}).(*Array)
	if !reflect.DeepEqual(r.At(1), []byte{3, 4, 0}) || !reflect.DeepEqual(r.Slice(), r.Bytes()) || r.Rows(1, 2).At(0).([]byte)[0] != 3 {
		t.Errorf("%v", r)
	}
}

func TestString(t *testing.T) {
	for _, c := range []struct {
		a    *Array
		want string
	}{
		{New([]float32{1, 2.5}), "array([1, 2.5], dtype=float32)"},
		{New(seq(6), 2, 3), "array([[0, 1, 2],\n       [3, 4, 5]], dtype=float64)"},
		{New([]int64{7}, []int{}...), "array(7, dtype=int64)"},
		{Zeros("<f4", 0, 3), "array([], shape=[0 3], dtype=float32)"},
		{Zeros("|b1", 1, 2, 1), "array([[[false],\n        [false]]], dtype=bool)"},
		{Zeros("|S2", 1), `array([""], dtype=|S2)`},
		{New(seq(1001)), "array([0, 1, 2, ..., 998, 999, 1000], dtype=float64)"},
		{New(make([]int32, 4000), 1000, 4), "array([[0, 0, 0, 0],\n       [0, 0, 0, 0],\n       [0, 0, 0, 0],\n       ...,\n" +
			"       [0, 0, 0, 0],\n       [0, 0, 0, 0],\n       [0, 0, 0, 0]], dtype=int32)"},
	} {
		if got := c.a.String(); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}

// FuzzBuild looks for bytes that are built into what Flatten does not give back.
func FuzzBuild(f *testing.F) {
	f.Add("<f8", 2, 1, make([]byte, 16))
	f.Add(">c16", 1, 1, make([]byte, 16))
	f.Add("|b1", 2, 2, []byte{0, 1, 2, 3})
	f.Add("<U1", 0, 3, []byte{})
	f.Add("[('a', 'b')]", 3, 1, make([]byte, 9))
	f.Fuzz(func(t *testing.T, dtype string, rows, cols int, data []byte) {
		if v, err := Build(dtype, []int{rows}, data); err == nil {
			if _, shape, again, ok := Flatten(v); !ok || !slices.Equal(shape, []int{rows}) || len(again) != len(data) {
				t.Fatalf("Build(%q, %d) = %v", dtype, rows, v)
			}
		}
		v, err := Build(dtype, []int{rows, cols}, data)
		if err != nil {
			return
		}
		_, shape, again, ok := Flatten(v)
		if !ok || !slices.Equal(shape, []int{rows, cols}) || len(again) != len(data) {
			t.Fatalf("Build(%q, %d, %d) = %v", dtype, rows, cols, v)
		}
		if a := flatten(v); a.Len() > 0 {
			_ = a.String()
			_ = a.At(rows-1, cols-1)
		}
	})
}
