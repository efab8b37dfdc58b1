package client_test

import (
	"fmt"
	"log"
	"os"
	"path/filepath"

	"muster/client"
)

// A program of one file, run by every engine.
func ExampleDirectView_Run() {
	ctx, c := session()
	defer c.Close()
	dir := must(os.MkdirTemp("", "run"))
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "pi.go")
	program := `package main

import "fmt"

func main() { fmt.Printf("%.4f\n", leibniz(100000)) }

func leibniz(n int) (sum float64) {
	for i := range n {
		sum += 4 / float64(2*i+1) * float64(1-2*(i%2))
	}
	return sum
}
`
	if err := os.WriteFile(file, []byte(program), 0o600); err != nil {
		log.Fatal(err)
	}
	v := c.Direct(client.Engines(0, 1))
	out, err := v.Run(ctx, file)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(out[0].Stdout, out[1].Stdout)
	// What the file declares is there for calls.
	fmt.Println(must(client.Call[float64](ctx, v, client.Ref("leibniz"), 1)))
	// Output:
	// 3.1416
	// 3.1416
	// [4 4]
}

// A function's source travels between engines.
func ExampleDirectView_PullFunction() {
	ctx, c := session()
	defer c.Close()
	first, others := c.Direct(client.Engines(0)), c.Direct(client.Engines(1, 2, 3))
	err := first.PushFunction(ctx, map[string]string{"double": "func(x int) int { return 2 * x }"})
	if err != nil {
		log.Fatal(err)
	}
	sources := must(first.PullFunction(ctx, "double"))
	fmt.Println(sources[0]["double"])
	if err := others.PushFunction(ctx, sources[0]); err != nil {
		log.Fatal(err)
	}
	fmt.Println(must(client.Call[int](ctx, others, client.Ref("double"), 21)))
	// Output:
	// func double(x int) int { return 2 * x }
	// [42 42 42]
}

// What engines have and are good for is kept with them.
func ExampleDirectView_SetProperties() {
	ctx, c := session()
	defer c.Close()
	v := c.Direct(client.Engines(0, 1))
	defer v.ClearProperties(ctx)
	if err := c.Direct(client.Engines(1)).SetProperties(ctx, map[string]any{"gpus": 2}); err != nil {
		log.Fatal(err)
	}
	if _, err := v.Execute(ctx, `properties["ready"] = len(properties) > 0`); err != nil {
		log.Fatal(err)
	}
	fmt.Println(must(v.Properties(ctx)))
	fmt.Println(must(v.HasProperties(ctx, "gpus", "ready")))
	// Output:
	// [map[ready:false] map[gpus:2 ready:true]]
	// [[false true] [true true]]
}

func ExampleDirectView_Keys() {
	ctx, c := session()
	defer c.Close()
	if err := c.Clear(ctx, client.All); err != nil {
		log.Fatal(err)
	}
	v := c.Direct(client.Engines(0, 3))
	if err := v.Import(ctx, "gonum.org/v1/gonum/stat/distuv"); err != nil {
		log.Fatal(err)
	}
	if _, err := v.Execute(ctx, "d := distuv.UnitNormal\nfunc tail(x float64) float64 { return 1 - d.CDF(x) }"); err != nil {
		log.Fatal(err)
	}
	fmt.Println(must(v.Keys(ctx)))
	// Output: [[d tail] [d tail]]
}
