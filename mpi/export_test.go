package mpi

import (
	"context"
	"slices"
)

// For the tests, which live outside so that they can use mpitest.

// WithMaxCount is c for an MPI whose int had only n values, so that small
// buffers take the way of those beyond 2^31 elements.
func (c Config) WithMaxCount(n int64) Config {
	c.maxCount = n
	return c
}

var (
	InspectMarker = inspectMarker
	LaunchedIn    = launched
	BuildCached   = buildCached
	Preferred     = preferred
)

const ABI = abi

// Candidates is where find would look, and what it would say if none was good.
func Candidates(t interface{ Context() context.Context }, flavours []string, exeDir, cacheDir string, lookPath func(string) (string, error)) ([]string, error) {
	s := &search{flavours: flavours, exeDir: exeDir, cacheDir: cacheDir, lookPath: lookPath}
	found := slices.Collect(s.candidates(t.Context()))
	return found, s.failure()
}

// CallsInside is how many calls are inside MPI.
func CallsInside() int64 { return state.lib.gate.inside.Load() }
