package mpi

import "reflect"

// kind is the type of a buffer's elements; the numbers are shim.h's.
type kind int32

const (
	kindBool kind = iota
	kindInt8
	kindInt16
	kindInt32
	kindInt64
	kindUint8
	kindUint16
	kindUint32
	kindUint64
	kindFloat32
	kindFloat64
	kindComplex64
	kindComplex128
	kinds
)

var kindTable = [kinds]struct {
	name string
	size int
}{
	{"bool", 1},
	{"int8", 1}, {"int16", 2}, {"int32", 4}, {"int64", 8},
	{"uint8", 1}, {"uint16", 2}, {"uint32", 4}, {"uint64", 8},
	{"float32", 4}, {"float64", 8},
	{"complex64", 8}, {"complex128", 16},
}

func (k kind) String() string  { return kindTable[k].name }
func (k kind) size() int       { return kindTable[k].size }
func (k kind) isInteger() bool { return k >= kindInt8 && k <= kindUint64 }
func (k kind) isComplex() bool { return k >= kindComplex64 }

// kindOf is the kind of a Go type, whatever its name.
func kindOf(t reflect.Type) (kind, bool) {
	switch t.Kind() {
	case reflect.Bool:
		return kindBool, true
	case reflect.Int8:
		return kindInt8, true
	case reflect.Int16:
		return kindInt16, true
	case reflect.Int32:
		return kindInt32, true
	case reflect.Int64:
		return kindInt64, true
	case reflect.Uint8:
		return kindUint8, true
	case reflect.Uint16:
		return kindUint16, true
	case reflect.Uint32:
		return kindUint32, true
	case reflect.Uint64:
		return kindUint64, true
	case reflect.Int:
		if t.Size() == 4 {
			return kindInt32, true
		}
		return kindInt64, true
	case reflect.Uint:
		if t.Size() == 4 {
			return kindUint32, true
		}
		return kindUint64, true
	case reflect.Float32:
		return kindFloat32, true
	case reflect.Float64:
		return kindFloat64, true
	case reflect.Complex64:
		return kindComplex64, true
	case reflect.Complex128:
		return kindComplex128, true
	}
	return 0, false
}
