package interp

import "reflect"

// plainValue takes a value, and what is in it, out of yaegi's representation.
func plainValue(x any) any {
	v := reflect.ValueOf(&x).Elem()
	if out, changed := plainOf(v, 0); changed {
		return out.Interface()
	}
	return x
}

func plainAll(list []any) []any {
	out := make([]any, len(list))
	for i, x := range list {
		out[i] = plainValue(x)
	}
	return out
}

// plainOf returns v, or a changed copy of it.
func plainOf(v reflect.Value, depth int) (reflect.Value, bool) {
	if depth > maxDepth {
		return v, false
	}
	switch v.Kind() {
	case reflect.Interface:
		if v.IsNil() {
			return v, false
		}
		x, wrapped := unwrapInterface(v.Interface())
		if x == nil {
			return reflect.Zero(v.Type()), wrapped
		}
		in, changed := plainOf(reflect.ValueOf(x), depth+1)
		if !wrapped && !changed || !in.Type().AssignableTo(v.Type()) {
			return v, false
		}
		out := reflect.New(v.Type()).Elem()
		out.Set(in)
		return out, true
	case reflect.Slice, reflect.Array:
		if !holdsAny(v.Type().Elem()) {
			return v, false
		}
		var out reflect.Value
		for i := range v.Len() {
			e, changed := plainOf(v.Index(i), depth+1)
			if changed && !out.IsValid() {
				out = reflect.New(v.Type()).Elem()
				if v.Kind() == reflect.Slice {
					out.Set(reflect.MakeSlice(v.Type(), v.Len(), v.Len()))
				}
				reflect.Copy(out, v)
			}
			if changed {
				out.Index(i).Set(e)
			}
		}
		if out.IsValid() {
			return out, true
		}
	case reflect.Map:
		if !holdsAny(v.Type().Elem()) {
			return v, false
		}
		out, any := reflect.MakeMap(v.Type()), false
		for it := v.MapRange(); it.Next(); {
			e, changed := plainOf(it.Value(), depth+1)
			out.SetMapIndex(it.Key(), e)
			any = any || changed
		}
		if any {
			return out, true
		}
	}
	return v, false
}
