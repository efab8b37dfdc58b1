package interp

import (
	"maps"
	"reflect"
	"strings"

	"github.com/traefik/yaegi/stdlib"
	"github.com/traefik/yaegi/stdlib/unrestricted"

	"muster/engine/interp/symbols"
)

// library returns what builds the tables of all compiled packages that cells can
// import, by "import/path/name".
func library() map[string]func() map[string]reflect.Value {
	lib := maps.Clone(symbols.Tables)
	for k, v := range stdlib.Symbols {
		if k != "." && !strings.HasPrefix(k, "github.com/") {
			lib[k] = built(v)
		}
	}
	lib["os/exec/exec"] = built(unrestricted.Symbols["os/exec/exec"])
	return lib
}

// built is for tables that are there.
func built(symbols map[string]reflect.Value) func() map[string]reflect.Value {
	return func() map[string]reflect.Value { return symbols }
}

// mapTypes tells yaegi which functions look for methods (String, Error) in
// arguments of type any, ours in the place of fmt's included.
func mapTypes(shields map[string]map[string]reflect.Value) map[string]reflect.Value {
	m := map[reflect.Value][]reflect.Type{}
	for k, v := range stdlib.MapTypes {
		m[k] = v
	}
	for path, over := range shields {
		base := stdlib.Symbols[path+"/"+path[strings.LastIndexByte(path, '/')+1:]]
		for name, v := range over {
			if t := stdlib.MapTypes[base[name]]; t != nil {
				m[v] = t
			}
		}
	}
	return map[string]reflect.Value{"MapTypes": reflect.ValueOf(m)}
}
