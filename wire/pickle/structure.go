package pickle

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
)

// field is a field of a struct, as encoding/json sees it.
type field struct {
	name      string
	goName    string
	tagged    bool
	index     []int
	omitEmpty bool
	omitZero  bool
}

// structure writes a struct as a dict, under the names, omissions and embedding rules of encoding/json. It
// refuses one that has fields but exports none, which would arrive empty.
func (e *encoder) structure(r reflect.Value, can, depth int) error {
	all := fieldsOf(r.Type())
	if len(all) == 0 && r.NumField() > 0 {
		return fmt.Errorf("a %v cannot be sent: it exports no fields", r.Type())
	}
	pairs := make([]pair, 0, len(all))
	for _, f := range all {
		v, err := r.FieldByIndexErr(f.index)
		if err != nil || f.omitEmpty && isEmpty(v) || f.omitZero && isZero(v) {
			continue // the error is an embedded nil pointer, whose fields json omits too
		}
		pairs = append(pairs, pair{f.name, v.Interface(), f.goName})
	}
	return e.dict(pairs, can, depth)
}

func isEmpty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Array, reflect.Map, reflect.Slice, reflect.String:
		return v.Len() == 0
	case reflect.Struct:
		return false
	}
	return v.IsZero()
}

func isZero(v reflect.Value) bool {
	if z, ok := v.Interface().(interface{ IsZero() bool }); ok && !(v.Kind() == reflect.Pointer && v.IsNil()) {
		return z.IsZero()
	}
	return v.IsZero()
}

var fieldCache sync.Map // reflect.Type to []field

// fieldsOf returns the fields of a struct type by Go's rules of embedding, as amended by encoding/json: of several
// fields with one name the least nested wins, among those a tagged one, and if two are left, neither.
func fieldsOf(t reflect.Type) []field {
	if f, ok := fieldCache.Load(t); ok {
		return f.([]field)
	}
	var all []field
	collect(t, nil, map[reflect.Type]bool{}, &all)
	slices.SortStableFunc(all, func(a, b field) int {
		return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(len(a.index), len(b.index)), -compareBool(a.tagged, b.tagged))
	})
	var won []field
	for i := 0; i < len(all); {
		j := i + 1
		for j < len(all) && all[j].name == all[i].name {
			j++
		}
		if j == i+1 || len(all[i].index) < len(all[i+1].index) || all[i].tagged != all[i+1].tagged {
			won = append(won, all[i])
		}
		i = j
	}
	fieldCache.Store(t, won)
	return won
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// collect appends the fields of t, which stands at index in the outermost struct and inside the types of within.
func collect(t reflect.Type, index []int, within map[reflect.Type]bool, all *[]field) {
	if within[t] {
		return
	}
	within[t] = true
	defer delete(within, t)
	for i := range t.NumField() {
		sf := t.Field(i)
		tag := sf.Tag.Get("json")
		name, options, _ := strings.Cut(tag, ",")
		typ := sf.Type
		if sf.Anonymous && typ.Kind() == reflect.Pointer {
			typ = typ.Elem()
		}
		embedded := sf.Anonymous && typ.Kind() == reflect.Struct
		if tag == "-" || !sf.IsExported() && !embedded {
			continue
		}
		at := append(slices.Clone(index), i)
		if embedded && name == "" {
			collect(typ, at, within, all)
			continue
		}
		if !sf.IsExported() {
			continue
		}
		f := field{name: name, goName: sf.Name, tagged: name != "", index: at}
		if name == "" {
			f.name = sf.Name
		}
		for o := range strings.SplitSeq(options, ",") {
			f.omitEmpty = f.omitEmpty || o == "omitempty"
			f.omitZero = f.omitZero || o == "omitzero"
		}
		*all = append(*all, f)
	}
}
