package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"muster/numeric"
	"muster/wire"
)

// A Serialized is a value in the form in which it travels: what Serialize made
// of it, or what an engine sent. It can be pushed, also as one of the values of
// Push and Set, or be an argument of Apply, any number of times and to any engine,
// without being decoded or copied in between. The zero Serialized holds no value.
type Serialized struct {
	frames [][]byte // one serialized object (protocol section 16)
	goType string   // wire.GoType
}

// Serialize makes the form in which a value travels. Arrays in it share the
// memory of v, which must not change as long as the Serialized is in use. A value
// that cannot travel is a *ValueError.
func Serialize(v any) (Serialized, error) {
	s, err := serialize(v)
	if err != nil {
		return Serialized{}, callError("serialize", err)
	}
	return s, nil
}

// Value decodes the value. Arrays share the memory of the Serialized.
func (s Serialized) Value() (any, error) {
	v, rest, err := codec.Deserialize(s.frames)
	if err == nil && len(rest) > 0 {
		err = fmt.Errorf("%d frames are left over", len(rest))
	}
	if err != nil {
		return nil, valueError("deserialize", NoEngine, err)
	}
	if t, ok := wire.ParseGoType(s.goType); ok {
		if p := reflect.New(t); numeric.Convert(v, p.Interface()) == nil {
			v = p.Elem().Interface()
		}
	}
	return v, nil
}

// PushSerialized is Push of values that are serialized already.
func (v *DirectView) PushSerialized(ctx context.Context, vars map[string]Serialized) error {
	_, err := v.push(ctx, values(vars)).Get(ctx)
	return err
}

// PushSerializedAsync is PushSerialized without the wait. The AsyncResult's
// values are nil.
func (v *DirectView) PushSerializedAsync(vars map[string]Serialized) *AsyncResult {
	return v.push(context.Background(), values(vars))
}

func values(vars map[string]Serialized) map[string]any {
	m := make(map[string]any, len(vars))
	for name, s := range vars {
		m[name] = s
	}
	return m
}

// PullSerialized is Pull of values that stay as the engines sent them: for each
// engine those by name. A variable that an engine failed to send is missing
// there.
func (v *DirectView) PullSerialized(ctx context.Context, names ...string) ([]map[string]Serialized, error) {
	values, err := v.pullSerialized(ctx, names).Get(ctx)
	if values == nil {
		return nil, err
	}
	out := make([]map[string]Serialized, len(values))
	for i, m := range values {
		out[i] = m.(map[string]Serialized)
	}
	return out, err
}

// PullSerializedAsync is PullSerialized without the wait. The AsyncResult's
// values are map[string]Serialized.
func (v *DirectView) PullSerializedAsync(names ...string) *AsyncResult {
	return v.pullSerialized(context.Background(), names)
}

// pullSerialized asks each engine for each variable by a request of its own, for
// a list of them would be one serialized object.
func (v *DirectView) pullSerialized(ctx context.Context, names []string) *AsyncResult {
	ar := &AsyncResult{what: "pull " + strings.Join(names, ", "), decode: received}
	if len(names) == 0 || slices.Contains(names, "") {
		return failed(ar.what, errNoName)
	}
	engines, err := v.resolve(ctx)
	if err != nil {
		return failed(ar.what, err)
	}
	requests := make([]*request, 0, len(engines)*len(names))
	targets := make([]*engine, 0, cap(requests))
	for _, name := range names {
		r, err := applyRequest(wire.ValueFunction, Ref(name))
		if err != nil {
			return failed("pull "+name, err)
		}
		for _, e := range engines {
			requests, targets = append(requests, r), append(targets, e)
		}
	}
	ar.combine = func(values []any, errs []error) ([]any, error) {
		out := make([]any, len(engines))
		for i := range out {
			m := make(map[string]Serialized, len(names))
			for k, name := range names {
				if s, ok := values[k*len(engines)+i].(Serialized); ok {
					m[name] = s
				}
			}
			out[i] = m
		}
		return out, join(errs)
	}
	return v.client.direct(ar, v.settings, targets, requests...)
}

// received is the serialized object that a reply consists of.
func received(t *task) (any, error) {
	if len(t.reply.Buffers) == 0 {
		return nil, errors.New("the reply has no value")
	}
	var m struct {
		GoType string `json:"go_type"` // wire.ResultType
	}
	if err := json.Unmarshal(t.reply.Metadata, &m); err != nil {
		m.GoType = "" // not a Go engine's
	}
	return Serialized{t.reply.Buffers, m.GoType}, nil
}
