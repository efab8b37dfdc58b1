package interp

import (
	"embed"
	"fmt"
	"go/ast"
	"go/parser"
	"go/types"
	"strings"

	"github.com/traefik/yaegi/stdlib/generic"
)

// Generic functions have no compiled form that could be put in a table: they
// are source, checked when first imported, and lowered instance by instance as
// those of cells are. yaegi brings the standard library's; ours fill gaps.
//
//go:embed generic/*.go.txt
var genericFiles embed.FS

// preludePath is the package of what lowering itself needs.
const preludePath = "ꞏprelude"

// genericSources returns the source files of a package, nil for most.
func genericSources(path string) []string {
	var out []string
	name := path[strings.LastIndexByte(path, '/')+1:]
	for _, src := range generic.Sources {
		if (path == "slices" || path == "maps" || path == "cmp") && strings.Contains(src, "\npackage "+name+"\n") {
			out = append(out, src)
		}
	}
	if b, err := genericFiles.ReadFile("generic/" + strings.TrimPrefix(strings.ReplaceAll(path, "/", "_"), "ꞏ") + ".go.txt"); err == nil {
		out = append(out, string(b))
	}
	return out
}

// addGeneric adds the generic part of a package to its compiled part.
func (in *Interp) addGeneric(p *types.Package) error {
	var files []*ast.File
	for _, src := range genericSources(p.Path()) {
		text := in.newCell(p.Path(), src)
		f, err := parser.ParseFile(in.fset, fileName, lineDirective(text.base+1, 1)+src, 0)
		if err != nil {
			return fmt.Errorf("generic part of package %s: %w", p.Path(), err)
		}
		files = append(files, f)
	}
	if files == nil {
		return nil
	}
	info := newInfo()
	conf := in.config(nil)
	if err := types.NewChecker(conf, in.fset, p, info).Files(files); err != nil {
		return fmt.Errorf("generic part of package %s: %w", p.Path(), err)
	}
	byType := map[types.Object]*def{}
	for _, f := range files {
		for _, d := range f.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok {
				continue
			}
			for _, spec := range g.Specs {
				if s, ok := spec.(*ast.TypeSpec); ok {
					obj := info.Defs[s.Name]
					byType[obj] = &def{obj: obj, internal: in.fresh(s.Name.Name), typ: s, info: info}
					in.defs[obj] = byType[obj]
				}
			}
		}
	}
	for _, f := range files {
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			obj := info.Defs[fn.Name].(*types.Func)
			if recv := obj.Signature().Recv(); recv != nil {
				if td := byType[namedOf(recv.Type()).Origin().Obj()]; td != nil {
					td.methods = append(td.methods, method{fn, info})
				}
				continue
			}
			in.defs[obj] = &def{obj: obj, internal: in.fresh(fn.Name.Name), fn: fn, info: info}
		}
	}
	return nil
}

// prelude returns a function that lowering needs.
func (in *Interp) prelude(name string) *def {
	p, err := in.world.Import(preludePath)
	if err != nil {
		panic(err) // our own source
	}
	return in.defs[p.Scope().Lookup(name)]
}
