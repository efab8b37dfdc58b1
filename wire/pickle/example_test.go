package pickle_test

import (
	"fmt"

	"gonum.org/v1/gonum/mat"

	"muster/numeric"
	"muster/wire/pickle"
)

// A codec that knows gonum's types: numeric's two functions are its hooks.
var codec = pickle.Codec{
	Flatten: func(v any) (pickle.Array, bool) {
		dtype, shape, data, ok := numeric.Flatten(v)
		return pickle.Array{DType: dtype, Shape: shape, Data: data}, ok
	},
	Build: func(a pickle.Array) (any, error) { return numeric.Build(a.DType, a.Shape, a.Data) },
}

func ExampleCodec() {
	frames, err := codec.Serialize(map[string]any{"A": mat.NewDense(30, 10, nil), "k": 3})
	if err != nil {
		panic(err)
	}
	fmt.Println(len(frames), "frames, the second of", len(frames[1]), "bytes")

	v, _, err := codec.Deserialize(frames)
	if err != nil {
		panic(err)
	}
	m := v.(map[string]any)
	r, c := m["A"].(*mat.Dense).Dims()
	fmt.Println(r, c, m["k"])
	// Output:
	// 2 frames, the second of 2400 bytes
	// 30 10 3
}

// The buffers of an apply_request: the call f(21, scale=2).
func ExampleCodec_SerializeCall() {
	frames, err := codec.SerializeCall(pickle.Reference{Name: "f"}, []any{21}, map[string]any{"scale": 2})
	if err != nil {
		panic(err)
	}
	call, err := codec.DeserializeCall(frames)
	fmt.Println(call, err)
	// Output: {{f} [21] map[scale:2]} <nil>
}

// Structs are dicts, by the tags of encoding/json.
func ExampleCodec_Serialize() {
	type result struct {
		Energy float64 `json:"energy"`
		Steps  int     `json:"steps,omitempty"`
	}
	frames, err := codec.Serialize([]result{{-1.5, 10}, {Energy: -2}})
	if err != nil {
		panic(err)
	}
	v, _, err := codec.Deserialize(frames)
	fmt.Println(v, err)

	_, err = codec.Serialize([]any{1, map[string]any{"done": make(chan int)}})
	fmt.Println(err)
	// Output:
	// [map[energy:-1.5 steps:10] map[energy:-2]] <nil>
	// pickle: send value[1]["done"]: a chan int cannot be sent: only plain data, arrays, and structs, slices and maps of them
}

// Decoding never runs what a pickle names.
func ExampleCodec_Deserialize() {
	_, _, err := codec.Deserialize([][]byte{[]byte("cos\nsystem\n\x8c\x04true\x85R.")})
	fmt.Println(err)
	// Output: pickle: receive value: no Go value stands for Python's os.system; send plain data, NumPy arrays or a Reference
}
