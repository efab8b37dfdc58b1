package interp

import (
	"go/ast"
	"go/types"
	"strings"
)

// toCompiled lowers the arguments of a compiled function, which must not see
// how yaegi represents values of interpreted types in interfaces.
func (l *lowerer) toCompiled(x *ast.CallExpr, out *ast.CallExpr, sig *types.Signature, want func(int) types.Type) ast.Expr {
	for i, a := range x.Args {
		t := l.typeOf(a)
		p := parameter(sig, i, false)
		switch {
		case isTuple(t) || p == nil || !isAny(p):
			if len(x.Args) == 1 && isTuple(t) {
				out.Args = append(out.Args, l.clone(a).(ast.Expr))
			} else {
				out.Args = append(out.Args, l.boxed(a, want(i)))
			}
		case x.Ellipsis.IsValid() && i == len(x.Args)-1:
			if s, ok := t.Underlying().(*types.Slice); ok && isAny(s.Elem()) {
				out.Args = append(out.Args, l.e.call(l.rt("PlainAll"), l.clone(a).(ast.Expr)))
			} else {
				out.Args = append(out.Args, l.clone(a).(ast.Expr))
			}
		case l.info.Types[a].IsNil():
			out.Args = append(out.Args, l.clone(a).(ast.Expr))
		case isAny(t), l.formats(x.Fun) && holdsInterface(t, 0):
			out.Args = append(out.Args, l.e.call(l.rt("Plain"), l.clone(a).(ast.Expr)))
		default:
			out.Args = append(out.Args, l.clone(a).(ast.Expr))
		}
	}
	return out
}

func isAny(t types.Type) bool {
	i, ok := t.Underlying().(*types.Interface)
	return ok && i.Empty()
}

// formats reports whether a compiled function writes its arguments out, all
// that is in them included, and changes nothing.
func (l *lowerer) formats(fun ast.Expr) bool {
	f, ok := l.info.Uses[ast.Unparen(fun).(*ast.SelectorExpr).Sel].(*types.Func)
	if !ok || f.Pkg() == nil {
		return false
	}
	switch f.Pkg().Path() {
	case "fmt":
		return !strings.Contains(f.Name(), "can") // Scan
	case "encoding/json":
		return strings.HasPrefix(f.Name(), "Marshal") || f.Name() == "Encode"
	case "log", "log/slog":
		return true
	}
	return false
}

// holdsInterface reports whether an unnamed container type has interfaces in
// it. Values of named types keep their type, for the methods fmt looks for.
func holdsInterface(t types.Type, depth int) bool {
	if depth > 8 {
		return false
	}
	switch t := types.Unalias(t).(type) {
	case *types.Slice:
		return types.IsInterface(t.Elem()) || holdsInterface(t.Elem(), depth+1)
	case *types.Array:
		return types.IsInterface(t.Elem()) || holdsInterface(t.Elem(), depth+1)
	case *types.Map:
		return types.IsInterface(t.Elem()) || holdsInterface(t.Elem(), depth+1)
	}
	return false
}

// compiled reports whether a call goes to a function of a compiled package.
func (l *lowerer) compiled(fun ast.Expr) bool {
	sel, ok := ast.Unparen(fun).(*ast.SelectorExpr)
	if !ok {
		return false
	}
	f, ok := l.info.Uses[sel.Sel].(*types.Func)
	return ok && f.Pkg() != nil && f.Pkg().Path() != "main" && l.e.in.defs[f] == nil
}
