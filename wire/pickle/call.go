package pickle

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync/atomic"
)

// Call is what an apply_request asks for. Func is a [Reference] or a [Function]; for what else may be called
// in Python, see [Codec.DeserializeCall].
type Call struct {
	Func   any
	Args   []any
	Kwargs map[string]any
}

// SerializeCall makes the buffers of an apply_request: the serialized object fn, most often a [Reference]; a pickle
// of counts; then one serialized object for each argument, and for each keyword in sorted order. One that is an [Object]
// already goes as it is. Errors and shared memory are as with [Codec.Serialize].
func (c Codec) SerializeCall(fn any, args []any, kwargs map[string]any) ([][]byte, error) {
	frames, err := c.appendObject(make([][]byte, 0, 2+len(args)+len(kwargs)), fn)
	if err != nil {
		return nil, sending("function", err)
	}
	info := len(frames)
	frames = append(frames, nil)
	for i, v := range args {
		if frames, err = c.appendObject(frames, v); err != nil {
			return nil, sending("argument "+strconv.Itoa(i), err)
		}
	}
	argFrames := len(frames) - info - 1
	keys := slices.AppendSeq(make([]string, 0, len(kwargs)), maps.Keys(kwargs))
	slices.Sort(keys)
	for _, k := range keys {
		if frames, err = c.appendObject(frames, kwargs[k]); err != nil {
			return nil, sending("keyword "+k, err)
		}
	}
	e := newEncoder(&c)
	e.op(opEmptyDict, opMark)
	e.text("nargs")
	e.int(int64(len(args)))
	e.text("narg_bufs")
	e.int(int64(argFrames))
	e.text("kw_keys")
	if err := e.value(keys, plain, 0); err != nil {
		return nil, sending("keywords", err)
	}
	e.op(opSetItems, opStop)
	frames[info] = e.buf
	return frames, nil
}

// DeserializeCall takes the buffers of an apply_request apart. A function that Python pickles by name, such as
// math.sqrt, is a [Function] of that name; for other callables, and for errors and shared memory, see
// [Codec.Deserialize]. Frames that do not add up are an error.
func (c Codec) DeserializeCall(frames [][]byte) (Call, error) {
	fn, nargs, keys, argFrames, rest, err := c.beginning(frames)
	if err != nil {
		return Call{}, err
	}
	call := Call{Func: fn, Args: make([]any, nargs), Kwargs: make(map[string]any, len(keys))}
	for i := range call.Args {
		if call.Args[i], argFrames, err = c.object(argFrames); err != nil {
			return Call{}, receiving("argument "+strconv.Itoa(i), err)
		}
	}
	for _, k := range keys {
		k := k.(string)
		if call.Kwargs[k], rest, err = c.object(rest); err != nil {
			return Call{}, receiving("keyword "+k, err)
		}
	}
	if n := len(argFrames) + len(rest); n > 0 {
		return Call{}, receiving("call", fmt.Errorf("%d frames are left over", n))
	}
	return call, nil
}

// beginning reads what precedes the arguments: the function, and how many there are of which frames.
func (c Codec) beginning(frames [][]byte) (fn any, nargs int, keys []any, args, kwargs [][]byte, err error) {
	if b := latest.Load(); b != nil && len(frames) >= 2+b.nbufs && bytes.Equal(frames[0], b.fn) && bytes.Equal(frames[1], b.counts) {
		return b.ref, b.nargs, nil, frames[2 : 2+b.nbufs], frames[2+b.nbufs:], nil
	}
	node, rest, err := loadObject(frames)
	if err != nil {
		return nil, 0, nil, nil, nil, receiving("function", err)
	}
	if f, ok := node.(*class); ok {
		fn = Function{f.name, f.module}
	} else if fn, err = newBuilder(&c, sizeOf(frames[:len(frames)-len(rest)])).value(node); err != nil {
		return nil, 0, nil, nil, nil, receiving("function", err)
	}
	begins := len(frames) - len(rest)
	if nargs, keys, args, kwargs, err = counts(rest); err != nil {
		return nil, 0, nil, nil, nil, receiving("call", err)
	}
	if ref, ok := fn.(Reference); ok && begins == 1 && len(keys) == 0 && len(frames[0])+len(frames[1]) < 1<<10 {
		latest.Store(&beginning{bytes.Clone(frames[0]), bytes.Clone(frames[1]), ref, nargs, len(args)})
	}
	return fn, nargs, keys, args, kwargs, nil
}

// latest is how the call that was read last began: most often the next one is of the same function, with as many
// arguments. To compare takes a fortieth of the time that to read takes (BenchmarkDeserializeEmptyCall).
var latest atomic.Pointer[beginning]

// A beginning is that of a call by name without keywords.
type beginning struct {
	fn, counts   []byte // frames
	ref          Reference
	nargs, nbufs int
}

// counts reads the second pickle of a call, {nargs, narg_bufs, kw_keys}, and splits the frames after it into those of
// the arguments and those of the keywords.
func counts(frames [][]byte) (nargs int, keys []any, args, kwargs [][]byte, err error) {
	if len(frames) == 0 {
		return 0, nil, nil, nil, errors.New("the frame with the number of arguments is missing")
	}
	node, err := load(frames[0])
	if err != nil {
		return 0, nil, nil, nil, err
	}
	info := instance{attrs: node}
	nargs, ok1 := info.attr("nargs").(int)
	nbufs, ok2 := info.attr("narg_bufs").(int)
	list, ok3 := info.attr("kw_keys").(*sequence)
	frames = frames[1:]
	switch {
	case !ok1 || !ok2 || !ok3:
		err = errors.New("the numbers of arguments and frames are missing")
	case nargs < 0 || nbufs < nargs || nbufs > len(frames) || len(list.items) > len(frames)-nbufs:
		err = fmt.Errorf("%d arguments in %d frames and %d keywords do not add up with %d frames", nargs, nbufs, len(list.items), len(frames))
	case slices.ContainsFunc(list.items, func(k any) bool { return !isString(k) }):
		err = errors.New("the keywords are not strings")
	}
	if err != nil {
		return 0, nil, nil, nil, err
	}
	return nargs, list.items, frames[:nbufs], frames[nbufs:], nil
}
