package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"time"

	"gonum.org/v1/gonum/mat"

	"muster/mpi"
)

// The compiled functions that tests call.
var (
	_ = Func("test.Nop", func() {})
	_ = Func("test.Sum", func(x []float64) float64 {
		s := 0.0
		for _, v := range x {
			s += v
		}
		return s
	})
	_ = Func("test.Options", func(o struct {
		Steps int    `json:"steps"`
		Name  string `json:"name"`
	}) string {
		return fmt.Sprintf("%d %s", o.Steps, o.Name)
	})
	_ = Func("test.Panic", func() { x, i := []int{}, 5; _ = x[i] })
	_ = Func("test.Fail", func() (int, error) { return 0, &fs.PathError{Op: "open", Path: "p", Err: errors.New("no")} })
	_ = Func("test.Half", func(n int) (int, error) {
		if n%2 != 0 {
			return 0, errors.New("odd")
		}
		return n / 2, nil
	})
	_ = Func("test.Goexit", func() { runtime.Goexit() })
	_ = Func("test.Exit", func() { os.Exit(3) })
	_ = Func("test.Wait", func(ctx context.Context) error { fmt.Println("waiting"); <-ctx.Done(); return ctx.Err() })
	_ = Func("test.Spin", func() {
		for n := 0; ; n++ {
			spins = n
		}
	})
	_ = Func("test.Crash", func() {
		go func() { panic("crash in a goroutine") }()
		select {}
	})
	_ = Func("test.Sleep", func(seconds float64) { time.Sleep(time.Duration(seconds * float64(time.Second))) })
	_ = Func("test.Rank", func() (rank, size int) { w := mpi.World(); return w.Rank(), w.Size() })
	_ = Func("test.Allreduce", func(x float64) (float64, error) {
		sum := make([]float64, 1)
		err := mpi.World().Allreduce([]float64{x}, sum, mpi.Sum)
		return sum[0], err
	})
	_ = Func("test.Recv", func(from int) (float64, error) {
		fmt.Println("receiving")
		x := make([]float64, 1)
		_, err := mpi.World().Recv(x, from, 0)
		return x[0], err
	})
	_ = Func("test.Send", func(to int, x float64) error { return mpi.World().Send([]float64{x}, to, 0) })
	_ = Func("test.Matrix", func() mat.Matrix { return unfinished{n: 2} })
	_ = Func("test.Shape", func(x *mat.Dense) (r, c int) { return x.Dims() })
	_ = Func("test.Print", func(n int) {
		for i := range n {
			fmt.Println("line", i)
		}
		fmt.Fprintln(os.Stderr, "done")
	})
)

var spins int

// unfinished is a matrix whose elements cannot be had.
type unfinished struct {
	mat.Matrix
	n int
}

func (u unfinished) Dims() (r, c int)  { return u.n, u.n }
func (unfinished) At(i, j int) float64 { panic("not done yet") }
