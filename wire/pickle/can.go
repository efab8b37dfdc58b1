package pickle

// How a value is canned: a container that is an object itself has its items canned, those no further.
const (
	plain  = iota // part of the pickle
	item          // bytes and arrays are canned
	object        // the same, and a container's items too
)

// inner is how the items of a container of n items are canned.
func inner(can, n int) int {
	if can == object && n < maxItems {
		return item
	}
	return plain
}

// bytes writes a bytes object.
func (e *encoder) bytes(b []byte, can int) {
	if can == plain || len(b) <= maxInline {
		e.inline(b)
		return
	}
	e.instance(classBytes)
	e.op(opEmptyDict, opMark)
	e.buffers(b)
	e.op(opSetItems, opBuild)
}

func (e *encoder) inline(b []byte) {
	e.size(len(b), opShortBinBytes, opBinBytes, opBinBytes8)
	e.buf = append(e.buf, b...)
}

// buffers writes the attribute of a canned object that holds its buffer, or the None that stands for a frame.
func (e *encoder) buffers(b []byte) {
	e.text("buffers")
	e.op(opEmptyList)
	if len(b) > maxInline {
		e.frames = append(e.frames, b)
		e.op(opNone)
	} else {
		e.inline(b)
	}
	e.op(opAppend)
}

func (e *encoder) array(a Array, can int) error {
	if err := a.check(); err != nil {
		return err
	}
	if can == plain {
		return e.numpy(a)
	}
	e.instance(classArray)
	e.op(opEmptyDict, opMark)
	e.text("shape")
	e.shape(a.Shape)
	e.text("dtype")
	if err := e.descr(a.DType); err != nil {
		return err
	}
	e.text("pickled")
	e.op(opFalse)
	e.buffers(a.Data)
	e.op(opSetItems, opBuild)
	return nil
}

// numpy writes an array as NumPy itself pickles one: an empty array, then its state.
func (e *encoder) numpy(a Array) error {
	e.global(classReconstruct)
	e.global(classNDArray)
	e.int(0)
	e.op(opTuple1)
	e.inline([]byte("b"))
	e.op(opTuple3, opReduce, opMark)
	e.int(1) // version
	e.shape(a.Shape)
	e.global(classDType)
	if err := e.descr(a.DType); err != nil {
		return err
	}
	e.op(opTuple1, opReduce)
	e.bool(false) // not in Fortran order
	e.inline(a.Data)
	e.op(opTuple, opBuild)
	return nil
}

func (e *encoder) shape(shape []int) {
	e.op(opMark)
	for _, d := range shape {
		e.int(int64(d))
	}
	e.op(opTuple)
}

// descr writes a dtype string, or the list of fields that it is the text of.
func (e *encoder) descr(dtype string) error {
	d, err := parseDescr(dtype)
	if err != nil {
		return err
	}
	return e.value(d, plain, 0)
}
