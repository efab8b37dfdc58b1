package symbols_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"muster/engine/interp/symbols"
)

// TestCurrent compares the tables of our own packages with what these export
// now: a cell must see what the documentation says.
func TestCurrent(t *testing.T) {
	for _, pkg := range []string{"mpi", "numeric"} {
		var table []string
		for name := range symbols.Tables["muster/"+pkg+"/"+pkg]() {
			if !strings.HasPrefix(name, "_") { // a wrapper of an interface
				table = append(table, name)
			}
		}
		slices.Sort(table)
		if want := exported(t, filepath.Join("../../..", pkg)); !slices.Equal(table, want) {
			t.Errorf("package %s exports\n%v\nand its table has\n%v\nrun go generate ./engine/interp", pkg, want, table)
		}
	}
}

// exported lists the exported identifiers of a package that a table can hold:
// all but generic functions and types.
func exported(t *testing.T, dir string) []string {
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no Go files in %s: %v", dir, err)
	}
	names := map[string]bool{}
	add := func(id *ast.Ident, params *ast.FieldList) {
		if id.IsExported() && params == nil {
			names[id.Name] = true
		}
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Recv == nil {
					add(d.Name, d.Type.TypeParams)
				}
			case *ast.GenDecl:
				for _, s := range d.Specs {
					switch s := s.(type) {
					case *ast.TypeSpec:
						add(s.Name, s.TypeParams)
					case *ast.ValueSpec:
						for _, id := range s.Names {
							add(id, nil)
						}
					}
				}
			}
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// TestTables finds every listed package in the tables, and no other.
func TestTables(t *testing.T) {
	var have []string
	for key, build := range symbols.Tables {
		have = append(have, path.Dir(key))
		if len(build()) == 0 {
			t.Errorf("the table of %s is empty", key)
		}
	}
	slices.Sort(have)
	if want := slices.Sorted(slices.Values(symbols.Packages)); !slices.Equal(have, want) {
		t.Errorf("tables of %v; listed are %v", have, want)
	}
}
