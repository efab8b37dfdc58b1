package wire_test

import (
	"math/big"
	"reflect"
	"strings"
	"testing"
	"time"

	"muster/wire"
)

type (
	celsius float64
	point   struct{ X, Y int }
	shouted string
	body    struct {
		Name   string `json:"name,omitempty"`
		Pos    [3]float64
		Born   time.Time
		Next   *body
		Weight *big.Int
		Secret int `json:"-"`
		hidden int
	}
	embedded struct{ point }
	tree     struct{ Left, Right *tree }
)

func (s shouted) MarshalText() ([]byte, error) { return []byte(s + "!"), nil }

func TestGoType(t *testing.T) {
	list := []string{"a"}
	for _, c := range []struct {
		value any
		want  string
	}{
		{nil, ""}, {1, ""}, {"a", ""}, {1.5, ""}, {[]int{1}, ""}, {[]float32{1}, ""}, {[]byte{1}, ""}, {[]any{1}, ""}, {map[string]any{}, ""},
		{list, "[]string"}, {&list, "[]string"}, {int8(1), "int8"}, {float32(1), "float32"}, {uint(1), "uint"}, {[]int64{1}, "[]int64"}, {[]uint{1}, "[]uint"},
		{[][]float64{}, "[][]float64"}, {map[string]int{}, "map[string]int"}, {map[int][]string{}, "map[int][]string"}, {[3]float64{}, "[3]float64"},
		{[]map[string][]any{}, "[]map[string][]any"}, {map[[2]int]bool{}, "map[[2]int]bool"}, {map[string]struct{}{}, "map[string]struct{}"},
		{[]*int{}, "[]*int"}, {celsius(1), ""}, {[]celsius{}, ""}, {map[string]celsius{}, "map[string]float64"}, {time.Second, "time.Duration"}, {[]time.Duration{}, "[]time.Duration"},
		{point{}, "struct{X int;Y int}"}, {[]point{}, "[]struct{X int;Y int}"}, {map[point]point{}, "map[struct{X int;Y int}]struct{X int;Y int}"},
		{&body{hidden: 1}, `struct{Name string "json:\"name,omitempty\"";Pos [3]float64;Born time.Time;Next any;Weight any}`},
		{tree{}, "struct{Left any;Right any}"}, {embedded{}, ""}, {[]struct{}{}, ""}, {struct{ x int }{}, ""}, {time.Now(), "time.Time"}, {big.NewInt(1), ""}, {shouted("a"), ""}, {[]shouted{}, ""}, {[]error{}, ""}, {make(chan int), ""},
		{[1 << 20]int{}, ""},
	} {
		got := wire.GoType(reflect.TypeOf(c.value))
		if got != c.want {
			t.Errorf("GoType of %T = %q, want %q", c.value, got, c.want)
		}
		if got == "" {
			continue
		}
		if back, ok := wire.ParseGoType(got); !ok || wire.GoType(back) != got {
			t.Errorf("ParseGoType(%q) = %v, %v", got, back, ok)
		}
	}
	for _, text := range []string{
		"", "[]", "[", "[3]", "[-1]int", "[1048577]struct{}", "[9999999999]int", "[1048576][1048576]int", "map[]int", "map[[]int]int", "map[string]", "map[string",
		"[]struct{}", "int]", "intx", "time.Month", " int", "[]int ", "*", "func()",
		"struct{}", "struct{X}", "struct{X int", "struct{x int}", "struct{X int;X int}", "struct{X int y}", `struct{X int "a}`, "struct{X int,Y int}", "struct{X.Y int}", "struct{ X int}", "struct{X int;}",
		"map[struct{X []int}]int", strings.Repeat("[]", 20) + "int", "struct{X" + strings.Repeat("x", 1<<14) + " int}",
	} {
		if typ, ok := wire.ParseGoType(text); ok {
			t.Errorf("ParseGoType(%q) = %v", text, typ)
		}
	}
}

// FuzzGoType looks for texts that panic, or are those of another type.
func FuzzGoType(f *testing.F) {
	for _, s := range []string{"map[[2]*int][]map[string]struct{}", "[][3]any", "[1024]complex128", "map[any]any", `struct{A struct{B []int "json:\"b\""};C time.Time}`, "[][][][][][][][][][][][][][][][]int"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		typ, ok := wire.ParseGoType(text)
		if !ok {
			return
		}
		if typ.Size() > 1<<14<<20 {
			t.Fatalf("%q takes %d bytes", text, typ.Size())
		}
		for typ.Kind() == reflect.Pointer {
			typ = typ.Elem()
		}
		if again := wire.GoType(typ); again != "" {
			if back, ok := wire.ParseGoType(again); !ok || back != typ {
				t.Fatalf("%q is %v, which became %q and %v", text, typ, again, back)
			}
		}
	})
}
