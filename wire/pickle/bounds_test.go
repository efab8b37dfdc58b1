package pickle_test

import (
	"encoding/binary"
	"math"
	"runtime"
	"strings"
	"testing"

	"muster/wire/pickle"
)

func TestCannotSend(t *testing.T) {
	type inner struct{ Field []any }
	self := make([]any, 1)
	self[0] = self
	loop := map[string]any{}
	loop["loop"] = &loop
	type ring struct{ Next *ring }
	r := &ring{}
	r.Next = r
	for _, c := range []struct {
		value any
		want  string
	}{
		{make(chan int), "send value: a chan int cannot be sent"},
		{map[string]any{"x": inner{[]any{1, 2, 3, make(chan int)}}}, `value["x"].Field[3]: a chan int cannot be sent`},
		{func() {}, "a func() cannot be sent"},
		{[]any{uintptr(1), struct{ x int }{1}}, "value[1]: a struct { x int } cannot be sent: it exports no fields"},
		{self, "does it refer to itself?"},
		{loop, "does it refer to itself?"},
		{r, "does it refer to itself?"},
		{"\xff", "not valid UTF-8; send it as []byte"},
		{"\xed\xb2", "not valid UTF-8"},
		{pickle.Set{[]any{1}}, "value[0]: a []interface {} has no hash in Python"},
		{map[struct{ X int }]int{{1}: 1}, "has no hash in Python"},
		{map[any]any{1: 1, "a": 2}, "Python cannot sort"},
		{map[any]any{math.NaN(): 1, 1: 2}, "NaN as a key"},
		{[]any{map[float64]string{math.NaN(): "lost"}}, "value[0][NaN]: NaN as a key"},
		{map[float32]struct{}{float32(math.NaN()): {}}, "NaN as a key"},
		{struct {
			Body []inner `json:"b"`
		}{[]inner{{nil}, {[]any{func() {}}}}}, "value.Body[1].Field[0]: a func() cannot be sent"},
		{[]any{pickle.Object{nil}}, "value[0]: a serialized object is no part of another value"},
		{pickle.Object{}, "value: a serialized object without a frame"},
		{pickle.Function{Name: "f", Module: "m"}, "the Python function m.f cannot be sent on"},
		{pickle.Array{DType: "<f8", Shape: []int{2}, Data: make([]byte, 15)}, "does not fit its 15 bytes"},
		{pickle.Array{DType: "|O", Shape: []int{0}}, "no dtype of fixed size"},
		{pickle.Array{DType: "[('a', 7)]", Shape: []int{0}}, "array dtype"},
	} {
		_, err := codec.Serialize(c.value)
		if err == nil {
			t.Errorf("%T was sent", c.value)
		} else if !strings.Contains(err.Error(), c.want) {
			t.Errorf("%T: error %q does not say %q", c.value, err, c.want)
		}
	}
	if _, err := codec.SerializeCall(pickle.Reference{Name: "f"}, []any{1, []any{make(chan int)}}, nil); err == nil || !strings.Contains(err.Error(), "argument 1[0]: ") {
		t.Errorf("call: %v", err)
	}
	if _, err := codec.SerializeCall(pickle.Reference{Name: "f"}, nil, map[string]any{"k": make(chan int)}); err == nil || !strings.Contains(err.Error(), "keyword k: ") {
		t.Errorf("call: %v", err)
	}
}

// double makes levels that each name the one below twice; level i is what the opcodes push, given those that get
// the level below. Spelled out, the top would be as large as 2 to the power of levels.
func double(levels int, bottom string, level func(i int, get string) string) string {
	get := func(i int) string { return "h" + string([]byte{byte(i)}) }
	b := bottom + "\x940"
	for i := range levels {
		b += level(i, get(i)) + "\x940"
	}
	return b + get(levels)
}

func int64LE(n int) string {
	return "\x8a\x08" + string(binary.LittleEndian.AppendUint64(nil, uint64(n)))
}

// times repeats bytes.
func times(n int, s string) string { return strings.Repeat(s, n) }

// TestForged holds forged pickles against what they may cost: an error, little memory, and no panic.
func TestForged(t *testing.T) {
	const (
		canned = "\x8c\x1dipyparallel.serialize.canning\x8c\x0bCannedArray\x93)\x81"
		dtype  = "\x8c\x05numpy\x8c\x05dtype\x93"
		ranged = "\x8c\x08builtins\x8c\x05range\x93"
	)
	array := func(shape, dtype, buffer string) string {
		return canned + "}(\x8c\x05shape" + shape + "\x8c\x05dtype" + dtype + "\x8c\x07pickled\x89\x8c\x07buffers](" + buffer + "eub."
	}
	structured := func(size int, names, fields string) string {
		return dtype + "\x8c\x02V8\x89\x88\x87R(K\x03\x8c\x01|N" + names + "}(" + fields + "u" + int64LE(size) + "K\x01K\x10tb"
	}
	numpyArray := func(dtype string) string {
		return "cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85C\x01b\x87R(K\x01)" + dtype + "\x89C\x01atb."
	}
	for name, c := range map[string]struct{ pickle, want string }{
		"empty":                  {"", "cut short"},
		"no stop":                {"\x80\x04N", "cut short"},
		"nothing left":           {"\x80\x04.", "takes more from its stack"},
		"opcode 0xff":            {"\xff.", "0xff at byte 0"},
		"protocol 6":             {"\x80\x06N.", "protocol 6"},
		"protocol 0":             {"I1\n.", "protocols 2 to 5"},
		"2 GB of bytes":          {"B\x00\x00\x00\x80abc.", "cut short"},
		"2 EB of bytes":          {"\x8e\xff\xff\xff\xff\xff\xff\xff\xffabc.", "cut short"},
		"2 EB of str":            {"\x8d\xff\xff\xff\xff\xff\xff\xff\xffabc.", "cut short"},
		"2 GB frame":             {"\x80\x04\x95\x00\x00\x00\x80\x00\x00\x00\x00N.", "cut short"},
		"4 GB long":              {"\x8b\xff\xff\xff\xffa.", "cut short"},
		"memo gap":               {"Nr\xff\xff\xff\x7f.", "out of order"},
		"memo empty":             {"h\x07.", "nothing is stored under 7"},
		"below the mark":         {"N(\x85.", "takes more from its stack"},
		"no mark":                {"NNt.", "takes more from its stack"},
		"odd dict":               {"}(K\x01u.", "items for what cannot take them"},
		"list as set":            {"](K\x01\x90.", "items for what cannot take them"},
		"state for a list":       {"]Nb.", "state for what has none"},
		"call of a number":       {"K\x01)R.", "neither class nor function"},
		"arguments a list":       {"cos\nsystem\n]R.", "not a tuple"},
		"class name a number":    {"K\x01K\x02\x93.", "not a str"},
		"extension code":         {"\x82\x01.", "not an opcode"},
		"persistent id":          {"NQ.", "not an opcode"},
		"out of band":            {"\x97.", "not an opcode"},
		"system":                 {"cos\nsystem\n\x8c\x04true\x85R.", "os.system"},
		"called again and again": {"cos\nsystem\n" + times(100000, ")R") + ".", "os.system(..)"},
		"deep list":              {times(100000, "](") + times(100000, "e") + ".", "levels deep"},
		"itself":                 {"]\x94h\x00a.", "contains itself"},
		"range":                  {ranged + "K\x00\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7fK\x01\x87R.", "send a NumPy array"},
		"many ranges":            {ranged + "\x940](" + times(200, "h\x00K\x00J\x00\x00\x10\x00K\x01\x87R") + "e.", "send a NumPy array"},
		"range by nothing":       {ranged + "K\x00K\x05K\x00\x87R.", "range without"},
		"exabyte array":          {array("(\x8a\x08\x00\x00\x00\x00\x00\x00\x00\x10K\x10t", "\x8c\x03<f8", "C\x08abcdefgh"), "does not fit its 8 bytes"},
		"negative shape":         {array("(J\xff\xff\xff\xffJ\xff\xff\xff\xfft", "\x8c\x03<f8", "C\x08abcdefgh"), "impossible shape"},
		"a thousand axes":        {array("("+times(1000, "K\x01")+"t", "\x8c\x03<f8", "C\x08abcdefgh"), "1000 axes"},
		"gigabyte items":         {array(")", "\x8c\x0d|V99999999999", "C\x01a"), "has no size"},
		"no frame":               {array(")", "\x8c\x03<f8", "N"), "frame with the data of a CannedArray is missing"},
		"no buffer":              {array(")", "\x8c\x03<f8", ""), "has 0 buffers"},
		"no frame below":         {"]]" + strings.TrimSuffix(array(")", "\x8c\x03<f8", "N"), ".") + "aa.", "too deep"},
		"dtype of a list":        {array(")", "]", "C\x08abcdefgh"), "does not fit"},
		"dtype of nothing":       {array(")", "N", "C\x08abcdefgh"), "without a dtype"},
		"dtype of bad fields":    {array(")", "](K\x01e", "C\x08abcdefgh"), "not a tuple of name"},
		"fields of nothing":      {numpyArray(structured(8, "\x8c\x01a\x85", "")), "without its field"},
		"key bomb":               {"}" + double(60, ")", func(_ int, get string) string { return get + get + "\x86" }) + "Ns.", "a tuple of more than"},
		"dtype bomb": {array(")", double(60, "](\x8c\x01a\x8c\x03|V1\x86e", func(_ int, get string) string {
			return "](\x8c\x01a" + get + "\x86\x8c\x01b" + get + "\x86e"
		}), "C\x01a"), "too large"},
		"structured dtype bomb": {numpyArray(double(60, structured(1, ")", ""), func(i int, get string) string {
			return structured(2<<i, "\x8c\x01a\x8c\x01b\x86", "\x8c\x01a"+get+"K\x00\x86\x8c\x01b"+get+int64LE(1<<i)+"\x86")
		})), "too large"},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		v, _, err := codec.Deserialize([][]byte{[]byte(c.pickle)})
		runtime.ReadMemStats(&after)
		if err == nil {
			t.Errorf("%s: arrived as %.100v", name, v)
		} else if !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %q does not say %q", name, err, c.want)
		}
		if n := after.TotalAlloc - before.TotalAlloc; n > 100<<20 {
			t.Errorf("%s: %d bytes of pickle cost %d MB", name, len(c.pickle), n>>20)
		}
	}
}

// TestShared checks that what a pickle names many times is one value, as it is in Python.
func TestShared(t *testing.T) {
	bomb := double(60, "]", func(_ int, get string) string { return "](" + get + get + "e" }) + "."
	v, _, err := codec.Deserialize([][]byte{[]byte(bomb)})
	if err != nil {
		t.Fatal(err)
	}
	depth := 0
	for l := v.([]any); len(l) == 2; l = l[1].([]any) {
		depth++
	}
	if depth != 60 {
		t.Errorf("%d levels of 60", depth)
	}
}

// TestCountsForged gives DeserializeCall counts that do not add up.
func TestCountsForged(t *testing.T) {
	frames, err := codec.SerializeCall(pickle.Reference{Name: "f"}, []any{1, 2}, map[string]any{"k": 3})
	if err != nil {
		t.Fatal(err)
	}
	info := func(v any) [][]byte {
		f, err := codec.Serialize(v)
		if err != nil {
			t.Fatal(err)
		}
		return [][]byte{frames[0], f[0], frames[2], frames[3], frames[4]}
	}
	type d = map[string]any
	for _, c := range [][][]byte{
		nil, frames[:1], frames[:4], append(frames[:5:5], nil), {frames[0], frames[1], frames[0], frames[0]},
		info(1), info(d{}), info(d{"nargs": 2, "narg_bufs": 2}),
		info(d{"nargs": -1, "narg_bufs": 2, "kw_keys": []string{"k"}}),
		info(d{"nargs": 2, "narg_bufs": -1, "kw_keys": []string{"k"}}),
		info(d{"nargs": 1 << 60, "narg_bufs": 2, "kw_keys": []string{"k"}}),
		info(d{"nargs": 1 << 60, "narg_bufs": 1 << 60, "kw_keys": []string{"k"}}),
		info(d{"nargs": 2, "narg_bufs": 2, "kw_keys": []any{1}}),
		info(d{"nargs": 2, "narg_bufs": 2, "kw_keys": []string{"k", "l"}}),
		info(d{"nargs": 1, "narg_bufs": 2, "kw_keys": []string{"k"}}),
		info(d{"nargs": 2, "narg_bufs": 2, "kw_keys": []string{}}),
	} {
		if call, err := codec.DeserializeCall(c); err == nil {
			t.Errorf("%q arrived as %v", c, call)
		} else if !strings.HasPrefix(err.Error(), "pickle: receive ") {
			t.Errorf("error %q", err)
		}
	}
}
