package interp

import (
	"reflect"
	"strings"

	"github.com/traefik/yaegi/stdlib"
	"github.com/traefik/yaegi/stdlib/unrestricted"

	"muster/engine/interp/symbols"
)

// library returns every compiled package that cells can import.
func library() map[string]map[string]reflect.Value {
	lib := map[string]map[string]reflect.Value{}
	for k, v := range stdlib.Symbols {
		if k != "." && !strings.HasPrefix(k, "github.com/") {
			lib[k] = v
		}
	}
	lib["os/exec/exec"] = unrestricted.Symbols["os/exec/exec"]
	for k, v := range symbols.Symbols {
		lib[k] = v
	}
	return lib
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
