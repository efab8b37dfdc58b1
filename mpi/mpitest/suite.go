package mpitest

import (
	"errors"
	"slices"
	"testing"

	"muster/mpi"
)

// Run runs the suite on c, which is free for it alone. If a rank fails where
// there are several, it aborts them all, as the others would wait for it.
func Run(t *testing.T, c mpi.Comm) {
	tests := []struct {
		name string
		test func(*testing.T, mpi.Comm)
	}{
		{"int8", collectives(integer[int8])},
		{"int16", collectives(integer[int16])},
		{"int32", collectives(integer[int32])},
		{"int64", collectives(integer[int64])},
		{"int", collectives(integer[int])},
		{"uint8", collectives(integer[uint8])},
		{"uint16", collectives(integer[uint16])},
		{"uint32", collectives(integer[uint32])},
		{"uint64", collectives(integer[uint64])},
		{"uint", collectives(integer[uint])},
		{"float32", collectives(float[float32])},
		{"float64", collectives(float[float64])},
		{"named", collectives(float[celsius])},
		{"complex64", collectives(func(n int) complex64 { return complex(float32(n), 1) })},
		{"complex128", collectives(func(n int) complex128 { return complex(float64(n), -1) })},
		{"bool", collectives(func(n int) bool { return n%2 == 0 })},
		{"sum and prod", arithmetic},
		{"min and max", order},
		{"bits", bits},
		{"logic", logic},
		{"matrices", matrices},
		{"pointers", pointers},
		{"ring", ring},
		{"messages", messages},
		{"long messages", longMessages},
		{"truncation", truncation},
		{"nobody", nobody},
		{"split", split},
		{"wrong arguments", wrongArguments},
	}
	for _, tt := range tests {
		if !t.Run(tt.name, func(t *testing.T) { tt.test(t, c) }) && c.Size() > 1 {
			c.Abort(1)
		}
	}
}

type celsius float64

func integer[T ~int8 | ~int16 | ~int32 | ~int64 | ~int | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~uint](n int) T {
	return T(n)
}

func float[T ~float32 | ~float64](n int) T { return T(n) / 2 }

// ok ends the test unless err is nil.
func ok(t *testing.T, what string, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

// same ends the test unless got is want.
func same[T comparable](t *testing.T, what string, got, want []T) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Fatalf("%s: got %v, want %v", what, got, want)
	}
}

// class ends the test unless err is of the class.
func class(t *testing.T, what string, err error, want mpi.Class) {
	t.Helper()
	var e *mpi.Error
	if !errors.As(err, &e) {
		t.Fatalf("%s: got %v, want an error of class %v", what, err, want)
	}
	if e.Class != want || e.Op == "" || e.Message == "" {
		t.Fatalf("%s: got %#v, want class %v", what, e, want)
	}
}
