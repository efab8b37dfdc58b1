package numeric

import (
	"cmp"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// assignStruct stores a map in the fields of a struct. A key that is the name of no field may be one in other
// letters' case, as for encoding/json.
func assignStruct(dst, src reflect.Value) (where, why string) {
	fields := fieldsOf(dst.Type())
	taken := make(map[string]string, src.Len())
	// In order, so that of several faults the same is told each time.
	keys := src.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
	for _, k := range keys {
		key, v := k.String(), src.MapIndex(k)
		name := key
		if _, ok := fields[key]; !ok {
			for _, other := range slices.Sorted(maps.Keys(fields)) {
				if strings.EqualFold(other, key) {
					name = other
					break
				}
			}
		}
		index, ok := fields[name]
		switch {
		case !ok:
			return keyText(k), aType(dst.Type()) + " has no such field"
		case taken[name] != "":
			return keyText(k), "the key " + taken[name] + " is the same field"
		}
		taken[name] = key
		if where, why := assign(field(dst, index), v.Interface()); why != "" {
			return keyText(k) + where, why
		}
	}
	return "", ""
}

// field is the field at an index, with the embedded pointers on the way made if they are nil.
func field(v reflect.Value, index []int) reflect.Value {
	for _, i := range index {
		if v.Kind() == reflect.Pointer {
			if v.IsNil() {
				v.Set(reflect.New(v.Type().Elem()))
			}
			v = v.Elem()
		}
		v = v.Field(i)
	}
	return v
}

// fieldsOf returns the index of each field that can be set, by the name that encoding/json gives it. Of several
// with one name the least nested wins, then the one with a tag, and of two alike neither.
func fieldsOf(t reflect.Type) map[string][]int {
	type found struct {
		index  []int
		untags int // 1 without a tag
		alike  bool
	}
	all := map[string]found{}
	var collect func(t reflect.Type, at []int, within []reflect.Type)
	collect = func(t reflect.Type, at []int, within []reflect.Type) {
		if slices.Contains(within, t) {
			return
		}
		within = append(slices.Clip(within), t)
		for i := range t.NumField() {
			f := t.Field(i)
			tag := f.Tag.Get("json")
			name, _, _ := strings.Cut(tag, ",")
			index := append(slices.Clone(at), i)
			typ := f.Type
			if f.Anonymous && typ.Kind() == reflect.Pointer && f.IsExported() {
				typ = typ.Elem()
			}
			switch {
			case tag == "-":
			case f.Anonymous && name == "" && typ.Kind() == reflect.Struct:
				collect(typ, index, within)
			case f.IsExported():
				now := found{index: index}
				if name == "" {
					name, now.untags = f.Name, 1
				}
				if old, ok := all[name]; ok {
					c := cmp.Or(cmp.Compare(len(old.index), len(index)), cmp.Compare(old.untags, now.untags))
					if old.alike = old.alike || c == 0; c <= 0 {
						now = old
					}
				}
				all[name] = now
			}
		}
	}
	collect(t, nil, nil)
	fields := make(map[string][]int, len(all))
	for name, f := range all {
		if !f.alike {
			fields[name] = f.index
		}
	}
	return fields
}
