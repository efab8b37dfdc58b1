// Package pickle turns values into the frames that ipyparallel sends them in, and back.
//
// # Layout
//
// A value travels as a serialized object (protocol section 16): one pickle, followed by the large buffers that
// were taken out of it. A byte string or an array that is the object, or an item of the list, tuple or dict that is
// the object (of fewer than 64 items), is canned: it becomes an instance of a class of ipyparallel's that
// has its data in the attribute "buffers". Data of more than 1 KiB is replaced by None there and is
// a frame of its own:
//
//	[ pickle{"A": CannedArray(shape, dtype, buffers=[None]), "k": 3} ][ data of A ]
//
// The buffers of an apply_request are several objects and one more pickle:
//
//	[ function.. ][ pickle{nargs, narg_bufs, kw_keys} ][ argument 0.. ][ argument 1.. ] ... [ keyword.. ] ...
//
// The rule of the package: array data is never copied, neither out nor in, and nothing that a pickle names is
// ever run. A class is a name, and a name that stands for no Go value is an error that says which.
//
// # Values
//
//	Python                  arrives as                              is sent for
//	None                    nil                                     nil, nil pointers and interfaces
//	bool                    bool                                    bool
//	int                     int, else uint64, else *big.Int         every integer type, *big.Int
//	float                   float64                                 float32, float64
//	complex                 complex128                              complex64, complex128
//	str                     string                                  string, encoding.TextMarshaler (as time.Time), error
//	bytes                   []byte                                  []byte
//	bytearray, memoryview   []byte
//	list                    []any                                   slices
//	tuple                   Tuple                                   Tuple, Go arrays
//	dict, keys all str      map[string]any                          maps, structs
//	dict, other keys        map[any]any                             maps
//	set, frozenset          Set                                     Set, maps to struct{}
//	range                   []int
//	Reference               Reference                               Reference
//	function                Function
//	numpy.ndarray           Array, or what Codec.Build makes        Array, or what Codec.Flatten takes
//	numpy scalar            int8, float32, .., string, []byte
//	numpy.dtype             string, as in Array.DType
//
// Structs are dicts under the names, omissions and embedding rules of encoding/json's tags; the option "string" has no
// meaning here. A tuple that is the key of a dict is a Go array, [2]any for a pair, which is comparable. Arrays deeper in
// a value than canning goes are ordinary NumPy pickles.
//
// # Bounds
//
// Frames come from the network. A size is held against what is there before memory is set aside for it, values
// nest at most 1000 levels, and what a few bytes may expand into (ranges, shared parts) is limited.
//
// # Why no pickle library
//
// The machine here reads the plain-data subset of protocols 2 to 5 and writes protocol 4. Of the libraries for Go,
// og-rek can neither write an instance nor read one (NEWOBJ, BUILD), and gopickle sets aside whatever memory a
// frame claims to need and panics on opcode 0xff. This package is on the path of every call: by its
// benchmarks an empty one takes about 0.5 µs and 6 allocations to write, 2 µs and 17 allocations to read.
package pickle
