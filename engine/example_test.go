package engine_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"muster/client"
	"muster/controller"
	"muster/engine"
	"muster/wire"
)

// Two compiled functions that engines of this program know by name.
var (
	smooth = engine.Func("heat.Smooth", func(u []float64) []float64 {
		out := make([]float64, len(u))
		for i := range u {
			out[i] = (u[max(i-1, 0)] + u[i] + u[min(i+1, len(u)-1)]) / 3
		}
		return out
	})
	wait = engine.Func("heat.Wait", func(ctx context.Context, seconds float64) error {
		select {
		case <-time.After(time.Duration(seconds * float64(time.Second))):
			return nil
		case <-ctx.Done(): // the client has interrupted the request
			return ctx.Err()
		}
	})
)

// A program with hot code of its own is client and engine at once. Main makes
// it an engine when a launcher starts it as one ("prog ipengine ..."), and
// otherwise lets it go on as the client.
func ExampleMain() {
	engine.Main()

	fmt.Println("I am the client, and call", smooth.Name(), "and", wait.Name())
	// Output: I am the client, and call heat.Smooth and heat.Wait
}

// Compiled functions are called by name from everywhere: by the handle from
// this program, by ipp.Reference("heat.Smooth") from Python, and as a function
// of a package from a cell.
func ExampleFunc() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c, stop := cluster(ctx)
	defer stop()

	view := c.Direct(client.Engines(0))
	values, err := view.Apply(ctx, smooth, []float64{0, 3, 0})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(values)
	results, err := view.Execute(ctx, `u := heat.Smooth([]float64{0, 6, 0}); u[1]`)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(results[0].Text())
	// Output:
	// [[1 1 1]]
	// 2
}

// An engine is a library with three verbs: configure it, make it, run it until
// its context ends.
func ExampleEngine_Run() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	e, err := engine.New(engine.Config{
		ConnectionFile: filepath.Join(os.TempDir(), "no-such-cluster.json"),
		FileTimeout:    10 * time.Millisecond,
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(e.Run(ctx) != nil) // says which file is missing, and what to do
	// Output: true
}

// cluster is a controller and one engine in this process, and a client.
func cluster(ctx context.Context) (*client.Client, func()) {
	dir, err := os.MkdirTemp("", "muster")
	if err != nil {
		log.Fatal(err)
	}
	profile := wire.Profile{Dir: dir}
	if err := profile.Create(); err != nil {
		log.Fatal(err)
	}
	control, err := controller.New(controller.Config{Profile: profile})
	if err != nil {
		log.Fatal(err)
	}
	e, err := engine.New(engine.Config{ConnectionFile: profile.EngineFile("")})
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 2)
	go func() { ended <- control.Run(ctx) }()
	go func() { ended <- e.Run(ctx) }()
	c, err := client.Connect(ctx, client.WithFile(profile.ClientFile("")))
	if err == nil {
		err = c.WaitForEngines(ctx, 1)
	}
	if err != nil {
		log.Fatal(err)
	}
	return c, func() {
		c.Close()
		cancel()
		<-ended
		<-ended
		os.RemoveAll(dir)
	}
}
