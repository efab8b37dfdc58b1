package configs

import (
	"encoding"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

// Decode reads TOML into dst, a pointer to a struct. The name stands for the
// file in errors, which all read "name:line: ...". Keys are those that toml tags name,
// in just these letters; any other is an error that names the nearest of them.
func Decode(name string, text []byte, dst any) error {
	meta, err := toml.Decode(string(text), dst)
	if err != nil {
		return locate(name, err)
	}
	known := keys(reflect.TypeOf(dst), "")
	i := slices.IndexFunc(meta.Keys(), func(k toml.Key) bool { return !slices.Contains(known, k.String()) })
	if i < 0 {
		return nil
	}
	key := meta.Keys()[i]
	err = fmt.Errorf("%s: unknown key %q", position(name, text, meta, key), key)
	if near := Nearest(key.String(), known); near != "" {
		err = fmt.Errorf("%w (did you mean %q?)", err, near)
	}
	return err
}

// tomlError is how the TOML library words its errors.
var tomlError = regexp.MustCompile(`(?s)^toml: line (\d+)(?: \(last key "(.*?)"\))?: (.*)$`)

// locate words an error of the TOML library our way.
func locate(name string, err error) error {
	m := tomlError.FindStringSubmatch(err.Error())
	switch {
	case m == nil:
		return fmt.Errorf("%s: %w", name, err)
	case m[2] == "":
		return fmt.Errorf("%s:%s: %s", name, m[1], m[3])
	}
	msg := wrongType.ReplaceAllString(m[3], "want $2, found $1")
	msg = notTable.ReplaceAllString(msg, "want table, found $1")
	if strings.HasPrefix(msg, "invalid duration") {
		msg += `: want one such as "90s" or "1h30m"`
	}
	return fmt.Errorf("%s:%s: key %q: %s", name, m[1], m[2], strings.NewReplacer("found int64", "found integer", "want slice", "want array").Replace(msg))
}

var (
	wrongType = regexp.MustCompile(`^incompatible types: TOML value has type (\w+); destination has type (\w+)$`)
	notTable  = regexp.MustCompile(`^type mismatch for \S+: expected table but found (\w+)$`)
)

// position returns "name:line" of a key. The library keeps positions to itself
// but for errors, so the text is read once more by a type that has the key's
// shape and refuses its value.
func position(name string, text []byte, meta toml.MetaData, key toml.Key) string {
	t := reflect.TypeFor[refuse]()
	for i := len(key) - 1; i >= 0; i-- {
		if i < len(key)-1 && meta.Type(key[:i+1]...) == "ArrayHash" {
			t = reflect.SliceOf(t)
		}
		t = reflect.StructOf([]reflect.StructField{{
			Name: "Key", Type: t, Tag: reflect.StructTag(fmt.Sprintf("toml:%q", key[i])),
		}})
	}
	if _, err := toml.Decode(string(text), reflect.New(t).Interface()); err != nil {
		if m := tomlError.FindStringSubmatch(err.Error()); m != nil {
			return name + ":" + m[1]
		}
	}
	return name
}

type refuse struct{}

func (*refuse) UnmarshalTOML(any) error { return fmt.Errorf("here") }

// keys lists all that t, a struct or pointer to one, has a place for.
func keys(t reflect.Type, prefix string) []string {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	var all []string
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("toml"), ",")
		if f.Anonymous && name == "" { // its keys stand among these
			all = append(all, keys(f.Type, prefix)...)
			continue
		}
		if name == "" || name == "-" || !f.IsExported() {
			continue
		}
		all = append(all, prefix+name)
		elem := f.Type
		if elem.Kind() == reflect.Slice {
			elem = elem.Elem()
		}
		if elem.Kind() == reflect.Struct && !reflect.PointerTo(elem).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) {
			all = append(all, keys(elem, prefix+name+".")...)
		}
	}
	return all
}

// Nearest returns the candidate with the fewest changed letters, or "" when
// none is near.
func Nearest(key string, candidates []string) string {
	best, limit := "", 1+len(key)/3
	for _, c := range candidates {
		if d := distance(key, c); d <= limit {
			best, limit = c, d-1
		}
	}
	return best
}

// distance is Levenshtein's: insertions, deletions and changes of letters.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(row[j]+1, row[j+1]+1, change)
		}
	}
	return row[len(b)]
}
