package pickle

import (
	"reflect"
	"testing"
)

// A call that begins as the one before is read as any other.
func TestCallsThatBeginAlike(t *testing.T) {
	var c Codec
	type arguments struct {
		args   []any
		kwargs map[string]any
	}
	for _, fn := range []string{"f", "g"} {
		for _, a := range []arguments{
			{[]any{}, map[string]any{}},
			{[]any{1}, map[string]any{}},
			{[]any{"x", []byte("y")}, map[string]any{}},
			{[]any{2}, map[string]any{"k": 3}},
		} {
			want := Call{Reference{Name: fn}, a.args, a.kwargs}
			frames, err := c.SerializeCall(want.Func, a.args, a.kwargs)
			if err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if got, err := c.DeserializeCall(frames); err != nil || !reflect.DeepEqual(got, want) {
					t.Errorf("read %v, %v, want %v", got, err, want)
				}
			}
			if _, err := c.DeserializeCall(frames[:len(frames)-1]); err == nil {
				t.Errorf("%v without its last frame is no error", want)
			}
			if _, err := c.DeserializeCall(append(frames, frames[0])); err == nil {
				t.Errorf("%v with a frame too many is no error", want)
			}
		}
	}
}
