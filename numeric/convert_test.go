package numeric

import (
	"math"
	"math/big"
	"reflect"
	"strings"
	"testing"
	"time"

	"gonum.org/v1/gonum/mat"
)

type body struct {
	Mass float64    `json:"mass"`
	Pos  [3]float64 `json:"pos"`
	Tags map[string]struct{}
	Next *body
	ID   int
	named
	*Level
	hidden  int
	Skipped int `json:"-"`
}

type named struct {
	Name string
	ID   int // less near than body's
}

// Level is embedded as a pointer, which only an exported type can be.
type Level struct{ Depth int }

type (
	left  struct{ Twice int }
	right struct{ Twice int }
	both  struct {
		left
		right
	}
)

func TestConvert(t *testing.T) {
	huge, _ := new(big.Int).SetString("100000000000000000000", 10)
	for _, c := range []struct {
		v    any
		dst  any // a pointer
		want any
	}{
		{3, new(float64), 3.0}, {3.0, new(int), 3}, {uint8(3), new(int64), int64(3)}, {-1, new(int8), int8(-1)},
		{uint64(math.MaxUint64), new(uint64), uint64(math.MaxUint64)}, {math.MinInt64, new(float64), -9223372036854775808.0},
		{1 << 62, new(float32), float32(1 << 62)}, {-9223372036854775808.0, new(int64), int64(math.MinInt64)},
		{float64(1 << 63), new(uint64), uint64(1 << 63)}, {0.5, new(float32), float32(0.5)}, {math.Inf(1), new(float32), float32(math.Inf(1))},
		{2 + 0i, new(int), 2}, {2, new(complex64), complex64(2)}, {uint16(7), new(complex128), 7 + 0i}, {1.5 + 1i, new(complex64), complex64(1.5 + 1i)},
		{huge, new(float64), 1e20}, {big.NewInt(5), new(int8), int8(5)}, {new(big.Int).SetUint64(1 << 63), new(uint64), uint64(1 << 63)},
		{New([]float64{4}, []int{}...), new(int), 4},
		{"a", new(string), "a"}, {true, new(bool), true}, {1, new(any), 1}, {nil, new(any), nil}, {nil, new([]int), []int(nil)},
		{[]any{1, 2.0, int8(3)}, new([]float64), []float64{1, 2, 3}}, {[]any{"a", "b"}, new([]string), []string{"a", "b"}},
		{[]any{[]any{1}, []float64{2, 3}}, new([][]int), [][]int{{1}, {2, 3}}},
		{[]float64{1, 2}, new([]int), []int{1, 2}}, {New([]int64{1, 2}), new([]int), []int{1, 2}}, {New([]float32{1.5}), new([]float64), []float64{1.5}},
		{New([]float32{1.5}), new([]any), []any{float32(1.5)}}, {Zeros("<f4", 0), new([]float32), []float32{}},
		{New([]int32{1, 2, 3, 4}, 2, 2), new([][]int64), [][]int64{{1, 2}, {3, 4}}},
		{mat.NewDense(2, 1, []float64{1, 2}), new([][]float64), [][]float64{{1}, {2}}}, {[]float64{1, 2}, new([2]float32), [2]float32{1, 2}},
		{build("<U2", "a\x00\x00\x00b\x00\x00\x00"), new([]string), []string{"ab"}},
		{New([]float32{1, 2}, 2, 1), new(*mat.Dense), mat.NewDense(2, 1, []float64{1, 2})}, {Zeros("<f8", 0, 3), new(*mat.Dense), new(mat.Dense)},
		{New([]complex64{1i}, 1, 1), new(*mat.CDense), mat.NewCDense(1, 1, []complex128{1i})},
		{[]float64{1}, new(*mat.VecDense), mat.NewVecDense(1, []float64{1})}, {[]any{1, 2.5}, new(*mat.VecDense), mat.NewVecDense(2, []float64{1, 2.5})},
		{mat.NewDense(1, 2, []float64{1, 2}), new(*Array), New([]float64{1, 2}, 1, 2)}, {[]float64{1}, new(*Array), New([]float64{1})},
		{map[string]any{"a": 1, "b": 2.0}, new(map[string]int), map[string]int{"a": 1, "b": 2}},
		{map[any]any{1: []any{"x"}}, new(map[float64][]string), map[float64][]string{1: {"x"}}},
		{[]any{"a", "b"}, new(map[string]struct{}), map[string]struct{}{"a": {}, "b": {}}}, {[]any{"a"}, new([1]string), [1]string{"a"}},
		{7, new(*big.Int), big.NewInt(7)}, {1e20, new(big.Int), *huge}, {uint64(1 << 63), new(*big.Int), new(big.Int).SetUint64(1 << 63)}, {huge, new(big.Int), *huge},
		{"2026-01-02T03:04:05Z", new(time.Time), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}, {1500, new(time.Duration), 1500 * time.Nanosecond},
		{map[string]any{"mass": 2, "pos": []float64{1, 2, 3}, "NAME": "b", "Tags": []any{"x"}, "Next": map[string]any{"mass": 1.5}}, new(body),
			body{hidden: 0, Mass: 2, Pos: [3]float64{1, 2, 3}, named: named{Name: "b"}, Tags: map[string]struct{}{"x": {}}, Next: &body{Mass: 1.5}}},
		{[]any{map[string]any{}, map[string]any{"Next": nil}}, new([]*body), []*body{{}, {}}},
		{map[string]any{"Depth": 3, "ID": 5}, new(body), body{Level: &Level{Depth: 3}, ID: 5}},
		{map[string]any{"ID": 5, "id": 6}, new(struct {
			ID    int
			Lower int `json:"id"`
		}), struct {
			ID    int
			Lower int `json:"id"`
		}{5, 6}},
	} {
		if err := Convert(c.v, c.dst); err != nil {
			t.Error(err)
			continue
		}
		if got := reflect.ValueOf(c.dst).Elem().Interface(); !same(got, c.want) {
			t.Errorf("Convert(%T %v) = %T %v, want %T %v", c.v, c.v, got, got, c.want, c.want)
		}
	}
	if p, err := To[*float32](1); err != nil || *p != 1 {
		t.Error(p, err)
	}
	if x, err := To[float32](math.NaN()); err != nil || x == x {
		t.Error(x, err)
	}
	x := []float64{1, 2}
	if y, err := To[[]float64](New(x)); err != nil || &y[0] != &x[0] {
		t.Error("an array of the same elements was copied")
	}
}

func build(dtype, data string) any {
	v, err := Build(dtype, []int{1}, []byte(data))
	if err != nil {
		panic(err)
	}
	return v
}

func TestConvertErrors(t *testing.T) {
	huge, _ := new(big.Int).SetString("100000000000000000001", 10)
	for _, c := range []struct {
		v    any
		dst  any
		want string
	}{
		{3.5, new(int), "convert float64 to int: 3.5 does not fit"}, {math.NaN(), new(int), "NaN does not fit"}, {math.Inf(1), new(int), "does not fit"},
		{300, new(uint8), "300 does not fit"}, {-1, new(uint), "does not fit"}, {-1.0, new(uint), "does not fit"}, {1<<53 + 1, new(float64), "does not fit"},
		{-1<<53 - 1, new(float64), "does not fit"}, {math.MaxInt64, new(float64), "does not fit"}, {uint64(math.MaxUint64), new(float64), "does not fit"},
		{float64(1 << 63), new(int64), "does not fit"}, {float64(1 << 63 * 2), new(uint64), "does not fit"}, {0.1, new(float32), "does not fit"},
		{1i, new(float64), "does not fit"}, {0.1 + 1i, new(complex64), "does not fit"}, {huge, new(float64), "does not fit"}, {uint64(1 << 63), new(int), "does not fit"},
		{1e300, new(float32), "does not fit"},
		{"1", new(int), "a string is not a number"}, {1, new(string), "an int is not a string"}, {1, new(bool), "is not a bool"}, {true, new(int), "is not a number"},
		{nil, new(int), "no value"}, {1, new([]int), "neither an array nor a slice"}, {"ab", new([]string), "neither"},
		{[]any{1, []any{2, "x"}}, new([][]int), "at [0]"}, {[]any{1, "x"}, new([]int), "convert []any to []int at [1]: a string is not a number"},
		{mat.NewDense(1, 2, nil), new([]float64), "shape [1 2]"}, {[]float64{1}, new(*mat.Dense), "shape [1]"}, {1, new(*mat.Dense), "not an array"},
		{[]any{"a"}, new(*mat.VecDense), "at [0]"}, {[]float64{1, 2}, new([3]float64), "2 items"}, {New([]int{1}, []int{}...), new([]int), "no axes"},
		{New([]complex64{1i}, 1, 1), new(*mat.Dense), "at [0]"},
		{map[string]any{"a": 1.5}, new(map[string]int), `at ["a"]: 1.5`}, {map[any]any{1: 1}, new(map[string]int), "at [1]: an int is not a string"},
		{1, new(error), "is not an error"},
		{[]any{"a", 1}, new(map[string]struct{}), "at [1]: an int is not a string"}, {[]any{1, 1.0}, new(map[int]struct{}), "at [1]: 1 is there twice"},
		{1.5, new(*big.Int), "1.5 does not fit"}, {"1", new(big.Int), "a string is not a number"},
		{"noon", new(time.Time), `cannot parse "noon"`},
		{map[string]any{"pos": []float64{1, 2}}, new(body), "convert map[string]any to numeric.body at [\"pos\"]: 2 items do not fill [3]float64"},
		{[]any{map[string]any{"mass": "heavy"}}, new([]body), `at [0]["mass"]: a string is not a number`},
		{map[string]any{"charge": 1}, new(body), `at ["charge"]: a numeric.body has no such field`},
		{map[string]any{"hidden": 1}, new(body), "no such field"}, {map[string]any{"Skipped": 1}, new(body), "no such field"},
		{map[string]any{"ID": 1, "id": 2}, new(body), "the key ID is the same field"},
		{map[any]any{1: 1}, new(body), "a map[any]any is not a numeric.body"}, {5, new(body), "an int is not a numeric.body"},
		{map[string]any{"twice": 1}, new(both), "no such field"},
	} {
		if err := Convert(c.v, c.dst); err == nil {
			t.Errorf("Convert(%T %v) to %T = %v", c.v, c.v, c.dst, reflect.ValueOf(c.dst).Elem())
		} else if !strings.Contains(err.Error(), c.want) {
			t.Errorf("Convert(%T) to %T: error %q does not say %q", c.v, c.dst, err, c.want)
		}
	}
}

// The items of a []int are ints, also one by one.
func TestIntItems(t *testing.T) {
	for _, v := range []any{[]int{1, 2}, New([]int64{1, 2}, 2)} {
		items, err := To[[]any](v)
		if err != nil || items[1] != 2 || Item(v, 0) != 1 {
			t.Errorf("%T: %#v, %v", v, items, err)
		}
	}
}
