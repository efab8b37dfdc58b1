package interp

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"maps"
	"path"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/traefik/yaegi/interp"
)

// Config says where output goes and what cells may use.
type Config struct {
	// Stdout and Stderr receive what user code writes, at once and one write
	// at a time; nil discards it.
	Stdout, Stderr io.Writer
	// Funcs are compiled functions by name. "heat.Step" is function Step of
	// package heat in cells, with no import; a name with no dot is a function
	// of the namespace. Call finds any name, also one that Go would not export.
	Funcs map[string]any
	// Packages are further compiled packages, as yaegi's extract writes their
	// symbols: "import/path/name" -> identifier -> value.
	Packages map[string]map[string]reflect.Value
}

// Cell is a piece of Go source: imports, declarations and statements mixed.
type Cell struct {
	Name   string // what tracebacks call it, as "In[3]"
	Source string
	// File says that the source is a file: if it begins with a package clause,
	// it is read as Go does, its declarations in any order, and the function
	// main of a package main is called. In other cells the clause means nothing.
	File bool
}

// Result is the value of a cell's last bare expression. HasValue is false
// when the cell ends otherwise, or in a call that returns nothing. A call with
// several results gives them as []any.
type Result struct {
	Value    any
	HasValue bool
}

// Interp runs cells of Go in one persistent namespace. Its methods may be
// called from several goroutines, and take turns; an interrupted one returns
// without waiting for code that is stuck.
type Interp struct {
	cfg   Config
	world *world

	visits  chan func()   // of the code that runs
	running atomic.Uint64 // the goroutine that it is on

	mu        sync.Mutex // one request at a time
	fset      *token.FileSet
	cells     []*cellText
	lastLine  int
	anchor    token.Pos // a position in a cell, for code that no cell has written
	serial    int
	machine   *machine
	names     map[string]*global
	imports   map[string]string        // local name -> path, from earlier cells
	defs      map[types.Object]*def    // functions and types, of cells and of generic libraries
	internal  map[types.Object]string  // variables -> yaegi's name
	instances map[string]string        // generic instances -> yaegi's name
	aliases   map[string]string        // import path -> yaegi's name for it
	lent      map[*table]bool          // packages that yaegi has
	hidden    map[reflect.Type]string  // compiled types no package exports -> yaegi's name
	results   map[string]string        // type -> variable that takes results
	callable  map[string]reflect.Value // interpreted functions that were called by name
	literals  map[string]*ast.FuncLit  // yaegi's name of a variable -> the literal that it was defined with
	assigned  map[string]bool          // yaegi's names of variables that code assigns to
	vars      map[string]any           // the values that Declare was given
	declared  map[string]*global       // and what they are in the namespace
	used      map[string]bool          // names that yaegi knows types under
}

// global is a name of the namespace. obj is a variable, constant, type or
// function, with what the type checker knows of it.
type global struct {
	obj      types.Object
	internal string // of variables
}

// New returns an interpreter with an empty namespace.
func New(cfg Config) (*Interp, error) {
	if cfg.Stdout == nil {
		cfg.Stdout = io.Discard
	}
	if cfg.Stderr == nil {
		cfg.Stderr = io.Discard
	}
	in := &Interp{cfg: cfg, world: newWorld(), fset: token.NewFileSet(), defs: map[types.Object]*def{}, vars: map[string]any{}, visits: make(chan func())}
	for key, build := range library() {
		in.world.add(path.Dir(key), path.Base(key), build)
	}
	for key, symbols := range cfg.Packages {
		in.world.add(path.Dir(key), path.Base(key), built(symbols))
	}
	for name, fn := range cfg.Funcs {
		if reflect.ValueOf(fn).Kind() != reflect.Func {
			return nil, fmt.Errorf("interp: register %q: %T is not a function", name, fn)
		}
		if dot := strings.LastIndexByte(name, '.'); dot > 0 {
			pkg := name[:dot]
			in.world.add(pkg, path.Base(pkg), built(map[string]reflect.Value{name[dot+1:]: reflect.ValueOf(fn)}))
			in.world.byName[path.Base(pkg)] = pkg
		}
	}
	in.world.own = own(cfg)
	in.world.lib = in.addGeneric
	in.world.add(preludePath, preludePath, built(nil))
	f, err := parser.ParseFile(in.fset, fileName, "package main", 0)
	if err != nil {
		return nil, err
	}
	in.anchor = f.Name.Pos()
	in.clear()
	if err := in.start(); err != nil {
		return nil, err
	}
	return in, nil
}

// own returns the import paths of the packages that a configuration adds.
func own(cfg Config) []string {
	paths := map[string]bool{}
	for key := range cfg.Packages {
		paths[path.Dir(key)] = true
	}
	for name := range cfg.Funcs {
		if dot := strings.LastIndexByte(name, '.'); dot > 0 {
			paths[name[:dot]] = true
		}
	}
	return slices.Sorted(maps.Keys(paths))
}

// clear forgets every name.
func (in *Interp) clear() {
	in.names, in.imports = map[string]*global{}, map[string]string{}
	in.internal, in.instances = map[types.Object]string{}, map[string]string{}
	in.hidden, in.results = map[reflect.Type]string{}, map[string]string{}
	in.callable, in.used = map[string]reflect.Value{}, map[string]bool{}
	in.literals, in.assigned = map[string]*ast.FuncLit{}, map[string]bool{}
	in.declared = map[string]*global{}
	for obj, d := range in.defs {
		if d.obj.Pkg().Path() == "main" {
			delete(in.defs, obj)
		}
	}
	for name, fn := range in.cfg.Funcs {
		if !strings.Contains(name, ".") && token.IsIdentifier(name) {
			in.names[name] = &global{obj: in.registered(name, fn)}
		}
	}
}

// funcsPath is the package of registered functions without one.
const funcsPath = "ꞏfuncs"

func (in *Interp) registered(name string, fn any) types.Object {
	in.world.add(funcsPath, funcsPath, built(map[string]reflect.Value{name: reflect.ValueOf(fn)}))
	sig := in.world.typ(reflect.TypeOf(fn)).Underlying().(*types.Signature)
	pkg := in.world.shell(funcsPath)
	obj := types.NewFunc(token.NoPos, pkg, name, sig)
	pkg.Scope().Insert(obj)
	return pkg.Scope().Lookup(name)
}

// start gives the namespace, which must hold no yaegi names, a new machine.
func (in *Interp) start() error {
	m, err := newMachine(in.cfg, in.fset)
	if err != nil {
		return err
	}
	m.visits, m.running = in.visits, &in.running
	shields := m.shields()
	in.world.tables[runtimePath] = &table{path: runtimePath, name: runtimePath, built: in.support(m)}
	for p, over := range shields {
		in.world.override(p, over)
	}
	if err := m.yaegi.Use(interp.Exports{".": mapTypes(shields)}); err != nil {
		return fmt.Errorf("interp: start the interpreter: %w", err)
	}
	in.machine, in.aliases, in.lent = m, map[string]string{}, map[*table]bool{}
	for _, d := range in.defs {
		d.written = false
	}
	in.instances, in.results, in.callable = map[string]string{}, map[string]string{}, map[string]reflect.Value{}
	return nil
}

// Exec runs a cell. What it defines stays for later cells; a cell that does not
// compile leaves no trace, one that fails while it runs keeps what it had
// assigned. A cell whose context ends returns a KeyboardInterrupt.
func (in *Interp) Exec(ctx context.Context, cell Cell) (Result, error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	r, err := in.exec(ctx, cell)
	if err != nil {
		return Result{}, err
	}
	return r, nil
}

// Eval returns the value of one expression in the namespace: a name, a call,
// anything that has a value.
func (in *Interp) Eval(ctx context.Context, expr string) (any, error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if _, err := parser.ParseExpr(expr); err != nil {
		return nil, errorf(SyntaxError, "%q is not a Go expression: %v", expr, err)
	}
	r, err := in.exec(ctx, Cell{Name: "expression", Source: expr})
	switch {
	case err != nil:
		return nil, err
	case !r.HasValue:
		return nil, errorf(TypeError, "%q has no value", expr)
	}
	return r.Value, nil
}

func (in *Interp) exec(ctx context.Context, cell Cell) (res Result, failed *Error) {
	defer func() {
		if r := recover(); r != nil { // user code has its own; this is ours, or go/types'
			res, failed = Result{}, errorf(CompileError, "this cell is beyond the interpreter, which failed on it: %v", r)
		}
	}()
	if ctx.Err() != nil {
		return Result{}, interrupted(ctx)
	}
	cell.Source = strings.TrimPrefix(cell.Source, byteOrderMark)
	text := in.newCell(cell.Name, cell.Source)
	program := cell.File && packageClause(cell.Source) != ""
	parse := in.parse
	if program {
		parse = in.parseProgram
		in.machine.flags.reset()
	}
	items, err := parse(text, cell.Source)
	if err != nil {
		return Result{}, err
	}
	if len(items) == 0 {
		return Result{}, nil
	}
	chk, err := in.check(text, items, program)
	if err != nil {
		return Result{}, err
	}
	p, err := in.plan(chk)
	if err != nil {
		p.undo()
		return Result{}, err
	}
	accepted := false
	defer func() {
		if !accepted {
			p.undo()
		}
	}()
	prog, err := in.compile(p.e, p.body)
	if err != nil {
		return Result{}, err
	}
	accepted = true
	in.commit(p)
	if err := in.execute(ctx, prog); err != nil {
		return Result{}, err
	}
	if !lasting(items) {
		in.forget(text)
	}
	return in.collect(p), nil
}

// newCell registers a source and gives it lines of its own.
func (in *Interp) newCell(name, src string) *cellText {
	c := &cellText{name: name, base: in.lastLine, lines: strings.Split(src, "\n")}
	in.lastLine += len(c.lines) + 1
	in.cells = append(in.cells, c)
	return c
}

// compile gives what an emitter collected to yaegi.
func (in *Interp) compile(e *emitter, body []ast.Stmt) (*interp.Program, *Error) {
	f := e.file(body)
	if e.err != nil {
		return nil, e.err
	}
	if len(e.symbols) > 0 {
		if err := in.machine.yaegi.Use(interp.Exports{hiddenPath + "/" + hiddenPath: e.symbols}); err != nil {
			return nil, errorf(CompileError, "%v", err)
		}
	}
	if err := in.lend(); err != nil {
		return nil, err
	}
	prog, err := in.machine.compile(f)
	if err != nil {
		return nil, in.yaegiError(err)
	}
	for alias, p := range e.imports {
		in.aliases[p] = alias
	}
	maps.Copy(in.instances, e.instances)
	maps.Copy(in.results, e.results)
	for _, d := range e.written {
		d.written = true
	}
	return prog, nil
}

// lend gives yaegi the packages whose types the checker has met since the last
// time, imported or not: yaegi looks there for the wrappers of interfaces.
func (in *Interp) lend() *Error {
	exports := interp.Exports{}
	for p := range in.world.pkgs {
		if t := in.world.tables[p]; t != nil && !in.lent[t] {
			in.lent[t] = true
			// The doubled slash keeps yaegi from putting its own fmt, log and os
			// over ours; it looks for the key fmt/fmt.
			exports[p+"//"+t.name] = t.symbols()
		}
	}
	if err := in.machine.yaegi.Use(exports); err != nil {
		return errorf(CompileError, "%v", err)
	}
	return nil
}

// execute runs a compiled program and turns the way it ended into an error.
func (in *Interp) execute(ctx context.Context, prog *interp.Program) *Error {
	var failed error
	o := in.machine.run(ctx, func() { _, failed = in.machine.yaegi.Execute(prog) })
	if o.abandoned {
		return in.ended(o)
	}
	var p interp.Panic
	if errors.As(failed, &p) && o.panicked == nil {
		o.panicked, o.stack = p.Value, compiledFrames(p.Callers)
	} else if failed != nil && o.halted == nil {
		return in.yaegiError(failed)
	}
	return in.ended(o)
}

// ended is the one place where the end of user code becomes an error.
func (in *Interp) ended(o outcome) *Error {
	switch {
	case o.abandoned:
		e := *o.halted
		e.Evalue += "; it did not stop, being in a compiled call, and was left behind"
		if lost := in.restart(); len(lost) > 0 {
			e.Evalue += ": lost with it are " + strings.Join(lost, ", ")
		}
		e.Traceback = append(slices.Clone(e.Traceback[:len(e.Traceback)-1]), e.Ename+": "+e.Evalue)
		return &e
	case o.halted != nil:
		return o.halted
	case o.panicked != nil:
		return panicError(o.panicked, in.places(o.frames)).within(o.stack)
	case o.exited:
		return errorf(SystemExit, "the cell ended its goroutine with runtime.Goexit")
	}
	return nil
}

// place returns where a line of the shared file is, as a list of none or one.
func (in *Interp) place(line, col int, fn string) []place {
	i, found := slices.BinarySearchFunc(in.cells, line, func(c *cellText, line int) int { return c.base + 1 - line })
	if !found {
		i--
	}
	if i < 0 || line > in.cells[i].base+len(in.cells[i].lines)+1 {
		return nil
	}
	c := in.cells[i]
	return []place{{cell: c, line: min(line-c.base, len(c.lines)), col: col, fn: fn}}
}

func (in *Interp) places(frames []frame) []place {
	var out []place
	for _, f := range frames {
		line := f.line
		if f.pos.IsValid() {
			line = in.fset.Position(f.pos).Line
		}
		fn := plain(f.fn)
		if fn == "init" {
			fn = ""
		}
		out = append(out, in.place(line, 0, fn)...)
	}
	return out
}
