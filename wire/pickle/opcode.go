package pickle

// The opcodes of pickle protocols 2 to 5 that plain data and instances are made of (Python's pickletools.py).
// Protocol 0 and 1 text opcodes, persistent ids, extension codes and out-of-band buffers are not among them.
const (
	opMark            = '('
	opStop            = '.'
	opPop             = '0'
	opPopMark         = '1'
	opDup             = '2'
	opBinFloat        = 'G'
	opBinInt          = 'J'
	opBinInt1         = 'K'
	opBinInt2         = 'M'
	opNone            = 'N'
	opReduce          = 'R'
	opBinUnicode      = 'X'
	opAppend          = 'a'
	opBuild           = 'b'
	opGlobal          = 'c'
	opEmptyDict       = '}'
	opAppends         = 'e'
	opBinGet          = 'h'
	opLongBinGet      = 'j'
	opEmptyList       = ']'
	opBinPut          = 'q'
	opLongBinPut      = 'r'
	opSetItem         = 's'
	opTuple           = 't'
	opEmptyTuple      = ')'
	opSetItems        = 'u'
	opBinBytes        = 'B'
	opShortBinBytes   = 'C'
	opProto           = 0x80
	opNewObj          = 0x81
	opTuple1          = 0x85
	opTuple2          = 0x86
	opTuple3          = 0x87
	opTrue            = 0x88
	opFalse           = 0x89
	opLong1           = 0x8a
	opLong4           = 0x8b
	opShortBinUnicode = 0x8c
	opBinUnicode8     = 0x8d
	opBinBytes8       = 0x8e
	opEmptySet        = 0x8f
	opAddItems        = 0x90
	opFrozenSet       = 0x91
	opNewObjEx        = 0x92
	opStackGlobal     = 0x93
	opMemoize         = 0x94
	opFrame           = 0x95
	opByteArray8      = 0x96
)

// protocol is the pickle protocol written: every Python since 3.4 reads it, and instances need no less.
const protocol = 4

// maxDepth is how deep values may nest, in either direction; CPython's own pickler stops near 1000.
const maxDepth = 1000

const (
	maxItems  = 64   // a container of fewer items is canned item by item (jupyter_client.session.MAX_ITEMS)
	maxInline = 1024 // a buffer of more bytes is a frame of its own (jupyter_client.session.MAX_BYTES)
)

// class is a Python class or function by name.
type class struct{ module, name string }

func (c *class) String() string { return c.module + "." + c.name }

const canning = "ipyparallel.serialize.canning"

// The classes that are written, and the rest of those read.
var (
	classReference   = &class{canning, "Reference"}
	classArray       = &class{canning, "CannedArray"}
	classBytes       = &class{canning, "CannedBytes"}
	classComplex     = &class{"builtins", "complex"}
	classReconstruct = &class{"numpy.core.multiarray", "_reconstruct"}
	classNDArray     = &class{"numpy", "ndarray"}
	classDType       = &class{"numpy", "dtype"}

	classFunction   = &class{canning, "CannedFunction"}
	classMemoryView = &class{canning, "CannedMemoryView"}
	classScalar     = &class{"numpy.core.multiarray", "scalar"}
	classFromBuffer = &class{"numpy.core.numeric", "_frombuffer"}
	classByteArray  = &class{"builtins", "bytearray"}
	classSet        = &class{"builtins", "set"}
	classFrozenSet  = &class{"builtins", "frozenset"}
	classRange      = &class{"builtins", "range"}
)

// known finds the one *class of each class that is read, so that pointers can be compared.
var known = func() map[class]*class {
	m := map[class]*class{}
	for _, c := range []*class{
		classReference, classArray, classBytes, classComplex, classReconstruct, classNDArray, classDType,
		classFunction, classMemoryView, classScalar, classFromBuffer, classByteArray, classSet, classFrozenSet, classRange,
	} {
		m[*c] = c
	}
	// NumPy 2 moved its core.
	m[class{"numpy._core.multiarray", "_reconstruct"}] = classReconstruct
	m[class{"numpy._core.multiarray", "scalar"}] = classScalar
	m[class{"numpy._core.numeric", "_frombuffer"}] = classFromBuffer
	return m
}()

// words are the strings that most pickles have, ready made: every call has a dozen of them.
var words = func() map[string]any {
	m := map[string]any{}
	for _, s := range []string{
		"name", "buffers", "shape", "dtype", "pickled", "nargs", "narg_bufs", "kw_keys",
		"code", "defaults", "kwdefaults", "annotations", "closure", "module", "__name__", "__main__",
		"<f8", "f8", "<", "|",
	} {
		m[s] = s
	}
	for c := range known {
		m[c.module], m[c.name] = c.module, c.name
	}
	return m
}()

// classOf is the class of a name, the known one where there is one.
func classOf(module, name string) *class {
	if c := known[class{module, name}]; c != nil {
		return c
	}
	return &class{module, name}
}
