package client_test

import (
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
