// Package symbols holds the tables of compiled packages that cells may import
// beyond the standard library.
package symbols

import "reflect"

// Symbols maps "import/path/name" to the identifiers of that package, as
// yaegi's extract command writes them.
var Symbols = map[string]map[string]reflect.Value{}
