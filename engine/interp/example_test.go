package interp_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"

	"muster/engine/interp"
)

func Example() {
	in, err := interp.New(interp.Config{Stdout: os.Stdout})
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	for _, source := range []string{
		"a := mat.NewDense(2, 2, []float64{1, 2, 3, 4})",
		"func trace(m mat.Matrix) float64 { return mat.Trace(m) }",
		"fmt.Println(\"computing\")\ntrace(a)",
	} {
		r, err := in.Exec(ctx, interp.Cell{Name: "In[1]", Source: source})
		if err != nil {
			log.Fatal(err)
		}
		if r.HasValue {
			fmt.Println(r.Value)
		}
	}
	// Output:
	// computing
	// 5
}

func ExampleInterp_Call() {
	in, err := interp.New(interp.Config{Funcs: map[string]any{
		"heat.Step": func(u []float64, n int) float64 { return u[0] * float64(n) },
	}})
	if err != nil {
		log.Fatal(err)
	}
	v, err := in.Call(context.Background(), "heat.Step", []any{[]any{1.5, 2}, int64(2)})
	fmt.Println(v, err)
	// Output: 3 <nil>
}

func ExampleError() {
	in, err := interp.New(interp.Config{})
	if err != nil {
		log.Fatal(err)
	}
	_, err = in.Exec(context.Background(), interp.Cell{Name: "In[7]", Source: "func at(s []int, i int) int {\n\treturn s[i]\n}\nat(nil, 3)"})
	var e *interp.Error
	if errors.As(err, &e) {
		for _, line := range e.Traceback {
			fmt.Println(line)
		}
	}
	// Output:
	// Traceback (most recent call last):
	//   In[7], line 4
	//     at(nil, 3)
	//   In[7], line 2, in at
	//     return s[i]
	// RuntimeError: index out of range
}
