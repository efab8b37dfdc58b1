package wire

import (
	"encoding"
	"go/token"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The Go type of a value is lost on the way: a []string is a list, which arrives
// as a []any. So a Go client says in the metadata of a push what the types were
// ({"names": "[]string"}), and a Go engine restores them. Other engines take no
// notice, and without the key a value is what the frames say.
//
// A type is written as in a program, with what needs no declaration: numbers,
// bool, string, any, time.Time, time.Duration, and slices, arrays, pointers, maps
// and structs of these. A named type goes by what it is made of. A struct has the
// fields that travel, with their tags:
//
//	[]struct{Name string "json:\"name\"";Pos [3]float64}
//
// A field of a type without a text is an any, as Next is where a struct refers to
// itself. Structs with embedded fields have no text, and arrive as maps.

// GoType is the text of a type, or "" for one that values arrive as by
// themselves and for one that has no text.
func GoType(t reflect.Type) string {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem() // the value arrives
	}
	if t == nil {
		return ""
	}
	switch text := goType(t, nil); text {
	case "bool", "int", "float64", "complex128", "string", "any", "[]any", "map[string]any", "map[any]any",
		"[]bool", "[]int", "[]int8", "[]int16", "[]int32", "[]uint8", "[]uint16", "[]uint32", "[]uint64",
		"[]float32", "[]float64", "[]complex64", "[]complex128":
		return ""
	default:
		if len(text) > maxGoText {
			return ""
		}
		return text
	}
}

const (
	maxGoType  = 16      // how deep types nest
	maxGoArray = 1 << 20 // bytes of a Go array
	maxGoText  = 1 << 14 // bytes of a text
)

var (
	textMarshaler = reflect.TypeFor[encoding.TextMarshaler]()
	errorType     = reflect.TypeFor[error]()
	empty         = reflect.TypeFor[struct{}]()
)

// goType is the text of a type that stands inside of others.
func goType(t reflect.Type, within []reflect.Type) string {
	if basicTypes[t.String()] == t {
		return t.String()
	}
	if len(within) > maxGoType || t.Implements(textMarshaler) || t.Implements(errorType) || slices.Contains(within, t) {
		return ""
	}
	within = append(slices.Clip(within), t)
	of := func(prefix string, elem reflect.Type) string {
		if text := goType(elem, within); text != "" {
			return prefix + text
		}
		return ""
	}
	switch k := t.Kind(); k {
	case reflect.Slice:
		return of("[]", t.Elem())
	case reflect.Array:
		if t.Size() > maxGoArray {
			return ""
		}
		return of("["+strconv.Itoa(t.Len())+"]", t.Elem())
	case reflect.Pointer:
		return of("*", t.Elem())
	case reflect.Map:
		key := goType(t.Key(), within)
		if key == "" {
			return ""
		}
		if t.Elem() == empty { // a set
			return "map[" + key + "]struct{}"
		}
		return of("map["+key+"]", t.Elem())
	case reflect.Struct:
		return structType(t, within)
	case reflect.Interface:
		if t.NumMethod() == 0 {
			return "any"
		}
	default:
		if basicTypes[k.String()] != nil {
			return k.String()
		}
	}
	return ""
}

// structType is the text of a struct with exported fields.
func structType(t reflect.Type, within []reflect.Type) string {
	var fields []string
	for i := range t.NumField() {
		f := t.Field(i)
		switch {
		case f.Anonymous:
			return ""
		case !f.IsExported() || f.Tag.Get("json") == "-":
			continue
		}
		text := goType(f.Type, within)
		if text == "" {
			text = "any"
		}
		if f.Tag != "" {
			text += " " + strconv.Quote(string(f.Tag))
		}
		fields = append(fields, f.Name+" "+text)
	}
	if len(fields) == 0 {
		return ""
	}
	return "struct{" + strings.Join(fields, ";") + "}"
}

var basicTypes = map[string]reflect.Type{}

func init() {
	for _, t := range []reflect.Type{
		reflect.TypeFor[bool](), reflect.TypeFor[string](),
		reflect.TypeFor[int](), reflect.TypeFor[int8](), reflect.TypeFor[int16](), reflect.TypeFor[int32](), reflect.TypeFor[int64](),
		reflect.TypeFor[uint](), reflect.TypeFor[uint8](), reflect.TypeFor[uint16](), reflect.TypeFor[uint32](), reflect.TypeFor[uint64](),
		reflect.TypeFor[float32](), reflect.TypeFor[float64](), reflect.TypeFor[complex64](), reflect.TypeFor[complex128](),
		reflect.TypeFor[time.Time](), reflect.TypeFor[time.Duration](),
	} {
		basicTypes[t.String()] = t
	}
	basicTypes["any"] = reflect.TypeFor[any]()
}

// ParseGoType is the inverse of GoType. It is not ok for any other text.
func ParseGoType(text string) (t reflect.Type, ok bool) {
	if len(text) > maxGoText {
		return nil, false
	}
	t, rest, ok := parseGoType(text, 0)
	return t, ok && rest == ""
}

func parseGoType(s string, depth int) (t reflect.Type, rest string, ok bool) {
	if depth > maxGoType {
		return nil, "", false
	}
	switch {
	case strings.HasPrefix(s, "[]"):
		if t, rest, ok = parseGoType(s[2:], depth+1); ok {
			t = reflect.SliceOf(t)
		}
		return t, rest, ok
	case strings.HasPrefix(s, "["):
		digits, elem, _ := strings.Cut(s[1:], "]")
		n, err := strconv.ParseUint(digits, 10, 31)
		if t, rest, ok = parseGoType(elem, depth+1); !ok || err != nil || uint64(t.Size())*n > maxGoArray || n > maxGoArray {
			return nil, "", false
		}
		return reflect.ArrayOf(int(n), t), rest, true
	case strings.HasPrefix(s, "*"):
		if t, rest, ok = parseGoType(s[1:], depth+1); ok {
			t = reflect.PointerTo(t)
		}
		return t, rest, ok
	case strings.HasPrefix(s, "map["):
		key, rest, ok := parseGoType(s[len("map["):], depth+1)
		rest, closed := strings.CutPrefix(rest, "]")
		if !ok || !closed || !key.Comparable() {
			return nil, "", false
		}
		elem, set := empty, false
		if rest, set = strings.CutPrefix(rest, "struct{}"); !set {
			if elem, rest, ok = parseGoType(rest, depth+1); !ok {
				return nil, "", false
			}
		}
		return reflect.MapOf(key, elem), rest, true
	}
	if fields, is := strings.CutPrefix(s, "struct{"); is {
		return parseStruct(fields, depth+1)
	}
	end := strings.IndexAny(s, "] ;}") // of the key or the field that this may be
	if end < 0 {
		end = len(s)
	}
	t = basicTypes[s[:end]]
	return t, s[end:], t != nil
}

// parseStruct parses the fields of a struct.
func parseStruct(s string, depth int) (t reflect.Type, rest string, ok bool) {
	var fields []reflect.StructField
	for {
		name, elem, _ := strings.Cut(s, " ")
		f := reflect.StructField{Name: name}
		if f.Type, s, ok = parseGoType(elem, depth); !ok || !token.IsIdentifier(name) || !token.IsExported(name) {
			return nil, "", false
		}
		if tag, is := strings.CutPrefix(s, " "); is {
			quoted, err := strconv.QuotedPrefix(tag)
			if err != nil {
				return nil, "", false
			}
			text, _ := strconv.Unquote(quoted) // it is one
			f.Tag, s = reflect.StructTag(text), tag[len(quoted):]
		}
		if slices.ContainsFunc(fields, func(other reflect.StructField) bool { return other.Name == name }) {
			return nil, "", false
		}
		fields = append(fields, f)
		switch {
		case strings.HasPrefix(s, "}"):
			return reflect.StructOf(fields), s[1:], true
		case !strings.HasPrefix(s, ";"):
			return nil, "", false
		}
		s = s[1:]
	}
}
