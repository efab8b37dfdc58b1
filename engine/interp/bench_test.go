package interp

import (
	"context"
	"testing"
)

func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		newInterp(b, Config{})
	}
}

func BenchmarkExec(b *testing.B) {
	in := newInterp(b, Config{})
	exec(b, in, "a := 1")
	for b.Loop() {
		exec(b, in, "1+1")
	}
}

func BenchmarkExecDefinition(b *testing.B) {
	in := newInterp(b, Config{})
	for b.Loop() {
		exec(b, in, "a := 1")
	}
}

func BenchmarkCall(b *testing.B) {
	in := newInterp(b, Config{})
	exec(b, in, "func f(x int) int { return x + 1 }")
	ctx := context.Background()
	for b.Loop() {
		if _, err := in.Call(ctx, "f", []any{1}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkMap is one item of a long sequence.
func BenchmarkMap(b *testing.B) {
	in := newInterp(b, Config{Funcs: map[string]any{"m.Square": func(x float64) float64 { return x * x }}})
	exec(b, in, "func square(x float64) float64 { return x * x }")
	for name, fn := range map[string]string{"compiled": "m.Square", "interpreted": "square"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			if _, err := in.Map(b.Context(), fn, make([]float64, b.N)); err != nil {
				b.Fatal(err)
			}
		})
	}
}

// BenchmarkLoop counts iterations of a simple interpreted loop.
func BenchmarkLoop(b *testing.B) {
	in := newInterp(b, Config{})
	exec(b, in, "func loop(n int) int { s := 0; for i := 0; i < n; i++ { s += i }; return s }")
	if _, err := in.Call(context.Background(), "loop", []any{b.N}); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkIndex is a loop over elements, whose steps are traced.
func BenchmarkIndex(b *testing.B) {
	in := newInterp(b, Config{})
	exec(b, in, "func loop(s []float64, n int) (t float64) { for i := 0; i < n; i++ { t += s[i%8] }; return t }")
	if _, err := in.Call(context.Background(), "loop", []any{make([]float64, 8), b.N}); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkRecursion is a call of one interpreted function by another.
func BenchmarkRecursion(b *testing.B) {
	in := newInterp(b, Config{})
	exec(b, in, "func fib(n int) int { if n < 2 { return n }; return fib(n-1) + fib(n-2) }")
	for b.Loop() {
		if _, err := in.Call(context.Background(), "fib", []any{10}); err != nil { // 177 calls
			b.Fatal(err)
		}
	}
}
