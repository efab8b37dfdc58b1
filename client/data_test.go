package client

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
	"unsafe"

	"gonum.org/v1/gonum/mat"

	"muster/numeric"
)

// connectLive returns a client of the cluster that TestMain started.
func connectLive(t *testing.T) (*Client, context.Context) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	c, err := Connect(ctx)
	check(t, err)
	t.Cleanup(func() { c.Close() })
	check(t, c.WaitForEngines(ctx, 4))
	return c, ctx
}

// repeat is n times the same value.
func repeat[T any](n int, v T) []T {
	s := make([]T, n)
	for i := range s {
		s[i] = v
	}
	return s
}

// What moves values works with engines of either language.
func TestData(t *testing.T) {
	c, ctx := connectLive(t)
	driveData(t, ctx, c)
}

func driveData(t *testing.T, ctx context.Context, c *Client) {
	v := c.Direct(All)
	ids := c.IDs()
	n := len(ids)
	isUndefined := func(err error, name string) {
		t.Helper()
		var value *ValueError
		var remote *RemoteError
		if !errors.As(err, &value) || !errors.As(err, &remote) || remote.Name != "NameError" || remote.Message != "name '"+name+"' is not defined" {
			t.Errorf("error %v is not that of a name %s that is not defined", err, name)
		}
	}

	t.Run("by name", func(t *testing.T) {
		check(t, v.Set(ctx, "x", 1.5))
		check(t, v.Update(ctx, map[string]any{"y": []int{1, 2}, "z": "zed"}))
		got, err := v.Get(ctx, "x")
		check(t, err)
		equal(t, got, repeat[any](n, 1.5))
		zip, err := v.ZipPull(ctx, "y", "z")
		check(t, err)
		equal(t, zip, map[string][]any{"y": repeat[any](n, []int{1, 2}), "z": repeat[any](n, "zed")})
		_, err = v.SetAsync("x", 2).Get(ctx)
		check(t, err)
		got, err = v.GetAsync("x").Get(ctx)
		check(t, err)
		equal(t, got, repeat[any](n, 2))
		columns, err := v.ZipPullAsync("x", "z").Get(ctx)
		check(t, err)
		equal(t, columns, []any{repeat[any](n, 2), repeat[any](n, "zed")})

		check(t, v.Delete(ctx, "x"))
		_, err = v.Get(ctx, "x")
		isUndefined(err, "x")
		isUndefined(v.Delete(ctx, "nosuch", "y"), "nosuch")
		_, err = v.Get(ctx, "y") // went nevertheless
		isUndefined(err, "y")
		_, err = v.DeleteAsync("z").Get(ctx)
		check(t, err)

		// What some engines have stands beside the error of the others.
		check(t, v.On(Engines(ids[1:]...)).Set(ctx, "some", 7))
		zip, err = v.ZipPull(ctx, "some")
		isUndefined(err, "some")
		equal(t, zip["some"], append([]any{nil}, repeat[any](n-1, 7)...))
		sevens, err := Get[int](ctx, v, "some")
		isUndefined(err, "some")
		equal(t, sevens, append([]int{0}, repeat(n-1, 7)...))
	})

	t.Run("serialized", func(t *testing.T) {
		big := make([]float64, 5000)
		big[4999] = 1
		value := map[string]any{"big": big, "names": []any{"a", "b"}}
		s, err := Serialize(value)
		check(t, err)
		check(t, v.PushSerialized(ctx, map[string]Serialized{"s": s, "t": s}))
		first, last := v.On(Engines(ids[0])), v.On(Engines(ids[n-1]))
		pulled, err := first.PullSerialized(ctx, "s", "big")
		isUndefined(err, "big")
		if len(pulled) != 1 || len(pulled[0]) != 1 {
			t.Fatalf("pulled %v", pulled)
		}
		s = pulled[0]["s"]
		check(t, first.Set(ctx, "s", nil))
		_, err = last.PushSerializedAsync(map[string]Serialized{"u": s}).Get(ctx)
		check(t, err)
		there, err := last.Get(ctx, "u")
		check(t, err)
		equal(t, there, []any{value})
		here, err := s.Value()
		check(t, err)
		equal(t, here, any(value))
		all, err := v.PullSerializedAsync("t").Get(ctx)
		check(t, err)
		equal(t, len(all), n)

		r, err := pushRequest("push", map[string]any{"w": s})
		check(t, err)
		for i, f := range s.frames {
			if &r.buffers[len(r.buffers)-len(s.frames)+i][0] != &f[0] {
				t.Errorf("frame %d was copied", i)
			}
		}
		if _, err := (Serialized{}).Value(); err == nil {
			t.Error("the zero Serialized has a value")
		}
		if err := v.Set(ctx, "none", Serialized{}); !errors.As(err, new(*ValueError)) {
			t.Errorf("the zero Serialized was pushed: %v", err)
		}
	})

	t.Run("scatter and gather", func(t *testing.T) { driveScatter(t, ctx, v, n) })

	t.Run("as Go types", func(t *testing.T) {
		type body struct {
			Name string `json:"name"`
			Mass float64
			Pos  [3]float64
			Tags map[string]struct{}
			Born time.Time
			Next *body
		}
		sun := body{Name: "sun", Mass: 2e30, Tags: map[string]struct{}{"star": {}}, Born: time.Date(1, 2, 3, 4, 5, 6, 0, time.UTC)}
		earth := body{Name: "earth", Mass: 6e24, Pos: [3]float64{1, 0.5, 0}, Tags: map[string]struct{}{}, Next: &sun}
		check(t, v.Push(ctx, map[string]any{
			"body": earth, "bodies": []body{sun, earth}, "ints": []int{1, 2, 3}, "pair": [2]float64{1, 2.5},
			"table": [][]float64{{1}, {2, 3}}, "counts": map[string]int{"a": 1}, "p": &sun.Mass, "keys": map[int]string{3: "c"},
			"cube": numeric.New([]float32{1, 2, 3, 4, 5, 6, 7, 8}, 2, 2, 2), "flags": []bool{true, false}, "d": time.Second, "small": []int16{-1},
		}))
		pulls(t, ctx, v, "body", earth)
		pulls(t, ctx, v, "body", &earth)
		pulls(t, ctx, v, "bodies", []body{sun, earth})
		pulls(t, ctx, v, "bodies", []*body{&sun, &earth})
		pulls(t, ctx, v, "ints", []int{1, 2, 3})
		pulls(t, ctx, v, "ints", []float32{1, 2, 3})
		pulls(t, ctx, v, "ints", [3]uint8{1, 2, 3})
		pulls[any](t, ctx, v, "ints", []int{1, 2, 3})
		pulls(t, ctx, v, "pair", [2]float64{1, 2.5})
		pulls(t, ctx, v, "table", [][]float64{{1}, {2, 3}})
		pulls(t, ctx, v, "counts", map[string]int{"a": 1})
		pulls(t, ctx, v, "keys", map[int]string{3: "c"})
		pulls(t, ctx, v, "p", 2e30)
		pulls(t, ctx, v, "cube", [2][2][]float32{{{1, 2}, {3, 4}}, {{5, 6}, {7, 8}}})
		pulls(t, ctx, v, "flags", []bool{true, false})
		pulls(t, ctx, v, "d", time.Second)
		pulls[any](t, ctx, v, "small", []int16{-1})
		_, err := Get[[]body](ctx, v, "body")
		if err == nil || !strings.Contains(err.Error(), "map[string]any to []client.body") {
			t.Errorf("a map as a slice: %v", err)
		}
	})
}

// pulls checks what every engine has as name, as a T.
func pulls[T any](t *testing.T, ctx context.Context, v *DirectView, name string, want T) {
	t.Helper()
	got, err := Get[T](ctx, v, name)
	check(t, err)
	for _, g := range got {
		if !reflect.DeepEqual(g, want) {
			t.Errorf("%s is %#v, want %#v", name, g, want)
		}
	}
}

// driveScatter deals sequences of every kind to n engines and joins them again.
func driveScatter(t *testing.T, ctx context.Context, v *DirectView, n int) {
	type point struct {
		X, Y int
		Name string `json:"name,omitempty"`
	}
	rows := 2*n + 1
	floats := make([]float64, 3*rows)
	complexes := make([]complex128, 3*rows)
	ints := make([]int, rows)
	shorts := make([]int16, 4*rows)
	texts, bools, points, table, mixed := make([]string, rows), make([]bool, rows), make([]point, rows), make([][]int, rows), make([]any, rows)
	for i := range rows {
		ints[i], texts[i], bools[i], points[i], table[i], mixed[i] = i*i, fmt.Sprint("t", i), i%3 == 0, point{X: i, Name: "p"}, make([]int, i), i
		if i%2 == 0 {
			mixed[i], table[i] = fmt.Sprint(i), []int{i}
		}
	}
	for i := range floats {
		floats[i], complexes[i] = float64(i)/2, complex(float64(i), 1)
	}
	for i := range shorts {
		shorts[i] = int16(-i)
	}
	dense := mat.NewDense(rows, 3, floats)
	for _, seq := range []any{
		floats, ints, texts, bools, points, table, mixed, complexes, dense, mat.NewCDense(rows, 3, complexes), numeric.New(shorts, rows, 2, 2),
		dense.Slice(0, rows, 1, 3), mat.NewVecDense(rows, floats[:rows]), dense.ColView(1), numeric.New(floats, rows, 3, 1),
	} {
		for _, v := range []*DirectView{v, v.With(Cyclic())} {
			t.Run(fmt.Sprintf("%T", seq), func(t *testing.T) {
				check(t, v.Scatter(ctx, "part", seq))
				blocks, err := v.Get(ctx, "part")
				check(t, err)
				items, _ := numeric.Len(seq)
				for i, part := range blocks {
					low, high := numeric.Bounds(i, n, items)
					if size, ok := numeric.Len(part); !ok || size != high-low {
						t.Errorf("engine %d of %d got %v of %d items", i, n, part, items)
					}
				}
				whole, err := v.Gather(ctx, "part")
				check(t, err)
				back := reflect.New(reflect.TypeOf(seq))
				check(t, numeric.Convert(whole, back.Interface()))
				if m, ok := seq.(mat.Matrix); ok {
					if !mat.Equal(m, back.Elem().Interface().(mat.Matrix)) {
						t.Errorf("gathered %v", whole)
					}
				} else {
					equal(t, back.Elem().Interface(), seq)
				}
			})
		}
	}

	t.Run("typed", func(t *testing.T) {
		cyclic := v.With(Cyclic())
		check(t, cyclic.Scatter(ctx, "part", points))
		back, err := Gather[[]point](ctx, cyclic, "part")
		check(t, err)
		equal(t, back, points)
		_, err = v.ScatterAsync("part", ints).Get(ctx)
		check(t, err)
		whole, err := v.GatherAsync("part").Get(ctx)
		check(t, err)
		equal(t, whole, []any{ints})
		wide, err := Gather[[]float32](ctx, v, "part")
		check(t, err)
		equal(t, wide[rows-1], float32(ints[rows-1]))
	})

	t.Run("flat", func(t *testing.T) {
		flat := v.With(Flatten())
		for items := n; items <= n+1; items++ {
			for _, seq := range []any{floats[:items], ints[:items], texts[:items], points[:items], bools[:items]} {
				check(t, flat.Scatter(ctx, "item", seq))
				got, err := flat.Get(ctx, "item")
				check(t, err)
				if _, sequence := numeric.Len(got[n-1]); sequence {
					t.Errorf("the item of a %T is %v", seq, got[n-1])
				}
				whole, err := flat.Gather(ctx, "item")
				check(t, err)
				back := reflect.New(reflect.TypeOf(seq))
				check(t, numeric.Convert(whole, back.Interface()))
				equal(t, back.Elem().Interface(), seq)
			}
		}
		some := dense.Slice(0, n+1, 0, 3).(*mat.Dense)
		check(t, flat.Scatter(ctx, "item", some))
		pulls(t, ctx, v.On(Engines(v.client.IDs()[n-1])), "item", some.RawRowView(n))
		whole, err := Gather[*mat.Dense](ctx, flat, "item")
		check(t, err)
		equal(t, mat.Equal(whole, some), true)
	})

	t.Run("few", func(t *testing.T) {
		for _, seq := range []any{floats[:1], texts[:1], points[:1], dense.Slice(0, 1, 0, 3), []float64{}} {
			err := v.Scatter(ctx, "few", seq)
			var value *ValueError
			if !errors.As(err, &value) || !errors.Is(err, ErrFewItems) || value.Op != "scatter" || value.Name != "few" || value.Engine != NoEngine {
				t.Errorf("scatter of %v: %v", seq, err)
			}
			for _, v := range []*DirectView{v.With(AllowEmpty()), v.With(AllowEmpty(), Cyclic())} {
				check(t, v.Scatter(ctx, "few", seq))
				got, err := v.Get(ctx, "few")
				check(t, err)
				if empty, ok := numeric.Len(got[n-1]); !ok || empty != 0 {
					t.Errorf("the last block is %v", got[n-1])
				}
				whole, err := v.Gather(ctx, "few")
				check(t, err)
				back := reflect.New(reflect.TypeOf(seq))
				check(t, numeric.Convert(whole, back.Interface()))
				if m, ok := seq.(mat.Matrix); ok {
					equal(t, mat.Equal(m, back.Elem().Interface().(mat.Matrix)), true)
				} else {
					equal(t, back.Elem().Interface(), seq)
				}
			}
		}
	})
}

// A cell sees the types that the values had.
func TestGoTypesInCells(t *testing.T) {
	c, ctx := connectLive(t)
	v := c.Direct(Engines(0, 1))
	type celsius float64
	values := map[string]any{
		"ints": []int{1}, "longs": []int64{1}, "names": []string{"a"}, "flags": []bool{true}, "counts": map[string]int{"a": 1},
		"table": [][]float64{{1}}, "pair": [2]int{1, 2}, "set": map[string]struct{}{"a": {}}, "small": int8(1), "single": float32(1),
		"temps": []celsius{1}, "deep": map[string][]map[int]string{"a": {{1: "b"}}}, "items": []any{1}, "m": mat.NewDense(1, 1, nil),
	}
	check(t, v.Push(ctx, values))
	for name, value := range values {
		want := strings.NewReplacer("interface {}", "any", "client.celsius", "float64").Replace(reflect.TypeOf(value).String())
		rs, err := v.Execute(ctx, `fmt.Print(strings.ReplaceAll(fmt.Sprintf("%T", `+name+`), "interface {}", "any"))`)
		check(t, err)
		equal(t, rs[1].Stdout, want)
	}
	type link struct {
		Name string `json:"name"`
		Pos  [3]float64
		Born time.Time
		Next *link
	}
	moon := link{Name: "moon", Pos: [3]float64{1, 2, 3}, Born: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Next: &link{Name: "earth"}}
	check(t, v.Push(ctx, map[string]any{"moon": moon, "links": []link{moon}, "when": moon.Born}))
	rs, err := v.Execute(ctx, `for i := range links { links[i].Pos[0] += moon.Pos[2] }
type Body struct { Name string; Pos [3]float64; Born time.Time; Next any }
func (b Body) Year() int { return b.Born.Year() }
fmt.Sprint(Body(moon).Year(), links[0].Pos, moon.Next.(map[string]any)["name"], when.Before(moon.Born))`)
	check(t, err)
	equal(t, rs[1].Text(), `"2026 [4 2 3]earthfalse"`)
	links, err := Get[[]link](ctx, v, "links")
	check(t, err)
	moon.Pos[0] = 4
	equal(t, links[1], []link{moon})

	rs, err = v.Execute(ctx, "for i, n := range names { counts[n] += ints[i] }\nlen(table[0]) + counts[\"a\"]")
	check(t, err)
	equal(t, rs[0].Text(), "3")

	// From engine to engine, and in blocks.
	pulled, err := v.On(Engines(0)).PullSerialized(ctx, "deep")
	check(t, err)
	check(t, v.On(Engines(1)).PushSerialized(ctx, map[string]Serialized{"copied": pulled[0]["deep"]}))
	check(t, v.Scatter(ctx, "part", []string{"a", "b", "c"}))
	rs, err = v.On(Engines(1)).Execute(ctx, `copied["a"][0][1] + strings.ToUpper(part[0])`)
	check(t, err)
	equal(t, rs[0].Text(), `"bC"`)
	got, err := pulled[0]["deep"].Value()
	check(t, err)
	equal(t, got, values["deep"])
}

// Blocks of rows and of elements are sent from where they lie.
func TestScatterDoesNotCopy(t *testing.T) {
	floats := make([]float64, 4*1000)
	in := func(data []byte) bool {
		p, first := uintptr(unsafe.Pointer(unsafe.SliceData(data))), uintptr(unsafe.Pointer(unsafe.SliceData(floats)))
		return p >= first && p+uintptr(len(data)) <= first+uintptr(8*len(floats))
	}
	for _, seq := range []any{floats, mat.NewDense(4, 1000, floats), mat.NewVecDense(4000, floats), numeric.New(floats, 4, 10, 100), mat.NewDense(400, 10, floats)} {
		blocks, err := settings{}.deal(seq, 4)
		check(t, err)
		for i, block := range blocks {
			r, err := pushRequest("scatter", map[string]any{"x": block})
			check(t, err)
			data := r.buffers[len(r.buffers)-1]
			if len(data) != 8000 || !in(data) {
				t.Errorf("block %d of a %T is a copy of %d bytes", i, seq, len(data))
			}
		}
	}
}
