package numeric_test

import (
	"fmt"

	"gonum.org/v1/gonum/mat"

	"muster/numeric"
)

// Ten items for four engines, as ipyparallel deals them; fewer items than engines leave some without.
func ExampleSplit() {
	parts, err := numeric.Split([]int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, 4)
	fmt.Println(parts, err)
	parts, err = numeric.Split([]string{"a"}, 3)
	fmt.Println(parts, err)
	// Output:
	// [[0 1 2] [3 4 5] [6 7] [8 9]] <nil>
	// [[a] [] []] <nil>
}

// The rows of a matrix are dealt as views, and joined into a new matrix.
func ExampleJoin() {
	m := mat.NewDense(3, 2, []float64{1, 2, 3, 4, 5, 6})
	parts, err := numeric.Split(m, 2)
	if err != nil {
		panic(err)
	}
	parts[1].(*mat.Dense).Set(0, 0, -5) // this is m's memory
	whole, err := numeric.Join(parts)
	if err != nil {
		panic(err)
	}
	fmt.Println(mat.Formatted(whole.(*mat.Dense)))
	// Output:
	// ⎡ 1   2⎤
	// ⎢ 3   4⎥
	// ⎣-5   6⎦
}

func ExampleSplitCyclic() {
	parts, err := numeric.SplitCyclic([]int{0, 1, 2, 3, 4}, 2)
	fmt.Println(parts, err)
	// Output: [[0 2 4] [1 3]] <nil>
}

// Sums computed by three engines become the sum of all.
func ExampleReduce() {
	total, err := numeric.Reduce(numeric.Sum, []any{[]float64{1, 10}, []float64{2, 20}, []float64{3, 30}})
	fmt.Println(total, err)
	// Output: [6 60] <nil>
}

// What is pulled from an engine is taken into a variable of the caller's type, unless that would lose something.
func ExampleTo() {
	counts, err := numeric.To[[]int]([]any{1, 2.0, uint8(3)})
	fmt.Println(counts, err)
	_, err = numeric.To[[]int]([]any{1, 2.5})
	fmt.Println(err)
	// Output:
	// [1 2 3] <nil>
	// numeric: convert []any to []int at [1]: 2.5 does not fit an int exactly
}

func ExampleArray() {
	a := numeric.New([]float32{0, 1, 2, 3, 4, 5}, 2, 3)
	a.Set(2.5, 0, 1)
	fmt.Println(a)
	fmt.Println(a.DType(), a.Shape(), a.At(0, 1))
	fmt.Println(a.Slice().([]float32)) // the same memory
	// Output:
	// array([[0, 2.5, 2],
	//        [3, 4, 5]], dtype=float32)
	// <f4 [2 3] 2.5
	// [0 2.5 2 3 4 5]
}

// A NumPy array of float64 with two axes is a *mat.Dense, one of int16 an Array, and any with one axis a slice.
func ExampleBuild() {
	m, err := numeric.Build("<f8", []int{1, 1}, []byte{0, 0, 0, 0, 0, 0, 0xf8, 0x3f})
	fmt.Printf("%T %v\n", m, err)
	a, err := numeric.Build(">i2", []int{2, 1}, []byte{0, 1, 0, 2})
	fmt.Println(a, err)
	s, err := numeric.Build("<i8", []int{1}, []byte{7, 0, 0, 0, 0, 0, 0, 0})
	fmt.Printf("%T %v\n", s, err)
	// Output:
	// *mat.Dense <nil>
	// array([[1],
	//        [2]], dtype=int16) <nil>
	// []int <nil>
}
