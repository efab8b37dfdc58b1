package client_test

import (
	"slices"
	"testing"

	"muster/client"
)

// BenchmarkCluster is one empty call after the other on one engine of a whole
// cluster: client, controller and engines, all in this process.
func BenchmarkCluster(b *testing.B) {
	c, ctx := connect(b)
	v := c.Direct(client.Engines(0))
	b.Run("apply", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := v.Apply(ctx, square, 2.0); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("execute", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := v.Execute(ctx, ""); err != nil {
				b.Fatal(err)
			}
		}
	})
	for _, p := range []struct {
		name  string
		apply func() *client.AsyncResult
	}{
		{"pipelined direct", func() *client.AsyncResult { return v.ApplyAsync(square, 2.0) }},
		{"pipelined balanced", func() *client.AsyncResult { return c.LoadBalanced().ApplyAsync(square, 2.0) }},
	} {
		b.Run(p.name, func(b *testing.B) {
			results := make(chan *client.AsyncResult, 1000)
			b.ReportAllocs()
			b.ResetTimer()
			go func() {
				for range b.N {
					results <- p.apply()
				}
				close(results)
			}()
			for ar := range results {
				if _, err := ar.Get(ctx); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkMap is one item of a long sequence of numbers, mapped over a whole
// cluster of four engines in this process.
func BenchmarkMap(b *testing.B) {
	c, ctx := connect(b)
	all, balanced := c.Direct(client.All), c.LoadBalanced()
	for _, m := range []struct {
		name string
		run  func(x []float64) error
	}{
		{"blocks", func(x []float64) error { _, err := client.Map[float64](ctx, all, square, x); return err }},
		{"blocks, boxed", func(x []float64) error { _, err := all.Map(ctx, square, x); return err }},
		{"chunks of 1000", func(x []float64) error {
			_, err := client.Map[float64](ctx, all.With(client.Chunk(1000)), square, x)
			return err
		}},
		{"balanced chunks of 1000", func(x []float64) error {
			_, err := client.Map[float64](ctx, balanced.With(client.Chunk(1000)), square, x)
			return err
		}},
		{"balanced items", func(x []float64) error { _, err := client.Map[float64](ctx, balanced, square, x); return err }},
		{"lazily, chunks of 1000", func(x []float64) error {
			for _, err := range client.MapSeq[float64](ctx, all.With(client.Chunk(1000)), square, slices.Values(x)) {
				if err != nil {
					return err
				}
			}
			return nil
		}},
		{"lazily, balanced items", func(x []float64) error {
			for _, err := range client.MapSeq[float64](ctx, balanced, square, slices.Values(x)) {
				if err != nil {
					return err
				}
			}
			return nil
		}},
	} {
		b.Run(m.name, func(b *testing.B) {
			x := make([]float64, b.N)
			b.ReportAllocs()
			b.ResetTimer()
			if err := m.run(x); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "items/s")
		})
	}
}
