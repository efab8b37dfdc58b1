package depend

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"unicode/utf8"
)

// Bounds of the values that expressions look at: of what is larger, a program
// should make a property of its own.
const (
	maxItems  = 10_000 // in lists and maps, all levels together
	maxLevels = 8
	maxString = 1 << 20
)

// plain is a property as expressions have it: nil, a bool, an int, a uint64, a
// float64 or a string, or lists and maps of these, in memory of their own.
func plain(v any) (any, error) {
	items := maxItems
	return flat(reflect.ValueOf(v), maxLevels, &items)
}

func flat(v reflect.Value, levels int, items *int) (any, error) {
	if *items--; *items < 0 {
		return nil, fmt.Errorf("a value of more than %d items", maxItems)
	}
	switch v.Kind() {
	case reflect.Invalid:
		return nil, nil
	case reflect.Bool:
		return v.Bool(), nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return int(v.Int()), nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return v.Uint(), nil
	case reflect.Float32, reflect.Float64:
		return v.Float(), nil
	case reflect.String:
		if v.Len() > maxString {
			return nil, fmt.Errorf("a string of %d bytes", v.Len())
		}
		return v.String(), nil
	case reflect.Interface:
		return flat(v.Elem(), levels, items)
	case reflect.Slice, reflect.Array, reflect.Map:
		if levels == 0 {
			return nil, errors.New("a value of too many levels")
		}
		if v.Len() > *items {
			return nil, fmt.Errorf("a %v of %d items", v.Type(), v.Len())
		}
	default:
		return nil, fmt.Errorf("a %v, not plain data", v.Type())
	}
	if v.Kind() != reflect.Map {
		list := make([]any, v.Len())
		for i := range list {
			var err error
			if list[i], err = flat(v.Index(i), levels-1, items); err != nil {
				return nil, err
			}
		}
		return list, nil
	}
	m := make(map[string]any, v.Len())
	for it := v.MapRange(); it.Next(); {
		key := it.Key()
		if key.Kind() == reflect.Interface {
			key = key.Elem()
		}
		if key.Kind() != reflect.String {
			return nil, fmt.Errorf("a %v: the keys of a map are strings", v.Type())
		}
		item, err := flat(it.Value(), levels-1, items)
		if err != nil {
			return nil, err
		}
		m[key.String()] = item
	}
	return m, nil
}

// brief is a plain value in a few words.
func brief(v any) string {
	const most = 40
	switch v := v.(type) {
	case nil:
		return "nil"
	case int:
		if -1e7 < v && v < 1e7 {
			return strconv.Itoa(v)
		}
		return fmt.Sprintf("%.4g", float64(v))
	case uint64:
		if v < 1e7 {
			return strconv.FormatUint(v, 10)
		}
		return fmt.Sprintf("%.4g", float64(v))
	case float64:
		return fmt.Sprintf("%.4g", v)
	case string:
		if len(v) <= most {
			return strconv.Quote(v)
		}
		end := most
		for !utf8.RuneStart(v[end]) {
			end--
		}
		return strconv.Quote(v[:end]) + "..."
	case []any:
		return fmt.Sprintf("a list of %d", len(v))
	case map[string]any:
		return fmt.Sprintf("a map of %d", len(v))
	}
	return fmt.Sprint(v)
}
