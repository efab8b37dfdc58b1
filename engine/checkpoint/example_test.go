package checkpoint_test

import (
	"fmt"
	"os"
	"path/filepath"

	"muster/engine/checkpoint"
)

// A program may look into what an engine has left.
func ExampleRead() {
	dir, err := os.MkdirTemp("", "checkpoint")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "engine-3")
	state := checkpoint.State{Functions: []checkpoint.Function{{Name: "square", Source: "func square(x float64) float64 { return x * x }"}}}
	if err := state.Write(path); err != nil {
		fmt.Println(err)
		return
	}
	found, err := checkpoint.Read(path)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(found.Functions[0].Source)
	// Output: func square(x float64) float64 { return x * x }
}
