package pickle_test

import (
	"reflect"
	"testing"

	"muster/wire/pickle"
)

// FuzzDeserialize looks for frames that panic, hang, or arrive as a value that cannot travel once more.
func FuzzDeserialize(f *testing.F) {
	for _, c := range both {
		frames, err := codec.Serialize(c.value)
		if err != nil {
			f.Fatal(err)
		}
		if n := len(frames[0]); n < 4096 {
			f.Add(frames[0], last(frames))
		}
	}
	f.Fuzz(func(t *testing.T, a, b []byte) {
		v, _, err := codec.Deserialize([][]byte{a, b})
		if err != nil {
			return
		}
		frames, err := codec.Serialize(v)
		if err != nil || sizeOf(frames) > 1<<20 {
			return // text that is not UTF-8, a Function, keys of mixed kinds, or shared parts, which are spelled out
		}
		again, rest, err := codec.Deserialize(frames)
		if err != nil || len(rest) > 0 {
			t.Fatalf("%v: sent, but not read back: %v, %d frames left", v, err, len(rest))
		}
		more, err := codec.Serialize(again)
		if err != nil || !reflect.DeepEqual(frames, more) {
			t.Fatalf("%v came back as %v", v, again)
		}
	})
}

func last(frames [][]byte) []byte {
	if len(frames) < 2 {
		return nil
	}
	return frames[len(frames)-1]
}

func sizeOf(frames [][]byte) int {
	n := 0
	for _, f := range frames {
		n += len(f)
	}
	return n
}

// FuzzCall looks for the buffers of a call that panic or hang.
func FuzzCall(f *testing.F) {
	for _, c := range calls {
		frames, err := codec.SerializeCall(c.fn, c.args, c.kwargs)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(frames[0], frames[1], last(frames))
	}
	f.Fuzz(func(t *testing.T, fn, info, arg []byte) {
		call, err := codec.DeserializeCall([][]byte{fn, info, arg, arg})
		if err == nil && (call.Args == nil || call.Kwargs == nil) {
			t.Fatalf("%v without arguments", call)
		}
	})
}

// FuzzDType looks for dtypes whose size is not what it is when they are read back.
func FuzzDType(f *testing.F) {
	for _, s := range []string{"<f8", "<M8[ns]", "[('x', '<f8', (2, 1)), (('t', 'it\\'s'), [('z', '|V3')])]", "[('x', '<f8',)]"} {
		f.Add(s, 8)
	}
	f.Fuzz(func(t *testing.T, dtype string, size int) {
		if size < 0 || size > 1<<16 {
			return
		}
		a := pickle.Array{DType: dtype, Shape: []int{1}, Data: make([]byte, size)}
		frames, err := pickle.Codec{}.Serialize(a)
		if err != nil {
			return
		}
		v, _, err := pickle.Codec{}.Deserialize(frames)
		if err != nil {
			t.Fatalf("%q was sent, but not read back: %v", dtype, err)
		}
		if b := v.(pickle.Array); b.DType != dtype && dtype[0] != '[' {
			t.Fatalf("%q came back as %q", dtype, b.DType)
		}
	})
}
