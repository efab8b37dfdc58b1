package pickle_test

import (
	"testing"

	"muster/wire/pickle"
)

func BenchmarkSerializeEmptyCall(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := codec.SerializeCall(pickle.Reference{Name: "f"}, nil, nil); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDeserializeEmptyCall(b *testing.B) {
	frames, err := codec.SerializeCall(pickle.Reference{Name: "f"}, nil, nil)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := codec.DeserializeCall(frames); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkArray pushes 8 MB through both directions; what it allocates does not depend on that size.
func BenchmarkArray(b *testing.B) {
	x := make([]float64, 1<<20)
	b.SetBytes(8 << 20)
	b.ReportAllocs()
	for b.Loop() {
		frames, err := codec.Serialize(x)
		if err != nil {
			b.Fatal(err)
		}
		if _, _, err := codec.Deserialize(frames); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkList(b *testing.B) {
	v := make([]any, 1000)
	for i := range v {
		v[i] = map[string]any{"id": i, "name": "abc", "score": 1.5}
	}
	b.ReportAllocs()
	for b.Loop() {
		frames, err := codec.Serialize(v)
		if err != nil {
			b.Fatal(err)
		}
		if _, _, err := codec.Deserialize(frames); err != nil {
			b.Fatal(err)
		}
	}
}

// TestNoCopy checks that the frames are the array, and that the array that arrives is the frame.
func TestNoCopy(t *testing.T) {
	x := iota64(1000)
	frames, err := codec.Serialize(map[string]any{"x": x})
	if err != nil {
		t.Fatal(err)
	}
	v, _, err := codec.Deserialize(frames)
	if err != nil {
		t.Fatal(err)
	}
	if y := v.(map[string]any)["x"].([]float64); &x[0] != &y[0] {
		t.Error("the data was copied")
	}
}
