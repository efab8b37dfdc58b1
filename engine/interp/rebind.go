package interp

import (
	"go/ast"
	"go/types"
)

// A function that a cell defines again, with the same signature, is the new
// one for earlier functions too, as a user of notebooks expects. yaegi binds
// calls when it compiles them, so the functions that use it, and those that use
// these, are compiled again with the cell. Closures that live in variables and
// methods keep what they were made with: yaegi cannot replace a method.

// rebind points what earlier cells defined to the functions of this plan.
func (p *plan) rebind(in *Interp) {
	changed := map[*def]bool{}
	for _, d := range p.defs {
		f, ok := d.obj.(*types.Func)
		old := in.names[d.obj.Name()]
		if !ok || old == nil {
			continue
		}
		oldDef := in.defs[old.obj]
		if g, ok := old.obj.(*types.Func); !ok || oldDef == nil || d.generic() || oldDef.generic() || !types.Identical(f.Type(), g.Type()) {
			continue
		}
		for obj, known := range in.defs {
			if known == oldDef {
				in.defs[obj] = d
				p.rebound = append(p.rebound, func() { in.defs[obj] = oldDef })
			}
		}
		changed[d] = true
	}
	if len(changed) == 0 {
		return
	}
	own := map[*def]bool{}
	for _, d := range p.defs {
		own[d] = true
	}
	for again := true; again; {
		again = false
		for _, d := range in.defs {
			if changed[d] || own[d] || d.fn == nil || d.obj.Pkg().Path() != "main" || !d.uses(in, changed) {
				continue
			}
			changed[d], again = true, true
			internal, written := d.internal, d.written
			p.rebound = append(p.rebound, func() { d.internal, d.written = internal, written })
			d.internal, d.written = in.fresh(d.obj.Name()), false
			delete(in.callable, d.obj.Name())
			if !d.generic() {
				p.e.require(d)
			}
		}
	}
}

// undo takes back what rebind did, when yaegi refuses the plan.
func (p *plan) undo() {
	for i := len(p.rebound) - 1; i >= 0; i-- {
		p.rebound[i]()
	}
}

// uses reports whether a function refers to a changed one.
func (d *def) uses(in *Interp, changed map[*def]bool) bool {
	found := false
	ast.Inspect(d.fn.Body, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok {
			if to := in.defs[d.info.Uses[id]]; to != nil && changed[to] {
				found = true
			}
		}
		return !found
	})
	return found
}
